"""What can go wrong on the command line: an exit code and one line for each."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

from forecastrnn.cli.words import in_flags
from forecastrnn.exceptions import CheckpointError, ModelFileError, TrainingDivergedError

DONE, BUG, USAGE, DATA, MODEL_FILE, DIVERGED = range(6)
INTERRUPTED, PIPE_CLOSED, TERMINATED = 130, 141, 143  # 128 + the number of the signal, as shells have it
DASH = "-"  # standard input, or output


class Failure(Exception):
    """An error whose exit code is known."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class Terminated(BaseException):
    """SIGTERM: what is being written is undone, as after Ctrl-C."""


def name_of(path: str) -> str:
    """A file as messages name it."""
    return "standard input" if path == DASH else path


@contextmanager
def of_file(path: str, code: int = DATA) -> Iterator[None]:
    """Errors of what a file holds begin with its name."""
    try:
        yield
    except (CheckpointError, ModelFileError, TrainingDivergedError):
        raise
    except (ValueError, TypeError) as error:
        raise Failure(code, f"{name_of(path)}: {in_flags(str(error))}") from error


@contextmanager
def of_usage() -> Iterator[None]:
    """Errors of what was asked for, not of data."""
    try:
        yield
    except (ValueError, TypeError) as error:
        raise Failure(USAGE, in_flags(str(error))) from error


def code_and_line(error: BaseException) -> tuple[int, str]:
    """The exit code of an error, and what is said of it."""
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED, "interrupted; files are as they were"
    if isinstance(error, Terminated):
        return TERMINATED, "terminated; files are as they were"
    if isinstance(error, Failure):
        return error.code, _one_line(str(error))
    if isinstance(error, ModelFileError):
        return MODEL_FILE, _one_line(str(error))
    if isinstance(error, CheckpointError):
        return USAGE, _one_line(str(error))
    if isinstance(error, TrainingDivergedError):
        return DIVERGED, _one_line(in_flags(str(error)))
    if isinstance(error, OSError) and error.filename:
        return USAGE, f"{os.fsdecode(error.filename)}: {error.strerror}"
    if isinstance(error, OSError | MemoryError | ImportError):
        return USAGE, _one_line(in_flags(str(error)) or type(error).__name__)
    if isinstance(error, RuntimeError) and str(error).startswith("device="):
        return USAGE, _one_line(in_flags(str(error)))
    said = _one_line(f"{type(error).__name__}: {error}")
    return BUG, f"{said}: this is a bug; -v shows where"


def _one_line(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()
