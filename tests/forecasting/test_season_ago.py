"""The value a season ago, value by value."""

from __future__ import annotations

import numpy as np
import pytest

from forecastrnn.forecasting.candidates.candidate import KnownSeries
from forecastrnn.forecasting.candidates.season_ago import SEASON_AGO, SECOND_SEASON_AGO
from support.candidate_cases import known, usual


def slow(y: np.ndarray, period: int, h: int) -> np.ndarray:
    """Back by whole periods until there is a value; the last one of all where there is none."""
    found = []
    for step in range(1, h + 1):
        t = len(y) - 1 + step
        while t >= len(y) or (t >= 0 and np.isnan(y[t])):
            t -= period if len(y) >= period else 1
        found.append(y[t] if t >= 0 else y[~np.isnan(y)][-1])
    return np.array(found)


def slow_table(series: KnownSeries, periods: np.ndarray, h: int) -> np.ndarray:
    return np.array([
        slow(series.values[lo:hi], period, h)
        for lo, hi, period in zip(series.offsets, series.offsets[1:], periods)
    ])  # fmt: skip


@pytest.mark.parametrize("seed", range(5))
def test_equals_the_slow_one(seed: int) -> None:
    series = usual(np.random.default_rng(seed))
    of_season = slow_table(series, np.full(series.n_series, 12), 50)
    np.testing.assert_array_equal(SEASON_AGO.ahead(SEASON_AGO.begin(series), 50), of_season)
    of_period = slow_table(series, series.periods, 50)
    of_period[series.periods == 12] = np.nan
    np.testing.assert_array_equal(SECOND_SEASON_AGO.ahead(SECOND_SEASON_AGO.begin(series), 50), of_period)


def test_new_values_take_their_places() -> None:
    states = SEASON_AGO.begin(known(np.arange(1.0, 9.0), season=4))
    states = SEASON_AGO.behind(states, np.array([10.0, np.nan, 12.0]), np.array([0, 3]), np.array([0]))
    assert SEASON_AGO.ahead(states, 5)[0].tolist() == [8.0, 10.0, 6.0, 12.0, 8.0]


def test_states_of_a_file_are_checked() -> None:
    states = SEASON_AGO.begin(usual(np.random.default_rng(0)))
    assert SEASON_AGO.is_sound(states)
    for column, value in ((0, 13.0), (0, -1.0), (0, np.nan), (0, 1.5), (1, 12.0), (1, -1.0), (1, 0.5)):
        broken = states.copy()
        broken[2, column] = value
        assert not SEASON_AGO.is_sound(broken)
    assert not SEASON_AGO.is_sound(states[:, :3])
