"""Local times that a clock has moved as it went forward: the day that begins at 01:00 is a day all the same."""

from __future__ import annotations

import numpy as np

from forecastrnn.data.frequency import PER_DAY
from forecastrnn.data.time_index import Clock, wall_of


def put_back(ordinals: np.ndarray, offsets: np.ndarray, clock: Clock) -> np.ndarray:
    """Local times (total,) of all series, those that were moved at the time of day of the others of their series."""
    wall, jumps = wall_of(ordinals, clock), _jumps(ordinals, clock)
    unmoved = np.append(np.flatnonzero(jumps == 0), len(wall))
    first = unmoved[np.searchsorted(unmoved, offsets[:-1])]
    day = PER_DAY[clock.unit]
    usual = np.where(first < offsets[1:], wall[np.minimum(first, len(wall) - 1)] % day, 0)
    return wall - _moved(wall, usual.repeat(np.diff(offsets)), jumps, day)


def lateness_behind(ordinals: np.ndarray, before: np.ndarray, late: np.ndarray, clock: Clock) -> np.ndarray:
    """Ordinals (n,) by which each time was moved, in series that have had times (n,) before, moved by `late`."""
    if clock.tz is None or not clock.is_calendar:
        return np.zeros_like(ordinals)
    day = PER_DAY[clock.unit]
    return _moved(wall_of(ordinals, clock), (wall_of(before, clock) - late) % day, _jumps(ordinals, clock), day)


def _moved(wall: np.ndarray, usual: np.ndarray, jumps: np.ndarray, day: int) -> np.ndarray:
    """How far local times (n,) are behind their usual time of day, where a jump of the clock can be why."""
    late = (wall - usual) % day
    return np.where(late <= jumps, late, 0)


def lateness(ordinals: np.ndarray, wall: np.ndarray, offsets: np.ndarray, clock: Clock) -> np.ndarray | None:
    """Ordinals (n_series,) by which the last time of each series was moved; None: none was."""
    if clock.tz is None or not clock.is_calendar:
        return None
    last, day = offsets[1:] - 1, PER_DAY[clock.unit]
    before = np.maximum(last - 1, offsets[:-1])
    if (
        not ((last == before) | (wall[last] % day != wall[before] % day)).any()
        or not _jumps(ordinals[last], clock).any()
    ):
        return None
    late = (wall - put_back(ordinals, offsets, clock))[last]
    return late if late.any() else None


def _jumps(ordinals: np.ndarray, clock: Clock) -> np.ndarray:
    """How far (n,) the clock on the wall went forward at the very instant of each time."""
    if clock.tz is None:
        return np.zeros_like(ordinals)
    return np.maximum(wall_of(ordinals, clock) - wall_of(ordinals - 1, clock) - 1, 0)
