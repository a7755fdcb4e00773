"""Epochs that nobody looks at run many in a call: no number, message or answer to Ctrl-C differs from one at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from forecastrnn import Adam, EarlyStopping, RNNClassifier, RNNRegressor, TrainingDivergedError, Truncated
from forecastrnn.training.stepping import MAX_STEPS, BatchIndex, TrainingProgram

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 12, 2))
Y, EACH = X[:, -1, 0], X[:, :, :1] * 0.5
LENGTHS = RNG.integers(3, 13, 60)
KINDS: dict[str, tuple[dict[str, Any], np.ndarray, dict[str, Any]]] = {
    "one mini-batch": ({}, Y, {}),
    "several": ({"batch_size": 15}, Y, {}),
    "several and what is left": ({"batch_size": 16}, Y, {}),
    "in order": ({"batch_size": 15, "shuffle": False}, Y, {}),
    "lengths": ({"batch_size": 20}, Y, {"lengths": LENGTHS}),
    "buckets": ({"batch_size": 10, "bucket_by_length": True}, Y, {"lengths": LENGTHS}),
    "truncated": ({"batch_size": 20, "bptt": Truncated(5)}, EACH, {"lengths": LENGTHS}),
    "dropout": ({"batch_size": 20, "dropout": 0.3, "solver": Adam(noise=0.1)}, Y, {}),
    "schedule": ({"batch_size": 20, "solver": Adam("cosine")}, Y, {}),
}


def regressor(**options: Any) -> RNNRegressor:
    """Small, and with all its epochs."""
    small = {"cell": "rnn", "hidden_layer_sizes": 4, "max_iter": 23, "random_state": 0, "n_jobs": 1}
    return RNNRegressor(**small | {"early_stopping": EarlyStopping(None, tol=0.0)} | options)


def assert_same(one: RNNRegressor, other: RNNRegressor) -> None:
    assert one.loss_curve_ == other.loss_curve_
    for a, b in zip(one.weights_, other.weights_, strict=True):
        assert all(np.array_equal(a[name], b[name]) for name in a)


def ignore(epoch: object) -> None:
    """A callback that asks for each epoch."""


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Steps of each call that a fit makes."""
    made: list[int] = []
    run = TrainingProgram.run

    def counted(self: TrainingProgram, index: BatchIndex, *args: Any) -> np.ndarray:
        made.append(index.steps)
        return run(self, index, *args)

    monkeypatch.setattr(TrainingProgram, "run", counted)
    return made


@pytest.mark.parametrize("kind", KINDS)
def test_a_watched_fit_has_the_same_bits(kind: str) -> None:
    options, y, data = KINDS[kind]
    assert_same(regressor(**options).fit(X, y, **data), regressor(**options).fit(X, y, callback=ignore, **data))


@pytest.mark.parametrize("patience", [1, 3, 10])
def test_it_stops_behind_the_same_epoch(patience: int) -> None:
    """Of a loss that goes up and down, and with what the last of these epochs has learned."""
    options = {
        "early_stopping": EarlyStopping(None, patience, 0.0),
        "learning_rate_init": 0.2,
        "max_iter": 300,
        "batch_size": 30,
    }
    model = regressor(**options).fit(X, Y)
    assert model.n_iter_ < 300
    assert_same(model, regressor(**options).fit(X, Y, callback=ignore))


def test_a_warm_start_goes_on_with_the_same_bits() -> None:
    options = {"max_iter": 7, "batch_size": 20, "warm_start": True}
    both = [regressor(**options).fit(X, Y, callback=watch).fit(X, Y, callback=watch) for watch in (None, ignore)]
    assert_same(*both)


def test_calls_are_few(calls: list[int]) -> None:
    """After the first step, by which their number is found; none makes more steps than there is room for."""
    regressor(max_iter=400, early_stopping=EarlyStopping(None, 400, 0.0)).fit(X, Y)
    assert sum(calls) == 400 and max(calls) <= MAX_STEPS and len(calls) < 20


def test_no_call_goes_beyond_where_the_fit_may_stop(calls: list[int]) -> None:
    regressor(early_stopping=EarlyStopping(None, 5, 0.0), max_iter=12).fit(X, Y)
    assert max(calls) <= 5


@pytest.mark.parametrize("options", [{"verbose": True}, {"early_stopping": True}])
def test_who_looks_at_each_epoch_gets_each(options: dict[str, Any], calls: list[int]) -> None:
    regressor(**options).fit(X, Y)
    assert set(calls) == {1}


def test_each_epoch_of_categories_is_a_call(calls: list[int]) -> None:
    """What unknown ones read changes behind each."""
    codes = RNG.integers(0, 3, (60, 12))
    RNNClassifier(max_iter=5, hidden_layer_sizes=3, categorical_features=[0], random_state=0).fit(codes, codes[:, -1])
    assert calls == [1] * 5


def test_lines_of_a_verbose_fit(capsys: pytest.CaptureFixture) -> None:
    model = regressor(verbose=True, max_iter=4).fit(X, Y)
    lines = [f"Iteration {k}, loss = {loss:.8f}" for k, loss in enumerate(model.loss_curve_, 1)]
    assert capsys.readouterr().out.splitlines() == lines
    assert regressor(max_iter=4).fit(X, Y).loss_curve_ == model.loss_curve_


@pytest.mark.parametrize("rate", [1e3, 1e30])
def test_divergence_is_found_at_the_same_update(rate: float) -> None:
    options = {"cell": "rnn", "solver": "sgd", "learning_rate_init": rate, "batch_size": 30, "max_iter": 50}
    found = []
    for watch in (None, ignore):
        with pytest.raises(TrainingDivergedError) as caught:
            regressor(**options).fit(X, Y, callback=watch)
        found.append(str(caught.value))
    assert found[0] == found[1] and "updates" in found[0]
