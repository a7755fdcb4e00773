"""Vector to sequence: beside rows that are repeated at every step, beside the oracle, saved models, bad input."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import forecastrnn
from forecastrnn import LSTM, Dropout, Embedding, RNNClassifier, RNNRegressor, Truncated
from forecastrnn.networks.network import Layer
from support import naive
from support.cases import described

Array = np.ndarray
N, T, F, K = 30, 7, 3, 2
RNG = np.random.default_rng(0)
X = RNG.standard_normal((N, F))
Y = np.sin(np.arange(T)[:, None] * 0.4 + X[:, None, :K]) * X[:, None, 2:]
LENGTHS = RNG.integers(2, T + 1, N)
STEPS = np.repeat(X[:, None], T, axis=1)  # what is never made
WEIGHT = RNG.uniform(0.5, 2.0, N)


def regressor(**options: Any) -> RNNRegressor:
    settings = {"cell": "gru", "hidden_layer_sizes": 5, "max_iter": 3, "random_state": 0, "n_jobs": 1}
    return RNNRegressor(**settings | options)


def theta(model: Any) -> Array:
    return model._fitted.progress.theta


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"batch_size": 8, "dropout": Dropout(input=0.3, between=0.2)},
        {"bptt": Truncated(3)},
        {"bptt": Truncated(checkpoint=2)},
        {"bidirectional": True, "dtype": "float32"},
        {"bucket_by_length": True, "batch_size": 4},
    ],
    ids=str,
)
@pytest.mark.parametrize("ragged", [False, True], ids=["full", "ragged"])
def test_the_same_bits_as_of_repeated_rows(ragged: bool, options: dict) -> None:
    """Training and predictions, with nothing standardised."""
    lengths = LENGTHS if ragged else None
    one = regressor(vector_input=True, standardize=False, **options).fit(X, Y, WEIGHT, lengths)
    other = regressor(standardize=False, **options).fit(STEPS, Y, WEIGHT, lengths)
    np.testing.assert_array_equal(theta(one), theta(other))
    np.testing.assert_array_equal(one.predict(X, lengths), other.predict(STEPS, lengths))
    assert one.score(X, Y, WEIGHT, lengths) == pytest.approx(other.score(STEPS, Y, WEIGHT, lengths), rel=1e-12)


def test_scaling_counts_each_vector_once() -> None:
    """However long its sequence is."""
    model = regressor(vector_input=True).fit(X, Y, WEIGHT, LENGTHS)
    share = WEIGHT / WEIGHT.sum()
    np.testing.assert_allclose(model._fitted.x_scaler.mean_, share @ X, rtol=1e-12)
    np.testing.assert_allclose(model._fitted.x_scaler.scale_**2, share @ (X - share @ X) ** 2, rtol=1e-12)


def test_beside_the_oracle() -> None:
    """Outputs by the oracle's loops on the fitted weights, in float64."""
    model = regressor(cell="lstm", vector_input=True, standardize=False).fit(X, Y)
    layers = (Layer(LSTM(), 5),)
    sequence, _, _ = naive.run_stack(described(layers), model.weights_, STEPS, None, np.full(N, T))
    head = model.output_weights_
    np.testing.assert_allclose(model.predict(X), sequence @ head["kernel"] + head["bias"], rtol=0.0, atol=1e-13)


def test_it_learns() -> None:
    """A wave whose phase and size are in the vector; longer ones go on."""
    rng, t = np.random.default_rng(1), np.arange(20)
    Z = np.column_stack([rng.uniform(-1, 1, 300), rng.uniform(0.5, 1.5, 300)])
    waves = Z[:, 1:] * np.sin(0.5 * t + Z[:, :1])
    model = RNNRegressor(
        cell="gru", hidden_layer_sizes=24, vector_input=True, max_iter=150, batch_size=32, random_state=0
    )
    model.fit(Z[:250], waves[:250])
    assert model.predict(Z[250:]).shape == (50, 20)
    assert model.score(Z[250:], waves[250:]) > 0.97


@pytest.mark.parametrize("y", [Y, Y[:, :, 0]], ids=["outputs", "one number"])
def test_predictions_have_the_steps_of_fit_or_as_many_as_asked_for(y: Array) -> None:
    model = regressor(vector_input=True, dropout=0.1).fit(X, y)
    found, longer = model.predict(X), model.predict(X, n_steps=12)
    assert found.shape == y.shape
    assert longer.shape == (N, 12, *y.shape[2:])
    np.testing.assert_array_equal(longer[:, :T], found)
    np.testing.assert_array_equal(model.predict(X, n_steps=1), found[:, :1])
    assert model.predict(X, n_samples=3, random_state=0, n_steps=4).shape == (3, N, 4, *y.shape[2:])
    assert model.score(X, longer) == 1.0
    cut = model.predict(X, LENGTHS)
    np.testing.assert_array_equal(cut[np.arange(T) < LENGTHS[:, None]], found[np.arange(T) < LENGTHS[:, None]])
    assert not cut[np.arange(T) >= LENGTHS[:, None]].any()


def test_a_stream_reads_the_vector_again_and_again() -> None:
    model = regressor(vector_input=True).fit(X, Y)
    stream = model.stream()
    found = np.array([stream.step(X[3]) for _ in range(T)])
    np.testing.assert_allclose(found, model.predict(X[3:4])[0], rtol=0.0, atol=1e-12)


