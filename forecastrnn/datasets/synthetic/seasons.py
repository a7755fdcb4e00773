"""What repeats: figures of one season, that drift and grow, and a second, longer season on top."""

from __future__ import annotations

import numpy as np

from forecastrnn.datasets.synthetic.draws import log_uniform, of_some, smooth, unit, walk

Array = np.ndarray
HARMONICS = 5
SECOND = {4: (13,), 7: (4, 52), 12: (5, 10), 24: (7,), 48: (7,), 96: (7,)}  # longer seasons, in seasons, of some


def seasons(rng: np.random.Generator, n: int, length: int, season: int) -> Array:
    """Seasonal parts (n, length) of mean absolute size 1, whose figure stays, or drifts to another one, or swells."""
    figure = repeated(rng, n, length, season)

    def drifting(rng: np.random.Generator, n: int, length: int) -> Array:
        size = walk(rng, n, length) / np.sqrt(length) * log_uniform(rng, 0.1, 1.5, n)
        return size * repeated(rng, n, length, season)

    def swelling(rng: np.random.Generator, n: int, length: int) -> Array:
        return 0.5 * smooth(rng, n, length, 0.2, 4.0)

    figure += of_some(rng, 0.35, n, length, drifting)
    return figure * np.exp(of_some(rng, 0.2, n, length, swelling))


def repeated(rng: np.random.Generator, n: int, length: int, season: int) -> Array:
    """One figure (n, season), of one of five kinds for each series, over and over."""
    phase = np.arange(season) / season
    around = np.abs((phase - rng.random((n, 1)) + 0.5) % 1.0 - 0.5)
    rough = rng.standard_normal((n, season))
    rare = rng.exponential(1.0, (n, season)) * (rng.random((n, season)) < max(0.12, 1.2 / season))
    waves = harmonics(rng, n, phase)
    bump = np.exp(-0.5 * (around / log_uniform(rng, 0.06, 0.3, n)) ** 2)
    kinds = np.stack([waves, waves + 0.4 * rough, rough, bump, rare * rng.choice([-1.0, 1.0], (n, 1))])
    kind = rng.choice(len(kinds), n, p=[0.3, 0.15, 0.3, 0.15, 0.1])
    figure = unit(kinds[kind, np.arange(n)])
    return figure[:, (np.arange(length) + int(rng.integers(season))) % season]


def harmonics(rng: np.random.Generator, n: int, phase: Array) -> Array:
    """A few waves in a season, the higher ones ever lower."""
    order = np.arange(1, HARMONICS + 1)[:, None]
    height = rng.standard_normal((n, HARMONICS, 1)) * order ** -rng.uniform(0.0, 2.0, (n, 1, 1))
    return (height * np.cos(2.0 * np.pi * (order * phase + rng.random((n, HARMONICS, 1))))).sum(axis=1)


def longer(rng: np.random.Generator, season: Array, length: int, m: int) -> Array:
    """A second season of several first ones, (n, length): levels of its parts, or parts with another figure.

    season (n, length) : the first one, of m steps.
    """
    n, times = len(season), int(rng.choice(SECOND.get(m, (2, 3, 5, 7))))
    part = (np.arange(length) + int(rng.integers(m * times))) // m % times
    size = np.abs(season).mean(axis=1, keepdims=True) * log_uniform(rng, 0.1, 1.0, n)
    off = (rng.random((n, times)) < 0.3)[:, part] if times != 7 else np.broadcast_to(part >= 5, season.shape)
    levelled = unit(rng.standard_normal((n, times)))[:, part] * size
    other = np.where(off, repeated(rng, n, length, m) * size - 0.5 * season, 0.0)
    lowered = np.where(off, -rng.random((n, 1)) * season - 1.5 * size * rng.random((n, 1)), 0.0)
    whole = repeated(rng, n, length, m * times) * size
    kind = rng.integers(0, 4, (n, 1))
    return np.where(kind == 0, levelled, np.where(kind == 1, other, np.where(kind == 2, lowered, whole)))
