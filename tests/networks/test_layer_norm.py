"""Layer normalisation: what it leaves out, what it changes, and that everything else goes on working with it."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from forecastrnn import (
    GRU,
    LSTM,
    Dropout,
    EarlyStopping,
    RNNClassifier,
    RNNForecaster,
    RNNRegressor,
    Truncated,
    check_gradients,
)
from forecastrnn.functional import dynamic_rnn
from forecastrnn.networks.network import Network
from support.cases import CELLS, NORMED, Problem, draw, index_of, layer, program_of
from support.forecaster_cases import monthly, quick
from support.model_cases import WIDE, X, regressor

H, I = 5, 3  # units, inputs
NAMES = [name.removesuffix("+norm") for name in NORMED]


def weights_of(name: str, spread: float = 1.0) -> dict[str, np.ndarray]:
    """Random weights with gains, the kernels `spread` times as large."""
    rng = np.random.default_rng(0)
    shapes = layer(f"{name}+norm", H).parameter_shapes(I)
    weights = {key: rng.standard_normal(shape) for key, shape in shapes.items()}
    for key in ("kernel", "recurrent_kernel"):
        weights[key] *= spread
    return weights


def outputs_of(name: str, weights: dict[str, np.ndarray]) -> np.ndarray:
    x = np.random.default_rng(1).standard_normal((4, 6, I))
    return dynamic_rnn(CELLS[name].cell, x, weights)[0]


# The formula ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("last", ["all", 1])
@pytest.mark.parametrize("name", NAMES)
def test_gradients_are_those_of_the_loss(name: str, last: Any) -> None:
    check = check_gradients(
        CELLS[name].cell, layer_norm=True, last=last, bidirectional=True, lengths=[6, 2, 4], tolerance=1e-7
    )
    assert check.ok, str(check)
    assert {"layers.0.gain", "layers.0.reverse.gain"} <= check.errors.keys()


def changed_slot(weights: dict[str, np.ndarray], gate: int, factor: float, shift: np.ndarray) -> dict[str, np.ndarray]:
    """One gate's columns of both kernels times `factor`, and a number added to all units of each row of the first."""
    found, columns = weights | {}, slice(gate * H, (gate + 1) * H)
    for key in ("kernel", "recurrent_kernel"):
        found[key] = weights[key].copy()
        found[key][:, columns] *= factor
    found["kernel"][:, columns] += shift[:, None]
    return found


@pytest.mark.parametrize("name", NAMES)
def test_scale_and_shift_of_a_sum_do_not_matter(name: str) -> None:
    """Only 1e-5 beside a variance of some 1e6 tells them apart; without normalisation they matter."""
    weights = weights_of(name, 1e3)
    plain = {key: values for key, values in weights.items() if key != "gain"} | {
        key: weights[key] / 1e3 for key in ("kernel", "recurrent_kernel")
    }
    expected, other = outputs_of(name, weights), outputs_of(name, plain)
    shift = np.random.default_rng(2).standard_normal(I)
    for gate in range(len(CELLS[name].cell.frame.input_gates)):
        found = outputs_of(name, changed_slot(weights, gate, 3.0, 1e3 * shift))
        np.testing.assert_allclose(found, expected, rtol=0.0, atol=1e-8)
        assert np.abs(outputs_of(name, changed_slot(plain, gate, 3.0, shift)) - other).max() > 1e-3


def test_a_gru_normalises_both_parts_of_n() -> None:
    """Resetting after the product, what comes from the inputs and from the state have scales of their own."""
    weights = weights_of("gru", 1e3)
    expected = outputs_of("gru", weights)
    for key in ("kernel", "recurrent_kernel"):
        found = weights[key].copy()
        found[:, 2 * H :] *= 7.0
        np.testing.assert_allclose(outputs_of("gru", weights | {key: found}), expected, rtol=0.0, atol=1e-8)


@pytest.mark.parametrize("name", NAMES)
def test_no_gain_leaves_the_bias(name: str) -> None:
    """With a gain of zero neither inputs nor states are seen: all rows are one."""
    weights = weights_of(name)
    outputs = outputs_of(name, weights | {"gain": np.zeros_like(weights["gain"])})
    np.testing.assert_array_equal(outputs, outputs[:1].repeat(len(outputs), axis=0))
    assert np.abs(outputs).max() > 0.1


@pytest.mark.parametrize("name", NAMES)
def test_sums_that_are_all_the_same(name: str) -> None:
    """Zero inputs and a zero state: no variance, and no NaN either way."""
    problem = draw((layer(f"{name}+norm", 3),), n=4, T=3)
    problem.x[:] = 0.0
    program = program_of(problem, "float32")
    assert np.isfinite(program.run(index_of(problem, program, np.arange(4)[None]), 1, 1)).all()
    assert np.isfinite(program.grad).all()


