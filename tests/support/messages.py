"""Rules that every error text of the package keeps: it is short, leaks nothing, and says what to do."""

from __future__ import annotations

import re
import traceback
from pathlib import Path

import forecastrnn

LONGEST = 900  # characters of a message
PACKAGE = Path(forecastrnn.__file__).parent
PUBLIC = ("datasets", "functional", "metrics", "model_selection", "plotting", "progress")
LEAKS = {
    "a module": rf"forecastrnn\.(?!{'|'.join(PUBLIC)})[a-z_]+\.\w",  # not the full stop behind a name
    "a private name": r"(?<![\w'\"`.-])_[a-z]\w*(?=[.(\s]|$)",
    "two full stops": r"(?<=[\w)\]'\"])\.\.(?=\s|$)",  # of an error within an error
    "an address": r"object at 0x|<function|<bound method|<lambda>",
    "a file of the package": r"site-packages|/forecastrnn/\w+/\w+\.py",
    "the compiler": r"(?i)numba(?!-cuda is not installed)|llvm|nopython",
    "scikit-learn": r"test_size|train_size|n_splits|stratif|HistGradient|ensure_",
    "NumPy": r"setting an array element|inhomogeneous|ufunc|could not be broadcast|ambiguous|too many indices",
    "Python": r"unhashable|not subscriptable|has no attribute|'NoneType'|NoneType object|positional argument",
    "pandas": r"(?<!needs )narwhals|non-unique multi-index|cannot reindex|Must pass|no axis named",
}
NOT_OURS = (  # what the user gave, where it stands, what a broken installation says
    r"<class '[^']*'>", r"line \d+, in <lambda>", r"numba-cuda cannot be used: .*(?= \(install it anew)",
)  # fmt: skip
CURES = (  # what to do, or what else there is
    r"(?i)\b(must|needs?|needed|give|gives|set|use|fill|leave|call|add|choose|write|turn|expect(?:s|ed|ing)?|sort|"
    r"pass|keep|remove|drop|fit|lower|make|install|instead|cut|ask|valid|known|replace|put|rename|convert|see|"
    r"its columns|such as|there are|they are)\b|, but '"
)


def leaks_of(text: str) -> list[str]:
    """What a message says that the user never spoke of, and whether it is too long."""
    said = re.sub("|".join(NOT_OURS), "", text)
    found = [f"{what}: {hit.group()!r}" for what, rule in LEAKS.items() if (hit := re.search(rule, said))]
    return found + ([f"{len(text)} characters"] if len(text) > LONGEST else [])


def passed_through(error: BaseException) -> bool:
    """Whether an error came out of the package, whoever has raised it."""
    return any(Path(frame.filename).is_relative_to(PACKAGE) for frame in traceback.extract_tb(error.__traceback__))


def faults_of(error: BaseException, says: tuple[str, ...]) -> list[str]:
    """What is wrong with a message that should say some things: argument, value, place."""
    text = str(error)
    missing = [f"does not say {word!r}" for word in says if word not in text]
    cure = [] if re.search(CURES, text) else ["says nothing about what to do"]
    return leaks_of(text) + missing + cure
