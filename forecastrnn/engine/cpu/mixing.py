"""Weighted means and medians of forecasts."""

import math

import numpy as np

from forecastrnn.engine.compiling import jitted
from forecastrnn.engine.cpu.stopping import stoppable, stopped

LEAST = 1e-3  # of the first forecast, that a mean is at least where all must be positive


@jitted(cache=False)
def weighted_median(values, weights, order):
    """The first of values (k,), as they grow, with which half of all weights is reached; order (k,) is overwritten."""
    for k in range(len(values)):
        place = k
        while place > 0 and values[order[place - 1]] > values[k]:
            order[place] = order[place - 1]
            place -= 1
        order[place] = k
    total, at = weights[order[0]], 0
    while total < 0.5 - 1e-12 and at + 1 < len(values):
        at += 1
        total += weights[order[at]]
    return values[order[at]]


@stoppable
def mix(first, others, weights, kinds, out, stop):
    """out (n, h): the mean of first (n, h) and others (k, n, h) by weights (n, 1 + k); one that is NaN counts as first.

    kinds: positive (n,), which rows have no value at or below 0; middle (n,), of which the weighted median is taken.
    """
    positive, middle = kinds
    values, order = np.empty(1 + others.shape[0]), np.empty(1 + others.shape[0], np.int64)
    for i in range(out.shape[0]):
        if stopped(stop, 0):
            return
        for j in range(out.shape[1]):
            if stopped(stop, j):
                return
            if middle[i]:
                values[0] = first[i, j]
                for k in range(others.shape[0]):
                    values[1 + k] = others[k, i, j] if math.isfinite(others[k, i, j]) else first[i, j]
                out[i, j] = weighted_median(values, weights[i], order)
                continue
            total = weights[i, 0] * first[i, j]
            for k in range(others.shape[0]):
                share, value = weights[i, 1 + k], others[k, i, j]
                if share > 0.0:
                    value = value if math.isfinite(value) else first[i, j]
                    total += share * (0.0 if positive[i] and value < 0.0 else value)
            least = LEAST * first[i, j]
            out[i, j] = least if positive[i] and total < least else total
