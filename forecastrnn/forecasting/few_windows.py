"""Wider intervals where few windows calibrate them, whose errors may by chance be small.

The quantiles of a normal sample whose scale is estimated are those of Student's t (Student, 1908). Two degrees of
freedom for each horizon of values that the windows span, and one more, cover what is promised of series that are fitted
alone (`benchmarks/intervals.py --alone`); errors of one window are too alike to count as many.
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri, stdtrit

DEGREES = 2.0  # of freedom, for each horizon of values that the windows of a series span


def horizons_of(known: np.ndarray, starts: np.ndarray) -> float:
    """How many horizons of values the errors span of which known (windows, steps) are there."""
    steps = np.arange(known.shape[1])
    return len(np.unique((starts[:, None] - steps)[known])) / len(steps)


def widened(table: np.ndarray, horizons: float, symmetric: bool) -> np.ndarray:
    """Quantiles (kept, columns) of scores, each further out, of series that have so many horizons together."""
    share = np.arange(1, len(table) + 1)[:, None] / (len(table) + 1)
    upper = 0.5 + share / 2 if symmetric else np.maximum(share, 1 - share)
    upper = np.maximum(upper, 0.5 + 1e-6)  # at the median both are 0, and their ratio is that of their slopes
    ratio = stdtrit(1 + DEGREES * horizons, upper) / ndtri(upper)
    outward = symmetric | ((table > 0) == (share > 0.5))  # scores of one sign have quantiles on one side of 0 alone
    return np.where(outward, table * ratio, table)
