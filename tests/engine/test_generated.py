"""Kernels made of formulas: beside a plain loop over the same formula, and their gradients by central differences."""

from __future__ import annotations

import linecache
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from forecastrnn import Cell, check_gradients
from forecastrnn.engine.cpu import generated
from forecastrnn.engine.cpu.generated import REMEMBERED, kernels_of
from forecastrnn.formulas import tanh
from forecastrnn.functional import dynamic_rnn
from forecastrnn.networks.network import Layer, Network
from forecastrnn.programs.shapes import Dropout
from forecastrnn.training import gradient_check
from forecastrnn.training.stepping import TrainingProgram
from support import naive_cells
from support.formula_cells import CELLS, Clipped

each_cell = pytest.mark.parametrize("name", CELLS)
LENGTHS = np.array([6, 2, 4, 6, 1])
NORMED = ("min_gru", "indrnn", "shared_between")
FAST = {"float64": 1e-12, "float32": 3e-5}


def random_weights(cell: Cell, units: int, norm: bool, rng: np.random.Generator) -> dict[str, np.ndarray]:
    shapes = Layer(cell, units, layer_norm=norm).parameter_shapes(3)
    return {name: rng.normal(scale=0.4, size=shape) for name, shape in shapes.items()}


def check_forward(name: str, units: int, dtype: str, norm: bool = False) -> None:
    """Outputs and final states, from random states, of rows that differ in length."""
    cell, rng = CELLS[name], np.random.default_rng(units)
    weights, x = random_weights(cell, units, norm, rng), rng.standard_normal((5, 6, 3))
    start = {state: np.abs(rng.standard_normal((5, units))) for state in cell.states}
    expected, finals = naive_cells.run(cell, weights, x, LENGTHS, start)
    begin = tuple(start.values()) if len(start) > 1 else start[cell.states[-1]]
    outputs, state = dynamic_rnn(cell, x.astype(dtype), weights, initial_state=begin, lengths=LENGTHS)
    assert outputs.dtype == dtype
    bounds = {"rtol": FAST[dtype], "atol": FAST[dtype]}
    np.testing.assert_allclose(outputs, expected, **bounds)
    for found, value in zip(state if len(start) > 1 else [state], finals.values(), strict=True):
        np.testing.assert_allclose(found, value, **bounds)


@pytest.mark.parametrize("units", [1, 19])
@each_cell
def test_a_layer_is_a_loop_over_its_formula(name: str, units: int) -> None:
    check_forward(name, units, "float64")


@dataclass(frozen=True)
class Started(Cell):
    """A state that begins at 2, as the public functions see it; inside it is counted from there."""

    gates = ("s",)
    states = ("c", "h")
    start = {"c": 2.0}

    def step(self, s, c):
        return 0.5 * c + s, tanh(c * s)


