"""dynamic_rnn and static_rnn: what they accept, what they return, and what they refuse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from forecastrnn import GRU, LSTM, Elman
from forecastrnn.functional import LSTMState, dynamic_rnn, static_rnn
from support import naive
from support.cases import CELLS

N, T, I, H = 4, 10, 3, 5
RNG = np.random.default_rng(0)
X = RNG.standard_normal((N, T, I))
WEIGHTS = {name: case.cell.init_weights(I, H, random_state=0) for name, case in CELLS.items()}


def states_equal(a: Any, b: Any) -> bool:
    """Whether two states have the same bits."""
    return all(np.array_equal(u, v) for u, v in zip(np.atleast_2d(a), np.atleast_2d(b), strict=True))


@pytest.mark.parametrize("name", CELLS)
def test_ten_steps_are_four_and_six(name: str) -> None:
    """The state carries all that a series' past says of its future: the same bits."""
    cell, weights = CELLS[name].cell, WEIGHTS[name]
    whole, end = dynamic_rnn(cell, X, weights)
    first, state = dynamic_rnn(cell, X[:, :4], weights)
    second, last = dynamic_rnn(cell, X[:, 4:], weights, initial_state=state)
    np.testing.assert_array_equal(np.concatenate([first, second], axis=1), whole)
    assert states_equal(last, end)


def test_ten_steps_of_a_stack() -> None:
    """The list of states of a stack goes back in as it came out."""
    cells = [LSTM(), GRU(reset_after=False)]
    weights = [cells[0].init_weights(I, H, 0), cells[1].init_weights(H, 2, 1)]
    whole, _ = dynamic_rnn(cells, X, weights)
    first, states = dynamic_rnn(cells, X[:, :4], weights)
    second, _ = dynamic_rnn(cells, X[:, 4:], weights, initial_state=states)
    np.testing.assert_array_equal(np.concatenate([first, second], axis=1), whole)


@pytest.mark.parametrize("name", CELLS)
def test_static_is_dynamic(name: str) -> None:
    """A list of steps gives the numbers of the whole array."""
    cell, weights, lengths = CELLS[name].cell, WEIGHTS[name], np.array([3, 10, 1, 7])
    expected, end = dynamic_rnn(cell, X, weights, lengths=lengths)
    outputs, state = static_rnn(cell, [X[:, t] for t in range(T)], weights, lengths=lengths)
    assert isinstance(outputs, list)
    np.testing.assert_array_equal(np.stack(outputs, axis=1), expected)
    assert states_equal(state, end)


def test_time_major() -> None:
    """Time first in X and in the outputs; the state is the same."""
    expected, end = dynamic_rnn("gru", X, WEIGHTS["gru"])
    outputs, state = dynamic_rnn("gru", X.transpose(1, 0, 2), WEIGHTS["gru"], time_major=True)
    assert outputs.shape == (T, N, H)
    np.testing.assert_array_equal(outputs.transpose(1, 0, 2), expected)
    np.testing.assert_array_equal(state, end)


@pytest.mark.parametrize("name", ["lstm", "peephole_lstm"])
def test_state_of_an_lstm(name: str) -> None:
    """The named pair (c, h); h is the last output."""
    outputs, state = dynamic_rnn(name, X, WEIGHTS[name])
    assert isinstance(state, LSTMState)
    c, h = state
    assert c is state.c
    assert h is state.h
    np.testing.assert_array_equal(outputs[:, -1], state.h)
    assert np.abs(state.c).max() > np.abs(state.h).max()


def test_two_steps_by_hand() -> None:
    """Two steps of three inputs for four instances, five neurons: the formula, written out."""
    x0 = np.array([[0, 1, 2], [3, 4, 5], [6, 7, 8], [9, 0, 1]])
    x1 = np.array([[9, 8, 7], [0, 0, 0], [6, 5, 4], [3, 2, 1]])
    w = WEIGHTS["tanh"] | {"bias": np.linspace(-0.5, 0.5, 5)}
    y0 = np.tanh(x0 @ w["kernel"] + w["bias"])
    y1 = np.tanh(x1 @ w["kernel"] + y0 @ w["recurrent_kernel"] + w["bias"])
    (first, second), state = static_rnn("rnn", [x0, x1], w)
    np.testing.assert_allclose(first, y0, rtol=0.0, atol=1e-14)
    np.testing.assert_allclose(second, y1, rtol=0.0, atol=1e-14)
    np.testing.assert_array_equal(state, second)


