"""Cells that are only declared, on Numba's CUDA simulator, beside the CPU engine.

Run by test_cuda_simulator.py in another process.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from forecastrnn import Cell
from forecastrnn.engine.cpu.generated import kernels_of
from forecastrnn.engine.cuda import persistent
from forecastrnn.formulas import log, tanh
from forecastrnn.networks.network import Layer
from forecastrnn.programs.shapes import Dropout
from support import cuda_simulator  # noqa: F401  (before the first launch)
from support.declared_programs import declared_gradient
from support.formula_cells import CELLS

# Each needs something that the others do not; the CPU runs them all.
OF_A_KIND = ("peephole_lstm", "gru_before", "mgu", "min_lstm", "slstm", "indrnn", "six_gates", "shared_between")
SMALL = ("cifg_clipped", "mgu", "ugrnn")  # of few needs
ERROR = {"float64": 1e-10, "float32": 2e-5}


def check(layers: tuple[Layer, ...], dtype: str, **options: Any) -> None:
    """The GPU's numbers are the CPU's, to rounding."""
    expected, found = (declared_gradient(layers, dtype, device=device, **options) for device in ("cpu", "cuda:0"))
    np.testing.assert_allclose(found, expected, rtol=ERROR[dtype], atol=ERROR[dtype])


@pytest.mark.parametrize("name", OF_A_KIND)
def test_a_cell(name: str) -> None:
    """With dropped parts of states, and derivatives that go from one stretch of time to another."""
    check((Layer(CELLS[name], 3),), "float64", dropout=Dropout(recurrent=0.4), checkpoint_steps=2)


@pytest.mark.parametrize("name", ["min_gru", "shared_between"])
def test_a_normalised_cell(name: str) -> None:
    """Both directions, and more sums than are normalised at once."""
    layers = Layer(CELLS[name], 3, bidirectional=True, layer_norm=True), Layer(CELLS[name], 2, layer_norm=True)
    check(layers, "float64", dropout=Dropout(recurrent=0.4))


@dataclass(frozen=True)
class Singular(Cell):
    """Infinite in both stages where its sums are 0, as those behind the last unit are."""

    gates = ("a", "b")
    second = ("b",)

    def between(self, a, h):
        return h * log(a * a)

    def step(self, a, b):
        return tanh(b) + 0.1 * log(a * a)


@pytest.mark.parametrize("norm", [False, True], ids=["plain", "norm"])
def test_a_formula_that_is_singular_behind_the_last_unit(norm: bool) -> None:
    layers = Layer(Singular(), 3, bidirectional=True, layer_norm=norm), Layer(Singular(), 3)
    check(layers, "float64", dropout=Dropout(recurrent=0.4))


@pytest.mark.parametrize("rows", [1, 2, 4])
@pytest.mark.parametrize("name", SMALL)
def test_a_small_layer(name: str, rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """In one launch for all steps."""
    monkeypatch.setattr(persistent, "MOST_UNITS", 96)
    monkeypatch.setattr(persistent, "rows_of_tile", lambda B: rows)
    check((Layer(CELLS[name], 5),), "float32", dropout=Dropout(recurrent=0.4 * (rows == 2)))


def test_which_layers_are_small() -> None:
    """Those that need no more than what the compile gate looks at: no matter what they are called."""
    kernels = {name: kernels_of(cell.frame, cell.stages) for name, cell in CELLS.items()}
    small = {name for name, made in kernels.items() if persistent.is_small(made.forward.cell)}
    others = "cifg elman elman_logistic elman_relu gru gru_before lstm peephole_lstm"
    assert small == {*SMALL, *others.split()}


def test_which_cells_are_split() -> None:
    """Where sums have functions of their own, and these are kept, a thread finishes one sum."""
    cells = {name: kernels_of(cell.frame, cell.stages).forward.cell for name, cell in CELLS.items()}
    small = {name: cell for name, cell in cells.items() if persistent.is_small(cell)}
    found = {name: persistent.Small(cell, 5, 3, 1, 16, True).split for name, cell in small.items()}
    assert {name for name, split in found.items() if split} == {"lstm", "peephole_lstm"}
    assert found["lstm"].tanh == found["peephole_lstm"].tanh == (2,)
    assert found["peephole_lstm"].late == (3,)  # it sees the new state
    assert found["peephole_lstm"].shares == {0: 0, 1: 1}
    assert "sigmoid" not in found["lstm"].mix
