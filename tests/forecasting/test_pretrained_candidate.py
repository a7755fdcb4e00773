"""The network of the package as a candidate: the same forecast as without training, wherever a mixture goes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from forecastrnn import RNNForecaster, load
from forecastrnn.datasets import load_airline, make_series
from forecastrnn.forecasting.candidates.candidate import KnownSeries
from forecastrnn.forecasting.pretrained_candidate import HEAD, PRETRAINED, kept_of
from support.forecaster_cases import quick

OFTEN = np.concatenate([np.arange(40.0) % 7 + 1.0, np.arange(40.0) % 7 + 1.0, np.full(3, 3.0)])
OFTEN[:12], OFTEN[40:51] = 0.0, 0.0  # 12 of 40 values, and 11 of 40; then a series of three


def mixed(**options: object) -> RNNForecaster:
    return quick(**{"candidates": ["pretrained"], "season_length": 12} | options)


def forecast_of(model: RNNForecaster, h: int) -> np.ndarray:
    fitted = model._model
    return fitted.mixture.forecasts(fitted.tail.candidates, h)[0]


@pytest.mark.parametrize("is_panel", [False, True])
def test_it_forecasts_as_without_training(is_panel: bool) -> None:
    y = make_series(3, 60, random_state=0) if is_panel else load_airline()
    alone = RNNForecaster.pretrained(season_length=12, missing="mask", bounds=None).predict(9, y=y).to_numpy()
    np.testing.assert_array_equal(forecast_of(mixed(missing="mask").fit(y), 9), np.atleast_2d(alone.T))


def test_it_is_mixed_where_it_is_named() -> None:
    y = load_airline()
    model = mixed().fit(y)
    assert 0.01 < model.weights_.loc["airline", "pretrained"] < 1.0
    assert (model.predict(5) != mixed(candidates="network").fit(y).predict(5)).all()
    assert "pretrained" not in quick(candidates="auto").fit(y).weights_


def test_update_stream_and_files_go_on(tmp_path: Path) -> None:
    y = load_airline()
    model, other = mixed().fit(y[:-12]), mixed().fit(y[:-12])
    model.save(tmp_path / "model.rnn")
    np.testing.assert_array_equal(load(tmp_path / "model.rnn").predict(5), model.predict(5))
    stream = model.stream()
    steps = [stream.step(value) for value in y[-12:]]
    assert steps[-1] == model.update(y[-12:]).predict(1).iloc[0]
    for k in range(12, 0, -4):
        other.update(y[-k : len(y) - k + 4])
    np.testing.assert_array_equal(other.predict(5), model.predict(5))
    whole = RNNForecaster.pretrained(season_length=12).predict(5, y=y)
    np.testing.assert_array_equal(forecast_of(model, 5)[0], whole)


def test_as_much_is_kept_as_it_has_learned_from() -> None:
    assert [kept_of(season) for season in (1, 12, 24, 52, 5000)] == [240, 240, 336, 728, 2500]
    model = mixed(season_length=[1]).fit(np.sin(np.arange(700.0)))
    states = model._model.tail.candidates.states[0]
    np.testing.assert_array_equal(states[0, HEAD:], np.sin(np.arange(460.0, 700.0)))
    assert PRETRAINED.is_sound(states) and not PRETRAINED.is_sound(states[:, :-1])


def test_it_leaves_series_alone_that_are_often_zero() -> None:
    """In 30% of their values or more: what is mixed with it is exactly zero as often."""
    offsets = np.array([0, 40, 80, 83])
    states = PRETRAINED.begin(KnownSeries(values=OFTEN, offsets=offsets, season=1, periods=np.ones(3, int)))
    assert np.isnan(PRETRAINED.ahead(states, 2)).all(axis=1).tolist() == [True, False, True]
    moved = PRETRAINED.behind(states, np.zeros(2), np.array([0, 2]), np.array([1]))
    assert np.isnan(PRETRAINED.ahead(moved, 2)[1]).all()
