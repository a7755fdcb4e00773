"""Arrays of finite floats take a short way to predictions: the same bits, and nothing else takes it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecastrnn import RNNClassifier, RNNRegressor
from forecastrnn.data.arrays import needs_no_check
from forecastrnn.estimators import sequence_input

RNG = np.random.default_rng(0)
ROWS = RNG.normal(size=(20, 6))
CUBE = RNG.normal(size=(20, 6, 2))
SMALL: dict[str, Any] = {"cell": "rnn", "hidden_layer_sizes": 3, "max_iter": 2, "random_state": 0, "n_jobs": 1}


class Other(np.ndarray):
    """An array that might mean something else."""


@pytest.fixture
def long_way(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """All checks are made."""
    monkeypatch.setattr(sequence_input, "needs_no_check", lambda X, columns: False)
    return monkeypatch


def test_what_needs_no_check() -> None:
    assert needs_no_check(ROWS, 6) and needs_no_check(CUBE, 2) and needs_no_check(ROWS.astype(np.float32)[::2], 6)


@pytest.mark.parametrize(
    "X",
    [
        ROWS.tolist(), pd.DataFrame(ROWS), ROWS.view(Other), np.ma.masked_array(ROWS), ROWS[:, :5],
        ROWS[:0], ROWS[0], CUBE[None], CUBE, ROWS.astype(int), ROWS.astype(">f8"), ROWS.astype(np.float16), ROWS > 0,
        ROWS.astype(complex), ROWS.astype(object), np.where(ROWS > 1, np.nan, ROWS), np.where(ROWS > 1, -np.inf, ROWS),
    ],
)  # fmt: skip
def test_what_is_looked_at(X: Any) -> None:
    assert not needs_no_check(X, 6)


@pytest.mark.parametrize("dtype", ["auto", "float32"])
@pytest.mark.parametrize("X", [ROWS, ROWS.astype(np.float32), np.asfortranarray(ROWS), CUBE, CUBE[::-1, ::2]])
def test_both_ways_have_the_same_bits(X: np.ndarray, dtype: str, request: pytest.FixtureRequest) -> None:
    models = [RNNRegressor(**SMALL, dtype=dtype).fit(X, ROWS[:, :2]), RNNClassifier(**SMALL).fit(X, ROWS[:, 0] > 0)]
    lengths = RNG.integers(1, X.shape[1] + 1, 20)
    short = [model.predict(rows, given) for model in models for rows, given in ((X, None), (X[:1], None), (X, lengths))]
    request.getfixturevalue("long_way")
    long = [model.predict(rows, given) for model in models for rows, given in ((X, None), (X[:1], None), (X, lengths))]
    for one, other in zip(short, long, strict=True):
        np.testing.assert_array_equal(one, other)


def test_names_of_features_are_asked_for() -> None:
    model = RNNRegressor(**SMALL).fit(pd.DataFrame(ROWS, columns=list("abcdef")), ROWS[:, 0])
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        model.predict(ROWS)


def test_a_prediction_stays_as_it_is() -> None:
    """It is no view of a program's buffers, which the next one overwrites."""
    for options in ({}, {"standardize": False}):
        model = RNNRegressor(**SMALL, **options).fit(CUBE, CUBE[:, :, :1])
        first = model.predict(CUBE[:1])
        kept = first.copy()
        model.predict(-CUBE[:1])
        np.testing.assert_array_equal(first, kept)