@pytest.mark.parametrize("name", ["rnn", "lstm", "peephole_lstm", "gru"])
def test_cells_by_name(name: str) -> None:
    """A name stands for the cell with its defaults."""
    cell = {"rnn": Elman(), "lstm": LSTM(), "peephole_lstm": LSTM(peepholes=True), "gru": GRU()}[name]
    weights = cell.init_weights(I, H, random_state=0)
    np.testing.assert_array_equal(dynamic_rnn(name, X, weights)[0], dynamic_rnn(cell, X, weights)[0])


@pytest.mark.parametrize("kind", ["f2", "i1", "i8", "u2", "?", "g", ">f8", ">i4"])
def test_other_numbers_are_computed_in_float64(kind: str) -> None:
    """As if they had been converted first."""
    x = (4.0 * X).astype(kind)
    outputs, state = dynamic_rnn("rnn", x, WEIGHTS["tanh"])
    assert outputs.dtype == state.dtype == np.float64
    np.testing.assert_array_equal(outputs, dynamic_rnn("rnn", x.astype(np.float64), WEIGHTS["tanh"])[0])


def test_lists_are_arrays() -> None:
    """Nested lists of numbers will do, and weights in them."""
    weights = {name: w.tolist() for name, w in WEIGHTS["gru"].items()}
    outputs, _ = dynamic_rnn("gru", X.tolist(), weights, lengths=[1, 2, 3, 4])
    np.testing.assert_array_equal(outputs, dynamic_rnn("gru", X, WEIGHTS["gru"], lengths=np.arange(1, 5))[0])


def odd_layouts(x: np.ndarray) -> dict[str, np.ndarray]:
    """The same numbers, laid out otherwise."""
    wide = np.zeros((2 * x.shape[0], x.shape[1], 3 * x.shape[2]), x.dtype)
    wide[::2, :, ::3] = x
    read_only = x.copy()
    read_only.flags.writeable = False
    return {
        "Fortran": np.asfortranarray(x),
        "strided": wide[::2, :, ::3],
        "reversed": x[::-1, :, ::-1].copy()[::-1, :, ::-1],
        "read-only": read_only,
    }


@pytest.mark.parametrize("layout", odd_layouts(X))
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_layout_of_the_input(layout: str, dtype: str) -> None:
    """Memory order, strides and write protection do not matter."""
    x = X.astype(dtype)
    lengths = np.array([3, 10, 1, 7])
    expected, _ = dynamic_rnn("lstm", x, WEIGHTS["lstm"], lengths=lengths)
    given = odd_layouts(x)[layout]
    outputs, _ = dynamic_rnn("lstm", given, WEIGHTS["lstm"], lengths=lengths)
    np.testing.assert_array_equal(outputs, expected)
    assert outputs.dtype == dtype


def test_inputs_are_left_alone() -> None:
    """X, weights, lengths and the initial state keep their values, and no output is a view of them."""
    weights = {name: w.copy() for name, w in WEIGHTS["lstm"].items()}
    x, lengths, start = X.copy(), np.array([3, 10, 1, 7]), (np.ones((N, H)), np.ones((N, H)))
    outputs, state = dynamic_rnn("lstm", x, weights, lengths=lengths, initial_state=start)
    outputs[:], state.c[:], state.h[:] = 7.0, 7.0, 7.0
    np.testing.assert_array_equal(x, X)
    np.testing.assert_array_equal(lengths, [3, 10, 1, 7])
    assert all(np.array_equal(w, WEIGHTS["lstm"][name]) for name, w in weights.items())
    assert all((part == 1.0).all() for part in start)


def test_bidirectional_pair_of_states() -> None:
    """A pair of dicts makes a layer bidirectional; its states go back in as a pair."""
    pair = (WEIGHTS["lstm"], LSTM().init_weights(I, H, random_state=1))
    start = ((np.ones((N, H)), np.zeros((N, H))), (np.zeros((N, H)), np.ones((N, H))))
    outputs, (ahead, back) = dynamic_rnn("lstm", X, pair, initial_state=start)
    expected, final, _ = naive.run(("bidirectional", ("lstm", {})), pair, X, start)
    np.testing.assert_allclose(outputs, expected, rtol=0.0, atol=1e-13)
    np.testing.assert_allclose(ahead.c, final[0][0], rtol=0.0, atol=1e-13)
    np.testing.assert_allclose(back.h, final[1][1], rtol=0.0, atol=1e-13)


# Errors.


def without(x: np.ndarray, place: tuple[int, ...], value: float) -> np.ndarray:
    """A copy with another number at one place."""
    changed = x.copy()
    changed[place] = value
    return changed


