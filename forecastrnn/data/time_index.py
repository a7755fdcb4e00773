"""The time axis of series: its constant step found, checked and continued.

Times travel as int64 ordinals: counts of the index's own unit (datetimes, in UTC), period ordinals or
plain integers. A `Clock` says how to read them and what one step is; every rule looks at all series at
once.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from datetime import tzinfo
from typing import Any, NoReturn

import numpy as np
import pandas as pd

from forecastrnn.data.date_texts import KINDS, read_dates
from forecastrnn.data.frequency import PER_DAY, infer_named, infer_offset

_LARGEST = np.iinfo(np.int64).max
_LAST_YEAR = 9999  # pandas' calendar offsets go through datetime, which ends there


@dataclass(frozen=True)
class Clock:
    """What one step of an index is, and how its int64 ordinals are read.

    `kind` is "datetime", "period" or "integer"; `step` counts ordinals (periods, integers); `freq` is the
    pandas offset (datetimes, periods); `unit` and `tz` belong to datetimes.
    """

    kind: str
    step: int = 1
    freq: Any = None  # pd.DateOffset, of times
    unit: str = "ns"
    tz: tzinfo | None = None

    @property
    def freqstr(self) -> str:
        """The step as people name it: "MS", "15min", or the integer step."""
        if self.kind == "integer":
            return str(self.step)
        if self.kind == "period":
            return pd.PeriodIndex([], freq=self.freq.base * self.step).freqstr
        return self.freq.freqstr

    def describe(self, ordinal: int) -> str:
        """One time as text, for messages."""
        if self.kind == "integer":
            return str(ordinal)
        return str(to_index(self, np.array([ordinal]))[0])


def read_index(index: pd.Index, label: str) -> tuple[np.ndarray, Clock]:
    """Ordinals (n,) of an index and its clock, the step not yet known unless the index says it."""
    if not index.hasnans:
        index = read_dates(index, label)
    if index.hasnans:
        row = int(np.flatnonzero(index.isna())[0])
        raise ValueError(f"{label} contains NaT (no time) at row {row}; drop or fill such rows")
    if isinstance(index, pd.DatetimeIndex):
        clock = Clock("datetime", freq=index.freq, unit=index.unit, tz=index.tz)
    elif isinstance(index, pd.PeriodIndex):
        clock = Clock("period", step=index.freq.n, freq=index.freq)
    elif pd.api.types.is_integer_dtype(index.dtype):
        if len(index) and index.max() > _LARGEST:
            raise ValueError(f"{label} holds {index.max()}, which is too large for int64")
        clock = Clock("integer", step=index.step if isinstance(index, pd.RangeIndex) else 1)
    else:
        raise TypeError(
            f"{label} must be an index of times: {KINDS}; got {type(index).__name__} of dtype {index.dtype}. "
            "pandas.to_datetime converts to such times"
        )
    return index.astype("int64").to_numpy(dtype=np.int64), clock


def to_index(clock: Clock, ordinals: np.ndarray) -> pd.Index:
    """An index (without freq) of ordinals (n,)."""
    ordinals = np.asarray(ordinals, dtype=np.int64)
    if clock.kind == "integer":
        return pd.Index(ordinals)
    if clock.kind == "period":
        return pd.PeriodIndex.from_ordinals(ordinals, freq=clock.freq)
    times = pd.DatetimeIndex(ordinals.astype(f"datetime64[{clock.unit}]"))
    return times if clock.tz is None else times.tz_localize("UTC").tz_convert(clock.tz)


def find_step(ordinals: np.ndarray, offsets: np.ndarray, ids: Sequence[Hashable], clock: Clock, label: str) -> Clock:
    """The clock with its one step for all series, given end to end; raises where there is none."""
    _check_order(ordinals, offsets, ids, clock, label)
    if clock.step < 0 or (clock.freq is not None and clock.freq.n < 0):
        raise ValueError(f"{label} is unsorted: its step {clock.freqstr} goes back in time; give a step forward")
    if clock.kind == "datetime" and clock.freq is not None:
        return clock  # pandas has checked every time against it
    found = _infer(ordinals, offsets, clock)
    if found is not None:
        return found
    if not _inside(offsets).any():
        raise ValueError(
            f"{label} has no freq, and no series is long enough to tell it: there must be at least 2 "
            f"observations, got {int(np.diff(offsets).max(initial=0))}"
        )
    _raise_irregular(ordinals, offsets, ids, clock, label)


def _inside(offsets: np.ndarray) -> np.ndarray:
    """True (total - 1,) where a difference of neighbours lies within one series."""
    inside = np.ones(max(int(offsets[-1]) - 1, 0), dtype=bool)
    inside[offsets[1:-1] - 1] = False
    return inside


def _check_order(ordinals: np.ndarray, offsets: np.ndarray, ids: Sequence[Hashable], clock: Clock, label: str) -> None:
    wrong = (ordinals[1:] <= ordinals[:-1]) & _inside(offsets)
    if not wrong.any():
        return
    row = int(np.argmax(wrong)) + 1
    series = int(np.searchsorted(offsets, row, side="right")) - 1
    times = ordinals[offsets[series] : offsets[series + 1]]
    repeated = pd.Index(times).duplicated()
    if repeated.any():
        first = clock.describe(times[np.argmax(repeated)])
        raise ValueError(
            f"{label} has duplicate times: series {ids[series]!r} has {first} more than once "
            f"({int(repeated.sum())} duplicate rows); keep one row for each time"
        )
    raise ValueError(
        f"{label} is unsorted: in series {ids[series]!r}, {clock.describe(ordinals[row])} comes after "
        f"{clock.describe(ordinals[row - 1])}; times must increase, so call sort_index or sort_values first"
    )


def _infer(ordinals: np.ndarray, offsets: np.ndarray, clock: Clock) -> Clock | None:
    """The clock with the step that fits all series, or None."""
    inside = _inside(offsets)
    steps = np.diff(ordinals)[inside]
    if clock.kind != "datetime":
        if not len(steps):
            return clock
        return replace(clock, step=int(steps[0])) if (steps == steps[0]).all() else None
    if not len(steps):
        return None
    wall = _wall(ordinals, clock)
    freq = infer_offset(steps, wall, inside, clock.unit)
    if freq is None and len(offsets) == 2:
        freq = infer_named(pd.DatetimeIndex(wall.astype(f"datetime64[{clock.unit}]")))
    return None if freq is None else replace(clock, freq=freq)


def _wall(ordinals: np.ndarray, clock: Clock) -> np.ndarray:
    """Ordinals of the clock on the wall, so that days are days across daylight saving time."""
    if clock.tz is None:
        return ordinals
    return to_index(clock, ordinals).tz_localize(None).astype("int64").to_numpy()


def _raise_irregular(
    ordinals: np.ndarray, offsets: np.ndarray, ids: Sequence[Hashable], clock: Clock, label: str
) -> NoReturn:
    """Blame the first series that does not fit those before it."""

    def infer_until(first: int, last: int) -> Clock | None:
        chosen = offsets[first : last + 2]
        return _infer(ordinals[chosen[0] : chosen[-1]], chosen - chosen[0], clock)

    # A step that fits the first k series fits fewer too: the first misfit is found by halving.
    low, high = 0, len(offsets) - 2
    while low < high:
        middle = (low + high) // 2
        fits = infer_until(0, middle) is not None or not _inside(offsets[: middle + 2]).any()
        low, high = (middle + 1, high) if fits else (low, middle)
    own = infer_until(low, low)
    if low > 0 and (own is not None or offsets[low + 1] - offsets[low] == 1):
        before = infer_until(0, low - 1)
        freq, first_freq = (found.freqstr if found else "unknown" for found in (own, before))
        raise ValueError(
            f"{label} must have one freq for all series: series {ids[low]!r} has freq {freq} from "
            f"{clock.describe(ordinals[offsets[low]])}, series {ids[0]!r} has freq {first_freq} from "
            f"{clock.describe(ordinals[0])}; resample to one freq, or forecast them apart"
        )
    _raise_gap(ordinals[offsets[low] : offsets[low + 1]], ids[low], clock, label)


def _raise_gap(times: np.ndarray, name: Hashable, clock: Clock, label: str) -> NoReturn:
    steps = np.diff(times)
    short, long = int(np.argmin(steps)), int(np.argmax(steps))

    def say(at: int) -> str:
        size = pd.Timedelta(int(steps[at]), unit=clock.unit) if clock.kind == "datetime" else steps[at]
        return f"{size} (after {clock.describe(times[at])})"

    raise ValueError(
        f"{label} has no constant step: in series {name!r} the steps go from {say(short)} to {say(long)}. "
        f"It must be {KINDS} without gaps: add the missing rows (asfreq or reindex), or set its freq"
    )


def check_reach(clock: Clock, last: int, steps: int) -> None:
    """Raise a ValueError, before anything is allocated, where `steps` after `last` cannot be written."""
    delta = clock.step
    if clock.kind == "datetime":
        delta = _tick(clock) or PER_DAY[clock.unit] // 24  # an hour: no calendar step is shorter
    reachable = last + delta * steps <= _LARGEST
    if reachable and clock.kind != "integer":
        reachable = _end_year(clock, last, steps) <= _LAST_YEAR
    if not reachable:
        bound = "int64" if clock.kind == "integer" else "a pandas Timestamp or Period"
        raise ValueError(
            f"h={steps} is too large: {steps} steps of {clock.freqstr} after {clock.describe(last)} go "
            f"beyond the largest value of {bound}"
        )


def _end_year(clock: Clock, last: int, steps: int) -> int:
    """Year of the time `steps` after `last`; any year after the last one where pandas cannot tell."""
    if clock.kind == "period":
        return pd.Period(ordinal=last + clock.step * steps, freq=clock.freq).year
    start = to_index(clock, np.array([last])).tz_localize(None)[0]
    try:
        return (start + clock.freq * steps).year
    except (OverflowError, ValueError, TypeError):  # each offset has its own way to run out of range
        return _LAST_YEAR + 1


def _tick(clock: Clock) -> int:
    """Ordinals in one step of fixed duration (hours and shorter), 0 for a step of the calendar."""
    if not isinstance(clock.freq, pd.offsets.Tick) or isinstance(clock.freq, pd.offsets.Day):
        return 0
    return pd.Timedelta(clock.freq) // pd.Timedelta(1, unit=clock.unit)


def continue_times(clock: Clock, last: np.ndarray, steps: np.ndarray) -> pd.Index:
    """Times (n * h,) that lie `steps` (h,) after each of `last` (n,), series by series.

    A single run of following steps has its freq set.
    """
    following = len(last) == 1 and bool((np.diff(steps, prepend=0) == 1).all())
    if clock.kind == "integer" and following:
        start = int(last[0]) + clock.step
        return pd.RangeIndex(start, start + clock.step * len(steps), clock.step)
    freq = clock.freq if following else None
    if clock.kind == "datetime" and not _tick(clock):
        return _on_wall(clock, _calendar(clock, _wall(last, clock), steps), freq)
    delta = _tick(clock) if clock.kind == "datetime" else clock.step
    times = to_index(clock, (last[:, None] + delta * steps).ravel())
    if clock.kind == "datetime":
        times.freq = freq
    return times


def _calendar(clock: Clock, wall: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Local times (n * h,) by counting places on one grid of single steps that holds all of `wall` (n,)."""
    per_day = PER_DAY[clock.unit]
    shift = wall % per_day - wall[0] % per_day  # series may differ in the time of day
    anchors = wall - shift
    ends = pd.DatetimeIndex(np.array([anchors.min(), anchors.max()], dtype=f"datetime64[{clock.unit}]"))
    base = clock.freq.base
    known = len(pd.date_range(ends[0], ends[1], freq=base, unit=clock.unit))
    size = known + clock.freq.n * int(steps[-1])
    grid = pd.date_range(ends[0], periods=size, freq=base, unit=clock.unit).astype("int64").to_numpy()
    places = np.searchsorted(grid, anchors)
    return (grid[places[:, None] + clock.freq.n * steps] + shift[:, None]).ravel()


def _on_wall(clock: Clock, wall: np.ndarray, freq: pd.DateOffset) -> pd.DatetimeIndex:
    """Local times in their zone: those skipped by a clock change move on, of doubled ones the first."""
    times = pd.DatetimeIndex(wall.astype(f"datetime64[{clock.unit}]"))
    if clock.tz is not None:
        exact = times.tz_localize(clock.tz, nonexistent="NaT", ambiguous="NaT")
        if exact.hasnans:  # pandas cannot express such times as a frequency
            first = np.ones(len(times), dtype=bool)
            return times.tz_localize(clock.tz, nonexistent="shift_forward", ambiguous=first)
        times = exact
    times.freq = freq
    return times
