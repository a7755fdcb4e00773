"""Constructor parameters that make no sense: the error's type and message, and that no model comes of it."""

from __future__ import annotations

import re

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.utils._param_validation import InvalidParameterError

from forecastrnn import (
    GRU,
    LSTM,
    Elman,
    RNNClassifier,
    RNNForecaster,
    RNNRegressor,
    RNNSeq2Seq,
    TrainingDivergedError,
    Truncated,
)

X = np.sin(np.arange(40).reshape(10, 4))
Y = np.cos(X.sum(axis=1))

# id in the table of bad inputs, parameter, value, pattern of the message
REFUSED = [
    ("P01", "hidden_layer_sizes", 0, r"hidden_layer_sizes.*\[1, inf\).*Got 0"),
    ("P02", "hidden_layer_sizes", -1, "Got -1"),
    ("P04", "hidden_layer_sizes", "a", "Got 'a'"),
    ("P05", "hidden_layer_sizes", None, "Got None"),
    ("P07", "hidden_layer_sizes", True, "Got True"),
    ("P07", "hidden_layer_sizes", [3, True], "Got .*True"),
    ("P07", "hidden_layer_sizes", np.bool_(True), "Got .*True"),
    ("P07", "max_iter", True, "max_iter.*Got True"),
    ("P07", "batch_size", True, "batch_size.*Got True"),
    ("P07", "learning_rate_init", True, "learning_rate_init.*Got True"),
    ("a class", "cell", GRU, r"Got <class .*GRU is a class: give one of it, GRU\(\)"),
    ("a class in a list", "cell", [GRU], r"GRU is a class: give one of it, GRU\(\)"),
    ("P25", "hidden_layer_sizes", (), "hidden"),
    ("P25", "hidden_layer_sizes", [8, 0], "hidden"),
    ("P25", "hidden_layer_sizes", "8", "hidden"),
    ("P25", "hidden_layer_sizes", [8.0], "hidden"),
    ("P25", "hidden_layer_sizes", {8}, "hidden"),
    ("P25", "hidden_layer_sizes", np.ones((2, 2), int), "hidden"),
    *[("P10", "learning_rate_init", v, r"learning_rate_init.*\(0.0, inf\).*Got") for v in (0, -1, np.nan, np.inf, "x")],
    *[("P14", "bptt_steps", v, "bptt_steps") for v in (0, -1, 1.5)],
    *[("P16", "max_iter", v, "max_iter") for v in (0, -1, 2.5, np.inf)],
    *[("P16", "n_iter_no_change", v, "n_iter_no_change") for v in (0, -1)],
    *[("P16", "batch_size", v, "batch_size") for v in (0, -1, 2.5, "all", None)],
    ("P17", "tol", np.nan, "tol.*inf"),
    ("P17", "tol", -1e-3, "tol.*inf"),
    *[("P17", "clip_norm", v, r"clip_norm.*\(0.0, inf\)") for v in (0, -1, np.nan, np.inf)],
    *[("P17", "alpha", v, "alpha.*inf") for v in (-1, np.nan, np.inf)],
    *[("P17", "validation_fraction", v, r"validation_fraction.*\(0.0, 1.0\)") for v in (0, 1, -0.1)],
    *[("P17", name, 1.0, rf"{name}.*\[0.0, 1.0\)") for name in ("beta_1", "beta_2", "momentum")],
    ("P17", "beta_2", np.nan, "beta_2"),
    ("P17", "epsilon", 0, "epsilon"),
    ("P19", "cell", "lsmt", "cell.*must be a str among {"),
    ("P19", "cell", ["lsmt"], "cell.*a str among {"),
    ("P19", "cell", 3, "cell.*must be a str among {"),
    ("P19", "cell", [LSTM], "cell.*a str among {"),
    ("P19", "cell", ["gru", "gru"], "cell.*one for each of hidden_layer_sizes"),
    ("P19", "cell", [], "cell"),
    ("P19", "solver", "adamm", "solver.*must be a str among {"),
    ("P19", "dtype", "float128", "dtype.*must be a str among {"),
    ("P19", "device", "tpu", "device.*must be a str among {"),
    ("P19", "loss", "quantil", "loss.*must be a str among {"),
    ("P19", "initializer", "xavier", "initializer.*must be a str among {"),
    ("P19", "learning_rate", "fast", "learning_rate.*must be a str among {"),
    ("P19", "bidirectional", "yes", "bidirectional"),
    ("P19", "layer_norm", "yes", "layer_norm"),
    ("P19", "n_jobs", 0, "n_jobs"),
    ("P19", "n_jobs", 1.5, "n_jobs"),
    ("P22", "random_state", np.random.default_rng(0), "RandomState"),
    ("P22", "random_state", -1, "random_state"),
]


