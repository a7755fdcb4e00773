"""Weights of PyTorch and Keras: beside loops by hand in their order of gates, beside the libraries, and back."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest

from forecastrnn import GRU, LSTM, Elman
from forecastrnn.functional import dynamic_rnn, from_keras, from_torch, to_keras, to_torch
from support.naive_norm import logistic

T, D, H = 6, 3, 5
GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}
KERAS = {"SimpleRNN": 1, "GRU": 3, "LSTM": 4}


def torch_state(kind: str, layers: int = 1, both: bool = False, seed: int = 0) -> dict[str, np.ndarray]:
    rng, state, width = np.random.default_rng(seed), {}, D
    for number in range(layers):
        for end in ("", "_reverse")[: 1 + both]:
            rows = GATES[kind] * H
            shapes = {"weight_ih": (rows, width), "weight_hh": (rows, H), "bias_ih": (rows,), "bias_hh": (rows,)}
            state |= {f"{name}_l{number}{end}": 0.5 * rng.normal(size=shape) for name, shape in shapes.items()}
        width = H * (1 + both)
    return state


def torch_step(kind: str, w: dict[str, np.ndarray], x: np.ndarray, state: tuple) -> tuple:
    """A step as PyTorch's documentation has it, h the first of the state."""
    by_x = np.split(w["weight_ih_l0"] @ x + w["bias_ih_l0"], GATES[kind])
    by_h = np.split(w["weight_hh_l0"] @ state[0] + w["bias_hh_l0"], GATES[kind])
    if kind == "RNN":
        return (np.tanh(by_x[0] + by_h[0]),)
    if kind == "GRU":
        r, z = logistic(by_x[0] + by_h[0]), logistic(by_x[1] + by_h[1])
        n = np.tanh(by_x[2] + r * by_h[2])
        return ((1 - z) * n + z * state[0],)
    i, f, g, o = (a + b for a, b in zip(by_x, by_h))
    c = logistic(f) * state[1] + logistic(i) * np.tanh(g)
    return logistic(o) * np.tanh(c), c


def keras_step(kind: str, w: list[np.ndarray], x: np.ndarray, state: tuple) -> tuple:
    """A step as Keras's source has it; a GRU with one bias resets before the product."""
    kernel, recurrent, bias = w
    if kind == "GRU" and bias.ndim == 1:
        xz, xr, xh = np.split(x @ kernel + bias, 3)
        uz, ur, uh = np.split(recurrent, 3, axis=1)
        z, r = logistic(xz + state[0] @ uz), logistic(xr + state[0] @ ur)
        return (z * state[0] + (1 - z) * np.tanh(xh + (r * state[0]) @ uh),)
    if kind == "GRU":
        (xz, xr, xh), (hz, hr, hh) = np.split(x @ kernel + bias[0], 3), np.split(state[0] @ recurrent + bias[1], 3)
        z, r = logistic(xz + hz), logistic(xr + hr)
        return (z * state[0] + (1 - z) * np.tanh(xh + r * hh),)
    sums = np.split(x @ kernel + state[0] @ recurrent + bias, KERAS[kind])
    if kind == "SimpleRNN":
        return (np.tanh(sums[0]),)
    i, f, g, o = sums
    c = logistic(f) * state[1] + logistic(i) * np.tanh(g)
    return logistic(o) * np.tanh(c), c


def by_hand(step: Any, kind: str, w: Any, x: np.ndarray) -> np.ndarray:
    state: tuple = (np.zeros(H), np.zeros(H))
    return np.array([(state := step(kind, w, row, state))[0] for row in x])


def keras_weights(kind: str, bias: tuple[int, ...] | None = None, seed: int = 0) -> list[np.ndarray]:
    columns, rng = KERAS[kind] * H, np.random.default_rng(seed)
    bias = ((2, columns) if kind == "GRU" else (columns,)) if bias is None else bias
    return [0.5 * rng.normal(size=shape) for shape in ((D, columns), (H, columns), bias)]


def same(first: Any, second: Any) -> bool:
    return all(np.array_equal(first[name], second[name]) for name in first) and list(first) == list(second)


@pytest.mark.parametrize("kind", GATES)
def test_a_loop_in_pytorchs_order_gives_the_same(kind: str) -> None:
    state, x = torch_state(kind), np.random.default_rng(1).normal(size=(T, D))
    found = from_torch(state)
    outputs, _ = dynamic_rnn(found.cells, x[None], found.weights)
    np.testing.assert_allclose(outputs[0], by_hand(torch_step, kind, state, x), atol=1e-12)


@pytest.mark.parametrize(("kind", "bias"), [("SimpleRNN", None), ("LSTM", None), ("GRU", None), ("GRU", (3 * H,))])
def test_a_loop_in_kerass_order_gives_the_same(kind: str, bias: tuple[int, ...] | None) -> None:
    weights, x = keras_weights(kind, bias), np.random.default_rng(1).normal(size=(T, D))
    found = from_keras(weights)
    outputs, _ = dynamic_rnn(found.cells, x[None], found.weights)
    np.testing.assert_allclose(outputs[0], by_hand(keras_step, kind, weights, x), atol=1e-12)
    assert all(map(np.array_equal, to_keras(found.cells, found.weights), weights))


