"""KernelSource text of kernels whose weights stay in registers: scalars with names, which cannot be indexed.

With local arrays the compiler stops unrolling near 80 weights and puts them in memory, without a word.
"""

from __future__ import annotations

import linecache
from typing import Any

from numba import cuda, float32, int32, uint64

from forecastrnn.engine.cuda import formulas
from forecastrnn.engine.cuda.build import DeviceKernel, device_function, device_kernel
from forecastrnn.engine.cuda.products import panel_of

WHOLE_WARP = 0xFFFFFFFF


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


class KernelSource:
    """Lines of a kernel."""

    def __init__(self, header: str) -> None:
        self.lines: list[str] = []
        self.depth = 0
        self.add(header)
        self.depth = 1

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

    def kernel(self, threads: int, constants: dict[str, Any]) -> DeviceKernel:
        """Compile the text; tracebacks show it."""
        text = "\n".join(self.lines) + "\n"
        name = text[len("def ") : text.index("(")]
        filename = f"<forecastrnn {name}>"
        linecache.cache[filename] = len(text), None, text.splitlines(True), filename
        scope = {name: getattr(formulas, name) for name in FORMULAS} | constants
        scope |= {"cuda": cuda, "float32": float32, "int32": int32, "uint64": uint64}
        scope |= {"WHOLE_WARP": WHOLE_WARP, "panel_of": panel_of, "length_of": length_of}
        exec(compile(text, filename, "exec"), scope)
        return device_kernel(threads=threads)(scope[name])


FORMULAS = (
    "sigmoid", "tanh", "sigmoid_slope", "lstm_state", "lstm_output", "lstm_mix", "lstm_pass", "lstm_output_back",
    "lstm_state_back", "gru_mix", "gru_mix_back", "gru_after", "gru_after_back", "activate", "slope",
)  # fmt: skip