@pytest.mark.parametrize(
    ("name", "value", "pattern"), [row[1:] for row in REFUSED], ids=[f"{r[0]}-{r[1]}={r[2]!r:.20}" for r in REFUSED]
)
def test_refused_by_fit_and_not_before(name, value, pattern):
    model = RNNRegressor(**{"hidden_layer_sizes": 3, "max_iter": 1, name: value})
    for method in (model.fit, model.partial_fit):
        with pytest.raises(InvalidParameterError) as caught:
            method(X, Y)
        assert re.search(pattern, str(caught.value), re.IGNORECASE | re.DOTALL)
        assert isinstance(caught.value, ValueError) and isinstance(caught.value, TypeError)
    assert [name for name in vars(model) if name.endswith("_")] == []
    with pytest.raises(NotFittedError):
        model.predict(X)


@pytest.mark.parametrize("kind", [RNNRegressor, RNNClassifier, RNNForecaster, RNNSeq2Seq])
def test_every_parameter_has_a_constraint(kind):
    assert kind._parameter_constraints.keys() == kind().get_params(deep=False).keys()


def test_p07_a_classifier_refuses_the_same():
    with pytest.raises(InvalidParameterError, match="Got True"):
        RNNClassifier(hidden_layer_sizes=True).fit(X, Y > 0)


@pytest.mark.parametrize("value", [3, np.int64(3), [3], (3,), np.array([3])], ids=repr)
def test_p08_sizes_that_mean_the_same(value):
    given = RNNRegressor(hidden_layer_sizes=value, max_iter=2, random_state=0).fit(X, Y)
    plain = RNNRegressor(hidden_layer_sizes=3, max_iter=2, random_state=0).fit(X, Y)
    assert np.array_equal(given.predict(X), plain.predict(X))


