"""The grid of a frequency: places of times on it, on the clock of the wall."""

from __future__ import annotations

import sys
from datetime import timedelta, tzinfo

import numpy as np
import pandas as pd

from forecastrnn.data.frequency import PER_DAY
from forecastrnn.data.time_index import Clock

_HALF_ROUND = timedelta(hours=12)  # a zone that moves further has gone over the date line


def times_of_day(clock: Clock, wall: np.ndarray) -> np.ndarray:
    """Time of day (n,) of local times, which steps of days keep; steps of business hours do not."""
    return wall * 0 if hasattr(clock.freq, "start") else wall % PER_DAY[clock.unit]


def existing(grid: pd.DatetimeIndex, clock: Clock) -> np.ndarray:
    """Local times (n,) of a grid, without the days that their zone has left out to cross the date line."""
    wall = grid.as_unit(clock.unit).astype("int64").to_numpy()
    if clock.tz is None or not len(grid) or _shift(grid, clock.tz) < _HALF_ROUND:
        return wall
    day = PER_DAY[clock.unit]
    begin = wall // day * day
    lacks = [
        pd.DatetimeIndex(at.astype(f"datetime64[{clock.unit}]"))
        .tz_localize(clock.tz, nonexistent="NaT", ambiguous=np.ones(len(at), bool))
        .isna()
        for at in (begin, begin + day - 1)
    ]
    return wall[~(lacks[0] & lacks[1])]


def _shift(grid: pd.DatetimeIndex, zone: tzinfo) -> timedelta:
    """How much further from UTC a zone is at the end of a grid than at its beginning, either way."""
    begin, end = (_offset(grid[at], zone) or timedelta(0) for at in (0, -1))
    return abs(end - begin)


def _offset(local: pd.Timestamp, zone: tzinfo) -> timedelta | None:
    """How far a zone is from UTC at a local time; where that is of no matter, some hours later or earlier."""
    if hasattr(zone, "localize"):  # of pytz, which comes with pandas before 3 and refuses times that a clock skips
        return local.tz_localize("UTC").tz_convert(zone).utcoffset()
    return zone.utcoffset(local.to_pydatetime(warn=False))


def time_errors() -> tuple[type[Exception], ...]:
    """What pandas raises for local times that there are not: with pytz, errors that are no ValueError."""
    pytz = sys.modules.get("pytz")
    return (ValueError,) if pytz is None else (ValueError, pytz.exceptions.InvalidTimeError)


def places(clock: Clock, ordinals: np.ndarray, wall: np.ndarray, offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How many steps (total,) each time of all series is behind the first of its series, and whether it is so.

    wall : local times (total,), those that clock changes have moved put back.
    """
    start = offsets[:-1].repeat(np.diff(offsets))
    if clock.is_calendar:
        counts, step = _calendar_places(clock, wall, start)
    else:
        counts, step = ordinals, clock.tick or clock.step
    steps = counts - counts[start]
    return steps // step, (steps % step == 0) & (counts >= 0 if clock.is_calendar else True)


def _calendar_places(clock: Clock, wall: np.ndarray, start: np.ndarray) -> tuple[np.ndarray, int]:
    """Place (total,) of each local time among single steps of the calendar, or far below 0 where there is none."""
    shift = times_of_day(clock, wall)[start]
    anchors = wall - shift
    ends = pd.DatetimeIndex(np.array([anchors.min(), anchors.max()], dtype=f"datetime64[{clock.unit}]"))
    grid = existing(pd.date_range(ends[0], ends[1], freq=clock.freq.base, unit=clock.unit), clock)
    if not len(grid):
        return np.full(len(wall), -1), clock.freq.n
    found = np.searchsorted(grid, anchors).clip(max=len(grid) - 1)
    return np.where(grid[found] == anchors, found, -1), clock.freq.n
