"""Values that nobody knows: the networks' own forecasts take their place, among new rows and at the end of series."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from forecastrnn.data.row_ranges import rows_between
from forecastrnn.forecasting.bounds import Rule, limits_of
from forecastrnn.forecasting.ends import SeriesEnds, take
from forecastrnn.forecasting.model import Model
from forecastrnn.forecasting.moving import NewValues, moved_on

if TYPE_CHECKING:
    from forecastrnn.data.series import SeriesSet


def fill(
    model: Model, tail: SeriesEnds, new: NewValues, rule: Rule, *, floors: np.ndarray | None = None,
    own: np.ndarray | None = None,
) -> None:  # fmt: skip
    """Put the forecast of each new value that is not known in its place, those before it being known.

    rule : of what forecasts do not pass; floors (n_series,) : which series never were negative; own as in `moved_on`.
    """
    gaps, begin, own = np.isnan(new.values), 0, np.arange(tail.n_series) if own is None else own
    for step in np.unique(new.steps[gaps]).tolist():
        known = new.between(begin, step)
        (tail, _), floors, begin = moved_on(model, tail, known, own), floors_behind(floors, known), step
        at = np.flatnonzero(gaps & (new.steps == step))
        rows = new.owners[at]
        found = model.median(take(tail, rows), own[rows], 1, "cpu", new.covariates and new.covariates.take(at))
        limits = limits_of(rule, np.zeros(len(rows), bool) if floors is None else floors[rows])
        new.values[at] = (found if limits is None else limits.clip(found))[:, 0]


def floors_behind(floors: np.ndarray | None, new: NewValues) -> np.ndarray | None:
    """Which series still never were negative."""
    negative = new.owners[new.values < 0.0]
    if floors is None or not len(negative):
        return floors
    floors = floors.copy()
    floors[negative] = False
    return floors


def guessed_behind(tail: SeriesEnds, new: NewValues, gaps: np.ndarray) -> np.ndarray | None:
    """How many of the last values of each series are forecasts behind new ones, of which gaps (total,) were unknown."""
    found = np.zeros(tail.n_series, np.int64) if tail.guessed is None else tail.guessed.copy()
    if len(new.values):
        last = np.maximum.reduceat(np.where(gaps, -1, new.steps), new.offsets[:-1])
        found[new.series] = np.where(last < 0, found[new.series] + new.counts, new.counts - 1 - last)
    return found if found.any() else None


def behind_end_gaps(
    model: Model, tail: SeriesEnds, read: SeriesSet, gaps: np.ndarray, rule: Rule, *, floors: np.ndarray | None = None,
    own: np.ndarray | None = None,
) -> SeriesEnds:  # fmt: skip
    """The ends of series behind the last `gaps` (n_series,) of their rows, which nobody knows; `tail`: before these.

    They are those of `update` with such rows: level, scale and figure come of what is known.
    """
    if not gaps.any():
        return tail
    series = np.flatnonzero(gaps)
    ends = read.offsets[series + 1]
    rows, offsets = rows_between(ends - gaps[series], ends)
    new = NewValues(np.full(len(rows), np.nan), offsets, series, read.covariates and read.covariates.take(rows))
    fill(model, tail, new, rule, floors=floors, own=own)
    return replace(moved_on(model, tail, new, own)[0], guessed=gaps)
