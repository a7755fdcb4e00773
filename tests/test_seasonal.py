"""The causal seasonal figure against a slow restatement, and what must hold for any series."""

from __future__ import annotations

import numpy as np
import pytest

from forecastrnn.seasonal import remove_figures

GAMMAS, KAPPAS = (0.0, 0.15, 0.3), (0.5, 1.0)
SEASONS = (1, 2, 4, 7, 12, 24)


def trailing_mean(z: np.ndarray, width: int) -> np.ndarray:
    """Mean of the last `width` values at each time, of fewer at the start."""
    return np.array([z[max(0, t - width + 1) : t + 1].mean() for t in range(len(z))])


def differences(z: np.ndarray, period: int) -> np.ndarray:
    """z minus a centred moving average; the first one holds for all before it, there is none at the end."""
    weight = np.ones(period + 1 - period % 2)
    if period % 2 == 0:
        weight[[0, -1]] = 0.5
    half, average = len(weight) // 2, np.full(len(z), np.nan)
    for t in range(half, len(z) - half):
        average[t] = (weight * z[t - half : t + half + 1]).sum() / period
    average[:half] = average[half] if len(z) >= len(weight) else np.nan
    return z - average


def figure_of(d: np.ndarray, period: int, gamma: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cycle by cycle: the figure before each, the cycles it rests on, and the figure behind the end."""
    n = len(d)
    table, count = np.zeros(period), np.zeros(period)
    figure, seen = np.zeros(n), np.zeros(n)
    for begin in range(0, n, period):
        cycle = d[begin : begin + period]
        figure[begin : begin + period] = table[: len(cycle)]
        seen[begin : begin + period] = count[: len(cycle)]
        for j in np.flatnonzero(~np.isnan(cycle)):
            count[j] += 1
            table[j] += max(1.0 / count[j], gamma) * (cycle[j] - table[j])
    return figure, seen, table[(n + np.arange(period)) % period]


def mean_error(x: np.ndarray, width: int, times: np.ndarray) -> float:
    return float(np.abs(x[times] - trailing_mean(x, width)[times - 1]).mean())


def best_stage(z: np.ndarray, season: int, period: int, width: int) -> tuple | None:
    """(relative error, figure, figure behind the end) of the best gamma and kappa, or None."""
    best, d = None, differences(z, period)
    for gamma in GAMMAS:
        figure, seen, after = figure_of(d, period, gamma)
        times = np.flatnonzero((seen > 0) & (np.arange(len(z)) >= width))
        if len(times) < max(min(season, period // 2), 1):
            return None
        plain = mean_error(z, width, times)
        for kappa in KAPPAS:
            error = mean_error(z - kappa * figure, width, times) / plain
            if best is None or error < best[0] - 1e-12:
                best = error, kappa * figure, kappa * after
    return best


def naive_figure(z: np.ndarray, season: int) -> tuple[np.ndarray, np.ndarray, int]:
    """(figure to remove, figure of one period behind the end, period)."""
    n, width = len(z), max(season, 4)
    figure, after, period = np.zeros(n), np.zeros(season), season
    if season < 2 or n < 2 * season:
        return figure, after, period
    first = best_stage(z, season, season, width)
    if first is not None and first[0] < 1.0:
        figure, after = first[1], first[2]
    rest, second = z - figure, None
    for k in range(2, 8):
        if n < 3 * k * season + season:
            break
        found = best_stage(rest, season, k * season, k * season)
        if found and found[0] < (0.93 if second is None else second[0]):
            second, period = found, k * season
    if second is not None:
        figure, after = figure + second[1], np.tile(after, period // season) + second[2]
    return figure, after, period


def run(z: np.ndarray, offsets: np.ndarray, season: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    count = len(offsets) - 1
    removed, after = np.full(len(z), np.nan), np.full((count, 7 * season), np.nan)
    periods = np.zeros(count, np.int64)
    remove_figures(z, offsets, season, removed, after, periods)
    return removed, after, periods


def seasonal_series(rng: np.random.Generator, n: int, season: int, weeks: int = 1) -> np.ndarray:
    """A random walk, a figure that repeats, and one of a longer period."""
    t = np.arange(n)
    short, long = rng.normal(size=season), rng.normal(size=season * weeks)
    walk = np.cumsum(rng.normal(size=n)) * 0.2
    return walk + short[t % season] + 2.0 * long[t % (season * weeks)] + 0.1 * rng.normal(size=n)


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
