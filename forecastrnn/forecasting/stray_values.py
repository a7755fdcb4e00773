"""A value that stands out from those beside it as no series does by itself is told of: it may be an error."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from forecastrnn.data.caller_warnings import warn_caller
from forecastrnn.engine.cpu.strays import find_strays

if TYPE_CHECKING:
    from forecastrnn.data.series import SeriesSet

FAR = 100.0  # usual changes; 47 is the most in 2,510 series of public sets
FEWEST = 8  # values of a series, of which it is known what is usual


def warn_of_strays(read: SeriesSet, argument: str) -> None:
    """Tell of the first series with a value so far from those beside it: -999, where none is known, or a broken sensor.

    Levels, seasonal figures and networks follow it, and so do forecasts.
    """
    count = len(read.offsets) - 1
    places, times = np.zeros(count, np.int64), np.zeros(count)
    find_strays(read.values, read.offsets, places, times)
    far = np.flatnonzero((times > FAR) & (np.diff(read.offsets) >= FEWEST))
    if not len(far):
        return
    row = int(places[far[0]])
    name, time = read.describe(row)
    ratio = float(times[far[0]])
    written = f"{ratio:,.0f}" if ratio < 1e7 else f"{ratio:.1g}"
    others = f" ({len(far) - 1} more series have such values)" if len(far) > 1 else ""
    warn_caller(
        f"{argument}: series {name!r} has {read.values[row]:g} at {time}, {written} times as far from the values "
        f"beside it as these are from one another{others}: forecasts and intervals follow it. If it is an error, or "
        "stands for a value that is missing, make it NaN and fit with missing='mask'"
    )
