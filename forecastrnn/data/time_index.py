"""The time axis of series: how times are read and written.

Times travel as int64 ordinals: counts of the index's own unit (datetimes, in UTC), period ordinals or
plain integers. A `Clock` says how to read them and what one step is.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import tzinfo
from typing import Any

import numpy as np
import pandas as pd

from forecastrnn.data.frequency import name_of
from forecastrnn.date_texts import KINDS, read_dates

_LARGEST = np.iinfo(np.int64).max


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
        return name_of(self.freq)

    @property
    def tick(self) -> int:
        """Ordinals in one step of fixed duration (hours and shorter), 0 for a step of the calendar."""
        if not isinstance(self.freq, pd.offsets.Tick) or isinstance(self.freq, pd.offsets.Day):
            return 0
        return pd.Timedelta(self.freq) // pd.Timedelta(1, unit=self.unit)

    @property
    def is_calendar(self) -> bool:
        """Whether steps are those of a calendar, of different durations."""
        return self.kind == "datetime" and not self.tick

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
            f"{_advice(index)}"
        )
    return index.astype("int64").to_numpy(dtype=np.int64), clock


def _advice(index: pd.Index) -> str:
    """What makes times of an index that holds none."""
    if pd.api.types.is_float_dtype(index.dtype):
        return "astype(int) makes steps of whole numbers, pandas.to_datetime(..., format=...) dates"
    if isinstance(index, pd.TimedeltaIndex):
        return "add the time at which they began, as in pandas.Timestamp('2024-01-01') + index"
    return "pandas.to_datetime converts to such times"


def ordinals_of(index: pd.Index, clock: Clock) -> np.ndarray:
    """Ordinals (n,) of times, in the unit of a clock."""
    if isinstance(index, pd.DatetimeIndex) and index.unit != clock.unit:
        index = index.as_unit(clock.unit)
    return index.astype("int64").to_numpy()


def to_index(clock: Clock, ordinals: np.ndarray) -> pd.Index:
    """An index (without freq) of ordinals (n,)."""
    ordinals = np.asarray(ordinals, dtype=np.int64)
    if clock.kind == "integer":
        return pd.Index(ordinals)
    if clock.kind == "period":
        return pd.PeriodIndex.from_ordinals(ordinals, freq=clock.freq)
    times = pd.DatetimeIndex(ordinals.astype(f"datetime64[{clock.unit}]"))
    return times if clock.tz is None else times.tz_localize("UTC").tz_convert(clock.tz)


def wall_of(ordinals: np.ndarray, clock: Clock) -> np.ndarray:
    """Ordinals of the clock on the wall, so that days are days across daylight saving time."""
    if clock.tz is None:
        return ordinals
    return to_index(clock, ordinals).tz_localize(None).astype("int64").to_numpy()
