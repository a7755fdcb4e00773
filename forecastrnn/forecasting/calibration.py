"""Conformal calibration: errors of past forecasts become quantiles of scores, and these the ends of intervals.

With n exchangeable scores the ceil((n + 1) p)-th smallest covers a new one with a chance of at least p (Vovk,
Gammerman and Shafer, 2005; Lei et al., 2018). Errors of different series and windows are made alike by a scale of each
series that the other windows tell; pooled over series, a step has enough of them for 95%, where one series has not.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

KEPT = 199  # quantiles of the scores: those of 0.5%, 1%, ... 99.5%
PRIOR = 2.0  # windows that the seasonal error of a series counts for in its scale: fair on the sets that were tried
COVERED = (0.8, 0.95)  # levels whose coverage of the last window is kept
SMALLEST = 1e-6  # scale of a series, at least, relative to its level


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """What intervals are made of.

    table : (KEPT, groups, steps) quantiles of the scores, absolute ones if `symmetric`; one group for all series or
    one a series, one step for all or `horizon`. growth : (horizon,) what the scores of a step were divided by.
    scale : (n_series,) of the errors, in the unit of the band. usual : error of a forecast over the seasonal error.
    n_scores : (horizon,) of each step. coverage : of the last window when only the others calibrate, at 80 and 95%;
    (0,) if there are no others.
    """

    table: np.ndarray
    growth: np.ndarray
    scale: np.ndarray
    usual: float
    n_scores: np.ndarray
    coverage: np.ndarray
    n_windows: int
    horizon: int
    step_size: int
    symmetric: bool
    by_series: bool

    def for_all(self, rows: np.ndarray, scale: np.ndarray) -> Calibration:
        """The same with a scale for all series, where `rows` of them had windows; others have the mean scores."""
        table = self.table
        if self.by_series:
            table = np.repeat(table.mean(axis=1, keepdims=True), len(scale), axis=1)
            table[:, rows] = self.table
        return replace(self, table=table, scale=scale)

    def offsets(self, share: float, h: int, rows: np.ndarray) -> np.ndarray:
        """From the median of a series to a quantile, in units of its scale: (series or 1, h), growing with the step.

        rows (n,): the series, where each has scores of its own.
        """
        own = self.table[_place(share, self.symmetric)]
        own = (own[rows] if self.by_series else own) * self.growth
        reach = np.maximum.accumulate(np.abs(own if self.symmetric else _outward(own, share)), axis=1)
        beyond = np.sqrt(np.arange(self.horizon + 1, h + 1) / self.horizon)
        reach = np.concatenate([reach[:, :h], reach[:, -1:] * beyond], axis=1)
        return np.sign(share - 0.5) * reach

    def supported(self, h: int) -> float:
        """The highest level that the scores of the first h steps, and the quantiles kept of them, support."""
        n = float(self.n_scores[:h].min())
        return min(n / (n + 1), KEPT / (KEPT + 1)) if self.symmetric else min((n - 1) / (n + 1), 1 - 2 / (KEPT + 1))


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


def _outward(ends: np.ndarray, share: float) -> np.ndarray:
    """Ends of one side that lie on the other side of the median are put on it."""
    return np.maximum(ends, 0.0) if share > 0.5 else np.minimum(ends, 0.0)


def usual_of(sizes: np.ndarray, seasonal: np.ndarray, least: np.ndarray) -> float:
    """The median series' error over its seasonal error; sizes (n, windows), of series that have a seasonal error."""
    there = np.isfinite(sizes)
    has = there.any(axis=1) & (seasonal > least)
    mean = np.where(there, sizes, 0.0).sum(axis=1)[has] / there.sum(axis=1)[has]
    return float(np.median(mean / seasonal[has])) if has.any() else 1.0


