"""What forecasts do not pass: bounds that were given, or 0 for a series that never was negative.

Quantiles go through clipping as they are, so points, intervals and futures are clipped when all is made. A draw is fed
back as it was drawn: one that is lifted to 0 first lifts all that follow (Poisson counts of mean 0.8: the mean of the
fourth week's futures was 2.05 times the right one then, 1.92 times so).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

AUTO = "auto"
Rule = tuple[float, float] | str | None  # both ends, AUTO, or none


@dataclass(frozen=True, eq=False)
class Limits:
    """Least and largest value of each series: low, high (n_series,), infinite where there is none.

    given : they were asked for, and are not only what the values so far say.
    """

    low: np.ndarray
    high: np.ndarray
    given: bool

    def take(self, rows: np.ndarray) -> Limits:
        """Those of some series."""
        return Limits(self.low[rows], self.high[rows], self.given)

    def clip(self, values: np.ndarray) -> np.ndarray:
        """Values (..., n_series, h) within them."""
        return np.clip(values, self.low[:, None], self.high[:, None])


def never_negative(values: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Which series (n_series,) have no value below 0 among those that are known, if any is."""
    lowest = np.fmin.reduceat(values, offsets[:-1])
    return np.where(np.isnan(lowest), False, lowest >= 0.0)


def limits_of(rule: Rule, floors: np.ndarray) -> Limits | None:
    """Limits of series, of which floors (n_series,) says whether 0 is one; None: there are none."""
    if rule is None or rule == AUTO and not floors.any():
        return None
    if isinstance(rule, tuple):
        low, high = rule
        return Limits(np.full(len(floors), low), np.full(len(floors), high), True)
    return Limits(np.where(floors, 0.0, -np.inf), np.full(len(floors), np.inf), False)
