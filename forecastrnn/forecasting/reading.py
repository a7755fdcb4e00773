"""How series are read, and what becomes of those that are too short to learn from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from forecastrnn.data.caller_warnings import warn_caller
from forecastrnn.data.row_ranges import rows_between
from forecastrnn.forecasting.bounds import never_negative
from forecastrnn.forecasting.naive_series import NaiveSeries, naive_figure

if TYPE_CHECKING:
    from forecastrnn.data.series import SeriesSet

SHORTEST = 4  # observations of a series, at least, where nothing asks for more
_TOLD = 3  # names in a warning
_DOES = {"naive": "forecasts such series by the value one season before", "drop": "leaves them out"}


@dataclass(frozen=True)
class ReadingOptions:
    """How series are read at the door: columns of a long frame, missing values, and the length that is needed.

    short : what becomes of those that lack it: an error, a naive forecast ("naive"), or nothing ("drop").
    """

    columns: dict[str, Any]
    missing: str
    least: int
    needs: str
    short: str = "raise"

    @property
    def required(self) -> int:
        """Rows without which a series is an error; 0: it may have no value at all."""
        return self.least if self.short == "raise" else 0


def too_short(values: np.ndarray, offsets: np.ndarray, least: int) -> np.ndarray:
    """Which series (n_series,) have fewer rows than `least` between known values, or hardly a known one."""
    known, row = np.isfinite(values), np.arange(len(values))
    first = np.minimum.reduceat(np.where(known, row, len(values)), offsets[:-1])
    last = np.maximum.reduceat(np.where(known, row, -1), offsets[:-1])
    return (last + 1 - first < least) | (np.add.reduceat(known.astype(np.int64), offsets[:-1]) < SHORTEST)


def cut(read: SeriesSet, rows: np.ndarray, left_out: np.ndarray) -> SeriesSet:
    """Series `rows` (n,), some of them several times, without their last `left_out` (n,) values; the axis stays."""
    at, offsets = rows_between(read.offsets[rows], read.offsets[rows + 1] - left_out)
    return replace(
        read, values=read.values[at], offsets=offsets, ids=tuple(read.ids[row] for row in rows),
        axis=read.axis.take(rows), ordinals=read.times(at), covariates=read.covariates and read.covariates.take(at),
    )  # fmt: skip


def without_end_gaps(read: SeriesSet) -> tuple[SeriesSet, np.ndarray]:
    """Series up to their last known value, and how many (n_series,) come behind it that nobody knows yet."""
    if np.isfinite(read.values[read.offsets[1:] - 1]).all():
        return read, np.zeros(read.n_series, np.int64)
    known = np.flatnonzero(np.isfinite(read.values))
    gaps = read.offsets[1:] - 1 - known[np.searchsorted(known, read.offsets[1:]) - 1]
    return cut(read, np.arange(read.n_series), gaps), gaps


def set_apart(
    reading: ReadingOptions, read: SeriesSet, season: int, argument: str, *, is_fit: bool
) -> tuple[SeriesSet, NaiveSeries | None]:
    """The series that networks read, and those too short for them, of which one warning tells.

    Raises ValueError if none is left; a forecast may be of nothing but naive ones.
    """
    if reading.short == "raise":
        return read, None
    short = too_short(read.values, read.offsets, reading.least)
    if not short.any():
        return read, None
    needs = (
        f"{reading.needs} at least {reading.least} values from the first known to the last, {SHORTEST} of them known"
    )
    if short.all() and (is_fit or reading.short == "drop"):
        row = int(np.argmax(np.diff(read.offsets)))
        raise ValueError(
            f"{argument}: none of {read.n_series} series is long enough. The longest, {read.ids[row]!r}, has length "
            f"{np.diff(read.offsets)[row]}, but {needs}"
        )
    learned, apart = read.where(~short), read.where(short)
    told = ", ".join(map(repr, apart.ids[:_TOLD])) + (", ..." if apart.ids[_TOLD:] else "")
    warn_caller(
        f"{argument}: {apart.n_series} of {read.n_series} series {'is' if apart.n_series == 1 else 'are'} too short "
        f"({told}): {needs}. short={reading.short!r} {_DOES[reading.short]}"
    )
    if reading.short == "drop":
        return learned, None
    figure, floors = naive_figure(apart.values, apart.offsets, season), never_negative(apart.values, apart.offsets)
    return learned, NaiveSeries(read.axis, np.flatnonzero(short), figure, floors)
