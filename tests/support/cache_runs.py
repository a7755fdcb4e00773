"""A forward pass in a process of its own, by which tests of the cache of compiled kernels see what it does."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable

import numpy as np
from numba import types

from forecastrnn import Elman
from forecastrnn.engine.compiling import compile_cfunc, jitted, rebuilt
from forecastrnn.engine.cpu.cell_source import defined
from forecastrnn.functional import dynamic_rnn

# Where the cache is, how many files it holds after a forward pass, and the sum of its outputs.
FORWARD = """
from pathlib import Path
import numpy as np
from forecastrnn import Elman
from forecastrnn.engine import compiling
from forecastrnn.functional import dynamic_rnn

x = np.linspace(-1.0, 1.0, 40).reshape(2, 4, 5)
outputs, _ = dynamic_rnn("rnn", x, Elman().init_weights(5, 3, random_state=0))
folder = compiling._FOLDER
files = sum(path.is_file() for path in Path(folder).rglob("*")) if folder else 0
print(folder or "-", files, repr(float(outputs.sum())))
"""


def expected_sum() -> float:
    """What FORWARD computes."""
    x = np.linspace(-1.0, 1.0, 40).reshape(2, 4, 5)
    return float(dynamic_rnn("rnn", x, Elman().init_weights(5, 3, random_state=0))[0].sum())


def forward(run_script: Callable[..., str], **variables: str) -> tuple[str, int]:
    """FORWARD in a new process: folder and files of the cache; the sum is checked."""
    folder, files, total = run_script(FORWARD, **variables).split()
    assert float(total) == expected_sum()
    return folder, int(files)


def constant(value: float) -> Callable[..., object]:
    """Any x -> about 0, plus value: too long for a compiler to put it into its caller."""
    text = "def constant(x):\n" + "    x = exp(-1e3 - x)\n" * 100 + f"    return x + {value}\n"
    return jitted(defined(text, f"constant {value}", {"exp": math.exp})["constant"], cache=False)


# ruff: noqa: F821  # names of templates
def in_place(x):  # type: ignore[no-untyped-def]  # compiled
    """What is called with the first value, twice, takes its place."""
    x[0] = called(called(x[0]))


def compiled_constant(value: float) -> float:
    """The value, from compiled code, which comes from the cache where a process has been here before."""
    kernel = rebuilt(in_place, {"called": constant(value)}, f"in_place_{value:.0f}")
    x, code = np.ones(1), compile_cfunc(kernel, types.void(types.CPointer(types.float64)))
    code.ctypes(x.ctypes.data_as(ctypes.POINTER(ctypes.c_double)))
    return float(x[0])