@pytest.mark.parametrize("solver", ["adam", "adamw", "sgd", "rmsprop"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_p11_an_absurd_learning_rate_is_an_error(solver, dtype):
    model = RNNRegressor(solver=solver, learning_rate_init=1e30, dtype=dtype, max_iter=3, hidden_layer_sizes=3)
    with pytest.raises(TrainingDivergedError, match="loss.*(non-finite|diverged|increased)") as caught:
        model.fit(X, Y)
    assert isinstance(caught.value, ValueError)
    with pytest.raises(NotFittedError):
        model.predict(X)


def test_p11_divergence_keeps_the_old_model():
    model = RNNRegressor(hidden_layer_sizes=3, max_iter=3, random_state=0).fit(X, Y)
    before, curve = model.predict(X), list(model.loss_curve_)
    with pytest.raises(TrainingDivergedError, match="Lower solver__learning_rate"):
        model.set_params(learning_rate_init=1e30).fit(X, Y)
    assert np.array_equal(model.predict(X), before)
    assert model.loss_curve_ == curve


@pytest.mark.parametrize("kind", [RNNRegressor, RNNClassifier])
def test_p11_divergence_in_one_update(kind):
    with pytest.raises(TrainingDivergedError):
        kind(learning_rate_init=1e30, max_iter=1, hidden_layer_sizes=3).fit(X, Y if kind is RNNRegressor else Y > 0)


def test_p13_a_batch_larger_than_the_data_warns_once():
    model = RNNRegressor(batch_size=99, max_iter=3, hidden_layer_sizes=3, random_state=0)
    with pytest.warns(UserWarning, match="batch_size.*clipped") as caught:
        model.fit(X, Y)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    same = RNNRegressor(batch_size=10, max_iter=3, hidden_layer_sizes=3, random_state=0).fit(X, Y)
    assert np.array_equal(model.predict(X), same.predict(X))


def test_p20_a_missing_gpu_is_said():
    with pytest.raises(RuntimeError, match="CUDA.*not available"):
        RNNRegressor(device="cuda").fit(X, Y)
    assert RNNRegressor(device="auto", max_iter=1, hidden_layer_sizes=2).fit(X, Y).device_ == "cpu"


def test_p23_an_unknown_parameter():
    with pytest.raises(ValueError, match="Invalid parameter 'foo'.*Valid parameters are"):
        RNNRegressor().set_params(foo=1)


@pytest.mark.parametrize(
    ("make", "pattern"),
    [
        (lambda: Elman("tahn"), "activation.*tahn"),
        (lambda: Elman(None), "activation.*None"),
        (lambda: LSTM(peepholes=1), "peepholes.*1"),
        (lambda: LSTM(forget_bias=np.nan), "forget_bias.*nan"),
        (lambda: GRU(reset_after="yes"), "reset_after.*yes"),
    ],
)
def test_cells_refuse_what_they_do_not_know(make, pattern):
    with pytest.raises(ValueError, match=pattern):
        make()


def test_truncation_needs_a_target_at_every_step():
    with pytest.raises(ValueError, match=r"bptt__steps=2 .*y of shape \(n, time, outputs\)"):
        RNNRegressor(bptt=Truncated(2)).fit(X, Y)
    with pytest.raises(ValueError, match="bptt__steps=2 .*bidirectional=False"):
        RNNRegressor(bptt=Truncated(2), bidirectional=True).fit(X[:, :, None], X[:, :, None])


@pytest.mark.parametrize(
    ("change", "data", "named"),
    [
        ({"hidden_layer_sizes": 4}, (X, Y), "hidden_layer_sizes"),
        ({"hidden_layer_sizes": [3, 3]}, (X, Y), "hidden_layer_sizes"),
        ({"cell": "gru"}, (X, Y), r"cell changed from LSTM\(.*\) to GRU"),
        ({"bidirectional": True}, (X, Y), "bidirectional changed from False to True"),
        ({}, (X[:, :3], Y), "features of X changed from 4 to 3"),
        ({}, (np.stack([X, X], axis=2), Y), "features of X changed from 4 to 2"),
        ({}, (X, np.stack([Y, Y], axis=1)), "outputs of y changed from 1 to 2"),
        ({}, (X, X[:, :, None]), "targets in y changed from one a sequence to one at each step"),
    ],
    ids=["units", "depth", "cell", "directions", "columns", "channels", "outputs", "target steps"],
)
def test_a16_warm_start_with_another_shape(change, data, named):
    model = RNNRegressor(hidden_layer_sizes=3, max_iter=2, warm_start=True, random_state=0).fit(X, Y)
    before = model.predict(X)
    with pytest.raises(ValueError, match=f"warm_start=True .*{named}.* Set warm_start=False"):
        model.set_params(**change).fit(*data)
    assert np.array_equal(model.predict(X), before)
    assert model.n_features_in_ == 4


def test_a16_partial_fit_with_another_shape():
    model = RNNRegressor(hidden_layer_sizes=3, random_state=0).partial_fit(X, Y)
    with pytest.raises(ValueError, match="partial_fit.*hidden_layer_sizes"):
        model.set_params(hidden_layer_sizes=4).partial_fit(X, Y)
    with pytest.raises(ValueError, match="X has 3 features, but RNNRegressor is expecting 4"):
        model.set_params(hidden_layer_sizes=3).partial_fit(X[:, :3], Y)
