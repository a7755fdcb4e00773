"""Names and times by which series and rows are looked up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from contextlib import contextmanager
from typing import Any

import numpy as np


def is_name(key: object) -> bool:
    """Whether something can be looked up; lists, dicts and arrays cannot."""
    try:
        hash(key)
    except TypeError:
        return False
    return True


def is_among(key: object, names: Iterable[object]) -> bool:
    """Whether something is one of some names; arrays and the like, which compare as they like, are none."""
    return is_name(key) and key in (names if isinstance(names, Set | Mapping) else set(names))


def flag_of(given: object, argument: str) -> bool:
    """True or False, and nothing that only counts as one of them."""
    if not isinstance(given, bool | np.bool_):
        raise ValueError(f"{argument} must be True or False. Got {given!r:.80}.")
    return bool(given)


def names_in(given: object, argument: str) -> list[Any]:
    """The names in a list, or the one that was given."""
    if isinstance(given, str):
        return [given]
    if not isinstance(given, Iterable):
        raise TypeError(f"{argument} must be a name or a list of names. Got {given!r:.80}")
    return list(given)


def series_names(given: Iterable[object], one: object) -> list:
    """Names of series, of which there is `one`; a TypeError for a Series, or what else cannot be looked up.

    Examples
    --------
    >>> series_names(["north", "south"], "north")
    ['north', 'south']
    """
    names = list(given)
    odd = next((name for name in names if not is_name(name)), None)
    if odd is not None:
        raise TypeError(f"a series is named as in fit, such as {one!r}. Got a {type(odd).__name__}")
    return names


def counted(count: int, what: str) -> str:
    """So many of something, in words.

    Examples
    --------
    >>> counted(1, "row"), counted(3000, "row")
    ('1 row', '3,000 rows')
    """
    return f"{count:,} {what}" + "s" * (count != 1)


@contextmanager
def looked_up(keys: Iterable[object], where: str, kinds: str = "texts, numbers or tuples") -> Iterator[None]:
    """What is inside looks `keys` up: a TypeError of it says which one cannot be, and where that is."""
    try:
        yield
    except TypeError as error:
        row, key = next(((row, key) for row, key in enumerate(keys) if not is_name(key)), (-1, None))
        if row < 0:
            raise
        raise TypeError(
            f"{where} holds {key!r} in row {row}, a {type(key).__name__}, which cannot be looked up: give {kinds}"
        ) from error
