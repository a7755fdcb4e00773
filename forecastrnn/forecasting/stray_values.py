"""A value that stands out from those beside it as no series does by itself is told of: it may be an error."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from forecastrnn.data.caller_warnings import warn_caller
from forecastrnn.engine.cpu.strays import find_strays

if TYPE_CHECKING:
    from forecastrnn.data.series import SeriesSet

FAR = 100.0  # usual changes; 50 is the most in 2,500 series of public sets
FEWEST = 8  # values of a series, of which it is known what is usual


def warn_of_strays(read: SeriesSet) -> None:
    """Tell of the first series with a value so far from those beside it: -999, where none is known, or a broken sensor.

    Levels, seasonal figures and networks follow it, and so do forecasts.
    """
    places, times = _strays(read.values, read.offsets)
    far = np.flatnonzero((times > FAR) & (np.diff(read.offsets) >= FEWEST))
    _tell(read, far, places[far], times)


def warn_of_new_strays(recent: np.ndarray, read: SeriesSet, series: np.ndarray) -> None:
    """The same for new rows of series (m,), beside the last values (n_series, k) of all of them."""
    count, known = np.diff(read.offsets), recent.shape[1]
    before = known * (1 + np.arange(len(series)))  # values of those that are known, in front of each series' new ones
    values, is_new = np.empty(len(read.values) + known * len(series)), np.zeros(len(read.values) + before[-1], bool)
    is_new[np.arange(len(read.values)) + before.repeat(count)] = True
    values[is_new], values[~is_new] = read.values, recent[series].ravel()
    places, times = _strays(values, np.append(0, np.cumsum(count + known)))
    rows = places - before
    far = np.flatnonzero(
        (times > FAR) & (rows >= read.offsets[:-1]) & (np.isfinite(recent[series]).sum(axis=1) >= FEWEST)
    )
    _tell(read, far, rows[far], times)


def _strays(values: np.ndarray, offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of each series the place of the value that stands out most, and by how many usual changes."""
    places, times = np.zeros(len(offsets) - 1, np.int64), np.zeros(len(offsets) - 1)
    find_strays(values, offsets, places, times)
    return places, times


def _tell(read: SeriesSet, far: np.ndarray, rows: np.ndarray, times: np.ndarray) -> None:
    """Name the first value of series that have one far out, at these rows."""
    if not len(far):
        return
    row, ratio = int(rows[0]), float(times[far[0]])
    name, time = read.describe(row)
    written = f"{ratio:,.0f}" if ratio < 1e7 else f"{ratio:.1g}"
    more = len(far) - 1
    others = f" ({more} more series {'has' if more == 1 else 'have'} such values)" if more else ""
    warn_caller(
        f"{read.argument}: series {name!r} has {read.values[row]:g} at {time}, {written} times as far from the values "
        f"beside it as these are from one another{others}: forecasts and intervals follow it. If it is an error, or "
        "stands for a value that is missing, make it NaN and fit with missing='mask'"
    )
