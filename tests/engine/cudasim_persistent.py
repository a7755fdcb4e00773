"""Small layers in one launch for all steps, on Numba's CUDA simulator, beside the oracle.

Run by test_cuda_simulator.py in another process.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from forecastrnn.engine.cuda import persistent, persistent_back
from forecastrnn.engine.cuda.source import KernelSource
from forecastrnn.programs.shapes import Dropout
from forecastrnn.training.optimizers import Rule
from support import cuda_simulator
from support.cases import Problem, draw, index_of, layer, program_of
from support.gradient_checks import check

GPU = "cuda:0"


@pytest.fixture(autouse=True)
def small_layers(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a GPU; kernels are generated anew."""
    monkeypatch.setattr(persistent, "MOST_UNITS", 96)
    persistent.forward_kernel.cache_clear()
    persistent_back.backward_kernel.cache_clear()


# Units: fewer than a vector; more than one, and a multiple of nothing. Inputs: one; as many as are projected inside;
# more, which are projected before. Rows of a tile, and rows that fill no tile.
SIZES = [(5, 1, 1, 2), (5, 3, 4, 3), (18, 17, 2, 3)]
LAYERS = [(name, *size) for name in ("peephole_lstm", "gru", "gru_before", "relu") for size in SIZES]
LAYERS += [("lstm", 9, 3, 1, 2), ("lstm", 18, 17, 1, 1)]  # a thread finishes one gate, also of projected inputs


@pytest.mark.parametrize(("name", "units", "inputs", "rows", "n"), LAYERS)
def test_a_layer(name: str, units: int, inputs: int, rows: int, n: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Loss and all gradients, rows of different lengths, from a state that is given."""
    monkeypatch.setattr(persistent, "rows_of_tile", lambda B: rows)
    check(draw((layer(name, units),), n=n, T=3, inputs=inputs, ragged=True, started=True), "float32", GPU)


def test_the_largest(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many units, rows and inputs as there are registers for, with late warps."""
    monkeypatch.setattr(cuda_simulator, "DELAY", 0.05)
    monkeypatch.setattr(persistent, "rows_of_tile", lambda B: 4)
    check(draw((layer("lstm", 96),), n=3, T=2, inputs=16, started=True), "float32", GPU)


def test_one_launch_a_pass() -> None:
    """A layer that is too large takes the other way."""
    counts = {}
    for units in (5, 97):
        program = program_of(draw((layer("lstm", units),), T=6), "float32", rule=Rule("adam"), device=GPU).program
        counts[units] = [launch.kernel.name.split("_")[:2] for launch in program.engine.plan().launches]
    assert counts[5].count(["lstm", "forward"]) == counts[5].count(["lstm", "backward"]) == 1
    assert ["lstm", "step"] not in counts[5]
    assert counts[97].count(["lstm", "step"]) == 12


def test_both_ways_agree() -> None:
    """Updates of a stack that drops parts of its states are those of the kernels for any size, to rounding."""
    layers = layer("gru", 6), layer("peephole_lstm", 7), layer("gru_before", 5), layer("tanh", 5)
    problem = draw(layers, n=3, T=2, steps="last", ragged=True)
    dropout = Dropout(recurrent=0.5)
    found = []
    for most in (96, 0):
        persistent.MOST_UNITS = most
        program = program_of(problem, "float32", rule=Rule("sgd", 0.1), device=GPU, dropout=dropout)
        program.run(index_of(problem, program, np.arange(3)[None]), 1, 1)
        found.append(program.theta)
    np.testing.assert_allclose(found[0], found[1], rtol=0, atol=1e-6)


# What the kernels must not do without.
def without(kind: str, line: str) -> Callable[[str, list[str]], list[str]]:
    """Take the last such line out of a kernel."""

    def change(name: str, lines: list[str]) -> list[str]:
        if kind not in name:
            return lines
        at = max(n for n, text in enumerate(lines) if text.strip().startswith(line))
        return lines[:at] + [lines[at].replace(lines[at].strip(), "pass")] + lines[at + 1 :]

    return change


@pytest.mark.parametrize("change", [
    None, without("forward", "cuda.syncthreads()"), without("backward", "cuda.syncthreads()"),
    without("forward", "now = int32"), without("backward", "now = int32"),
], ids=["whole", "no barrier forward", "no barrier back", "one buffer forward", "one buffer back"])  # fmt: skip
def test_late_warps(change: Callable | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """With one warp late after each barrier all is right; without a barrier or a second buffer it is not."""
    monkeypatch.setattr(cuda_simulator, "DELAY", 0.1)
    kernel = KernelSource.kernel

    def broken(self: KernelSource, name: str, *args: object, **how: object) -> object:
        if change is not None:
            before = len(self.lines)
            self.lines = change(name, self.lines)
            assert len(self.lines) == before
        return kernel(self, name, *args, **how)

    monkeypatch.setattr(KernelSource, "kernel", broken)
    monkeypatch.setattr(persistent, "rows_of_tile", lambda B: 4)
    problem = draw((layer("lstm", 12),), n=2, T=4)
    if change is None:
        check(problem, "float32", GPU)
        return
    assert any(wrong_with(delay, problem, monkeypatch) for delay in (0.1, 0.4, 1.5))  # longer, if the machine is busy


def wrong_with(delay: float, problem: Problem, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether the numbers are wrong when a warp is so many seconds late."""
    monkeypatch.setattr(cuda_simulator, "DELAY", delay)
    try:
        check(problem, "float32", GPU)
    except AssertionError:
        return True
    return False
