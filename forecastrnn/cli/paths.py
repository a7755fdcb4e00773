"""Which files a command may read and write: checked before anything is computed."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import PurePath

from forecastrnn.cli.failures import DASH, USAGE, Failure
from forecastrnn.persistence.replacing import target_of

COLUMNAR = (".parquet", ".feather")
_TEXT = ("", ".csv", ".tsv", ".txt")


def ending_of(path: str) -> str:
    """The ending that says what a file is, without that of gzip; a Failure for one that cannot be read."""
    ending = PurePath(path.removesuffix(".gz")).suffix.lower()
    if path == DASH or ending in _TEXT:
        return ending
    if ending not in COLUMNAR:
        raise Failure(USAGE, f"{path}: no file of this kind; there are .csv, .csv.gz, .tsv, .parquet and .feather")
    if find_spec("pyarrow") is None:
        raise Failure(USAGE, f"{path}: {ending} files need pyarrow: pip install pyarrow")
    return ending


def check_inputs(*paths: str | None) -> None:
    """Refuse kinds of files that there are not, and two from standard input."""
    given = [path for path in paths if path]
    if given.count(DASH) > 1:
        raise Failure(USAGE, "only one file can be -, standard input")
    for path in given:
        ending_of(path)
        if path != DASH:
            os.stat(path)  # an OSError that names it


def check_output(path: str | None, force: bool) -> None:
    """Refuse a place that cannot be written to; a file that is there stays unless `force`."""
    if path is None or path == DASH:
        return
    target_of(path)
    if os.path.exists(path) and not force:
        raise Failure(USAGE, f"{path}: there is such a file; --force replaces it")
