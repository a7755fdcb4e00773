"""What `verbose` means: a passing line in a terminal or notebook, lines that stay, or nothing."""

from __future__ import annotations

import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from multiprocessing import current_process
from typing import Any

from forecastrnn.engine.compiling import announced
from forecastrnn.progress import is_watched, watched

AUTO = "auto"


def says_lines(verbose: object) -> bool:
    """Whether lines are wanted that stay."""
    return not isinstance(verbose, str) and bool(verbose)


@contextmanager
def telling(verbose: object, *, beside: bool = False) -> Iterator[None]:
    """Inside, what is under way is told as `verbose` has it; what is called inside another such call says no more.

    beside : somebody else shows it in the same terminal, so that no line passes.
    """
    line = None if beside or is_watched() else _line_of(verbose)
    with announced(says_lines(verbose)), watched(line):
        try:
            yield
        finally:
            if line is not None:
                line.close()


class PassingLine:
    """One line on standard error that is written over, and gone at the end."""

    def __init__(self) -> None:
        self._length = 0

    def __call__(self, words: str, share: float, left: float | None) -> None:
        """Write over what stands there."""
        room = shutil.get_terminal_size().columns - 1
        text = line_of(words, left)[:room]
        sys.stderr.write("\r" + text.ljust(min(self._length, room)))
        sys.stderr.flush()
        self._length = len(text)

    def close(self) -> None:
        """Leave the line empty."""
        if self._length:
            sys.stderr.write("\r" + " " * self._length + "\r")
            sys.stderr.flush()


class RichLine:
    """The same with a bar, by rich."""

    def __init__(self) -> None:
        self._bar: Any = None

    def __call__(self, words: str, share: float, left: float | None) -> None:
        """Draw the bar anew."""
        if self._bar is None:
            self._bar = _rich_bar()
            self._bar.start()
            self._task = self._bar.add_task("", total=1.0)
        self._bar.update(self._task, description=line_of(words, left), completed=share, refresh=True)

    def close(self) -> None:
        """Leave nothing behind."""
        if self._bar is not None:
            self._bar.stop()


def _rich_bar() -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    columns = BarColumn(bar_width=20), TextColumn("{task.description}", markup=False)
    return Progress(*columns, console=Console(stderr=True), transient=True, auto_refresh=False)


def line_of(words: str, left: float | None) -> str:
    """What is under way, and the time left."""
    return words if left is None else f"{words}, {_duration(left)} left"


def _duration(seconds: float) -> str:
    if round(seconds) < 60:
        return f"{max(round(seconds), 1)} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def _line_of(verbose: object) -> PassingLine | RichLine | None:
    """What shows a passing line here: with others side by side nobody could read it."""
    alone = threading.current_thread() is threading.main_thread() and current_process().name == "MainProcess"
    if verbose != AUTO or not alone:
        return None
    if _is_notebook():
        return PassingLine()
    if not sys.stderr.isatty():
        return None
    return RichLine() if find_spec("rich") else PassingLine()


def _is_notebook() -> bool:
    """Whether this is a kernel of Jupyter, whose standard error is no terminal but is looked at."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return type(shell).__name__ == "ZMQInteractiveShell"