def scales_of(sizes: np.ndarray, prior: np.ndarray, least: np.ndarray) -> np.ndarray:
    """Scale (n,) of each series: mean size of its windows (n, windows), NaN where there is none, and of its prior."""
    there = np.isfinite(sizes)
    total = np.where(there, sizes, 0.0).sum(axis=1) + PRIOR * prior
    return np.maximum(total / (there.sum(axis=1) + PRIOR), least)


def sizes_of(errors: np.ndarray) -> np.ndarray:
    """Mean absolute error (n, windows) of each window, NaN if nothing is known there."""
    there = np.isfinite(errors)
    count = there.sum(axis=2)
    total = np.where(there, np.abs(errors), 0.0).sum(axis=2)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def scores_of(errors: np.ndarray, prior: np.ndarray, least: np.ndarray) -> np.ndarray:
    """Errors (n, windows, steps) over the scale of their series by its other windows: its own would hide them."""
    sizes = sizes_of(errors)
    windows = sizes.shape[1]
    others = [scales_of(np.delete(sizes, w, axis=1), prior, least) for w in range(windows)]
    return errors / np.stack(others, axis=1)[:, :, None]


def growth_of(scores: np.ndarray) -> np.ndarray:
    """Mean size of the scores at each step (steps,), relative to that of all steps; never smaller than before."""
    there = np.isfinite(scores)
    total, count = np.where(there, np.abs(scores), 0.0).sum(axis=(0, 1)), there.sum(axis=(0, 1))
    size = np.maximum.accumulate(total / np.maximum(count, 1))
    mean = size.mean()
    return np.maximum(size / mean, 1e-3) if mean > 0 else np.ones(len(size))


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


def filled(table: np.ndarray, count: np.ndarray) -> np.ndarray:
    """Quantiles (KEPT, columns) where columns without scores have those of the nearest one before, or behind."""
    known = np.flatnonzero(count > 0)
    nearest = known[np.maximum(np.searchsorted(known, np.arange(len(count)), side="right") - 1, 0)]
    return table[:, nearest]


def calibrated(
    errors: np.ndarray, seasonal: np.ndarray, least: np.ndarray, *, pool: str, symmetric: bool, step_size: int
) -> Calibration:
    """What the errors (n, windows, steps) of some series say.

    seasonal, least (n,): their seasonal errors, and the least that a scale can be. pool : "panel", "steps" or "series".
    """
    (n, windows, steps), sizes = errors.shape, sizes_of(errors)
    usual = usual_of(sizes, seasonal, least)
    prior = seasonal * usual
    scores = scores_of(errors, prior, least)
    growth = growth_of(scores) if pool == "steps" else np.ones(steps)
    grouped = scores / growth
    if pool == "series":
        grouped = grouped.transpose(1, 0, 2).reshape(windows, n * steps)
    else:
        grouped = grouped.reshape(n * windows, steps) if pool == "panel" else grouped.reshape(-1, 1)
    table, count = table_of(grouped, symmetric)
    return Calibration(
        table=filled(table, count).reshape(KEPT, n if pool == "series" else 1, -1), growth=growth,
        scale=scales_of(sizes, prior, least), usual=usual, n_scores=_least_count(count, steps),
        coverage=np.empty(0), n_windows=windows, horizon=steps, step_size=step_size,
        symmetric=symmetric, by_series=pool == "series",
    )  # fmt: skip


def _least_count(count: np.ndarray, steps: int) -> np.ndarray:
    """Scores (steps,) that intervals of a step rest on."""
    return np.broadcast_to(count.reshape(-1, 1 if len(count) == 1 else steps).min(axis=0), steps).copy()


def covered_by(calibration: Calibration, errors: np.ndarray) -> np.ndarray:
    """Share of errors (n, steps), some known, within the intervals at each level of COVERED."""
    rows, there = np.arange(len(errors)), np.isfinite(errors)
    found, scale = [], calibration.scale[:, None]
    for level in COVERED:
        low, high = (calibration.offsets(0.5 + side * level / 2, errors.shape[1], rows) * scale for side in (-1, 1))
        found.append(((errors >= low) & (errors <= high))[there].mean())
    return np.array(found)
