"""A season that nobody has named: found where it is, not where there is none, and used as though it had been given."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from forecastrnn.engine.cpu.autocorrelation import add_autocorrelations
from forecastrnn.forecasting.period_search import find_season
from support.forecaster_cases import quick


def seasonal(season: int, n: int, noise: float = 0.5, seed: int = 0) -> np.ndarray:
    """A random walk, a figure and noise."""
    rng = np.random.default_rng(seed)
    return (
        0.2 * rng.normal(size=n).cumsum() + rng.normal(size=season)[np.arange(n) % season] + noise * rng.normal(size=n)
    )


def found_in(*series: np.ndarray, usual: int = 1) -> int:
    return find_season(np.concatenate(series), np.cumsum([0, *map(len, series)]), usual)


@pytest.mark.parametrize("season", [4, 7, 12, 24, 52])
def test_it_is_found(season: int) -> None:
    """In one long series, and in many short ones, of which some have gaps or begin with one."""
    assert found_in(seasonal(season, 30 * season)) == season
    many = [seasonal(season, 5 * season, seed=k) for k in range(60)]
    for k in range(0, 60, 4):
        many[k][:3] = many[k][7] = np.nan
    assert found_in(*many) == season
    smooth = 10.0 + np.sin(2 * np.pi * np.arange(30 * season) / season)
    assert found_in(smooth) == season


@pytest.mark.parametrize("shape", [(1, 60), (1, 1000), (40, 30), (200, 12)])
def test_noise_walks_and_trends_have_none(shape: tuple[int, int]) -> None:
    for seed in range(20):
        noise = np.random.default_rng(seed).normal(size=shape)
        assert found_in(*noise) == found_in(*noise.cumsum(axis=1)) == found_in(*(noise + np.arange(shape[1]))) == 1
    assert found_in(np.ones(50), np.arange(50.0)) == 1 and found_in(np.full(50, np.nan)) == 1
    assert found_in(seasonal(12, 40)) == 1  # three cycles tell too little


def test_the_usual_one_wins_where_it_is_near() -> None:
    """The year of weeks has 52.2, and the shortest of what is as likely is taken otherwise."""
    y = np.sin(2 * np.pi * np.arange(800) / 52.18)
    assert found_in(y) in (51, 52, 53) and found_in(y, usual=52) == 52
    assert found_in(np.sin(2 * np.pi * np.arange(400) / 12), usual=52) == 12


def test_autocorrelations_equal_the_slow_ones() -> None:
    rng = np.random.default_rng(0)
    series = [rng.normal(size=n).cumsum() for n in (9, 40, 21)]
    totals, counts = np.zeros((2, 20))
    add_autocorrelations(np.concatenate(series), np.array([0, 9, 49, 70]), 18, 2, totals, counts)
    for lag in range(1, 19):
        told = [np.diff(y) - np.diff(y).mean() for y in series if lag <= (len(y) - 1) // 2]
        each = [len(d) * (d[lag:] * d[:-lag]).mean() / (d * d).mean() for d in told]
        assert totals[lag] == pytest.approx(sum(each), rel=1e-9) and counts[lag] == sum(map(len, told))


def test_it_is_as_though_it_had_been_given() -> None:
    y = seasonal(12, 200)
    for given in (None, 1):
        model = quick(season_length=given).fit(y)
        assert model.season_length_ == 12 and model.periods_.tolist() == [12]
        np.testing.assert_array_equal(model.predict(5), quick(season_length=12).fit(y).predict(5))
    none = quick(season_length=[1]).fit(y)
    assert none.season_length_ == 1 and none.periods_.tolist() == [1]
    weeks = pd.Series(np.sin(2 * np.pi * np.arange(400) / 52.18), pd.date_range("2015-01-04", periods=400, freq="W"))
    assert quick(season_length=1).fit(weeks).season_length_ == 52


@pytest.mark.parametrize("n, season", [(40, 1), (120, 4)])
def test_few_years_have_none(n: int, season: int) -> None:
    """A calendar that knows none is believed until the series are long."""
    years = pd.Series(50.0 + np.arange(n) % 4, pd.date_range("1800", periods=n, freq="YE"))
    assert quick().fit(years).season_length_ == season


def test_a_warm_start_keeps_it() -> None:
    model = quick(warm_start=True).fit(seasonal(12, 200))
    assert model.fit(np.random.default_rng(0).normal(size=200)).season_length_ == 12


def test_the_week_behind_the_day_needs_less() -> None:
    """Of seven seasons 3% are enough, of others 7% are needed."""
    for multiple, used in ((7, 28), (5, 4)):
        y = seasonal(4, 400) + 0.6 * np.random.default_rng(1).normal(size=4 * multiple)[np.arange(400) % (4 * multiple)]
        assert quick(season_length=4).fit(y).periods_.tolist() == [used]