def test_states_begin_where_they_are_declared_to() -> None:
    cell, rng = Started(), np.random.default_rng(0)
    weights, x = random_weights(cell, 4, False, rng), rng.standard_normal((5, 6, 3))
    start = {"c": np.full((5, 4), 2.0), "h": np.zeros((5, 4))}
    expected, finals = naive_cells.run(cell, weights, x, LENGTHS, start)
    for begin in (None, tuple(start.values())):
        outputs, state = dynamic_rnn(cell, x, weights, initial_state=begin, lengths=LENGTHS)
        np.testing.assert_allclose(outputs, expected, rtol=0, atol=1e-12)
        np.testing.assert_allclose(state.c, finals["c"], rtol=0, atol=1e-12)
        np.testing.assert_allclose(state.h, finals["h"], rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", ["elman_relu", "slstm_sigmoid", "shared_between"])
def test_a_layer_in_float32(name: str) -> None:
    check_forward(name, 19, "float32")


@pytest.mark.parametrize("name", NORMED)
def test_a_normalised_layer(name: str) -> None:
    check_forward(name, 19, "float64", norm=True)


@pytest.mark.parametrize(("last", "lengths"), [(2, None), ("all", [6, 2, 4])], ids=["truncated", "ragged"])
@each_cell
def test_gradients(name: str, last: Any, lengths: Any) -> None:
    """Both directions of two layers, of which the upper one gives derivatives by the outputs of the lower one."""
    check = check_gradients(
        [CELLS[name]] * 2, units=[3, 2], lengths=lengths, last=last, bidirectional=True, tolerance=3e-7
    )  # fmt: skip
    assert check.ok, str(check)


@pytest.mark.parametrize("name", NORMED)
def test_gradients_of_a_normalised_layer(name: str) -> None:
    check = check_gradients(CELLS[name], units=5, lengths=[6, 2, 4], layer_norm=True, tolerance=1e-6)
    assert check.ok, str(check)


def training_program(cell: Cell, norm: bool, both: bool, **options: Any) -> tuple[TrainingProgram, Any]:
    """A layer, or `both` of its directions, under another; 9 rows of random length in two shards."""
    layers, rng = (Layer(cell, 3, both, norm), Layer(cell, 2, layer_norm=norm)), np.random.default_rng(1)
    network, lengths = Network(2, layers, 2), rng.integers(2, 6, 9)
    source = gradient_check._random_source(rng, network, n=9, steps=5, loss="squared_error", last=2)
    program = TrainingProgram(
        network, rng.normal(scale=0.4, size=network.size), None, source, steps=5, rows=9, loss="squared_error", last=2,
        lengths=True, seed=3, **options,
    )  # fmt: skip
    return program, gradient_check._index(source, 9, 5, lengths)


@pytest.mark.parametrize(("name", "norm"), [*((name, False) for name in CELLS), *((name, True) for name in NORMED)])
def test_gradients_with_recurrent_dropout(name: str, norm: bool) -> None:
    """The masks are the same each time."""
    program, index = training_program(CELLS[name], norm, True, dropout=Dropout(recurrent=0.4))
    check = gradient_check._compare(program.build.network, program, index, 1e-6)
    assert check.ok, str(check)


@each_cell
def test_a_sequence_in_stretches_has_the_same_bits(name: str) -> None:
    """Derivatives by all states go from one stretch to the one before, or end there."""
    found = []
    for every in (None, 2):
        program, index = training_program(CELLS[name], False, False, checkpoint_steps=every)
        found.append((program.run(index, 1, 2).tobytes(), program.grad.tobytes()))
    assert found[0] == found[1]


# Which kernels are whose ------------------------------------------------------------------------------------
def kernels(cell: Cell, norm: bool = False) -> Any:
    return kernels_of(cell.frame, cell.stages, norm, type(cell).__name__)


def test_equal_cells_share_their_kernels() -> None:
    assert kernels(Clipped(clip=0.5)) is kernels(Clipped(clip=0.5))
    assert kernels(Clipped(clip=0.5)) is not kernels(Clipped(clip=0.25))


def test_names_tell_all_kernels_apart() -> None:
    """Numba's cache knows a kernel by its name and bytecode, and the bytecode of all is one."""
    made = [kernels(cell, norm) for cell in (*CELLS.values(), Clipped(clip=0.25)) for norm in (False, True)]
    names = [kernel.function.__qualname__ for pair in made for kernel in (pair.forward, pair.backward)]
    assert len(set(names)) == len(names)
    assert len({pair.forward.function.__code__ for pair in made}) == 1
    assert kernels(CELLS["lstm"], True).backward.name.startswith("lstm_norm_backward_")


def test_a_changed_column_order_changes_the_name() -> None:
    """Of the same text: slots are places in memory."""

    @dataclass(frozen=True)
    class Early(Cell):
        gates = ("a", "b")
        no_state = ("a",)

        def step(self, a, b, h):
            return a * b + h

    @dataclass(frozen=True)
    class Late(Early):
        no_state = ("b",)

    one, other = kernels(Early()), kernels(Late())
    assert one.forward.cell.stages == other.forward.cell.stages
    assert one.forward.name.split("_")[-1] != other.forward.name.split("_")[-1]


def test_a_search_over_formulas_forgets_old_ones() -> None:
    before = len(linecache.cache)
    for k in range(REMEMBERED + 40):
        kernels(Clipped(clip=1.0 + k))
    assert generated._made.cache_info().currsize == REMEMBERED
    assert len(linecache.cache) <= before + 2 * REMEMBERED
