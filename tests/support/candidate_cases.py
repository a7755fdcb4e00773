"""Series for candidates: usual ones, and those that break formulas."""

from __future__ import annotations

import numpy as np

from forecastrnn.forecasting.candidates.candidate import KnownSeries


def known(*series: np.ndarray, season: int = 12, periods: list[int] | None = None) -> KnownSeries:
    """Series end to end."""
    offsets = np.cumsum([0, *map(len, series)])
    own = np.full(len(series), season) if periods is None else np.array(periods)
    return KnownSeries(values=np.concatenate(series).astype(float), offsets=offsets, season=season, periods=own)


def with_gaps(y: np.ndarray, rng: np.random.Generator, share: float = 0.1) -> np.ndarray:
    """Some values missing, not the first and the last."""
    y = y.copy()
    y[1:-1][rng.random(len(y) - 2) < share] = np.nan
    return y


def monthly(rng: np.random.Generator, n: int) -> np.ndarray:
    """A positive series with trend and season."""
    t = np.arange(n)
    return (100 + t) * (1 + 0.3 * np.sin(2 * np.pi * t / 12)) * np.exp(0.03 * rng.normal(size=n))


def usual(rng: np.random.Generator) -> KnownSeries:
    """Positive ones, one around zero, counts with many zeros, gaps; of several lengths."""
    walk = np.cumsum(rng.normal(size=60))
    counts = rng.poisson(0.4, 90).astype(float)
    return known(monthly(rng, 75), with_gaps(monthly(rng, 120), rng), walk, with_gaps(walk * 50 - 1000, rng), counts,
                 with_gaps(monthly(rng, 20), rng), periods=[12, 36, 12, 24, 24, 12])  # fmt: skip


def hard(season: int = 12) -> KnownSeries:
    """Constants, tiny and huge values, one to three values, a spike, one tiny value among others, a large level."""
    t = np.arange(40)
    wave = 2.0 + np.sin(2 * np.pi * t / 12)
    spike = wave.copy()
    spike[30] = 1e12
    tiny = wave.copy()
    tiny[20] = 1e-12
    return known(
        np.full(30, 7.0), np.zeros(30), np.full(2, -3.0), np.array([5.0]), np.array([1.0, 3.0]),
        np.array([1.0, 4.0, 2.0]),
        wave * 1e-300, wave * 1e300, -wave * 1e300, spike, tiny, 1e9 + wave, np.where(t % 7 == 0, 3.0, 0.0), 1.5**t,
        np.array([1.0, np.nan, np.nan, 2.0]), np.array([-1e300, 1e300, -1e300, 1e300, 5.0]),
        season=season, periods=[2 * season] * 16,
    )  # fmt: skip
