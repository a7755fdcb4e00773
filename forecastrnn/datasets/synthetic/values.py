"""From a level, a season and noise to values as they are measured: amounts, counts, shares, with what goes wrong."""

from __future__ import annotations

import numpy as np

from forecastrnn.datasets.synthetic.draws import filtered, happens, log_uniform, noise, of_some, smooth

Array = np.ndarray
STEEPEST = 6.0  # logarithms stay so near to where they begin


def shocks(rng: np.random.Generator, n: int, length: int) -> Array:
    """Noise (n, length) of all sizes; a quarter is louder at times, a seventh is echoed one step later."""
    found = noise(rng, n, length) * log_uniform(rng, 0.01, 1.2, n)
    found *= np.exp(of_some(rng, 0.25, n, length, louder))
    echo = np.zeros((n, length))
    echo[:, 0], echo[:, 1:2] = 1.0, rng.uniform(-0.8, 0.8, (n, 1))
    return np.where(happens(rng, 0.15, n), filtered(found, echo), found)


def louder(rng: np.random.Generator, n: int, length: int) -> Array:
    """Logarithms of how loud noise is over time."""
    return 0.7 * smooth(rng, n, length, 0.5, 10.0)


def measured(rng: np.random.Generator, level: Array, season: Array, shock: Array) -> Array:
    """Values (n, length): growth in proportion, sums, or a seasonal share of a level; some are counts or shares."""
    n, whole = len(level), level + season + shock
    spread = np.abs(whole - whole.mean(axis=1, keepdims=True)).mean(axis=1, keepdims=True)
    gain = log_uniform(rng, 0.03, 0.8, n) / (0.3 + spread)
    logs = np.clip((whole - whole[:, :1]) * gain, -STEEPEST, STEEPEST)
    curved = np.exp(np.clip((level - level[:, :1]) * gain, -STEEPEST, STEEPEST))
    shared = curved * np.maximum(1.0 + (season + shock) * gain, 0.02)
    above = np.abs(whole).max(axis=1, keepdims=True) + 3.0
    summed = whole + 3.0 * rng.standard_normal((n, 1)) + np.where(happens(rng, 0.7, n), above, 0.0)
    kind = rng.random((n, 1))
    found = np.where(kind < 0.45, np.exp(logs), np.where(kind < 0.75, summed, shared))
    found = spiked(rng, found, is_positive=(kind < 0.45) | (kind >= 0.75))
    found = np.where(happens(rng, 0.04, n), bounded(rng, whole), found)
    found = found * 10.0 ** rng.uniform(-1.0, 4.0, (n, 1))
    rows = np.flatnonzero(rng.random(n) < 0.14)
    found[rows] = counts(rng, logs[rows])
    return rounded(rng, found)


def counts(rng: np.random.Generator, logs: Array) -> Array:
    """Counts (n, length) about a moving rate, some overdispersed, some of them on some days alone."""
    n, length = logs.shape
    rate = np.exp(np.clip(logs - logs.mean(axis=1, keepdims=True), -4.0, 4.0)) * log_uniform(rng, 0.08, 150.0, n)
    crowded = rng.gamma(np.broadcast_to(log_uniform(rng, 0.3, 10.0, n), logs.shape))
    crowded /= crowded.mean(axis=1, keepdims=True) + 1e-9
    found = rng.poisson(np.minimum(rate * np.where(happens(rng, 0.5, n), crowded, 1.0), 1e6)).astype(float)
    open_days = rng.random((n, length)) < rng.uniform(0.1, 0.9, (n, 1))
    return np.where(happens(rng, 0.25, n), found * open_days, found)


def bounded(rng: np.random.Generator, whole: Array) -> Array:
    """Shares between 0 and 1, or what is cut off above as by a full store."""
    n = len(whole)
    share = 1.0 / (1.0 + np.exp(-np.clip(whole * log_uniform(rng, 0.3, 2.0, n), -30.0, 30.0)))
    top = np.quantile(whole, 0.85, axis=1, keepdims=True)
    return np.where(happens(rng, 0.5, n), share, np.minimum(whole, top) - whole.min(axis=1, keepdims=True) + 0.5)


def spiked(rng: np.random.Generator, values: Array, is_positive: Array) -> Array:
    """A fifth of the series has a few values that are far off."""
    n, length = values.shape
    size = np.abs(values - values.mean(axis=1, keepdims=True)).mean(axis=1, keepdims=True)
    hit = (rng.random((n, length)) < 2.5 / length) & happens(rng, 0.2, n)
    off = values + size * rng.standard_normal((n, length)) * np.where(is_positive, 2.0, 5.0)
    off = np.where(is_positive, np.maximum(off, 0.1 * values), off)
    return np.where(hit, off, values)


def rounded(rng: np.random.Generator, values: Array) -> Array:
    """A seventh of the series is in whole numbers, where these are large."""
    whole = happens(rng, 0.15, len(values)) & (np.abs(values).mean(axis=1, keepdims=True) > 20.0)
    return np.where(whole, np.round(values), values)


def with_gaps(rng: np.random.Generator, values: Array) -> Array:
    """A twelfth of the series lacks up to a seventh of its values."""
    n = len(values)
    lost = (rng.random(values.shape) < rng.uniform(0.01, 0.15, (n, 1))) & happens(rng, 0.08, n)
    lost[:, 0] = False  # a series begins with a value
    return np.where(lost, np.nan, values)