@pytest.mark.torch
@pytest.mark.parametrize("peepholes", [False, True])
def test_an_lstm_beside_pytorch(peepholes: bool) -> None:
    """Its function `layer_norm` on each gate's sums, and its own derivatives."""
    torch = pytest.importorskip("torch")
    name = "peephole_lstm+norm" if peepholes else "lstm+norm"
    problem = draw((layer(name, H),), n=4, T=6, inputs=I, outputs=2)
    w = {key: torch.tensor(value, requires_grad=True) for key, value in problem.theta["layers"][0].items()}
    p = w.get("peephole", torch.zeros(3, H, dtype=torch.float64))
    head, x = {key: torch.tensor(value) for key, value in problem.theta["head"].items()}, torch.tensor(problem.x)
    h = c = torch.zeros(4, H, dtype=torch.float64)
    outputs = []
    for t in range(6):
        sums = (x[:, t] @ w["kernel"] + h @ w["recurrent_kernel"]).split(H, dim=1)
        parts = zip(sums, w["gain"].split(H), w["bias"].split(H), strict=True)
        i, f, g, o = (torch.nn.functional.layer_norm(s, (H,), gain, bias, eps=1e-5) for s, gain, bias in parts)
        c = torch.sigmoid(f + p[1] * c) * c + torch.sigmoid(i + p[0] * c) * torch.tanh(g)
        h = torch.sigmoid(o + p[2] * c) * torch.tanh(c)
        outputs.append(h @ head["kernel"] + head["bias"])
    loss = torch.nn.functional.mse_loss(torch.stack(outputs, dim=1), torch.tensor(problem.y))
    loss.backward()
    program = program_of(problem, "float64")
    assert program.run(index_of(problem, program, np.arange(4)[None]), 1, 1)[0] == pytest.approx(loss.item(), rel=1e-12)
    for key, view in problem.network.views(program.grad).items():
        if key.startswith("layers."):
            expected = w[key.removeprefix("layers.0.")].grad.numpy()
            np.testing.assert_allclose(view, expected, rtol=0.0, atol=1e-12, err_msg=key)


# The program ----------------------------------------------------------------------------------------------


def test_gains_begin_at_one_and_are_not_decayed() -> None:
    network = Network(I, (layer("gru+norm", 4, True), layer("gru_before+norm", 2)), 1)
    views = network.views(network.init_theta(0, "float64", "uniform"))
    gains = {name: values for name, values in views.items() if name.endswith("gain")}
    assert {name: values.size for name, values in gains.items()} == {
        "layers.0.gain": 16, "layers.0.reverse.gain": 16, "layers.1.gain": 6,
    }  # fmt: skip
    assert all((values == 1.0).all() for values in gains.values())
    assert not any(network.layout[name].is_matrix for name in gains)


def kernels_of(problem: Problem) -> set[str]:
    rounds = program_of(problem, "float32").program.rounds
    return {re.sub("_[0-9a-f]{12}$", "", o.kernel) for turn in rounds for operations in turn for o in operations}


@pytest.mark.parametrize("name", NAMES)
def test_kernels_of_their_own(name: str) -> None:
    """What is not used is not compiled: a plain layer needs nothing of a normalised one, nor the other way round."""
    plain, normed = kernels_of(draw((layer(name, H),))), kernels_of(draw((layer(f"{name}+norm", H),)))
    assert {k.replace("_norm", "") for k in normed} == plain
    assert sum("_norm_" in k for k in normed) == 2 and not any("_norm_" in k for k in plain)


def test_memory_is_that_of_the_normalised_sums() -> None:
    """Four numbers a unit, row and step, and one factor a slot; the rest are parameters."""
    T, n, units = 50, 64, 16
    bytes_of = {
        name: program_of(draw((layer(name, units),), n=n, T=T), "float32").program.nbytes
        for name in ("lstm", "lstm+norm")
    }
    more = bytes_of["lstm+norm"] - bytes_of["lstm"]
    assert 4 * T * n * 4 * (units + 1) <= more < 1.05 * 4 * T * n * 4 * (units + 1)


# Estimators -----------------------------------------------------------------------------------------------


def sums(scale: float, n: int = 200) -> tuple[np.ndarray, np.ndarray]:
    """Sequences whose channels are `scale` times too large, and what they add up to."""
    x = np.random.default_rng(0).standard_normal((n, 20, 2)).astype(np.float32)
    return scale * x, x.sum(axis=(1, 2)) / 40**0.5


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_it_learns_from_inputs_of_the_wrong_scale(cell: str) -> None:
    """Their sums shut the gates of the plain cell; normalised, they do not. Half the loss after as many epochs."""
    features, y = sums(100.0)
    options = {"cell": cell, "hidden_layer_sizes": 16, "standardize": False, "max_iter": 25, "batch_size": 32}
    losses = [
        RNNRegressor(layer_norm=norm, random_state=0, early_stopping=EarlyStopping(None, tol=0.0), **options)
        .fit(features, y)
        .loss_
        for norm in (False, True)
    ]
    assert losses[1] < 0.5 * losses[0]


