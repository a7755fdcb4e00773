"""What a fitted estimator shows: weights, attributes, and where things are exported."""

from __future__ import annotations

import numpy as np
import pytest

import forecastrnn
from forecastrnn import GRU, LSTM, RNNClassifier, RNNRegressor, estimators

X = np.random.RandomState(0).normal(size=(20, 6, 2))
Y = X.sum(axis=(1, 2))
QUICK = {"hidden_layer_sizes": 4, "max_iter": 3, "random_state": 0}


def test_estimators_are_exported_where_they_are_looked_for():
    assert estimators.RNNRegressor is forecastrnn.RNNRegressor
    assert estimators.RNNClassifier is forecastrnn.RNNClassifier


def test_constructor_parameters_are_the_same_but_for_the_loss_and_what_classes_are_for():
    regressor, classifier = RNNRegressor().get_params(), RNNClassifier().get_params()
    assert regressor.pop("loss") == "squared_error"
    assert classifier.pop("n_sampled_classes") is classifier.pop("class_weight") is None
    assert regressor == classifier


def test_parameters_are_keyword_only():
    with pytest.raises(TypeError, match="positional"):
        RNNRegressor("gru")


@pytest.mark.parametrize(
    ("cell", "gates", "extra"),
    [
        ("rnn", 1, set()),
        ("lstm", 4, set()),
        (LSTM(peepholes=True), 4, {"peephole"}),
        ("gru", 3, {"recurrent_bias"}),
        (GRU(reset_after=False), 3, set()),
    ],
)
def test_weights_are_named_views(cell, gates, extra):
    model = RNNRegressor(cell=[cell, "gru"], **{**QUICK, "hidden_layer_sizes": [4, 3]}).fit(X, Y)
    first = model.weights_[0]
    assert set(first) == {"kernel", "recurrent_kernel", "bias"} | extra
    assert first["kernel"].shape == (2, gates * 4)
    assert first["recurrent_kernel"].shape == (4, gates * 4)
    assert first["bias"].shape == (gates * 4,)
    assert model.weights_[1]["kernel"].shape == (4, 9)
    assert model.output_weights_["kernel"].shape == (3, 1)
    assert model.output_weights_["bias"].shape == (1,)
    before = model.predict(X)
    model.output_weights_["bias"][:] += 1.0  # one standard deviation of y
    np.testing.assert_allclose(model.predict(X), before + Y.std(), rtol=1e-9)


def test_weights_of_a_bidirectional_layer_are_a_pair():
    model = RNNRegressor(bidirectional=True, **QUICK).fit(X, Y)
    forward, backward = model.weights_[0]
    assert forward["kernel"].shape == backward["kernel"].shape == (2, 16)
    assert model.output_weights_["kernel"].shape == (8, 1)


def test_predictions_follow_from_the_weights_by_the_formulas():
    model = RNNRegressor(cell="rnn", standardize=False, **QUICK).fit(X, Y)
    w, h = model.weights_[0], np.zeros((20, 4))
    for t in range(6):
        h = np.tanh(X[:, t] @ w["kernel"] + h @ w["recurrent_kernel"] + w["bias"])
    out = model.output_weights_
    np.testing.assert_allclose(model.predict(X), (h @ out["kernel"] + out["bias"])[:, 0], rtol=1e-10)


def test_attributes_of_a_regressor():
    model = RNNRegressor(**QUICK).fit(X, np.stack([Y, Y**2], axis=1))
    assert model.n_iter_ == len(model.loss_curve_) == 3
    assert model.loss_ == model.loss_curve_[-1]
    assert (model.n_features_in_, model.n_outputs_, model.device_) == (2, 2, "cpu")
    assert not hasattr(model, "validation_scores_")


def test_attributes_of_a_classifier():
    model = RNNClassifier(**QUICK).fit(X, np.where(Y > 0, "up", "down"))
    assert model.classes_.tolist() == ["down", "up"]
    assert model.n_outputs_ == 2
    proba = model.predict_proba(X)
    assert np.array_equal(model.predict(X), model.classes_[proba.argmax(axis=1)])
    assert model.score(X, np.where(Y > 0, "up", "down")) == np.mean(model.predict(X) == np.where(Y > 0, "up", "down"))


def test_rows_are_sequences_of_one_channel():
    rows = X[:, :, 0]
    flat, cube = RNNRegressor(**QUICK).fit(rows, Y), RNNRegressor(**QUICK).fit(rows[:, :, None], Y)
    assert np.array_equal(flat.predict(rows), cube.predict(rows[:, :, None]))
    assert (flat.n_features_in_, cube.n_features_in_) == (6, 1)


@pytest.mark.parametrize("standardize", [True, False])
def test_standardising_makes_units_of_x_irrelevant(standardize):
    base = RNNRegressor(standardize=standardize, **QUICK).fit(X, Y).predict(X)
    scaled = RNNRegressor(standardize=standardize, **QUICK).fit(1e3 * X + 7, Y).predict(1e3 * X + 7)
    assert np.allclose(base, scaled, rtol=1e-6, atol=1e-8) == standardize


def test_fit_and_predict_leave_their_arguments_alone():
    x, y, weight, lengths = X.copy(), Y.copy(), np.ones(20), np.full(20, 4)
    model = RNNRegressor(**QUICK).fit(x, y, sample_weight=weight, lengths=lengths)
    model.predict(x, lengths=lengths)
    assert np.array_equal(x, X) and np.array_equal(y, Y)
    assert (weight == 1).all() and (lengths == 4).all()
