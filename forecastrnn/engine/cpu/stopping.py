"""Compiled passes over series that Ctrl-C ends: Python hears it on its main thread alone, outside compiled code.

So a call over much data is left to another thread, as those of programs are, and looks now and then at a word of its
own whether it is to stop. So do kernels of programs whose loop over time may be long. What it has written until then is
of no use, and nobody sees it: the main thread raises.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, update_wrapper
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from forecastrnn.engine.compiling import Jitted, jitted
from forecastrnn.engine.cpu.build import fast
from forecastrnn.engine.cpu.simd import I64
from forecastrnn.engine.cpu.tape import DONE, LINE, STOPPED, atomic_read, call_all

EACH = 1 << 13  # steps of a loop between two looks
OFTEN = 1 << 8  # the same in a loop of which a step takes a network through all its units
SLOWEST = 4e-7  # seconds that no pass takes for each byte of its arrays
UNSTOPPED = np.zeros(LINE, np.int64)  # of a call that is over soon


@jitted(cache=False)
def stopped(stop, t):
    """Whether the call is to end, asked at step t of a loop."""
    return t % EACH == 0 and atomic_read(stop, DONE) >= STOPPED


@intrinsic
def stop_word(tctx, record):
    """Where the call that a kernel's record is run in says that it is to end."""
    kind = types.CPointer(types.int64)

    def gen(context, b, sig, args):
        base = b.bitcast(args[0], ir.PointerType(I64))
        return b.inttoptr(b.load(b.gep(base, [I64(-1)], source_etype=I64), typ=I64), context.get_value_type(kind))

    return kind(record), gen


@intrinsic
def read_word(tctx, word):
    """What other threads have left there."""
    return types.int64(word), lambda context, b, sig, args: b.load_atomic(args[0], "seq_cst", 8, typ=I64)


@fast
def must_end(word, t):
    """Whether the kernel is to end, asked at step t of its loop over time; what it has written is then of no use."""
    return t % OFTEN == 0 and read_word(word) >= STOPPED


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

    def is_ready(self) -> bool:
        """As of a compiled function."""
        return self._compiled.is_ready()


def stoppable(function: Callable[..., None]) -> Stoppable:
    """A pass over series, called from Python: its last parameter is the word that `stopped` looks at."""
    return Stoppable(function)


def _bytes_of(args: tuple[Any, ...]) -> int:
    """Those of all arrays."""
    return sum(_bytes_of(a) if type(a) is tuple else getattr(a, "nbytes", 0) for a in args)