@pytest.mark.parametrize("name", NAMES)
def test_predictions_are_those_of_the_weights(name: str) -> None:
    """`weights_` has the gains; the bare recurrence reads them."""
    cell = CELLS[name].cell
    model = regressor(cell=cell, layer_norm=True, standardize=False).fit(X, X[:, -1, 0])
    assert model.weights_[0]["gain"].shape == (len(cell.gates) * 3,)
    outputs, _ = dynamic_rnn(cell, X, model.weights_[0])
    head = model.output_weights_
    np.testing.assert_allclose(model.predict(X), (outputs[:, -1] @ head["kernel"] + head["bias"])[:, 0], rtol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_steps_of_a_stream(name: str) -> None:
    """One at a time, with room for one step only, as all at once; generated ones too."""
    cells = [CELLS[name].cell, "lstm"]
    model = regressor(cell=cells, hidden_layer_sizes=(4, 3), layer_norm=True).fit(X[:, :-1], X[:, 1:])
    expected, stream = model.predict(X[:1])[0], model.stream()
    np.testing.assert_allclose([stream.step(x) for x in X[0]], expected, rtol=1e-10)
    assert np.isfinite(model.generate(20, X[0])).all()


def test_threads_change_nothing() -> None:
    features, y = sums(1.0, 300)
    found = []
    options = {
        "hidden_layer_sizes": 5,
        "batch_size": 150,
        "bptt": Truncated(checkpoint=4),
        "dropout": Dropout(recurrent=0.3),
    }
    for n_jobs in (1, 2, 3):
        model = RNNRegressor(cell="gru", layer_norm=True, max_iter=2, random_state=0, n_jobs=n_jobs, **options)
        found.append(model.fit(features, y)._fitted.progress.theta)
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0], found[2])


@pytest.mark.parametrize("global_model", [True, False])
def test_forecasters(global_model: bool) -> None:
    """One network, or one a series: seeded, and another forecast than without."""
    model = quick(layer_norm=True, global_model=global_model)
    found = model.fit(WIDE).predict(4)
    assert np.isfinite(found.to_numpy()).all()
    assert found.equals(quick(layer_norm=True, global_model=global_model, n_jobs=1).fit(WIDE).predict(4))
    assert not found.equals(quick(global_model=global_model).fit(WIDE).predict(4))


def test_a_stream_of_forecasts() -> None:
    model = quick(layer_norm=True, cell=LSTM()).fit(monthly(60))
    assert model.stream().forecast == pytest.approx(model.predict(1).iloc[0], rel=1e-6)


# What is refused ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [RNNRegressor, RNNClassifier, RNNForecaster])
@pytest.mark.parametrize("value", ["yes", 1.0, None, [True]], ids=repr)
def test_other_values_than_true_and_false(kind: type, value: object) -> None:
    data = (monthly(40),) if kind is RNNForecaster else (X, np.arange(len(X)) % 2)
    with pytest.raises(ValueError, match=f"'layer_norm' parameter of {kind.__name__} must be .*bool"):
        kind(layer_norm=value).fit(*data)


def test_a_unit_alone() -> None:
    """It would always be its own mean."""
    words = r"'hidden_layer_sizes' .* at least 2 in each layer with layer_norm=True.* Got \(4, 1\)"
    with pytest.raises(ValueError, match=words):
        regressor(hidden_layer_sizes=(4, 1), layer_norm=True).fit(X, X[:, -1, 0])
    with pytest.raises(ValueError, match=r"at least 2 .* Got 1"):
        quick(hidden_layer_sizes=1, layer_norm=True).fit(monthly(60))


def test_going_on_without_it() -> None:
    """A fitted model keeps its layers, and stays as it was."""
    model = regressor(layer_norm=True, warm_start=True).fit(X, X[:, -1, 0])
    before = model.predict(X)
    with pytest.raises(ValueError, match="layer_norm changed from True to False"):
        model.set_params(layer_norm=False).fit(X, X[:, -1, 0])
    np.testing.assert_array_equal(model.predict(X), before)


@pytest.mark.parametrize(
    ("gain", "words"),
    [(np.ones(15), r"gain must have shape \(20,\). Got \(15,\)"), (np.full(20, np.nan), "gain contains NaN")],
    ids=["shape", "NaN"],
)
def test_gains_that_do_not_fit(gain: np.ndarray, words: str) -> None:
    with pytest.raises(ValueError, match=f"weights of layer 0: {words}"):
        outputs_of("gru", weights_of("gru") | {"gain": gain})


def test_one_direction_with_a_gain() -> None:
    """Both have one, or none."""
    weights = weights_of("gru")
    plain = {key: values for key, values in weights.items() if key != "gain"}
    for pair in ((weights, plain), (plain, weights)):
        with pytest.raises(ValueError, match="weights of layer 0 must have the keys"):
            dynamic_rnn(GRU(), np.zeros((2, 3, I)), pair)


def test_check_gradients_refuses_other_values() -> None:
    with pytest.raises(ValueError, match="layer_norm must be True or False. Got 'yes'"):
        check_gradients(layer_norm="yes")
