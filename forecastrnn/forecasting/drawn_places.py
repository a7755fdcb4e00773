"""Where a value lies among draws, as a normal score, and back: how quantiles of a likelihood are calibrated.

The score is that of the value's share of the draws below it, as a standard normal variable has it: scores of a
likelihood that is right are normal, those of one that is too narrow are wider than that. In this space errors of
different series and steps are alike, as distributional conformal prediction has it (Chernozhukov, Wüthrich and Zhu
2021, doi 10.1073/pnas.2107794118). Beyond the outermost draws a score goes on in line.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy.special import ndtr, ndtri

FURTHEST = 8.0  # of a score from 0
SMALLEST = 1e-9  # of the distance of the outermost draw from the middle, relative to its size


@dataclass(frozen=True)
class DrawnPlaces:
    """Draws (count, n, h) in order, and the normal scores (count,) of their places."""

    draws: np.ndarray
    scores: np.ndarray
    is_counted: bool

    @classmethod
    def of(cls, draws: np.ndarray, *, is_counted: bool) -> Self:
        """Those of draws in any order."""
        count = len(draws)
        return cls(np.sort(draws, axis=0), ndtri((np.arange(count) + 0.5) / count), is_counted)

    def _slope(self, side: int) -> np.ndarray:
        """Value for each score beyond the outermost draw: its distance from the middle over its score."""
        last, middle = self.draws[-1 if side > 0 else 0], self.draws[len(self.draws) // 2]
        least = SMALLEST * np.maximum(np.abs(middle), 1.0)
        return np.maximum(np.abs(last - middle), least) / self.scores[-1]

    def scores_of(self, values: np.ndarray, rng: np.random.RandomState) -> np.ndarray:
        """Scores (n, h) of values (n, h), of which some are NaN; equal draws give one of their places by chance."""
        count, (low, high) = len(self.draws), (self.draws[0], self.draws[-1])
        below, until = (self.draws < values).sum(axis=0), (self.draws <= values).sum(axis=0)
        share = (below + rng.random_sample(values.shape) * (until - below)) / count
        if not self.is_counted:
            share = np.where(until > below, share, self._between(values, below))
        found = ndtri(np.clip(share, 0.5 / count, 1.0 - 0.5 / count))
        under = self.scores[0] - (low - values) / self._slope(-1)
        over = self.scores[-1] + (values - high) / self._slope(1)
        found = np.where(values > high, over, np.where(values < low, under, found))
        return np.where(np.isfinite(values), np.clip(found, -FURTHEST, FURTHEST), np.nan)

    def _between(self, values: np.ndarray, below: np.ndarray) -> np.ndarray:
        """Shares of values between two draws, in line with theirs."""
        count = len(self.draws)
        first, second = (
            np.take_along_axis(self.draws, np.clip(place, 0, count - 1)[None], axis=0)[0]
            for place in (below - 1, below)
        )
        part = (values - first) / np.where(second > first, second - first, 1.0)
        return (below - 0.5 + np.clip(np.nan_to_num(part), 0.0, 1.0)) / count

    def values_at(self, scores: np.ndarray) -> np.ndarray:
        """Values (k, n, h) at scores (k, n or 1, h); of counts, whole ones."""
        count, shape = len(self.draws), np.broadcast_shapes(scores.shape, (1, *self.draws.shape[1:]))
        scores = np.broadcast_to(scores, shape)
        exact = np.clip(ndtr(scores) * count - 0.5, 0.0, count - 1.0)
        below = np.floor(exact).astype(np.int64)
        low, high = (
            np.take_along_axis(self.draws, np.minimum(place, count - 1), axis=0) for place in (below, below + 1)
        )
        found = low + (exact - below) * (high - low)
        if self.is_counted:  # the least count up to which so many draws lie
            place = np.clip(np.ceil(ndtr(scores) * count - 1e-9), 1, count).astype(np.int64) - 1
            found = np.take_along_axis(self.draws, place, axis=0)
        over, under = np.maximum(scores - self.scores[-1], 0.0), np.maximum(self.scores[0] - scores, 0.0)
        found = found + over * self._slope(1) - under * self._slope(-1)
        return np.rint(found) if self.is_counted else found
