"""The callback of fit: what it sees, how it stops training, and what an error in it leaves."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline

from forecastrnn import EarlyStopping, RNNClassifier, RNNRegressor
from forecastrnn.callbacks import Epoch

X = np.cumsum(np.random.RandomState(0).normal(size=(120, 10)), axis=1)
UP = X[:, -1] > X[:, 0]
SMALL = {"hidden_layer_sizes": 4, "max_iter": 6, "early_stopping": EarlyStopping(None, tol=0.0), "random_state": 0}


def test_it_sees_each_epoch() -> None:
    seen: list[Epoch] = []
    model = RNNRegressor(**SMALL).fit(X, X[:, 0], callback=seen.append)
    assert [epoch.iteration for epoch in seen] == [1, 2, 3, 4, 5, 6]
    assert [epoch.loss for epoch in seen] == model.loss_curve_
    assert all(epoch.validation_score is None for epoch in seen)
    assert "loss=" in repr(seen[0]) and "_model" not in repr(seen[0])


def test_it_sees_validation_scores() -> None:
    seen: list[Epoch] = []
    model = RNNClassifier(**SMALL | {"early_stopping": EarlyStopping(tol=0.0)}).fit(X, UP, callback=seen.append)
    assert [epoch.validation_score for epoch in seen] == model.validation_scores_


def test_watching_changes_no_bit() -> None:
    plain = RNNRegressor(**SMALL).fit(X, X[:, 0])
    watched = RNNRegressor(**SMALL).fit(X, X[:, 0], callback=lambda epoch: epoch.estimator().predict(X) is None)
    np.testing.assert_array_equal(plain.predict(X), watched.predict(X))


def test_true_stops_training() -> None:
    model = RNNRegressor(**SMALL).fit(X, X[:, 0], callback=lambda epoch: epoch.iteration == 3)
    shorter = RNNRegressor(**SMALL | {"max_iter": 3}).fit(X, X[:, 0])
    assert model.n_iter_ == 3 and model.loss_curve_ == shorter.loss_curve_
    np.testing.assert_array_equal(model.predict(X), shorter.predict(X))


def test_it_stops_at_a_target_score() -> None:
    rows = np.cumsum(np.random.RandomState(0).normal(size=(300, 10)), axis=1)
    model = RNNClassifier(hidden_layer_sizes=8, early_stopping=EarlyStopping(patience=200), random_state=0)
    model.fit(rows, rows[:, -1] > rows[:, 0], callback=lambda epoch: epoch.validation_score >= 0.85)
    assert model.validation_scores_[-1] >= 0.85 > max(model.validation_scores_[:-1])
    assert model.best_iter_ == model.n_iter_ < model.max_iter


def test_the_model_so_far_is_that_of_its_epoch() -> None:
    models = []
    RNNClassifier(**SMALL).fit(X, UP, callback=lambda epoch: models.append(epoch.estimator()))
    for number in (1, 4):
        alone = RNNClassifier(**SMALL | {"max_iter": number}).fit(X, UP)
        np.testing.assert_array_equal(models[number - 1].predict_proba(X), alone.predict_proba(X))
        assert models[number - 1].n_iter_ == number
        copied = pickle.loads(pickle.dumps(models[number - 1]))
        np.testing.assert_array_equal(copied.predict_proba(X), alone.predict_proba(X))


def test_a_warm_start_counts_on() -> None:
    seen: list[int] = []
    model = RNNRegressor(warm_start=True, **SMALL).fit(X, X[:, 0])
    model.fit(X, X[:, 0], callback=lambda epoch: seen.append(epoch.iteration))
    assert seen == [7, 8, 9, 10, 11, 12] and model.n_iter_ == 12


def test_an_answer_that_is_neither_true_nor_false_is_told_so() -> None:
    with pytest.raises(TypeError, match="callback must return True to stop, or False or None to go on. Got ndarray"):
        RNNRegressor(**SMALL).fit(X, X[:, 0], callback=lambda epoch: np.array([True, False]))


class Fault(Exception):
    """What a callback raises."""


def fail(epoch: Epoch) -> None:
    if epoch.iteration % 6 == 2:
        raise Fault(epoch.iteration)


@pytest.mark.parametrize("warm_start", [False, True])
def test_an_error_leaves_a_fitted_estimator_as_it_was(warm_start: bool) -> None:
    model = RNNRegressor(warm_start=warm_start, **SMALL).fit(X, X[:, 0])
    before, guess = dict(vars(model)), model.predict(X)
    losses = list(model.loss_curve_)
    with pytest.raises(Fault):
        model.fit(X[:, :5], X[:, 0], callback=fail) if not warm_start else model.fit(X, X[:, 1], callback=fail)
    assert vars(model).keys() == before.keys() and all(vars(model)[name] is before[name] for name in before)
    assert model.loss_curve_ == losses
    np.testing.assert_array_equal(model.predict(X), guess)


@pytest.mark.parametrize("error", [Fault, KeyboardInterrupt])
def test_an_error_leaves_a_new_estimator_new(error: type[BaseException]) -> None:
    def interrupt(epoch: Epoch) -> None:
        raise error

    model = RNNClassifier(**SMALL)
    with pytest.raises(error):
        model.fit(X, UP, callback=interrupt)
    assert [name for name in vars(model) if name.endswith("_")] == []
    with pytest.raises(NotFittedError):
        model.predict(X)


def test_it_passes_through_a_pipeline_and_is_no_part_of_the_estimator() -> None:
    seen: list[Epoch] = []
    pipeline = make_pipeline(RNNRegressor(**SMALL))
    pipeline.fit(X, X[:, 0], rnnregressor__callback=seen.append)
    assert len(seen) == 6
    clone(pipeline).fit(X, X[:, 0])
    assert len(seen) == 6
    pickle.loads(pickle.dumps(pipeline))


@pytest.mark.parametrize("callback", [3, "stop", [print]])
def test_what_cannot_be_called_is_refused_before_training(callback: object) -> None:
    with pytest.raises(TypeError, match=f"callback must be None or a function.*Got {type(callback).__name__}"):
        RNNRegressor(**SMALL).fit(X, X[:, 0], callback=callback)