W = WEIGHTS["gru"]
TWO = [W, GRU().init_weights(H, 2, random_state=1)]
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "two dimensions": ({"X": X[0]}, r"X must have shape .*Got shape \(10, 3\)"),
    "no rows": ({"X": X[:0]}, r"X must not be empty. Got shape \(0, 10, 3\)"),
    "no steps": ({"X": X[:, :0]}, r"X must not be empty. Got shape \(4, 0, 3\)"),
    "NaN": ({"X": without(X, (1, 2, 0), np.nan)}, r"X contains NaN or infinity, first at index \[1, 2, 0\]"),
    "infinity": (
        {"X": without(X, (3, 9, 2), -np.inf)},
        r"X contains NaN or infinity, first at index \[3, 9, 2\]",
    ),
    "unknown cell": ({"cells": "GRU"}, r"cell must be a str among .*'gru'.* Got 'GRU'"),
    "not a cell": ({"cells": 3}, r"cell must be a str among .* Got 3"),
    "class, not a cell": ({"cells": GRU}, r"cell must be a str among .* an instance of"),
    "one weights for two cells": (
        {"cells": ["gru", "gru"], "weights": [W]},
        r"weights must be a list of 2 entries",
    ),
    "weights of a stack not in a list": (
        {"cells": ["gru"], "weights": W},
        r"weights must be a list of 1 entries",
    ),
    "weights of another cell": (
        {"cells": "lstm"},
        r"weights of layer 0 must have the keys \['bias', 'kernel', 'rec.*'\]. Got .*'recurrent_bias'",
    ),
    "missing weights": (
        {"weights": {k: w for k, w in W.items() if k != "bias"}},
        r"weights of layer 0 must have the keys .*'bias'",
    ),
    "no recurrent kernel": (
        {"weights": {k: w for k, w in W.items() if k != "recurrent_kernel"}},
        r"weights of layer 0 must have the keys .*'recurrent_kernel'",
    ),
    "other inputs": ({"X": X[:, :, :2]}, r"layer 0: kernel must have shape \(2, 15\). Got \(3, 15\)"),
    "shape of weights": (
        {"weights": W | {"bias": np.zeros(14)}},
        r"layer 0: bias must have shape \(15,\). Got \(14,\)",
    ),
    "second layer": (
        {"cells": ["gru"] * 2, "weights": [W, W]},
        r"weights of layer 1: kernel must have shape \(5, 15\). Got \(3, 15\)",
    ),
    "NaN in weights": (
        {"weights": W | {"bias": np.full(15, np.nan)}},
        r"layer 0: bias contains NaN or infinity",
    ),
    "few lengths": (
        {"lengths": [1, 2]},
        r"lengths must be 4 integers, one a sequence. Got int64 of shape \(2,\)",
    ),
    "fractional lengths": ({"lengths": np.ones(4)}, r"lengths must be 4 integers.* Got float64"),
    "boolean lengths": ({"lengths": np.ones(4, bool)}, r"lengths must be 4 integers.* Got bool"),
    "length zero": ({"lengths": [1, 2, 0, 3]}, r"lengths must be in 1 .. 10. Got 0 in row 2"),
    "length beyond the end": ({"lengths": [1, 11, 0, 3]}, r"lengths must be in 1 .. 10. Got 11 in row 1"),
    "state of other rows": (
        {"initial_state": np.zeros((1, H))},
        r"initial_state of layer 0: h must have shape \(4, 5\). Got \(1, 5\)",
    ),
    "state of other units": (
        {"initial_state": np.zeros((N, 3))},
        r"h must have shape \(4, 5\). Got \(4, 3\)",
    ),
    "NaN in the state": (
        {"initial_state": np.full((N, H), np.nan)},
        r"initial_state of layer 0: h contains NaN",
    ),
    "state of an LSTM": (
        {"cells": "lstm", "weights": WEIGHTS["lstm"], "initial_state": np.zeros((N, H))},
        r"initial_state of layer 0 must be the pair \(c, h\)",
    ),
    "c of an LSTM": (
        {"cells": "lstm", "weights": WEIGHTS["lstm"], "initial_state": (np.zeros((N, 1)), np.zeros((N, H)))},
        r"initial_state of layer 0: c must have shape \(4, 5\). Got \(4, 1\)",
    ),
    "too few states": (
        {"cells": ["gru"] * 2, "weights": TWO, "initial_state": [np.zeros((N, H))]},
        r"initial_state must be a list of 2 states, one a layer",
    ),
    "state of the second layer": (
        {"cells": ["gru"] * 2, "weights": TWO, "initial_state": [np.zeros((N, H)), np.zeros((N, H))]},
        r"initial_state of layer 1: h must have shape \(4, 2\). Got \(4, 5\)",
    ),
    "state of one direction only": (
        {"weights": (W, W), "initial_state": (np.zeros((N, H)),)},
        r"initial_state of layer 0 must be .*pair",
    ),
    "three directions": ({"weights": (W, W, W)}, r"weights of layer 0 must be .*pair"),
    "weights that are no dict": ({"weights": np.zeros((3, 15))}, r"weights of layer 0 must .*dict"),
    "no cells": ({"cells": [], "weights": []}, r"non-empty list of them"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused(case: str) -> None:
    """A ValueError that names the argument, what was given, and where."""
    changes, message = REFUSED[case]
    arguments = {"cells": "gru", "X": X, "weights": W} | changes
    with pytest.raises(ValueError, match=message):
        dynamic_rnn(**arguments)


@pytest.mark.parametrize("x", [X.astype(complex), X.astype(str), X.astype("M8[s]")], ids=["complex", "str", "datetime"])
def test_what_is_no_number(x: np.ndarray) -> None:
    """A TypeError that names the dtype."""
    with pytest.raises(TypeError, match="X must hold real numbers. Got dtype"):
        dynamic_rnn("gru", x, W)


NO_NUMBERS: dict[str, tuple[dict[str, Any], str]] = {
    "a text in weights": (
        {"weights": {**W, "bias": ["a"] * len(W["bias"])}},
        "weights of layer 0: bias must hold real",
    ),
    "complex weights": ({"weights": {**W, "kernel": W["kernel"] + 0j}}, "weights of layer 0: kernel must hold real"),
    "None in weights": ({"weights": {**W, "kernel": None}}, "weights of layer 0: .*kernel"),
    "a text for a state": ({"initial_state": "x"}, "initial_state of layer 0: h must hold real numbers"),
    "a dict for a state": ({"initial_state": {"h": 1}}, "initial_state of layer 0: h must hold real numbers"),
    "a number for a pair": ({"cells": "lstm", "weights": LSTM().init_weights(I, H), "initial_state": 3}, "the pair"),
    "steps of other lengths": ({"X": [[[1.0]], [[1.0], [2.0]]]}, "X holds parts of different lengths"),
}


@pytest.mark.parametrize("case", NO_NUMBERS)
def test_parts_that_are_no_numbers_are_named(case: str) -> None:
    """Weights and states as well: complex ones lost their imaginary part, texts were an error of NumPy's."""
    changes, message = NO_NUMBERS[case]
    arguments: dict[str, Any] = {"cells": "gru", "X": X, "weights": W} | changes
    with pytest.raises((TypeError, ValueError), match=message):
        dynamic_rnn(**arguments)


def test_outputs_are_finite_or_there_are_none() -> None:
    """A relu that blows up, and weights that float32 does not hold."""
    weights = {name: np.full(w.shape, 1e200) for name, w in Elman().init_weights(I, H).items()}
    with pytest.raises(ValueError, match="no finite numbers, first those of sequence 0 at step 1.*relu"):
        dynamic_rnn(Elman("relu"), np.ones((2, 3, I)), weights)
    with pytest.raises(ValueError, match="weights are too large for float32, in which X is"):
        dynamic_rnn("rnn", np.ones((2, 3, I), np.float32), weights)


@pytest.mark.parametrize("given", [(0, 4), (3, -4), (3.0, 4), ("3", 4), (True, 4)])
def test_widths_that_are_none(given: tuple) -> None:
    with pytest.raises(ValueError, match=r"(n_inputs|units) must be an int >= 1\. Got"):
        LSTM().init_weights(*given)
    with pytest.raises(ValueError, match="random_state must be None, an int from 0"):
        LSTM().init_weights(3, 4, random_state="seed")


STATIC_REFUSED = {
    "an array": (X, r"X must be a non-empty list of arrays"),
    "nothing": ([], r"X must be a non-empty list of arrays"),
    "other rows": ([X[:, 0], X[:2, 1]], r"X\[1\] has shape \(2, 3\), but X\[0\] has \(4, 3\)"),
    "one dimension": ([X[0, 0], X[0, 1]], r"X\[0\] has shape \(3,\).* all must be \(n, inputs\)"),
}


@pytest.mark.parametrize("case", STATIC_REFUSED)
def test_what_static_rnn_refuses(case: str) -> None:
    """Steps that are no list, or do not fit together."""
    x, message = STATIC_REFUSED[case]
    with pytest.raises(ValueError, match=message):
        static_rnn("gru", x, W)
