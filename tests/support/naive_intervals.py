"""Conformal scores, number by number in float64: errors in, quantiles of scores and scales out."""

from __future__ import annotations

import math

import numpy as np


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


def sizes(window: np.ndarray) -> list[float]:
    return [abs(float(e)) for e in window if math.isfinite(e)]


def scale(windows: list[np.ndarray], prior: float) -> float:
    """Mean error of the windows, the prior counting for two."""
    own = [mean(sizes(window)) for window in windows if sizes(window)]
    return (sum(own) + 2 * prior) / (len(own) + 2)


def usual(errors: np.ndarray, seasonal: np.ndarray) -> float:
    """Median over series of the mean window's error over the seasonal error."""
    own = []
    for series, size in zip(errors, seasonal, strict=True):
        windows = [mean(sizes(window)) for window in series if sizes(window)]
        own.append(mean(windows) / size)
    return float(np.median(own))


def scores(errors: np.ndarray, prior: np.ndarray) -> np.ndarray:
    """Each error over the scale of its series without its window."""
    out = np.empty(errors.shape)
    for i, series in enumerate(errors):
        for w, window in enumerate(series):
            out[i, w] = window / scale([other for v, other in enumerate(series) if v != w], float(prior[i]))
    return out


def smallest(values: np.ndarray, level: float) -> float:
    """The ceil((n + 1) level)-th smallest size, the largest where there are too few."""
    ordered = sorted(sizes(values))
    return ordered[min(math.ceil((len(ordered) + 1) * level - 1e-9), len(ordered)) - 1]


def half_widths(errors: np.ndarray, seasonal: np.ndarray, level: float) -> np.ndarray:
    """(n, steps) of intervals pooled over series by step, never narrower than at the step before."""
    prior = seasonal * usual(errors, seasonal)
    found, own = scores(errors, prior), [scale(list(series), float(p)) for series, p in zip(errors, prior, strict=True)]
    reach, out = 0.0, np.empty((len(errors), errors.shape[2]))
    for step in range(errors.shape[2]):
        reach = max(reach, smallest(found[:, :, step].ravel(), level))
        out[:, step] = [reach * each for each in own]
    return out
