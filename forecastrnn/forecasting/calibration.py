"""Conformal calibration: errors of past forecasts become quantiles of scores, and these the ends of intervals.

With n exchangeable scores the ceil((n + 1) p)-th smallest covers a new one with a chance of at least p (Vovk,
Gammerman and Shafer, 2005; Lei et al., 2018). Errors of different steps are made alike by the mean growth of errors,
those of different series by a scale that other windows of the series tell. All are then put together, over series and
steps: a step by itself has the errors of a few dates, which all series share, and one Christmas among three would
widen it for all time (on 111 daily series the band of 80% covered 97% so, and scored twice as badly).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forecastrnn.forecasting.adaptive import RING, Adaptive
from forecastrnn.forecasting.few_windows import horizons_of, widened

KEPT = 199  # quantiles of the scores: those of 0.5%, 1%, ... 99.5%
PRIOR = 2.0  # windows that the seasonal error of a series counts for in its scale
NEAR = 3  # errors of as many as j / NEAR steps before and behind step j say how large those of step j are
COVERED = (0.8, 0.95)  # levels whose coverage of the last window is kept
SMALLEST = 1e-6  # scale of a series, at least, relative to its level


@dataclass(frozen=True, kw_only=True)
class Spread:
    """Of some series: the scale of their errors (n,), and the lowest and highest end (n,) that an interval may have.

    In the space of the band: of logarithms, where a series is not linear.
    """

    scale: np.ndarray
    low: np.ndarray
    high: np.ndarray

    def take(self, rows: np.ndarray) -> Spread:
        """That of some of the series."""
        return Spread(scale=self.scale[rows], low=self.low[rows], high=self.high[rows])


@dataclass(frozen=True, kw_only=True, repr=False)
class Calibration:
    """What conformal intervals rest on.

    Attributes
    ----------
    horizon : int
        Steps that windows were forecast for.
    starts : ndarray of shape (n_windows,)
        How many values before the end of a series each window begins; its last steps may lie behind the end.
    n_scores : ndarray of shape (horizon,)
        Errors of each step that were counted.
    coverage : ndarray of shape (2,) or (0,)
        Share of a window at the end that intervals of 80% and 95% cover when only what was known at its start
        calibrates; empty where nothing was.
    spread : Spread
        Scale of the errors of each series, and the ends that its intervals may have.
    growth : ndarray of shape (horizon,)
        Mean size of the errors at each step, relative to that over all steps.
    table : ndarray of shape (199, 1) or (199, n_series)
        Quantiles of the errors over scale and growth, absolute ones if `symmetric`.
    usual, excess : float, ndarray of shape (2,)
        Error of a forecast over the seasonal error; how far below and above all before values went, over their range:
        what is taken of other series than those of fit.
    adaptive : Adaptive, optional
        Levels and scores that follow the new values of each series of fit.
    vectors : ndarray of shape (at most 199, horizon) or None
        Errors of whole windows over scale and growth, of which futures of a direct forecast are made.
    compared : ndarray of shape (2,) or None
        Mean error of the forecasts in the windows, and that of seasonal naive ones, over the mean change of a series in
        a season; None with a likelihood, whose scores are no errors.
    held_out : bool or None
        Whether the forecasts were those of networks that had not learned the windows; None in files that do not say so.
    """

    horizon: int
    starts: np.ndarray
    n_scores: np.ndarray
    coverage: np.ndarray
    spread: Spread
    growth: np.ndarray
    table: np.ndarray
    usual: float
    excess: np.ndarray
    symmetric: bool
    by_series: bool
    adaptive: Adaptive | None = None
    vectors: np.ndarray | None = None
    compared: np.ndarray | None = None
    held_out: bool | None = None

    def __repr__(self) -> str:
        covered = ", ".join(f"{share:.0%} of {level:.0%}" for share, level in zip(self.coverage, COVERED, strict=False))
        n = self.n_scores
        return (
            f"Calibration(n_windows={self.n_windows}, horizon={self.horizon}, n_scores={n[0]} .. {n[-1]} a step, "
            f"coverage of a late window: {covered or 'none'})"
        )

    @property
    def n_windows(self) -> int:
        """Windows of a long series."""
        return len(self.starts)

    def offsets(self, share: float, h: int, rows: np.ndarray, *, known: bool = False) -> np.ndarray:
        """From the median of a series to a quantile, in units of its scale: (series or 1, h), growing with the step.

        rows (n,): the series, where each has scores of its own; known : they are those of fit.
        """
        beyond = np.sqrt(np.arange(self.horizon + 1, h + 1) / self.horizon)
        growth = np.concatenate([self.growth[:h], self.growth[-1] * beyond])
        if known and self.adaptive is not None:
            own = self.adaptive.sizes(share, rows)[:, np.minimum(np.arange(h), self.horizon - 1)]
            return np.sign(share - 0.5) * np.maximum.accumulate(own * growth, axis=1)
        own = self.table[_place(share, self.symmetric)]
        if not self.symmetric:
            own = np.maximum(own if share > 0.5 else -own, 0.0)  # one side's ends stay on that side of the median
        own = own[rows] if self.by_series else own
        return np.sign(share - 0.5) * own[:, None] * growth

    def supported(self) -> float:
        """The highest level that the scores, and the quantiles kept of them, support."""
        n = self.n_together
        if self.adaptive is not None:
            return RING / (RING + 1)
        return min(n / (n + 1), KEPT / (KEPT + 1)) if self.symmetric else min((n - 1) / (n + 1), 1 - 2 / (KEPT + 1))

    @property
    def n_together(self) -> int:
        """Errors that a quantile is taken of."""
        return int(self.n_scores.sum()) // (self.table.shape[1] if self.by_series else 1)


@dataclass(frozen=True)
class Intervals:
    """How a model's intervals are made: "paths", or "conformal" by a calibration; `why` there is none."""

    method: str
    calibration: Calibration | None = None
    why: str = ""


