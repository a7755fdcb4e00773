"""Weighted means of forecasts."""

import math

from forecastrnn.engine.compiling import jitted

LEAST = 1e-3  # of the first forecast, that a mean is at least where all must be positive


@jitted
def mix(first, others, weights, positive, out):
    """out (n, h): the mean of first (n, h) and others (k, n, h) by weights (n, 1 + k); one that is NaN counts as first.

    positive (n,): which rows have no value at or below 0.
    """
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            total = weights[i, 0] * first[i, j]
            for k in range(others.shape[0]):
                share, value = weights[i, 1 + k], others[k, i, j]
                if share > 0.0:
                    value = value if math.isfinite(value) else first[i, j]
                    total += share * (0.0 if positive[i] and value < 0.0 else value)
            least = LEAST * first[i, j]
            out[i, j] = least if positive[i] and total < least else total