def test_labels_at_each_step() -> None:
    """A classifier draws the bits of a number, the first one first."""
    numbers = np.arange(8).repeat(5)
    vectors, bits = np.eye(8)[numbers], np.array(["no", "yes"])[numbers[:, None] >> np.arange(3) & 1]
    model = RNNClassifier(cell="gru", hidden_layer_sizes=16, vector_input=True, max_iter=150, random_state=0)
    model.fit(vectors, bits)
    assert model.score(vectors, bits) == 1.0
    np.testing.assert_array_equal(model.predict(np.eye(8)), bits[::5])
    assert model.predict_proba(np.eye(8), n_steps=5).shape == (8, 5, 2)
    assert model.predict(np.eye(8), n_steps=2).shape == (8, 2)


def test_categories_of_a_vector() -> None:
    """A number of a class beside a number, each class a sequence of its own."""
    classes = np.arange(40) % 4
    vectors, sequences = np.column_stack([classes, np.ones(40)]), RNG.standard_normal((4, T))[classes]
    model = regressor(
        vector_input=True, categorical_features=[0], embedding=Embedding(dim=4), max_iter=300, hidden_layer_sizes=16
    )
    assert model.fit(vectors, sequences).score(vectors, sequences) > 0.99


def test_saved_models(tmp_path: Path) -> None:
    for model, y in ((regressor(vector_input=True), Y), (RNNClassifier(vector_input=True, max_iter=1), Y[:, :, 0] > 0)):
        model.fit(X, y).save(tmp_path / "model.rnn")
        again = forecastrnn.load(tmp_path / "model.rnn")
        np.testing.assert_array_equal(again.predict(X), model.predict(X))
        np.testing.assert_array_equal(again.predict(X, n_steps=9), model.predict(X, n_steps=9))


def test_names_and_numbers_of_features() -> None:
    frame = pd.DataFrame(X, columns=list("abc"))
    model = regressor(vector_input=True).fit(frame, Y)
    assert model.n_features_in_ == F
    assert model.feature_names_in_.tolist() == ["a", "b", "c"]
    np.testing.assert_array_equal(model.predict(frame), regressor(vector_input=True).fit(X, Y).predict(X))
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame[["b", "a", "c"]])


def test_early_stopping_and_a_warm_start() -> None:
    model = regressor(vector_input=True, early_stopping=True, warm_start=True).fit(X, Y)
    assert len(model.fit(X, Y[:, :4]).loss_curve_) == 6
    assert model.predict(X).shape == (N, 4, K)
    model = regressor(vector_input=True).partial_fit(X, Y).partial_fit(X, Y)
    assert model.n_iter_ == 2


def test_no_copy_for_each_step() -> None:
    """What a fit holds of X does not grow with the steps."""
    model = regressor(vector_input=True, max_iter=1)
    seen: list[int] = []
    long = np.repeat(Y, 20, axis=1)
    original = forecastrnn.sequences.fitting.Trainer

    def look(network: Any, progress: Any, source: Any, *rest: Any, **more: Any) -> Any:
        seen.append(source.X.nbytes)
        return original(network, progress, source, *rest, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(forecastrnn.sequences.fitting, "Trainer", look)
        model.fit(X, long)
    assert seen == [X.nbytes]


# Bad input ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("x", "y", "pattern"),
    [
        (STEPS, Y, r"X must have shape \(n, features\), .* Got \(30, 7, 3\)"),
        (X[:, 0], Y, r"X must have shape \(n, features\), .* Got \(30,\)"),
        (X[:, :0], Y, r"0 feature\(s\)"),
        (X, Y[:, 0, 0], r"y must have shape \(n, time\).* Got \(30,\)"),
        (X, Y[:, :1], "2 steps or more. Got 1 step"),
        (X, Y[:, :, :, None], r"y must have shape \(n, time\).*Got \(30, 7, 2, 1\)"),
        (X[:-1], Y, "inconsistent numbers of samples"),
        (np.where(X > 2, np.nan, X), Y, "NaN"),
        (X, np.where(Y > 1, np.nan, Y), "NaN"),
        (X, 5.0, r"y must have shape \(n, time\)"),
        (np.array([["a", "b"]] * N), Y, "could not convert|texts"),
    ],
)
def test_bad_data(x: Any, y: Any, pattern: str) -> None:
    model = regressor(vector_input=True)
    with pytest.raises(ValueError, match=pattern):
        model.fit(x, y)
    assert not hasattr(model, "n_features_in_")


def test_bad_calls() -> None:
    model, plain = regressor(vector_input=True).fit(X, Y), regressor().fit(STEPS, Y)
    for bad in (0, -1, 2.5, True, "3"):
        with pytest.raises((ValueError, TypeError), match="n_steps"):
            model.predict(X, n_steps=bad)
    with pytest.raises(ValueError, match="n_steps=4 needs a model fitted with vector_input=True"):
        plain.predict(STEPS, n_steps=4)
    with pytest.raises(ValueError, match="X has 2 (channels|features)"):
        model.predict(X[:, :2])
    with pytest.raises(ValueError, match="lengths must be in 1 .. 7"):
        model.predict(X, np.full(N, T + 1))
    with pytest.raises(ValueError, match="vector_input=True reads the same vector"):
        regressor(vector_input=True).fit(X[:, :K], Y).generate(5)
    with pytest.raises(ValueError, match="vector_input=True reads the same vector"):
        RNNClassifier(vector_input=True, max_iter=1).fit(X, Y[:, :, 0] > 0).generate(5)
    with pytest.raises(ValueError, match="vector_input changed from False to True"):
        plain.set_params(warm_start=True, vector_input=True).fit(X, Y)
    with pytest.raises(ValueError, match="'vector_input' parameter"):
        regressor(vector_input="yes").fit(X, Y)
