"""The causal seasonal figure against a slow restatement, and what must hold for any series."""

from __future__ import annotations

import numpy as np
import pytest

from forecastrnn.forecasting.seasonal import remove_figures
from support.naive_seasonal import SEASONS, naive_figure, seasonal_series


def run(
    z: np.ndarray, offsets: np.ndarray, season: int, steady: bool = False
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    count = len(offsets) - 1
    removed, after = np.full(len(z), np.nan), np.full((count, 7 * season), np.nan)
    periods = np.zeros(count, np.int64)
    remove_figures(z, offsets, season, removed, after, periods, steady=steady)
    return removed, after, periods


@pytest.mark.parametrize("steady", [False, True])
@pytest.mark.parametrize("season", SEASONS)
@pytest.mark.parametrize("weeks", [1, 2, 3, 7])
def test_figure_equals_the_slow_one(season: int, weeks: int, steady: bool) -> None:
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
    removed, after, periods = run(np.concatenate(series), offsets, season, steady)
    for i, z in enumerate(series):
        figure, behind, period = naive_figure(z, season, steady)
        assert periods[i] == period
        np.testing.assert_allclose(removed[offsets[i] : offsets[i + 1]], figure, atol=1e-10)
        np.testing.assert_allclose(after[i, :period], behind, atol=1e-10)


def test_long_period_is_found() -> None:
    z = seasonal_series(np.random.default_rng(0), 24 * 7 * 6, 24, 7)
    removed, after, periods = run(z, np.array([0, len(z)]), 24)
    assert periods[0] == 168
    assert np.diff(z - removed)[-336:].std() < 0.5 * np.diff(z)[-336:].std()


def asked(z: np.ndarray, season: int, longer: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray, int]:
    removed, after, periods = np.empty(len(z)), np.empty((1, 60 * season)), np.zeros(1, np.int64)
    remove_figures(z, np.array([0, len(z)]), season, removed, after, periods, longer=longer)
    return removed, after[0], int(periods[0])


def test_the_season_asked_for_is_that_which_is_found() -> None:
    z = seasonal_series(np.random.default_rng(0), 24 * 7 * 6, 24, 7)
    own, found = asked(z, 24, (7,)), asked(z, 24, ())
    assert own[2] == found[2] == 168
    np.testing.assert_array_equal(own[0], found[0])
    np.testing.assert_array_equal(own[1], found[1])


@pytest.mark.parametrize(("n", "longer", "period"), [(999, (12,), 48), (147, (12,), 4), (999, (3, 12), 48),
                                                      (999, (3,), 12)])  # fmt: skip
def test_longer_seasons_than_are_looked_for(n: int, longer: tuple[int, ...], period: int) -> None:
    """Three cycles of 48 and a season are 148 values; a cycle of 12 within that of 48 is one by itself."""
    rng, t = np.random.default_rng(1), np.arange(999)
    short, middle, long = rng.normal(size=4), rng.normal(size=12), 3.0 * rng.normal(size=48)
    z = (short[t % 4] + 3.0 * middle[t % 12] + long[t % 48] + 0.1 * rng.normal(size=999))[:n]
    removed, after, found = asked(z, 4, longer)
    assert found == period
    if period == 48:
        rest = z - removed
        assert rest[-200:].std() < 0.2 * z.std()
        following = short[(n + t) % 4] + 3.0 * middle[(n + t) % 12] + long[(n + t) % 48]
        assert np.abs(after - after.mean() - following[:240] + following.mean()).max() < 0.5


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
