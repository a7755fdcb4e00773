"""Intervals that follow what they miss: with each new value of a series its levels move, and its errors go on.

Adaptive conformal inference (Gibbs and Candès, 2021): a level alpha, the share of values outside, becomes alpha + gamma
(target - 1) when a value lies outside, and alpha + gamma target when not: in the long run as many lie outside as was
asked for, whatever becomes of the series. Whether a forecast j steps ahead was right is known j values later, and moves
the level of that step.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forecastrnn.engine.memory import check_fits

TARGETS = np.array([0.01, 0.05, 0.1, 0.2, 0.5])  # shares outside whose levels are followed; others lie between them
LEAST, MOST = 0.001, 0.5  # of a level that has moved
RING = 100  # last scores of a series at a step


@dataclass(frozen=True, kw_only=True)
class Adaptive:
    """What intervals of each series follow.

    alpha (n_series, horizon, TARGETS) : the levels as they have moved. ring (n_series, horizon, RING) : absolute scores
    at each step, over growth; new ones take the place of the oldest, the first are quantiles of the calibration.
    pending (n_series, horizon, horizon) : [i, k % horizon, j]: the forecast that was made before value k of series i,
    for j steps later, where bands are laid. count (n_series,) : values so far; scored (n_series, horizon) : scores.
    """

    gamma: float
    alpha: np.ndarray
    ring: np.ndarray
    pending: np.ndarray
    count: np.ndarray
    scored: np.ndarray

    @classmethod
    def begun(cls, gamma: float, table: np.ndarray, n_series: int, horizon: int) -> Adaptive:
        """Before the first value, as a calibration says; table (2 RING - 1, 1 or n_series) of its absolute scores."""
        first = np.broadcast_to(table[::2].T, (n_series, RING))
        return cls(
            gamma=gamma, alpha=np.tile(TARGETS, (n_series, horizon, 1)),
            ring=np.repeat(first[:, None], horizon, axis=1), pending=np.zeros((n_series, horizon, horizon)),
            count=np.zeros(n_series, np.int64), scored=np.zeros((n_series, horizon), np.int64),
        )  # fmt: skip

    def behind(self, rows: np.ndarray, forecasts: np.ndarray, values: np.ndarray, unit: np.ndarray) -> Adaptive:
        """Behind a new value (n,) of some series, before which forecasts (n, horizon) were made; NaN is not known.

        unit (n, horizon) : of the scores, scale times growth.
        """
        horizon, step = forecasts.shape[1], np.arange(forecasts.shape[1])
        pending, count = self.pending[rows], self.count[rows, None]
        pending[np.arange(len(rows)), self.count[rows] % horizon] = forecasts
        ahead = np.take_along_axis(pending, ((count - step) % horizon)[:, :, None], axis=1)
        made = np.diagonal(ahead, axis1=1, axis2=2)
        scores = np.where(step <= count, np.abs(values[:, None] - made) / unit, np.nan)
        known = np.isfinite(scores)
        alpha = self.alpha[rows]
        missed = (self.ring[rows] < scores[:, :, None]).sum(axis=2)[:, :, None] >= _rank(alpha)
        moved = np.clip(alpha + self.gamma * (TARGETS - missed), LEAST, MOST)
        found = Adaptive(
            gamma=self.gamma, alpha=self.alpha.copy(), ring=self.ring.copy(), pending=self.pending.copy(),
            count=self.count.copy(), scored=self.scored.copy(),
        )  # fmt: skip
        found.alpha[rows] = np.where(known[:, :, None], moved, alpha)
        which, at = np.nonzero(known)
        found.ring[rows[which], at, self.scored[rows[which], at] % RING] = scores[which, at]
        found.scored[rows] += known
        found.pending[rows] = pending
        found.count[rows] += 1
        return found

    def sizes(self, share: float, rows: np.ndarray) -> np.ndarray:
        """How far a quantile is from the median of some series, over scale and growth: (n, horizon)."""
        alpha = self._alpha(1.0 - abs(2.0 * share - 1.0), rows)
        place = _rank(alpha)[:, :, None] - 1
        return np.take_along_axis(np.sort(self.ring[rows], axis=2), place, axis=2)[:, :, 0]

    def _alpha(self, target: float, rows: np.ndarray) -> np.ndarray:
        """The level (n, horizon) of any share outside: between those that are followed, in their order."""
        known = np.maximum.accumulate(self.alpha[rows], axis=2)
        ends = np.zeros((*known.shape[:2], 1)), np.ones((*known.shape[:2], 1))
        known, targets = np.concatenate([ends[0], known, ends[1]], axis=2), np.concatenate([[0.0], TARGETS, [1.0]])
        k = int(np.clip(np.searchsorted(targets, target), 1, len(targets) - 1))
        weight = (target - targets[k - 1]) / (targets[k] - targets[k - 1])
        return (1.0 - weight) * known[:, :, k - 1] + weight * known[:, :, k]


def check_memory(n_series: int, horizon: int) -> None:
    """Refuse what cannot fit into memory: an update has it twice, as it was and as it becomes."""
    numbers = len(TARGETS) + RING + horizon + 1
    what = f"adaptive=True: the last {RING} errors of {n_series} series at {horizon} steps"
    check_fits(2 * 8 * numbers * n_series * horizon, what, "Take a shorter horizon, or adaptive=False.")


def _rank(alpha: np.ndarray) -> np.ndarray:
    """Which of RING scores, in their order, covers a new one with a chance of 1 - alpha."""
    return np.clip(np.ceil((RING + 1) * (1.0 - alpha) - 1e-9), 1, RING).astype(np.int64)
