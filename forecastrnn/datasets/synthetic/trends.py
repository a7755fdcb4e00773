"""Where the level of series goes: lines that bend, break and saturate, walks, waves and shifts."""

from __future__ import annotations

import numpy as np

from forecastrnn.datasets.synthetic.draws import (
    autoregression,
    happens,
    log_uniform,
    of_some,
    smooth,
    swinging,
    unit,
    walk,
)

Array = np.ndarray
USUAL = 150  # steps that a slope is measured by: longer series go further


def levels(rng: np.random.Generator, n: int, length: int) -> Array:
    """The sum (n, length) of what a series has of all that moves a level."""
    parts = (
        (0.5, line),
        (0.5, wandering),
        (0.2, drifting),
        (0.3, fading),
        (0.15, waving),
        (0.2, bending),
        (0.12, shifts),
    )
    return sum((of_some(rng, share, n, length, part) for share, part in parts), np.zeros((n, length)))


def amount(rng: np.random.Generator, n: int) -> Array:
    """How large a part of a series is beside others."""
    return log_uniform(rng, 0.1, 2.0, n)


def line(rng: np.random.Generator, n: int, length: int) -> Array:
    """A line; a third goes to an end, damped or as an S, a quarter breaks."""
    t = np.arange(length) / length
    slope = rng.standard_normal((n, 1)) * log_uniform(rng, 0.2, 4.0, n) * np.sqrt(length / USUAL)
    damped = 1.0 - np.exp(-t / log_uniform(rng, 0.1, 2.0, n))
    late = 1.0 / (1.0 + np.exp(-(t - rng.random((n, 1))) / log_uniform(rng, 0.03, 0.3, n)))
    kind = rng.random((n, 1))
    shape = np.where(kind < 0.2, damped, np.where(kind < 0.35, late, t))
    broken = rng.standard_normal((n, 1)) * 2.0 * np.maximum(t - rng.random((n, 1)), 0.0)
    return slope * shape + np.where(happens(rng, 0.25, n), broken, 0.0)


def drifting(rng: np.random.Generator, n: int, length: int) -> Array:
    """A level whose slope is itself an autoregression: trends that last a while."""
    return unit(np.cumsum(autoregression(rng, n, length, 2.0, 60.0), axis=1)) * log_uniform(rng, 0.2, 3.0, n)


def wandering(rng: np.random.Generator, n: int, length: int) -> Array:
    """A random walk of small steps or large ones."""
    return walk(rng, n, length) * log_uniform(rng, 0.01, 0.6, n)


def fading(rng: np.random.Generator, n: int, length: int) -> Array:
    """An autoregression: a level that is left and comes back."""
    return unit(autoregression(rng, n, length, 1.0, 200.0)) * amount(rng, n)


def waving(rng: np.random.Generator, n: int, length: int) -> Array:
    """Waves without a fixed phase."""
    return unit(swinging(rng, n, length)) * amount(rng, n)


def bending(rng: np.random.Generator, n: int, length: int) -> Array:
    """A smooth path."""
    return smooth(rng, n, length, 0.3, 10.0) * amount(rng, n)


def shifts(rng: np.random.Generator, n: int, length: int) -> Array:
    """A level that jumps one time or two."""
    jumps = rng.standard_normal((n, length)) * (rng.random((n, length)) < 1.5 / length)
    return np.cumsum(jumps, axis=1) * log_uniform(rng, 0.5, 3.0, n)


def cycles(rng: np.random.Generator, n: int, length: int) -> Array:
    """Waves whose length and height vary, as those of sunspots or of animals: of about 6 to 40 steps, or 4 to 12."""
    around = np.where(happens(rng, 0.5, n), log_uniform(rng, 6.0, 40.0, n), log_uniform(rng, 4.0, 12.0, n))
    pace = 1.0 + rng.uniform(0.0, 0.4, (n, 1)) * rng.standard_normal((n, length))
    phase = 2.0 * np.pi * (np.cumsum(pace / around, axis=1) + rng.random((n, 1)))
    skewed = np.sin(phase + rng.uniform(0.0, 1.0, (n, 1)) * np.sin(phase))
    height = np.exp(0.5 * smooth(rng, n, length, 1.0, max(2.0, length / 20.0)))
    return unit(np.maximum(skewed + 0.9, 0.02) ** rng.uniform(0.5, 2.5, (n, 1)) * height)
