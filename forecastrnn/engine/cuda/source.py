"""Text of kernels that depend on a cell, or hold weights in registers: scalars with names, which cannot be indexed.

With local arrays the compiler stops unrolling near 80 weights and puts them in memory, without a word.
"""

from __future__ import annotations

import re
import weakref
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from numba import cuda, float32, float64, int32, uint64

from forecastrnn.engine.cpu.cell_source import CellSource, defined, forget
from forecastrnn.engine.cuda import formulas
from forecastrnn.engine.cuda.build import DeviceKernel, device_function, device_kernel
from forecastrnn.engine.cuda.products import panel_of
from forecastrnn.networks.tracing.operations import CALLED
from forecastrnn.networks.tracing.text import tuple_of

WHOLE_WARP = 0xFFFFFFFF
REALS = {"float32": float32, "float64": float64}


def round_up(n: int, step: int) -> int:
    """The next multiple of step."""
    return -(-n // step) * step


@device_function
def length_of(active, a0, T, row):
    """Steps of a row: active (T,), of which the first `active[t]` rows have step t, falls over time."""
    low, high, t = int32(0), int32(T), int32(T - 1)  # most rows have all steps: the last one is looked at first
    while low < high:
        if row < active[uint64(a0 + t)]:
            low = int32(t + 1)
        else:
            high = t
        t = int32((low + high) >> 1)
    return low


@dataclass(frozen=True)
class NamedKernel:
    """A kernel, and the names of what it takes: arrays with their places, and numbers."""

    kernel: DeviceKernel
    takes: tuple[str, ...]


class KernelSource:
    """Lines of a kernel; in them, an array `a` begins at `a_at`."""

    def __init__(self, *lines: str) -> None:
        self.lines: list[str] = []
        self.depth = 1
        self.add(*lines)

    def add(self, *lines: str) -> None:
        """Append lines at the present depth."""
        self.lines += ["    " * self.depth + line for line in lines]

    def reduce(self, items: list[list[str]], bits: tuple[int, ...]) -> None:
        """Add up over lanes; items: a list of variables each.

        While there are items to share out, a lane gives the second half of them away and keeps the first; then it adds
        both ways. So lanes that differ in the bit must have these halves the other way round. What a lane ends with is
        in items[0].
        """
        for bit in bits:
            half = len(items) // 2
            for mine, other in zip(items[: max(half, 1)], items[half:], strict=True):
                for a, b in zip(mine, other, strict=True):
                    self.add(f"{a} = {a} + cuda.shfl_xor_sync(WHOLE_WARP, {b}, {bit})")
            items = items[: max(half, 1)]

    def kernel(
        self, name: str, arrays: Iterable[str], numbers: Iterable[str], names: dict[str, Any], threads: int, **how: int
    ) -> NamedKernel:
        """Compile the text, with those arrays and numbers in its header that it uses, beside `names`."""
        used = set(re.findall(r"\w+", "\n".join(self.lines)))
        arrays = [array for array in arrays if f"{array}_at" in used]
        numbers = [number for number in numbers if number in used]
        header = ", ".join([*(f"{array}, {array}_at" for array in arrays), *numbers])
        scope = {"cuda": cuda, "float32": float32, "int32": int32, "uint64": uint64, "WHOLE_WARP": WHOLE_WARP}
        scope |= {"panel_of": panel_of, "length_of": length_of} | names
        function = _defined("\n".join([f"def {name}({header}):", *self.lines]), name, scope)[name]
        return NamedKernel(device_kernel(threads=threads, **how)(function), (*arrays, *numbers))


def element(array: str, place: str) -> str:
    """A number of an array."""
    return f"{array}[{array}_at + {place}]"


def _defined(text: str, name: str, scope: dict[str, object]) -> dict[str, Callable[..., object]]:
    """The functions of a text; tracebacks show it as long as they are there."""
    made = defined(text, name, scope)
    weakref.finalize(next(iter(made.values())), forget, name)
    return made


@lru_cache
def stage_functions(cell: CellSource, dtype: str) -> dict[str, Callable[..., object]]:
    """The stages of a cell, there and back, as device functions by name: `step`, `step_back`, `between` ..."""
    text = "".join(stage.text("real({})") for stage in (cell.stages.between, cell.stages.step) if stage is not None)
    return device_functions(text, cell.name("formula"), dtype)


def device_functions(text: str, name: str, dtype: str) -> dict[str, Callable[..., object]]:
    """The functions of a text that is made of a cell's formula."""
    scope = {name: getattr(formulas, name) for name in CALLED} | {"real": REALS[dtype]}
    return {found: device_function(made) for found, made in _defined(text, name, scope).items()}


def call(results: str, function: str, *groups: Iterable[str]) -> str:
    """Text of a call whose arguments are tuples."""
    return f"{results} = {function}({', '.join(map(tuple_of, groups))})"


def indented(*lines: str) -> list[str]:
    """Lines, one level in."""
    return [f"    {line}" for line in lines]
