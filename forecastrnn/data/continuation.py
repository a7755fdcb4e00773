"""Times behind the end of series."""

from __future__ import annotations

from contextlib import suppress
from functools import lru_cache

import numpy as np
import pandas as pd

from forecastrnn.data.frequency import PER_DAY
from forecastrnn.data.grid import existing, time_errors, times_of_day
from forecastrnn.data.time_index import Clock, to_index, wall_of

_LARGEST = np.iinfo(np.int64).max
_LAST_YEAR = 9999  # pandas' calendar offsets go through datetime, which ends there
_PACED = 60  # steps that tell how long one is
_SKIPPED = 2  # days that a zone has left out at the date line


def check_reach(clock: Clock, last: int, steps: int) -> None:
    """Raise a ValueError, before anything is allocated, where `steps` after `last` cannot be written."""
    delta = clock.step
    if clock.kind == "datetime":
        delta = clock.tick or PER_DAY[clock.unit] // 24  # an hour: no calendar step is shorter
    reachable = last + delta * steps <= _LARGEST
    if reachable and clock.kind != "integer":
        reachable = _end_year(clock, last, steps) <= _LAST_YEAR
    if not reachable:
        bound = "int64" if clock.kind == "integer" else "a pandas Timestamp or Period"
        raise ValueError(
            f"h={steps} is too large: {steps} steps of {clock.freqstr} after {clock.describe(last)} go "
            f"beyond the largest value of {bound}"
        )


@lru_cache(maxsize=16)  # a forecast asks twice, and one that is served asks each time
def _end_year(clock: Clock, last: int, steps: int) -> int:
    """Year of the time `steps` after `last`; any year after the last one where pandas cannot tell."""
    if clock.kind == "period":
        return pd.Period(ordinal=last + clock.step * steps, freq=clock.freq).year
    start = to_index(clock, np.array([last])).tz_localize(None)[0]
    try:
        return (start + clock.freq * steps).year
    except (OverflowError, ValueError, TypeError):  # each offset has its own way to run out of range
        return _LAST_YEAR + 1


def continue_times(clock: Clock, last: np.ndarray, steps: np.ndarray, late: np.ndarray | None = None) -> pd.Index:
    """Times (n * h,) that lie `steps` (h,) after each of `last` (n,), series by series; those before it are below 1.

    late : ordinals (n,) by which a clock that went forward has moved each of them. A single run of following steps has
    its freq set.
    """
    following = len(last) == 1 and bool((np.diff(steps, prepend=0) == 1).all())
    if clock.kind == "integer" and following:
        start = int(last[0]) + clock.step
        return pd.RangeIndex(start, start + clock.step * len(steps), clock.step)
    freq = clock.freq if following else None
    if clock.is_calendar:
        wall = wall_of(last, clock) - (0 if late is None else late)
        return _on_wall(clock, _calendar(clock, wall[:, None], steps).ravel(), freq)
    delta = clock.tick if clock.kind == "datetime" else clock.step
    times = to_index(clock, (last[:, None] + delta * steps).ravel())
    if clock.kind == "datetime":
        times.freq = freq
    return times


def ordinals_behind(clock: Clock, wall: np.ndarray, last: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Ordinals (k,) that lie steps[i] behind last[i], of which wall[i] is the local time before a clock moved it."""
    if clock.is_calendar:
        times = _on_wall(clock, _calendar(clock, wall, steps), None)
        return times.astype("int64").to_numpy()
    return last + steps * (clock.tick if clock.kind == "datetime" else clock.step)


def _calendar(clock: Clock, wall: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Local times `steps` behind `wall`, by counting places on one grid of single steps that holds all of these."""
    shift = times_of_day(clock, wall) - times_of_day(clock, wall.flat[0])  # series may differ in the time of day
    anchors = wall - shift
    ends = pd.DatetimeIndex(np.array([anchors.min(), anchors.max()], dtype=f"datetime64[{clock.unit}]"))
    base = clock.freq.base
    known = len(pd.date_range(ends[0], ends[1], freq=base, unit=clock.unit))
    back, more = clock.freq.n * max(-int(steps.min()), 0), _SKIPPED if clock.tz is not None else 0
    begin = pd.date_range(end=ends[0], periods=back + more + 1, freq=base, unit=clock.unit)[0] if back else ends[0]
    size = known + clock.freq.n * max(int(steps.max()), 0) + (back + 2 * more if back else more)
    grid = existing(pd.date_range(begin, periods=size, freq=base, unit=clock.unit), clock)
    places = np.searchsorted(grid, anchors)
    return grid[places + clock.freq.n * steps] + shift


def _on_wall(clock: Clock, wall: np.ndarray, freq: pd.DateOffset | None) -> pd.DatetimeIndex:
    """Local times in their zone: those skipped by a clock change move on, of doubled ones the first."""
    times = pd.DatetimeIndex(wall.astype(f"datetime64[{clock.unit}]"))
    if clock.tz is not None:
        exact = times.tz_localize(clock.tz, nonexistent="NaT", ambiguous="NaT")
        if exact.hasnans:  # pandas cannot express such times as a frequency
            first = np.ones(len(times), dtype=bool)
            return times.tz_localize(clock.tz, nonexistent="shift_forward", ambiguous=first)
        times = exact
    with suppress(*time_errors()):  # of an index without a day that its zone has left out
        times.freq = freq
    return times


def pace_of(clock: Clock) -> float:
    """Days in a step, on the mean of many; of integers the step."""
    if clock.kind == "integer":
        return float(clock.step)
    if clock.tick:
        return clock.tick / PER_DAY[clock.unit]
    if clock.kind == "period":
        times = pd.period_range("2001-01-01", periods=_PACED + 1, freq=clock.freq.base).to_timestamp()
        return clock.step * ((times[-1] - times[0]) / pd.Timedelta("1D")) / _PACED
    times = pd.date_range("2001-01-01", periods=_PACED + 1, freq=clock.freq.base)
    return clock.freq.n * ((times[-1] - times[0]) / pd.Timedelta("1D")) / _PACED
