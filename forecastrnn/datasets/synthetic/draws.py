"""Draws for n series at once, as columns (n, 1), and the paths that all else is made of: (n, length)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Array = np.ndarray
TAIL = 3  # degrees of freedom of the noise with heavy tails


def log_uniform(rng: np.random.Generator, low: float, high: float, n: int) -> Array:
    """A number for each series (n, 1), whose logarithm is even between those of low and high."""
    return np.exp(rng.uniform(np.log(low), np.log(high), (n, 1)))


def happens(rng: np.random.Generator, share: float, n: int) -> Array:
    """Which series (n, 1) have something that so large a share has."""
    return rng.random((n, 1)) < share


def of_some(
    rng: np.random.Generator, share: float, n: int, length: int, part: Callable[[np.random.Generator, int, int], Array]
) -> Array:
    """What a part of the series has, (n, length): made for these alone, 0 in all others."""
    rows = np.flatnonzero(rng.random(n) < share)
    found = np.zeros((n, length))
    found[rows] = part(rng, len(rows), length)
    return found


def unit(x: Array) -> Array:
    """Paths about 0 with a mean absolute value of 1; a constant one is 0."""
    x = x - x.mean(axis=1, keepdims=True)
    return x / (np.abs(x).mean(axis=1, keepdims=True) + 1e-9)


def noise(rng: np.random.Generator, n: int, length: int) -> Array:
    """Independent noise of variance about 1: half of the series Gaussian, others with the tails of Laplace, Student."""
    kind = rng.integers(0, 4, (n, 1))
    gaussian = rng.standard_normal((n, length))
    heavy = rng.standard_t(TAIL, (n, length)) / np.sqrt(TAIL)
    double = rng.laplace(size=(n, length)) / np.sqrt(2.0)
    return np.where(kind < 2, gaussian, np.where(kind == 2, heavy, double))


def smooth(rng: np.random.Generator, n: int, length: int, low: float, high: float) -> Array:
    """A path of a Gaussian process of variance 1, of five waves between low and high rounds of the whole length.

    Random features of a stationary kernel (Rahimi and Recht 2007, Advances in Neural Information Processing 20).
    """
    rounds = np.exp(rng.uniform(np.log(low), np.log(high), (n, 5, 1))) / length
    angle = 2.0 * np.pi * (rounds * np.arange(length) + rng.random((n, 5, 1)))
    return (rng.standard_normal((n, 5, 1)) * np.cos(angle)).sum(axis=1) * np.sqrt(2.0 / 5.0)


def walk(rng: np.random.Generator, n: int, length: int) -> Array:
    """A random walk whose steps have variance 1."""
    return np.cumsum(noise(rng, n, length), axis=1)


def filtered(shocks: Array, response: Array) -> Array:
    """Shocks (n, length), each answered by its series' response (n, length) from then on."""
    room = 2 * shocks.shape[1]
    both = np.fft.rfft(shocks, room, axis=1) * np.fft.rfft(response, room, axis=1)
    return np.fft.irfft(both, room, axis=1)[:, : shocks.shape[1]]


def autoregression(rng: np.random.Generator, n: int, length: int, shortest: float, longest: float) -> Array:
    """An autoregression of order 1, whose shocks fade in so many steps."""
    fade = np.exp(-1.0 / log_uniform(rng, shortest, longest, n))
    return filtered(rng.standard_normal((n, length)), fade ** np.arange(length))


def swinging(rng: np.random.Generator, n: int, length: int) -> Array:
    """An autoregression of order 2 with complex roots: waves without a fixed phase, of 3 to 80 steps."""
    fade = np.exp(-1.0 / log_uniform(rng, 3.0, 100.0, n))
    angle = 2.0 * np.pi / log_uniform(rng, 3.0, 80.0, n)
    steps = np.arange(length)
    response = fade**steps * np.sin(angle * (steps + 1)) / np.sin(angle)
    return filtered(rng.standard_normal((n, length)), response)