@pytest.mark.parametrize("kind", GATES)
@pytest.mark.parametrize(("layers", "both"), [(1, False), (3, False), (2, True)])
def test_the_way_back_to_pytorch(kind: str, layers: int, both: bool) -> None:
    state = torch_state(kind, layers, both)
    if kind != "GRU":  # where there is one bias here, it comes back as the first
        for name in [name for name in state if name.startswith("bias_hh")]:
            state[name] = 0 * state[name]
    dense = {"fc.weight": np.ones((2, H * (1 + both))), "fc.bias": np.ones(2)}
    found = from_torch({f"lstm.{name}": value for name, value in state.items()} | dense)
    assert len(found.cells) == layers and isinstance(found.weights[0], tuple) == both
    back = to_torch(found.cells, found.weights, found.dense, module="lstm")
    assert back.keys() == {f"lstm.{name}" for name in state} | dense.keys()
    for name, value in state.items():
        np.testing.assert_array_equal(back[f"lstm.{name}"], value)
        assert back[f"lstm.{name}"].flags.c_contiguous and back[f"lstm.{name}"].flags.owndata


def test_a_stack_of_modules_and_of_both_directions_of_keras() -> None:
    upper = {f"upper.{k}": v for k, v in torch_state("GRU").items() if not k.startswith("weight_ih")}
    upper["upper.weight_ih_l0"] = np.ones((3 * H, H))
    found = from_torch({f"lower.{k}": v for k, v in torch_state("LSTM").items()} | upper)
    assert found.cells == [LSTM(), GRU()] and found.dense is None
    one, two = keras_weights("LSTM"), keras_weights("LSTM", seed=1)
    both = from_keras([*one, *two], bidirectional=True)
    assert same(both.weights[0][0], from_keras(one).weights[0]) and same(both.weights[0][1], from_keras(two).weights[0])
    assert from_torch(torch_state("RNN"), activation="relu").cells == [Elman("relu")]


def test_types_and_missing_biases() -> None:
    state = {name: value.astype(np.float16) for name, value in torch_state("LSTM").items()}
    assert from_torch(state).weights[0]["kernel"].dtype == np.float32
    bare = {name: value for name, value in torch_state("GRU").items() if name.startswith("weight")}
    assert not from_torch(bare).weights[0]["recurrent_bias"].any()
    assert not from_keras(keras_weights("GRU")[:2]).weights[0]["bias"].any()


LSTM_STATE = torch_state("LSTM")


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ({"fc.weight": np.ones((1, 5))}, r"state_dict has no weights of an RNN, LSTM or GRU. It has 'fc.weight'\."),
        ({k: v for k, v in LSTM_STATE.items() if k != "weight_hh_l0"}, "state_dict has no matrix 'weight_hh_l0'"),
        (
            LSTM_STATE | {"weight_hh_l0": np.ones((10, 5))},
            r"shapes \(20, 3\) and \(10, 5\): no RNN, GRU or LSTM has such",
        ),
        (LSTM_STATE | {"bias_hh_l0": np.ones(5)}, r"a bias of 'weight_ih_l0' must have shape \(20,\). Got \(5,\)"),
        (LSTM_STATE | {"weight_hr_l0": np.ones((5, 2))}, "an LSTM with projections .* has no counterpart"),
        (
            LSTM_STATE | {"norm.weight": np.ones(5)},
            "state_dict has 'norm.weight' beside its recurrent layers: one dense",
        ),
        (LSTM_STATE | {"fc.weight": np.ones((1, 4))}, "the dense layer reads 4 numbers a step, but .* puts out 5"),
        (LSTM_STATE | {"fc.weight": np.ones((2, 5)), "fc.bias": np.ones(3)}, r"fc.bias must have shape \(2,\)"),
        ({k.replace("l0", "l1"): v for k, v in LSTM_STATE.items()}, "no 'weight_ih_l0', but layers above it: give all"),
        (LSTM_STATE | {"bias_hh_l0": np.full(20, np.nan)}, r"bias_hh_l0 contains NaN or infinity, first at \[0\]"),
    ],
)
def test_a_state_dict_that_does_not_fit_is_refused(state: dict, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        from_torch(state)


def test_what_is_no_such_weights_is_refused() -> None:
    with pytest.raises(TypeError, match=r"state_dict must be a mapping of names to tensors: module.state_dict\(\)"):
        from_torch([1])  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="weight_ih_l0 must hold real numbers"):
        from_torch({"weight_ih_l0": np.array(["a"])})
    with pytest.raises(TypeError, match=r"weights must be a list of arrays: model.get_weights\(\)"):
        from_keras("ab")
    with pytest.raises(ValueError, match=r"weights must be those of SimpleRNN, .* Got shapes \[\(3, 4\), \(7, 7\)\]"):
        from_keras([np.ones((3, 4)), np.ones((7, 7))])
    with pytest.raises(ValueError, match="layer 0 has no second direction, but bidirectional=True"):
        from_keras(keras_weights("LSTM"), bidirectional=True)


