"""Conformal scores, number by number in float64: errors in, half widths of intervals out."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from scipy.stats import norm
from scipy.stats import t as student


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


def sizes(values: Iterable) -> list[float]:
    return [abs(float(e)) for e in values if math.isfinite(e)]


def growth(errors: np.ndarray, seasonal: np.ndarray) -> list[float]:
    """Mean error over the seasonal one of steps up to j / 3 away from step j, never smaller than before, of mean 1."""
    steps, found, high = errors.shape[2], [], 0.0
    for j in range(1, steps + 1):
        near = [k for k in range(1, steps + 1) if abs(k - j) <= j // 3]
        each = [e / q for series, q in zip(errors, seasonal) for k in near for e in sizes(series[:, k - 1])]
        high = max(high, mean(each))
        found.append(high)
    return [one / mean(found) for one in found]


def scale(windows: list[np.ndarray], prior: float, weight: float) -> float:
    """Mean error of the windows, each counting `weight`, the prior counting for two."""
    own = [mean(sizes(window)) for window in windows if sizes(window)]
    return (sum(own) * weight + 2 * prior) / (len(own) * weight + 2)


def usual(errors: np.ndarray, seasonal: np.ndarray) -> float:
    """Median over series of the mean window's error over the seasonal error."""
    own = []
    for series, size in zip(errors, seasonal, strict=True):
        windows = [mean(sizes(window)) for window in series if sizes(window)]
        if windows:
            own.append(mean(windows) / size)
    return float(np.median(own))


def scores(errors: np.ndarray, prior: np.ndarray, starts: list[int], weight: float) -> np.ndarray:
    """Each error over the scale of its series by windows that share no value with its own."""
    steps, out = errors.shape[2], np.empty(errors.shape)
    for i, series in enumerate(errors):
        for w, window in enumerate(series):
            others = [other for v, other in enumerate(series) if abs(starts[v] - starts[w]) >= steps]
            out[i, w] = window / scale(others, float(prior[i]), weight)
    return out


def smallest(values: np.ndarray, level: float) -> float:
    """The ceil((n + 1) level)-th smallest size, the largest where there are too few."""
    ordered = sorted(sizes(values.ravel()))
    return ordered[min(math.ceil((len(ordered) + 1) * level - 1e-9), len(ordered)) - 1]


def half_widths(
    errors: np.ndarray, seasonal: np.ndarray, starts: list[int], level: float, by_series: bool = False
) -> np.ndarray:
    """(n, steps) of intervals: scale times growth times a quantile of all scores, or of those of each series."""
    grown = np.array(growth(errors, seasonal))
    even, steps = errors / grown, errors.shape[2]
    weight = min(1.0, (starts[0] - starts[-1]) / (len(starts) - 1) / steps)
    prior = seasonal * usual(even, seasonal)
    found, own = scores(even, prior, starts, weight), [scale(list(s), float(p), weight) for s, p in zip(even, prior)]
    more = few(errors, starts, level, 1 if by_series else len(errors))
    reach = [more * smallest(found[i] if by_series else found, level) for i in range(len(errors))]
    return np.array(reach)[:, None] * np.array(own)[:, None] * grown


def few(errors: np.ndarray, starts: list[int], level: float, series: int) -> float:
    """Student's quantile over the normal one: two degrees for each horizon of values that windows know, and one."""
    known = {start - j for w, start in enumerate(starts) for j in range(errors.shape[2])
             if any(math.isfinite(own[w, j]) for own in errors)}  # fmt: skip
    degrees = 1 + 2 * series * len(known) / errors.shape[2]
    return float(student(degrees).ppf(0.5 + level / 2) / norm.ppf(0.5 + level / 2))
