"""Estimators with weights of PyTorch and Keras: what they predict, that they go on and are saved, and the way back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import forecastrnn as rnn
from forecastrnn import RNNClassifier, RNNRegressor
from forecastrnn.functional import dynamic_rnn, from_keras, from_torch, to_keras

RNG = np.random.default_rng(0)
X = RNG.normal(size=(12, 6, 3))
Y = X[:, :, 0].sum(axis=1)
SHAPES = {
    "lstm.weight_ih_l0": (20, 3),
    "lstm.weight_hh_l0": (20, 5),
    "lstm.bias_ih_l0": (20,),
    "lstm.bias_hh_l0": (20,),
}
LSTM = {name: RNG.normal(size=shape) for name, shape in SHAPES.items()}


def head(outputs: int, width: int = 5) -> dict[str, np.ndarray]:
    return {"fc.weight": RNG.normal(size=(outputs, width)), "fc.bias": RNG.normal(size=outputs)}


def expected(state: dict, *, each_step: bool = False) -> np.ndarray:
    found = from_torch(state)
    outputs, _ = dynamic_rnn(found.cells, X, found.weights)
    outputs = outputs if each_step else outputs[:, -1]
    return outputs @ state["fc.weight"].T + state["fc.bias"]


def test_a_regressor_predicts_what_the_network_does(tmp_path: Path) -> None:
    one, two = LSTM | head(1), LSTM | head(2)
    model = RNNRegressor.from_torch(one)
    np.testing.assert_allclose(model.predict(X), expected(one)[:, 0], atol=1e-12)
    np.testing.assert_allclose(RNNRegressor.from_torch(two).predict(X), expected(two), atol=1e-12)
    each = RNNRegressor.from_torch(two, each_step=True)
    np.testing.assert_allclose(each.predict(X), expected(two, each_step=True), atol=1e-12)
    assert model.hidden_layer_sizes == (5,) and model.dtype == "float64" and model.cell == rnn.LSTM()
    assert (
        model.n_iter_ == 0 and model.loss_curve_ == [] and np.isnan(model.loss_) and "elsewhere" in model._repr_html_()
    )
    model.save(tmp_path / "model.rnn")
    loaded = rnn.load(tmp_path / "model.rnn")
    assert loaded.predict(X).tobytes() == model.predict(X).tobytes() and np.isnan(loaded.loss_)
    stream = model.stream()
    assert [stream.step(x) for x in X[0]][-1] == pytest.approx(model.predict(X[:1]))


def test_lengths_and_both_directions() -> None:
    back = {f"{name}_reverse": 0.5 * value for name, value in LSTM.items()}
    state = LSTM | back | head(1, 10)
    model, lengths = RNNRegressor.from_torch(state), np.full(12, 4)
    found = from_torch(state)
    ends = dynamic_rnn(found.cells[0], X[:, :4], found.weights[0])[1]
    both = np.concatenate([ends[0].h, ends[1].h], axis=1) @ state["fc.weight"].T + state["fc.bias"]
    np.testing.assert_allclose(model.predict(X, lengths=lengths), both[:, 0], atol=1e-12)
    assert model.bidirectional


def test_training_goes_on() -> None:
    model = RNNRegressor.from_torch(LSTM | head(1), solver=rnn.Adam(0.01), random_state=0, batch_size=4)
    before = np.mean((model.predict(X) - Y) ** 2)
    for _ in range(5):
        model.partial_fit(X, Y)
    assert np.mean((model.predict(X) - Y) ** 2) < before and model.n_iter_ == 5 and np.isfinite(model.loss_)
    model.set_params(warm_start=True, max_iter=2).fit(X, Y)
    assert model.n_iter_ == 7


def test_a_classifier_has_labels() -> None:
    state = LSTM | head(3)
    model = RNNClassifier.from_torch(state, classes=["no", "yes", "maybe"])
    scores = expected(state)
    assert model.classes_.tolist() == ["maybe", "no", "yes"]
    assert model.predict(X).tolist() == np.array(["no", "yes", "maybe"])[scores.argmax(axis=1)].tolist()
    odds = np.exp(scores - scores.max(axis=1, keepdims=True))
    np.testing.assert_allclose(model.predict_proba(X)[:, [1, 2, 0]], odds / odds.sum(axis=1, keepdims=True), atol=1e-12)
    assert RNNClassifier.from_torch(state).classes_.tolist() == [0, 1, 2]
    logit = LSTM | head(1)
    second = RNNClassifier.from_torch(logit, classes=["a", "b"]).predict_proba(X)[:, 1]
    np.testing.assert_allclose(second, 1 / (1 + np.exp(-expected(logit)[:, 0])), atol=1e-12)
    assert RNNClassifier.from_torch(state, each_step=True).predict(X).shape == (12, 6)


def test_keras_lists() -> None:
    state = LSTM | head(2)
    found = from_torch(state)
    model = RNNRegressor.from_keras(to_keras(found.cells, found.weights, found.dense))
    np.testing.assert_allclose(model.predict(X), expected(state), atol=1e-12)
    back = from_keras(model.to_keras())
    np.testing.assert_array_equal(back.weights[0]["kernel"], found.weights[0]["kernel"])
    np.testing.assert_array_equal(back.dense["kernel"], found.dense["kernel"])


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_the_way_out_reads_what_is_not_standardised(cell: str, bidirectional: bool) -> None:
    options: dict[str, Any] = {"cell": cell, "bidirectional": bidirectional, "dtype": "float64", "random_state": 0}
    model = RNNRegressor(hidden_layer_sizes=(4, 4), max_iter=2, **options).fit(50 + 3 * X, 100 * Y + 7)
    for again in (
        RNNRegressor.from_torch(model.to_torch(module="core", dense_module="out")),
        RNNRegressor.from_keras(model.to_keras(), bidirectional=bidirectional),
    ):
        np.testing.assert_allclose(again.predict(50 + 3 * X), model.predict(50 + 3 * X), rtol=1e-9)
    assert "core.weight_ih_l1" in model.to_torch(module="core") and "rnn.bias_hh_l0" in model.to_torch()
    assert model.set_params(dtype="float32").fit(X, Y).to_torch()["fc.weight"].dtype == np.float32


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"hidden_layer_sizes": 4}, "hidden_layer_sizes must not be given: the weights say what it is"),
        ({"classes": [0, 1]}, "classes are labels of a classifier: use RNNClassifier"),
        ({"batch_size": 0}, "batch_size"),
    ],
)
def test_options_that_do_not_fit_are_refused(options: dict, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        RNNRegressor.from_torch(LSTM | head(1), **options)


@pytest.mark.parametrize(
    ("classes", "said"),
    [
        (["a", 1], "classes must be uniformly strings or numbers. Got mixed types, among them 1"),
        (["a", None], "classes must be uniformly strings or numbers"),
        ([np.nan, 1.0], "Input classes contains NaN"),
        ([0.5, 1.5], "classes must hold class labels, whole numbers or texts"),
        (["a", "a"], "classes must be 2 labels, one for each output, all different"),
    ],
)
def test_classes_are_labels_as_those_of_fit(classes: list, said: str) -> None:
    with pytest.raises((TypeError, ValueError), match=said):
        RNNClassifier.from_torch(LSTM | head(2), classes=classes)


def test_weights_that_are_no_whole_network_are_refused() -> None:
    with pytest.raises(ValueError, match="there is no dense layer among the weights"):
        RNNRegressor.from_torch(LSTM)
    with pytest.raises(ValueError, match="classes must be 3 labels, one for each output"):
        RNNClassifier.from_torch(LSTM | head(3), classes=["a", "a", "b"])
    upper = {f"b.{k.removeprefix('lstm.')}{end}": v for k, v in LSTM.items() for end in ("", "_reverse")}
    upper |= {name: RNG.normal(size=(20, 5)) for name in upper if "weight_ih" in name}
    with pytest.raises(ValueError, match="some layers are bidirectional and others are not"):
        RNNRegressor.from_torch(LSTM | upper | head(1, 10))
    texts = np.array([[["a"], ["b"]], [["b"], ["a"]]] * 3)
    model = RNNRegressor(hidden_layer_sizes=4, max_iter=1, categorical_features=[0]).fit(texts, np.arange(6.0))
    with pytest.raises(ValueError, match="the model reads categories"):
        model.to_torch()


@pytest.mark.torch
def test_beside_a_module_of_pytorch() -> None:
    torch = pytest.importorskip("torch")

    class Net(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.gru, self.out = torch.nn.GRU(3, 8, 2, batch_first=True), torch.nn.Linear(8, 1)

        def forward(self, x: Any) -> Any:
            return self.out(self.gru(x)[0][:, -1])[:, 0]

    torch.manual_seed(0)
    net, x = Net(), X.astype(np.float32)
    model = RNNRegressor.from_torch(net.state_dict())
    assert model.dtype == "float32"
    np.testing.assert_allclose(model.predict(x), net(torch.from_numpy(x)).detach().numpy(), atol=1e-6)
    fitted = RNNRegressor(cell="gru", hidden_layer_sizes=(8, 8), max_iter=3, random_state=0).fit(5 + x, Y)
    state = fitted.to_torch(module="gru", dense_module="out")
    net.load_state_dict({name: torch.from_numpy(value) for name, value in state.items()})
    np.testing.assert_allclose(net(torch.from_numpy(5 + x)).detach().numpy(), fitted.predict(5 + x), atol=1e-4)
