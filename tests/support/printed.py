"""What a page says that it prints, beside what it prints here: trained figures have other last digits elsewhere."""

from __future__ import annotations

import doctest
import re

_OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
# Only figures with a decimal point: counts, dates and names are the same on every processor.
_FIGURE = re.compile(r"(?<![\w.])-?\d+\.\d+(?:e[+-]\d+)?(?![\w.])")
_SHARE = 0.02  # of the figure, or one unit of its last digit: the larger


def prints(expected: str, found: str) -> bool:
    """Whether the texts are alike, but for the last digits of figures."""
    if doctest.OutputChecker().check_output(expected, found, _OPTIONS):
        return True
    said, seen = _FIGURE.findall(expected), _FIGURE.findall(found)
    if len(said) != len(seen) or not all(map(_close, said, seen)):
        return False
    return doctest.OutputChecker().check_output(_masked(expected), _masked(found), _OPTIONS)


def _masked(text: str) -> str:
    # Lines of a table move with the width of its figures, and a sign takes a column.
    return _FIGURE.sub("#", text)


def _close(said: str, seen: str) -> bool:
    digits = len(said.split("e")[0].rpartition(".")[2])
    unit = 10.0**-digits if "e" not in said else 0.0
    return abs(float(said) - float(seen)) <= max(1.001 * unit, _SHARE * abs(float(said)))
