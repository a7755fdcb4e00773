"""The causal seasonal figure, restated slowly in plain NumPy; series that have one."""

from __future__ import annotations

import numpy as np

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


def mean_error(x: np.ndarray, width: int, times: np.ndarray, power: int) -> float:
    return float((np.abs(x[times] - trailing_mean(x, width)[times - 1]) ** power).mean())


def best_stage(z: np.ndarray, season: int, period: int, width: int, steady: bool) -> tuple | None:
    """(relative error, figure, figure behind the end) of the best gamma and kappa, or None."""
    best, d = None, differences(z, period)
    for gamma in GAMMAS:
        figure, seen, after = figure_of(d, period, gamma)
        times = np.flatnonzero((seen > 0) & (np.arange(len(z)) >= max(width, len(z) // 2 if steady else 0)))
        if len(times) < max(min(season, period // 2), 1):
            return None
        plain = mean_error(z, width, times, 1 + steady)
        for kappa in KAPPAS[steady:]:
            error = mean_error(z - kappa * figure, width, times, 1 + steady) / plain
            if best is None or error < best[0] - 1e-12:
                best = error, kappa * figure, kappa * after
    return best


def naive_figure(z: np.ndarray, season: int, steady: bool = False) -> tuple[np.ndarray, np.ndarray, int]:
    """(figure to remove, figure of one period behind the end, period)."""
    n, width = len(z), max(season, 4)
    figure, after, period = np.zeros(n), np.zeros(season), season
    if season < 2 or n < 2 * season:
        return figure, after, period
    first = best_stage(z, season, season, width, steady)
    if first is not None and first[0] < 1.0:
        figure, after = first[1], first[2]
    rest, second = z - figure, None
    for k in range(2, 8):
        if n < 3 * k * season + season:
            break
        found = best_stage(rest, season, k * season, k * season, steady)
        if found and found[0] < min(0.97 if k == 7 else 0.93, np.inf if second is None else second[0]):
            second, period = found, k * season
    if second is not None:
        figure, after = figure + second[1], np.tile(after, period // season) + second[2]
    return figure, after, period


def seasonal_series(rng: np.random.Generator, n: int, season: int, weeks: int = 1) -> np.ndarray:
    """A random walk, a figure that repeats, and one of a longer period."""
    t = np.arange(n)
    short, long = rng.normal(size=season), rng.normal(size=season * weeks)
    walk = np.cumsum(rng.normal(size=n)) * 0.2
    return walk + short[t % season] + 2.0 * long[t % (season * weeks)] + 0.1 * rng.normal(size=n)
