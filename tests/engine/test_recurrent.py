"""Forward passes beside the oracle: sizes that fill no vector, lengths, states, directions, stacks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from forecastrnn.functional import dynamic_rnn
from forecastrnn.networks.network import Layer
from support import naive
from support.cases import CELLS, NORMED, described, layer, random_state
from support.naive_training import flatten

TOLERANCE = {"float32": 2e-5, "float64": 1e-12}
SIZES = [
    (1, 1, 1, 1),
    (5, 5, 7, 3),
    (16, 130, 3, 1),
    (20, 5, 4, 4),
    (70, 130, 2, 2),
    (1, 130, 3, 2),
    (70, 1, 3, 17),
]
STACKS = {
    "two sizes": (layer("gru", 20), layer("tanh", 5)),
    "all cells": tuple(layer(name, units) for name, units in zip(CELLS, (5, 17, 3, 16, 9, 1, 20), strict=True)),
    "normalised": tuple(layer(name, units) for name, units in zip(NORMED, (33, 5, 20, 17), strict=True)),
    "both ways below": (layer("lstm", 5, True), layer("gru_before", 16)),
    "both ways above": (layer("peephole_lstm", 3), layer("relu", 20, True)),
    "both ways twice": (layer("gru", 7, True), layer("lstm", 5, True)),
}


def check(layers: tuple[Layer, ...], dtype: str, n: int, T: int, inputs: int, ragged: bool, started: bool) -> None:
    """Outputs and final states of random weights agree with the oracle; outputs past the end are zero."""
    rng = np.random.default_rng(n * T)
    cells, x = described(layers), rng.standard_normal((n, T, inputs))
    weights = naive.random_stack(cells, inputs, [one.units for one in layers], rng)
    lengths = rng.integers(1, T + 1, n) if ragged else None
    states = [random_state(one, n, rng) for one in layers] if started else None
    expected, finals, _ = naive.run_stack(cells, weights, x, states, lengths)

    cells_of = [one.cell for one in layers]
    outputs, found = dynamic_rnn(cells_of, x.astype(dtype), weights, initial_state=states, lengths=lengths)
    assert outputs.dtype == dtype
    np.testing.assert_allclose(outputs, expected, rtol=0.0, atol=TOLERANCE[dtype])
    compare_states(found, finals, dtype)
    if ragged:
        assert not outputs[np.arange(T) >= lengths[:, None]].any()


def compare_states(found: Any, expected: Any, dtype: str) -> None:
    """Final states of all layers."""
    found, expected = flatten(found), flatten(expected)
    assert found.keys() == expected.keys()
    for name, state in found.items():
        assert state.dtype == dtype
        np.testing.assert_allclose(state, expected[name], rtol=0.0, atol=TOLERANCE[dtype], err_msg=name)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("started", [False, True], ids=["zero", "started"])
@pytest.mark.parametrize("ragged", [False, True], ids=["full", "ragged"])
@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("name", CELLS)
def test_a_layer(name: str, sizes: tuple[int, ...], ragged: bool, started: bool, dtype: str) -> None:
    """Every cell on sizes = (units, rows, steps, inputs)."""
    units, n, T, inputs = sizes
    check((layer(name, units),), dtype, n, T, inputs, ragged, started)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("started", [False, True], ids=["zero", "started"])
@pytest.mark.parametrize("ragged", [False, True], ids=["full", "ragged"])
@pytest.mark.parametrize("name", [*CELLS, *NORMED])
def test_both_directions(name: str, ragged: bool, started: bool, dtype: str) -> None:
    """[forward | backward] at each step, and the pair of final states."""
    check((layer(name, 9, True),), dtype, 11, 5, 3, ragged, started)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("ragged", [False, True], ids=["full", "ragged"])
@pytest.mark.parametrize("name", STACKS)
def test_stacks(name: str, ragged: bool, dtype: str) -> None:
    """Layers of different cells and sizes, from states that are given."""
    check(STACKS[name], dtype, 5, 4, 3, ragged, True)


@pytest.mark.parametrize("name", CELLS)
def test_state_is_that_of_the_last_valid_step(name: str) -> None:
    """The very numbers of the outputs; what the padding holds does not matter."""
    rng = np.random.default_rng(1)
    cell, lengths = CELLS[name].cell, np.array([4, 1, 6, 3, 6])
    weights, x = cell.init_weights(2, 5, random_state=0), rng.standard_normal((5, 6, 2))
    outputs, state = dynamic_rnn(cell, x, weights, lengths=lengths)
    np.testing.assert_array_equal(hidden(state), outputs[np.arange(5), lengths - 1])
    x[np.arange(6) >= lengths[:, None]] = 1e6
    np.testing.assert_array_equal(dynamic_rnn(cell, x, weights, lengths=lengths)[0], outputs)


def hidden(state: Any) -> np.ndarray:
    """The h of a state."""
    return state.h if isinstance(state, tuple) else state


@pytest.mark.parametrize("name", CELLS)
def test_backward_direction_reads_from_the_end(name: str) -> None:
    """Its final state is its output at the first step; that of the forward one, at the last valid step."""
    rng = np.random.default_rng(2)
    cell, lengths = CELLS[name].cell, np.array([4, 1, 6])
    pair = tuple(cell.init_weights(2, 5, random_state=seed) for seed in (0, 1))
    outputs, (ahead, back) = dynamic_rnn(cell, rng.standard_normal((3, 6, 2)), pair, lengths=lengths)
    np.testing.assert_array_equal(hidden(ahead), outputs[np.arange(3), lengths - 1, :5])
    np.testing.assert_array_equal(hidden(back), outputs[:, 0, 5:])


@pytest.mark.parametrize("dtype", TOLERANCE)
def test_many_rows_go_in_chunks(dtype: str) -> None:
    """More rows than are computed at once, each as if it were alone."""
    rng = np.random.default_rng(3)
    weights = CELLS["gru"].cell.init_weights(1, 3, random_state=0)
    x, lengths = rng.standard_normal((1500, 2, 1)).astype(dtype), rng.integers(1, 3, 1500)
    start = rng.standard_normal((1500, 3))
    outputs, state = dynamic_rnn("gru", x, weights, lengths=lengths, initial_state=start)
    rows = [0, 1023, 1024, 1499]
    few, few_state = dynamic_rnn("gru", x[rows], weights, lengths=lengths[rows], initial_state=start[rows])
    np.testing.assert_allclose(outputs[rows], few, rtol=0.0, atol=TOLERANCE[dtype])
    np.testing.assert_allclose(state[rows], few_state, rtol=0.0, atol=TOLERANCE[dtype])