def _place(share: float, symmetric: bool) -> int:
    """Which of the quantiles kept is that of a share of all values: the next one outward."""
    high = abs(2 * share - 1) if symmetric else max(share, 1 - share)
    place = int(np.clip(np.ceil(high * (KEPT + 1) - 1e-9), 1, KEPT)) - 1
    return place if symmetric or share > 0.5 else KEPT - 1 - place


def mean_of(values: np.ndarray, axis: int | tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Mean of the known values, 0 where there is none, and their count."""
    there = np.isfinite(values)
    count = there.sum(axis=axis)
    return np.where(there, values, 0.0).sum(axis=axis) / np.maximum(count, 1), count


def growth_of(sizes: np.ndarray, *, rising: bool = True) -> np.ndarray:
    """Mean size (steps,) of errors (n, windows, steps) around each step, of mean 1; if `rising`, ever larger."""
    steps = np.arange(1, sizes.shape[2] + 1)
    mean, count = mean_of(sizes, (0, 1))
    sums = np.cumsum(np.stack([np.append(0.0, mean * count), np.append(0, count)]), axis=1)
    begin, end = steps - 1 - steps // NEAR, np.minimum(steps + steps // NEAR, len(steps))
    total, n = sums[:, end] - sums[:, begin]
    growth = total / np.maximum(n, 1)
    growth = np.maximum.accumulate(growth) if rising else growth
    return np.maximum(growth / growth.mean(), SMALLEST) if growth.any() else np.ones(len(steps))


def window_weight(starts: np.ndarray, horizon: int) -> float:
    """What a window counts in the scale of a series: less than 1 where it overlaps with others."""
    apart = (starts[0] - starts[-1]) / max(len(starts) - 1, 1)
    return min(1.0, float(apart) / horizon) if len(starts) > 1 else 1.0


def scales_of(errors: np.ndarray, prior: np.ndarray, least: np.ndarray, weight: float) -> np.ndarray:
    """Scale (n,) of series: the mean size of windows' errors (n, windows, steps), and of what is usual before them."""
    size, count = mean_of(mean_size(errors), 1)
    own = count * weight
    return np.maximum((size * own + PRIOR * prior) / (own + PRIOR), least)


def mean_size(errors: np.ndarray) -> np.ndarray:
    """Mean absolute error (n, windows) of each window, NaN if nothing is known there."""
    size, count = mean_of(np.abs(errors), 2)
    return np.where(count > 0, size, np.nan)


def scores_of(
    errors: np.ndarray, prior: np.ndarray, least: np.ndarray, starts: np.ndarray, weight: float
) -> np.ndarray:
    """Errors (n, windows, steps) over the scale of their series by windows that share no value with theirs.

    A scale that knows the error would hide it: 95% then covered 91%.
    """
    far = np.abs(np.subtract.outer(starts, starts)) >= errors.shape[2]
    scale = [scales_of(errors[:, others], prior, least, weight) for others in far]
    return errors / np.stack(scale, axis=1)[:, :, None]


def table_of(scores: np.ndarray, symmetric: bool) -> tuple[np.ndarray, np.ndarray]:
    """Quantiles (KEPT, columns) of scores (n, columns), some NaN, each of a rank that covers one more; their counts."""
    ordered = np.sort(np.abs(scores) if symmetric else scores, axis=0)
    count = np.isfinite(ordered).sum(axis=0)
    share = np.arange(1, KEPT + 1)[:, None] / (KEPT + 1)
    exact = (count + 1) * share
    upward = symmetric | (share > 0.5)
    rank = np.where(upward, np.ceil(exact - 1e-9), np.floor(exact + 1e-9)).astype(np.int64)
    found = np.take_along_axis(ordered, np.clip(rank - 1, 0, np.maximum(count - 1, 0)), axis=0)
    return found, count


def vectors_of(scores: np.ndarray) -> np.ndarray:
    """Scores (at most KEPT, steps) of windows, evenly of all (n, windows, steps) that are known whole, if any is.

    Where a step is missing, the one before stands.
    """
    rows = scores.reshape(-1, scores.shape[2])
    known = np.isfinite(rows)
    rows = rows[known.all(axis=1) if known.all(axis=1).any() else known.any(axis=1)]
    rows = rows[np.unique(np.linspace(0, len(rows) - 1, min(len(rows), KEPT)).astype(np.int64))]
    last = np.maximum.accumulate(np.where(np.isfinite(rows), np.arange(rows.shape[1]), 0), axis=1)
    return np.nan_to_num(np.take_along_axis(rows, last, axis=1))


def calibrated(
    errors: np.ndarray, seasonal: np.ndarray, least: np.ndarray, starts: np.ndarray, *, by_series: bool,
    symmetric: bool, rising: bool = True,
) -> Calibration:  # fmt: skip
    """What the errors (n, windows, steps) of series say, some of them known; of their ends nothing.

    seasonal, least (n,): their seasonal errors, and the least that a scale can be. rising : errors grow with the step,
    which scores of a likelihood need not.
    """
    n, _, steps = errors.shape
    weight = window_weight(starts, steps)
    growth = growth_of(np.abs(errors) / seasonal[:, None, None], rising=rising)
    even = errors / growth
    size, count = mean_of(mean_size(even), 1)
    has = (count > 0) & (seasonal > least)
    usual = float(np.median(size[has] / seasonal[has])) if has.any() else 1.0
    prior = seasonal * usual
    scores = scores_of(even, prior, least, starts, weight)
    known = np.isfinite(errors)
    horizons = horizons_of(known.any(axis=0), starts)
    table, _ = table_of(scores.reshape(-1, 1), symmetric)
    table = widened(table, horizons * int(known.any(axis=(1, 2)).sum()), symmetric)
    if by_series:
        own, there = table_of(scores.reshape(n, -1).T, symmetric)
        table = np.where(there > 0, widened(own, horizons, symmetric), table)
    nothing = np.empty(0)
    return Calibration(
        horizon=steps, starts=starts, n_scores=known.sum(axis=(0, 1)), coverage=nothing,
        spread=Spread(scale=scales_of(even, prior, least, weight), low=nothing, high=nothing), growth=growth,
        table=table, usual=usual, excess=nothing, symmetric=symmetric, by_series=by_series, vectors=vectors_of(scores),
    )  # fmt: skip


def coverage_of(
    errors: np.ndarray, seasonal: np.ndarray, least: np.ndarray, found: Calibration, *, rising: bool = True
) -> np.ndarray:
    """Share of a late window at each level of COVERED, where only what was known at its start calibrates."""
    starts, steps = found.starts, np.arange(found.horizon)
    late = int(np.flatnonzero(starts >= min(found.horizon, starts[0] // 2))[-1])
    before = np.where(starts[:, None] - steps > starts[late], errors, np.nan)
    there = np.isfinite(errors[:, late])
    if not np.isfinite(before).any() or not there.any():
        return np.empty(0)
    kind = {"by_series": found.by_series, "symmetric": found.symmetric, "rising": rising}
    then = calibrated(before, seasonal, least, starts, **kind)
    rows, shares = np.arange(len(errors)), []
    for level in COVERED:
        ends = [then.offsets(0.5 + side * level / 2, found.horizon, rows) for side in (-1, 1)]
        low, high = (end * then.spread.scale[:, None] for end in ends)
        inside = (errors[:, late] >= low) & (errors[:, late] <= high)
        shares.append(inside[there].mean())
    return np.array(shares)
