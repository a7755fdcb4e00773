"""The causal seasonal figure against a slow restatement, and what must hold for any series."""

from __future__ import annotations

import numpy as np
import pytest

from forecastrnn.forecasting.seasonal import remove_figures
from support.naive_seasonal import SEASONS, naive_figure, seasonal_series


def run(z: np.ndarray, offsets: np.ndarray, season: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    count = len(offsets) - 1
    removed, after = np.full(len(z), np.nan), np.full((count, 7 * season), np.nan)
    periods = np.zeros(count, np.int64)
    remove_figures(z, offsets, season, removed, after, periods)
    return removed, after, periods


@pytest.mark.parametrize("season", SEASONS)
@pytest.mark.parametrize("weeks", [1, 2, 3, 7])
def test_figure_equals_the_slow_one(season: int, weeks: int) -> None:
    rng = np.random.default_rng([season, weeks])
    lengths = [
        4,
        2 * season,
        2 * season + 1,
        3 * season + 5,
        5 * season - 1,
        10 * season + 3,
        23 * weeks * season // 7 + 9,
    ]
    series = [seasonal_series(rng, max(n, 4), season, weeks) for n in lengths]
    offsets = np.cumsum([0] + [len(z) for z in series])
    removed, after, periods = run(np.concatenate(series), offsets, season)
    for i, z in enumerate(series):
        figure, behind, period = naive_figure(z, season)
        assert periods[i] == period
        np.testing.assert_allclose(removed[offsets[i] : offsets[i + 1]], figure, atol=1e-10)
        np.testing.assert_allclose(after[i, :period], behind, atol=1e-10)


def test_long_period_is_found() -> None:
    z = seasonal_series(np.random.default_rng(0), 24 * 7 * 6, 24, 7)
    removed, after, periods = run(z, np.array([0, len(z)]), 24)
    assert periods[0] == 168
    assert np.diff(z - removed)[-336:].std() < 0.5 * np.diff(z)[-336:].std()


def test_figure_is_causal() -> None:
    """Given gamma and kappa, later values do not change the figure: here those that a longer series keeps too."""
    rng = np.random.default_rng(3)
    z = np.tile(rng.normal(size=12), 12) + 0.01 * rng.normal(size=144)
    whole = run(z, np.array([0, 144]), 12)[0]
    part = run(z[:132].copy(), np.array([0, 132]), 12)[0]
    np.testing.assert_allclose(part[:120], whole[:120], atol=1e-12)


def test_pure_figure_continues_behind_the_end() -> None:
    figure = np.array([3.0, -1.0, -2.0, 0.0])
    z = np.tile(figure, 9)[:-1]
    after = run(z, np.array([0, len(z)]), 4)[1]
    np.testing.assert_allclose(after[0, :4], figure[[3, 0, 1, 2]], atol=1e-12)


@pytest.mark.parametrize("value", [0.0, 1.0, -3.5, 1e30, 1e-30])
@pytest.mark.parametrize("season", [1, 4, 7])
@pytest.mark.parametrize("n", [4, 15, 100])
def test_constant_series_have_no_figure(value: float, season: int, n: int) -> None:
    removed, after, periods = run(np.full(n, value), np.array([0, n]), season)
    assert np.abs(removed).max() <= 1e-12 * abs(value)
    assert np.abs(after).max() <= 1e-12 * abs(value)
    assert periods[0] % season == 0
