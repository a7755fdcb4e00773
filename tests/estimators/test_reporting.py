"""Callbacks of scikit-learn 1.9: which tasks they are told of, that they can stop, and what a search shows."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit

from forecastrnn import RNNForecaster, RNNRegressor, RNNSeq2Seq
from forecastrnn.estimators import telling
from forecastrnn.model_selection import RollingOrigin
from support.forecaster_cases import monthly, quick

X = np.random.default_rng(0).normal(size=(20, 7))


class Recorder:
    """Follows the protocol, and keeps what it is told; stops at the end of the task of this name."""

    def __init__(self, stops_at: str = "", fails: bool = False) -> None:
        self.stops_at, self.fails = stops_at, fails
        self.told: list[str] = []
        self.scores: list[float] = []

    def setup(self, estimator: Any, context: Any) -> None:
        self.told.append("setup")

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        self.told.append(f"{context.task_name} {context.task_id} of {context.max_subtasks}")

    def on_fit_task_end(self, estimator: Any, context: Any, *, X=None, y=None, fitted_estimator=None) -> bool:
        self.told.append(f"/{context.task_name}")
        if fitted_estimator is not None:
            self.scores.append(fitted_estimator.score(X, y))
        if self.fails and context.task_name == "epoch":
            raise RuntimeError("a callback fails")
        return context.task_name == self.stops_at

    def teardown(self, estimator: Any, context: Any) -> None:
        self.told.append("teardown")


@pytest.fixture
def recorder() -> Recorder:
    pytest.importorskip("sklearn.callback")
    return Recorder()


def regressor(**options: Any) -> RNNRegressor:
    return RNNRegressor(**{"hidden_layer_sizes": 4, "max_iter": 2, "random_state": 0} | options)


def bits(model: RNNForecaster) -> bytes:
    return model.predict(3).to_numpy().tobytes()


def test_epochs_are_tasks_with_what_is_fitted_so_far(recorder: Recorder) -> None:
    model = regressor().set_callbacks(recorder).fit(X, X[:, 0])
    epochs = ["epoch 0 of 0", "/epoch", "epoch 1 of 0", "/epoch"]
    assert recorder.told == ["setup", "fit 0 of 2", *epochs, "/fit", "teardown"]
    assert len(recorder.scores) == 2 and recorder.scores[-1] == model.score(X, X[:, 0])
    plain = regressor().fit(X, X[:, 0])
    assert np.array_equal(model.predict(X), plain.predict(X))
    assert vars(model).keys() - vars(plain).keys() == {"_skl_callbacks"}
    recorder.told.clear()
    model.partial_fit(X, X[:, 0])
    assert recorder.told == [] and vars(model).keys() - vars(plain).keys() == {"_skl_callbacks"}
    assert not hasattr(model.set_callbacks(), "_skl_callbacks")


def test_a_callback_stops_beside_that_of_fit(recorder: Recorder) -> None:
    recorder.stops_at, seen = "epoch", []
    model = RNNSeq2Seq(hidden_layer_sizes=4, max_iter=3, random_state=0).set_callbacks(recorder)
    model.fit(["ab", "ba"], ["x", "y"], callback=seen.append)
    assert model.n_iter_ == len(seen) == 1 and recorder.told[-2:] == ["/fit", "teardown"]


def test_a_model_so_far_is_no_part_of_the_fit(recorder: Recorder) -> None:
    kept = []
    model = regressor().set_callbacks(recorder)
    model.fit(X, X[:, 0], callback=lambda epoch: kept.append(epoch.estimator()))
    assert vars(kept[-1]).keys() == vars(model).keys()
    recorder.told.clear()
    kept[-1].partial_fit(X, X[:, 0])
    assert recorder.told == []


def test_an_error_leaves_the_estimator_as_it_was_and_tears_down(recorder: Recorder) -> None:
    model = regressor().fit(X, X[:, 0]).set_callbacks(recorder)
    before = vars(model).copy()
    recorder.fails = True
    with pytest.raises(RuntimeError, match="a callback fails"):
        model.fit(X, -X[:, 0])
    assert recorder.told[-1] == "teardown" and vars(model) == before
    with pytest.raises(TypeError, match="callback must be None or a function"):
        model.fit(X, X[:, 0], callback=3)
    assert recorder.told[-1] == "teardown" and vars(model) == before


def test_members_and_looks_are_tasks_of_a_forecaster(recorder: Recorder) -> None:
    y, options = monthly(60), {"n_members": 2, "max_steps": 60}
    model = quick(**options).set_callbacks(recorder).fit(y)
    looks = ["look 0 of 0", "/look", "look 1 of 0", "/look"]
    first, second = (["member 0 of 2", *looks, "/member"], ["member 1 of 2", *looks, "/member"])
    assert recorder.told == ["setup", "fit 0 of 2", *first, *second, "/fit", "teardown"]
    assert bits(model) == bits(quick(**options).fit(y))
    recorder.told.clear()
    quick(global_model=False, **options).set_callbacks(recorder).fit(y)
    assert recorder.told == ["setup", "fit 0 of 2", "/fit", "teardown"]


def test_weights_and_calibration_are_tasks_behind_the_members(recorder: Recorder) -> None:
    options = {"candidates": ("theta",), "intervals": "conformal", "max_steps": 20}
    model = quick(**options).set_callbacks(recorder).fit(monthly(60))
    member = ["member 0 of 1", "look 0 of 0", "/look", "/member"]
    behind = ["weights 1 of 0", "/weights", "calibration 2 of 0", "/calibration"]
    assert recorder.told == ["setup", "fit 0 of 3", *member, *behind, "/fit", "teardown"]
    assert bits(model) == bits(quick(**options).fit(monthly(60)))


def test_a_look_stops_its_member(recorder: Recorder) -> None:
    recorder.stops_at = "look"
    assert quick(max_steps=120).set_callbacks(recorder).fit(monthly(60)).n_iter_ == 50


@pytest.mark.parametrize("kind", ["regressor", "forecaster"])
def test_a_search_shows_the_bars_of_its_fits(kind: str, recorder: Recorder, capsys: pytest.CaptureFixture) -> None:
    pytest.importorskip("rich")
    from sklearn.callback import ProgressBar

    model: BaseEstimator = regressor() if kind == "regressor" else quick()
    split = TimeSeriesSplit(2) if kind == "regressor" else RollingOrigin(6, n_windows=2)
    data = (X, X[:, 0]) if kind == "regressor" else (monthly(60),)
    search = GridSearchCV(model, {"hidden_layer_sizes": [4]}, cv=split, error_score="raise")
    search.set_callbacks(ProgressBar()).fit(*data)
    shown = capsys.readouterr().out
    assert f"{type(model).__name__} - fit" in shown and "GridSearchCV - fit" in shown
    assert not hasattr(search.best_estimator_, "_parent_callback_ctx")


def test_no_line_passes_beside_bars(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(telling, "_line_of", lambda verbose: asked.append(verbose))
    for model, data in ((regressor(), (X, X[:, 0])), (quick(), (monthly(60),))):
        model.set_callbacks(recorder).fit(*data)
    assert asked == []
    regressor().fit(X, X[:, 0])
    assert asked == ["auto"]


def test_an_old_scikit_learn_and_what_is_no_callback_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.callback", None)
    with pytest.raises(ImportError, match="set_callbacks needs scikit-learn 1.9 or later: pip install"):
        RNNForecaster().set_callbacks(Recorder())
    monkeypatch.undo()
    pytest.importorskip("sklearn.callback")
    with pytest.raises(TypeError, match="FitCallback protocol"):
        regressor().set_callbacks(print)