@pytest.mark.parametrize("out", [to_torch, to_keras])
def test_layers_are_written_as_dynamic_rnn_takes_them(out: Any) -> None:
    """By name, one alone, or lists; weights of another cell are refused by what is missing."""
    own = LSTM().init_weights(D, H, random_state=0)
    found = [out("lstm", own), out(["lstm"], [own]), out([LSTM()], [own])]
    arrays = [list(one.values()) if isinstance(one, dict) else one for one in found]
    assert all(np.array_equal(a, b) for other in arrays[1:] for a, b in zip(arrays[0], other, strict=True))
    for cells, weights, said in (
        (
            "gru",
            own,
            r"weights of layer 0 must be a dict of \['bias', 'kernel', 'recurrent_bias', 'recurrent_kernel'\]",
        ),
        (["lstm", "lstm"], [own], "weights must be a list of 2 entries, one a cell"),
        ("lstm", {**own, "bias": ["a"]}, "weights of layer 0: bias must hold real numbers"),
        (own, "lstm", "cell must be"),
    ):
        with pytest.raises((TypeError, ValueError), match=said):
            out(cells, weights)


def test_cells_that_a_framework_has_not_are_refused() -> None:
    def weights(cell: Any, units: int = H) -> dict[str, np.ndarray]:
        return cell.init_weights(D, units, random_state=0)

    before, peepholes, logistic_cell = GRU(reset_after=False), LSTM(peepholes=True), Elman("logistic")
    with pytest.raises(ValueError, match=r"layer 0: PyTorch has no cell that computes GRU\(reset_after=False\)"):
        to_torch([before], [weights(before)])
    for cell in (peepholes, logistic_cell):
        with pytest.raises(ValueError, match="layer 0: Keras has no cell that computes"):
            to_keras([cell], [weights(cell)])
    with pytest.raises(ValueError, match="no cell that is normalised inside"):
        to_keras([LSTM()], [weights(LSTM()) | {"gain": np.ones(4 * H)}])
    with pytest.raises(ValueError, match="the layers differ in cell, size or directions"):
        to_torch([LSTM(), GRU()], [weights(LSTM()), GRU().init_weights(H, H, random_state=0)])


@pytest.mark.torch
@pytest.mark.parametrize("kind", GATES)
@pytest.mark.parametrize(("layers", "both"), [(1, False), (2, True)])
def test_beside_pytorch(kind: str, layers: int, both: bool) -> None:
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    module = getattr(torch.nn, kind)(D, H, layers, bidirectional=both, batch_first=True).double()
    x = np.random.default_rng(0).normal(size=(2, T, D))
    found = from_torch(module.state_dict())
    outputs, _ = dynamic_rnn(found.cells, x, found.weights)
    np.testing.assert_allclose(outputs, module(torch.from_numpy(x))[0].detach().numpy(), atol=1e-12)
    back = {name: torch.from_numpy(value) for name, value in to_torch(found.cells, found.weights).items()}
    module.load_state_dict(back)
    np.testing.assert_allclose(outputs, module(torch.from_numpy(x))[0].detach().numpy(), atol=1e-12)


@pytest.mark.keras
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # of its own variables
@pytest.mark.parametrize(
    "kind", [("SimpleRNN", {}), ("LSTM", {}), ("GRU", {}), ("GRU", {"reset_after": False})], ids=str
)
@pytest.mark.parametrize("both", [False, True])
def test_beside_keras(kind: tuple[str, dict], both: bool) -> None:
    os.environ.setdefault("KERAS_BACKEND", "jax")
    keras = pytest.importorskip("keras")
    layers = [getattr(keras.layers, kind[0])(H, return_sequences=True, **kind[1]) for _ in range(2)]
    layers = [keras.layers.Bidirectional(layer) for layer in layers] if both else layers
    model = keras.Sequential([keras.Input((T, D)), *layers, keras.layers.Dense(2)])
    x = np.random.default_rng(0).normal(size=(2, T, D)).astype("float32")
    found = from_keras(model.get_weights(), bidirectional=both)
    outputs, _ = dynamic_rnn(found.cells, x, found.weights)
    expected = keras.ops.convert_to_numpy(model(x))
    np.testing.assert_allclose(outputs @ found.dense["kernel"] + found.dense["bias"], expected, atol=1e-5)
    model.set_weights(to_keras(found.cells, found.weights, found.dense))
    np.testing.assert_allclose(keras.ops.convert_to_numpy(model(x)), expected, atol=1e-6)
