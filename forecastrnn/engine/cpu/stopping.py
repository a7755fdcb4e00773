"""Compiled passes over series that Ctrl-C ends: Python hears it on its main thread alone, outside compiled code.

So a call over much data is left to another thread, as those of programs are, and looks now and then at a word of its
own whether it is to stop. What it has written until then is of no use, and nobody sees it: the main thread raises.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, update_wrapper
from typing import Any

import numpy as np

from forecastrnn.engine.compiling import Jitted, jitted
from forecastrnn.engine.cpu.tape import DONE, LINE, STOPPED, atomic_read, call_all

EACH = 1 << 13  # steps of a loop between two looks
SLOWEST = 4e-7  # seconds that no pass takes for each byte of its arrays
UNSTOPPED = np.zeros(LINE, np.int64)  # of a call that is over soon


@jitted(cache=False)
def stopped(stop, t):
    """Whether the call is to end, asked at step t of a loop."""
    return t % EACH == 0 and atomic_read(stop, DONE) >= STOPPED


class Stoppable:
    """A compiled function whose last argument, which callers leave out, is the word that stops it."""

    def __init__(self, function: Callable[..., None]) -> None:
        self._compiled = Jitted(function)
        update_wrapper(self, function)

    def __call__(self, *args: object) -> None:
        """Call it; arrays must be C-contiguous."""
        code, seconds = self._compiled.code(*args, UNSTOPPED), SLOWEST * _bytes_of(args)
        stop = np.zeros(LINE, np.int64)
        call_all([partial(code, *args, stop)], stop, seconds, None)


def stoppable(function: Callable[..., None]) -> Stoppable:
    """A pass over series, called from Python: its last parameter is the word that `stopped` looks at."""
    return Stoppable(function)


def _bytes_of(args: tuple[Any, ...]) -> int:
    """Those of all arrays."""
    return sum(_bytes_of(a) if type(a) is tuple else getattr(a, "nbytes", 0) for a in args)
