"""Runs one command: signals, warnings and errors as a command line has them."""

from __future__ import annotations

import os
import signal
import sys
import threading
import traceback
import warnings
from argparse import Namespace
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from types import FrameType

from forecastrnn.cli.arguments import parser
from forecastrnn.cli.failures import DONE, PIPE_CLOSED, Terminated, code_and_line
from forecastrnn.cli.words import in_flags


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Parameters
    ----------
    argv : list of str, optional
        Its words, without the name of the program; None: those of the process.

    Returns
    -------
    int
        The exit code.

    Examples
    --------
    >>> from forecastrnn.cli.main import main
    >>> main(["--version"])
    forecastrnn ...
    0
    """
    try:
        args = parser().parse_args(argv)
    except SystemExit as end:
        return int(end.code or DONE)
    try:
        with _terminable(), _warnings_in_lines(args):
            import_module(f"forecastrnn.cli.{args.module}").run(args)
            sys.stdout.flush()
    except BrokenPipeError:  # such as | head
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED
    except BaseException as error:
        return _say(args, error)
    return DONE


def _say(args: Namespace, error: BaseException) -> int:
    """One line on standard error; -v: where as well."""
    code, line = code_and_line(error)
    if args.verbose:
        traceback.print_exception(error)
    print(f"{args.prog}: {line}", file=sys.stderr)
    return code


@contextmanager
def _terminable() -> Iterator[None]:
    """SIGTERM is an error, so that nothing is left half written; only a main thread hears signals."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, frame: FrameType | None) -> None:
        raise Terminated

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _warnings_in_lines(args: Namespace) -> Iterator[None]:
    """Warnings for users, a line each, or none."""

    def show(message: Warning | str, category: type[Warning], *place: object, **more: object) -> None:
        print(f"{args.prog}: warning: {in_flags(' '.join(str(message).split()))}", file=sys.stderr)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for kind in () if args.quiet else (UserWarning, FutureWarning):
            warnings.filterwarnings("default", category=kind)
        warnings.showwarning = show
        yield
