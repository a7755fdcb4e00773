"""Masked cells are refused wherever an array comes in; sample weights count by their ratios, whatever their size."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from forecastrnn import RNNClassifier, RNNRegressor, RNNSeq2Seq, metrics
from forecastrnn.functional import dynamic_rnn
from forecastrnn.masks import refuse_masked
from forecastrnn.metrics.checks import in_unit
from forecastrnn.model_selection import RollingOrigin
from support.forecaster_cases import quick

RNG = np.random.default_rng(0)
X = RNG.standard_normal((12, 5, 1))
Y = X[:, :, 0].mean(axis=1)
TEXTS = ["abc", "ca", "bbac", "a"] * 3
SMALL: dict[str, Any] = {"cell": "gru", "hidden_layer_sizes": 4, "max_iter": 2, "random_state": 0, "n_jobs": 1}
WEIGHT = RNG.uniform(0.5, 2.0, 12)


def masked(values: Any) -> np.ma.MaskedArray:
    array = np.asarray(values)
    mask = np.zeros(array.shape, bool)
    mask.flat[1] = True
    return np.ma.masked_array(array, mask)


REGRESSOR = RNNRegressor(**SMALL).fit(X, X)
CLASSIFIER = RNNClassifier(**SMALL).fit(np.eye(2)[np.arange(60).reshape(12, 5) % 2], np.arange(60).reshape(12, 5) % 2)
FORECASTER = quick(max_steps=1, hidden_layer_sizes=3, intervals="paths").fit([3.0, 4.0, 5.0, 4.0] * 9)
LENGTHS, SPLIT = np.full(12, 4), RollingOrigin(2, n_windows=1)

CALLS: dict[str, Any] = {
    "fit, weight": lambda: RNNRegressor(**SMALL).fit(X, Y, sample_weight=masked(WEIGHT)),
    "fit, lengths": lambda: RNNRegressor(**SMALL).fit(X, Y, lengths=masked(LENGTHS)),
    "fit, y": lambda: RNNClassifier(**SMALL).fit(X, masked(np.arange(12) % 2)),
    "fit, labels of steps": lambda: RNNClassifier(**SMALL).fit(X, [masked([0, 1, 0, 1, 1])] * 12),
    "predict, X": lambda: REGRESSOR.predict(masked(X)),
    "predict, X in a list": lambda: REGRESSOR.predict([X[0], masked(X[1, :3])]),
    "predict, lengths": lambda: REGRESSOR.predict(X, lengths=masked(LENGTHS)),
    "score, y": lambda: REGRESSOR.score(X, masked(X)),
    "score, weight": lambda: REGRESSOR.score(X, X, sample_weight=masked(WEIGHT)),
    "generate, prompt": lambda: REGRESSOR.generate(2, prompt=masked(X[0])),
    "generate, labels": lambda: CLASSIFIER.generate(2, prompt=masked([0, 1, 1])),
    "stream": lambda: REGRESSOR.stream().step(np.ma.masked_array([1.0], [True])),
    "partial_fit, classes": lambda: RNNClassifier(**SMALL).partial_fit(X, np.arange(12) % 2, classes=masked([0, 1])),
    "seq2seq, X": lambda: RNNSeq2Seq(**SMALL).fit([masked([1, 2]), [3]], ["a", "b"]),
    "seq2seq, weight": lambda: RNNSeq2Seq(**SMALL).fit(TEXTS, TEXTS, sample_weight=masked(WEIGHT)),
    "forecaster, y": lambda: FORECASTER.fit(masked([3.0, 4.0] * 20)),
    "predict, y": lambda: FORECASTER.predict(2, y=masked([3.0, 4.0] * 20)),
    "update": lambda: FORECASTER.update(masked([3.0, 4.0])),
    "h": lambda: FORECASTER.predict(masked([1, 2])),
    "level": lambda: FORECASTER.predict(1, level=masked([80.0, 90.0])),
    "ids": lambda: FORECASTER.predict(1, ids=masked(["y", "z"])),
    "groups": lambda: next(SPLIT.split(np.arange(40.0), groups=masked(np.zeros(40)))),
    "dynamic_rnn": lambda: dynamic_rnn("gru", masked(X), None),
    "metrics, y_true": lambda: metrics.mape(masked(Y), Y),
    "metrics, weight": lambda: metrics.mape(Y, Y, sample_weight=masked(WEIGHT)),
}


@pytest.mark.parametrize("call", CALLS)
def test_masked_cells_are_refused(call: str) -> None:
    with pytest.raises(ValueError, match="masked cells.*filled"):
        CALLS[call]()


def test_a_mask_without_masked_cells_is_an_array() -> None:
    refuse_masked([np.ma.masked_array([1.0], [False]), {"a": [1.0]}], "X")
    with pytest.raises(ValueError, match=r"X has masked cells, the first at X\[1, 'a', 0\]"):
        refuse_masked({1: {"a": np.ma.masked_array([1.0], [True])}}, "X")


@pytest.mark.parametrize("unit", [1e-320, 1e-300, 1e-45, 1e30, 1e38, 1e300, 8e307])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_only_ratios_of_weights_count(unit: float, dtype: str) -> None:
    weight = np.where(np.arange(12) % 3 == 0, 1.0, 2.0) if unit > 1e-310 else np.ones(12)
    options = SMALL | {"dtype": dtype}
    one, other = (RNNRegressor(**options).fit(X, Y, sample_weight=weight * u) for u in (1.0, unit))
    np.testing.assert_allclose(one.predict(X), other.predict(X), rtol=1e-5, atol=1e-7)
    assert one.score(X, Y, weight) == pytest.approx(one.score(X, Y, weight * unit), rel=1e-9)


def test_weights_of_all_kinds() -> None:
    few = np.arange(12) < 6
    tiny = RNNRegressor(**SMALL).fit(X, Y, sample_weight=np.where(few, 1e-30, 1e30)).predict(X)
    none = RNNRegressor(**SMALL).fit(X, Y, sample_weight=~few).predict(X)
    np.testing.assert_allclose(tiny, none, rtol=1e-6)
    assert in_unit(np.array([0.0, 3.0, 1.0])).tolist() == [0.0, 0.75, 0.25]
    assert in_unit(np.array([5e-324])).tolist() == [0.5]
    assert in_unit(np.zeros(2)).tolist() == [0.0, 0.0]
    assert metrics.mape(Y, Y + 1.0, sample_weight=WEIGHT * 8e307) == pytest.approx(
        metrics.mape(Y, Y + 1.0, sample_weight=WEIGHT)
    )


def test_data_far_from_the_first_piece_are_told_of() -> None:
    model = RNNRegressor(**SMALL).partial_fit(X[:2] * 1e-6, Y[:2] * 1e-6)
    with pytest.warns(UserWarning, match="[Xy] is about .* times as far from the mean"):
        model.partial_fit(X, Y)


def test_padding_is_not_far_from_the_first_piece() -> None:
    x, lengths = np.zeros((12, 20, 1)), np.full(12, 5)
    x[:, :5] = 1000.0 + X
    model = RNNRegressor(**SMALL).partial_fit(x, x, lengths=lengths)
    model.partial_fit(x, x, lengths=lengths)


def test_one_sequence_in_two_dimensions_is_told_of() -> None:
    with pytest.warns(UserWarning, match=r"read as 5 sequences of one step.*X\[None\]"):
        assert REGRESSOR.predict(X[0]).shape[0] == 5
