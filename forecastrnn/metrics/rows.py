"""Rows in groups, as every formula sees them: its sums and means are those of each group."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


def _none() -> np.ndarray:
    return np.empty(0)


@dataclass(frozen=True, eq=False, kw_only=True)
class Rows:
    """Rows (n,) to score: what came, what one model said of it, and the group of each row.

    `benchmark` is the forecast to compare with, `lower` and `upper` are an interval of `level` percent;
    `by_quantile` (n, n_quantiles) belongs to `quantiles`, `paths` is (n_paths, n). `scale` and `squared_scale` are
    the mean absolute and squared seasonal differences of the past of a row. What no formula asks for stays empty.
    """

    y: np.ndarray
    group: np.ndarray
    n_groups: int = 1
    weight: np.ndarray | None = None
    forecast: np.ndarray = field(default_factory=_none)
    benchmark: np.ndarray = field(default_factory=_none)
    lower: np.ndarray = field(default_factory=_none)
    upper: np.ndarray = field(default_factory=_none)
    level: float = 0.0
    quantiles: np.ndarray = field(default_factory=_none)
    by_quantile: np.ndarray = field(default_factory=_none)
    paths: np.ndarray = field(default_factory=_none)
    scale: np.ndarray = field(default_factory=_none)
    squared_scale: np.ndarray = field(default_factory=_none)

    @property
    def error(self) -> np.ndarray:
        """What came less what was forecast, (n,)."""
        return self.y - self.forecast

    def sums(self, terms: np.ndarray) -> np.ndarray:
        """Weighted sum of terms (n,) in each group."""
        weighted = terms if self.weight is None else terms * self.weight
        if self.n_groups == 1:
            return weighted.sum(keepdims=True)  # in pairs: closer than one by one
        return np.bincount(self.group, weighted, self.n_groups)

    def mean(self, terms: np.ndarray, over: np.ndarray | None = None) -> np.ndarray:
        """Weighted mean of terms (n,) in each group, or their sum over that of `over`; NaN where that is 0."""
        return ratio(self.sums(terms), self.sums(np.ones(len(self.y)) if over is None else over))

    def scaled_mean(self, terms: np.ndarray, scale: np.ndarray) -> np.ndarray:
        """Mean of terms / scale over the rows that have a scale: NaN and 0 are none."""
        known = scale > 0.0
        return self.mean(np.where(known, ratio(terms, scale), 0.0), over=known.astype(np.float64))


def ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """Elementwise quotient; NaN where `below` is 0, be `above` 0 as well or not."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return np.where(below == 0.0, np.nan, above / below)
