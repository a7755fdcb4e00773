"""The shortest way from Python to one step: a list of records run by the calling thread."""

from functools import cache

import numpy as np
from numba import boolean, float64, types

from forecastrnn.engine.compiling import compile_njit
from forecastrnn.engine.cpu.rounding import flush_denormals, restore_rounding
from forecastrnn.engine.cpu.tape import HEADER, LINE, Words, run_list

UNSTOPPED = np.zeros(LINE, np.int64)  # what `run_list` looks at: nobody stops a single step


def _step(tape, sync, given):
    """Run the first list of a tape, if all of `given` is finite; returns whether it is."""
    for value in given:
        if not np.isfinite(value):
            return False
    before = flush_denormals()
    run_list(tape, sync, tape[HEADER], 0)
    restore_rounding(before)
    return True


@cache
def stepper():
    """The compiled function: (tape, UNSTOPPED, given) -> whether all of `given` is finite."""
    return compile_njit(_step, boolean(Words, Words, types.Array(float64, 1, "C")))
