"""Units that fill up a vector: a formula that is singular where all is 0, or grows there, harms no real unit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from forecastrnn import GRU, SLSTM, Cell, Elman
from forecastrnn.formulas import log, sigmoid, sqrt, tanh
from forecastrnn.networks.cells import CELLS
from forecastrnn.networks.network import Layer, Network
from forecastrnn.training.sequence_task import TrainingData
from forecastrnn.training.stepping import BatchIndex, TrainingProgram
from support.naive_training import numerical_gradient


@dataclass(frozen=True)
class Bounded(Cell):
    """Finite everywhere, but not 0 at 0."""

    gates = ("a",)

    def step(self, a):
        return 1.0 / (1.0 + a * a)


@dataclass(frozen=True)
class Reciprocal(Cell):
    """Its only sum would lie in the place of the state, all vectors in one row."""

    gates = ("a",)

    def step(self, a):
        return 1.0 / a


@dataclass(frozen=True)
class Roots(Cell):
    """Infinite derivatives in two states."""

    gates = ("a", "b")
    states = ("c", "h")

    def step(self, a, b, c):
        c = 0.5 * c + sqrt(a)
        return c, log(a) * tanh(b) + 0.1 * c


@dataclass(frozen=True)
class Quotients(Cell):
    """Singular in both stages."""

    gates = ("a", "b")
    second = ("b",)

    def between(self, a, h):
        return h / a

    def step(self, a, b):
        return tanh(b) / a


@dataclass(frozen=True)
class Growing(Cell):
    """Grows half as large again a step, where real units forget."""

    gates = ("a",)
    states = ("c", "h")

    def step(self, a, c):
        c = 1.0 + c * sigmoid(a) * 3.0
        return c, tanh(a) * sigmoid(1.0 / c)


def program_of(cell: Cell, first: float, *, norm: bool, steps: int = 4, dtype: str = "float64") -> TrainingProgram:
    """Two layers that fill no vector, the first in both directions; the biases of gate a begin at `first`."""
    network, rng = Network(2, (Layer(cell, 3, True), Layer(cell, 5, False, norm)), 2), np.random.default_rng(0)
    theta = rng.normal(scale=0.2, size=network.size).astype(dtype)
    for name, values in network.views(theta).items():
        if name.startswith("layers") and name.endswith("bias"):
            values[: len(values) // len(cell.gates)] += first
    x, y = (rng.normal(size=(3 * steps, 2)).astype(dtype) for _ in range(2))
    data = TrainingData(x, y, y_steps=steps)
    return TrainingProgram(network, theta, None, data, steps=steps, rows=3, loss="squared_error", last=0)


def run(program: TrainingProgram, steps: int = 4) -> np.ndarray:
    """The gradient of the loss over all rows."""
    assert np.isfinite(program.run(batch(steps), 1, 1)[0])
    return program.grad.copy()


def batch(steps: int) -> BatchIndex:
    rows = np.arange(3)[None]
    return BatchIndex(rows * steps, rows * steps, rows)


@pytest.mark.parametrize(
    ("cell", "norm"),
    [(Bounded(), False), (Reciprocal(), False), (Roots(), False), (Quotients(), True)],
    ids=repr,
)
def test_a_singular_formula_has_right_gradients(cell: Cell, norm: bool) -> None:
    program = program_of(cell, 3.0, norm=norm)
    found = run(program)
    expected = numerical_gradient(lambda: program.loss(batch(4), 1)[0], program.theta, sharp=norm)
    np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-9)


def test_what_grows_without_end_in_padding_stays_there() -> None:
    """1.5^400 is beyond float32."""
    found = run(program_of(Growing(), -3.0, norm=False, steps=400, dtype="float32"), 400)
    assert np.isfinite(found).all()
    assert np.abs(found).max() > 1e-3


def test_which_cells_are_computed_as_they_are() -> None:
    """Those whose units of zeros come to rest: all of the package's but an sLSTM that counts its steps."""
    harmless = [*CELLS.values(), GRU(reset_after=False), Elman("logistic"), Elman("relu"), Bounded()]
    assert all(cell.stages.rests for cell in harmless)
    assert not any(cell.stages.rests for cell in (SLSTM("exp"), Reciprocal(), Roots(), Quotients(), Growing()))
