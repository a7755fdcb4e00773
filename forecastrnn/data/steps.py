"""The one step of all series: what the index says, what was asked for, or what the times allow."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from numbers import Integral

import numpy as np
import pandas as pd
from pandas.tseries.frequencies import to_offset

from forecastrnn.data.clock_changes import put_back
from forecastrnn.data.frequency import infer_named, infer_offset
from forecastrnn.data.grid import places
from forecastrnn.data.time_index import Clock, wall_of

_KINDS = {"datetime": "dates", "period": "periods", "integer": "integers"}
_RENAMED = {  # which pandas 3 no longer knows
    "M": "'ME', or 'MS' for the first days of months", "Q": "'QE', or 'QS'", "Y": "'YE', or 'YS'", "A": "'YE', or 'YS'",
    "BM": "'BME'", "H": "'h'", "T": "'min'", "S": "'s'", "L": "'ms'",
}  # fmt: skip


@dataclass(frozen=True)
class Times:
    """Times of all series end to end: ordinals (total,), offsets (n_series + 1,), and what messages call them."""

    ordinals: np.ndarray
    offsets: np.ndarray
    ids: Sequence[Hashable]
    clock: Clock
    label: str

    @cached_property
    def inside(self) -> np.ndarray:
        """True (total - 1,) where a difference of neighbours lies within one series."""
        inside = np.ones(max(int(self.offsets[-1]) - 1, 0), dtype=bool)
        inside[self.offsets[1:-1] - 1] = False
        return inside

    @cached_property
    def wall(self) -> np.ndarray:
        """Local times (total,), so that days are days across daylight saving time."""
        return wall_of(self.ordinals, self.clock)

    @cached_property
    def unmoved(self) -> np.ndarray:
        """Local times (total,), those that a clock has moved as it went forward put back."""
        return self.wall if self.clock.tz is None else put_back(self.ordinals, self.offsets, self.clock)

    def until(self, first: int, last: int) -> Times:
        """Those of the series from first to last."""
        chosen = self.offsets[first : last + 2]
        rows = self.ordinals[chosen[0] : chosen[-1]]
        return replace(self, ordinals=rows, offsets=chosen - chosen[0], ids=self.ids[first : last + 1])

    def series_of(self, row: int) -> int:
        """The series that a row belongs to."""
        return int(np.searchsorted(self.offsets, row, side="right")) - 1

    def places(self, clock: Clock) -> tuple[np.ndarray, np.ndarray]:
        """Steps of a clock (total,) behind the first time of each series, and whether each time is so many."""
        return places(clock, self.ordinals, self.unmoved, self.offsets)

    def follow(self, clock: Clock) -> bool:
        """Whether each time is one step behind that before it."""
        steps, on = self.places(clock)
        return bool(on.all() and (np.diff(steps)[self.inside] == 1).all())


def infer(times: Times) -> Clock | None:
    """The clock with the step that fits all series, or None."""
    steps, clock = np.diff(times.ordinals)[times.inside], times.clock
    if clock.kind != "datetime":
        if not len(steps):
            return clock
        return replace(clock, step=int(steps[0])) if (steps == steps[0]).all() else None
    if not len(steps):
        return None
    freq = infer_offset(steps, times.wall, times.inside, clock.unit)
    if clock.tz is not None and (freq is None or isinstance(freq, pd.offsets.Hour) and freq.n % 24 == 0):
        freq = infer_offset(steps, times.unmoved, times.inside, clock.unit) or freq
    if freq is None and len(times.offsets) == 2:
        freq = infer_named(pd.DatetimeIndex(times.wall.astype(f"datetime64[{clock.unit}]")))
    return None if freq is None else replace(clock, freq=freq)


def asked(clock: Clock, freq: object, label: str) -> Clock:
    """The clock with the step that was asked for, or with that of another clock; a ValueError if it cannot have it."""
    if isinstance(freq, Clock):
        return _as_before(clock, freq, label)
    if clock.kind == "integer":
        if not isinstance(freq, Integral) or isinstance(freq, bool) or freq < 1:
            raise ValueError(f"freq={freq!r}: {label} holds integers, whose step is an integer >= 1")
        return replace(clock, step=int(freq))
    try:
        offset = pd.PeriodIndex([], freq=freq).freq if clock.kind == "period" else to_offset(freq)
    except (ValueError, TypeError) as error:
        old = f": it is called {_RENAMED[freq]} now" if isinstance(freq, str) and freq in _RENAMED else ""
        raise ValueError(
            f"freq={freq!r} is no frequency that pandas knows, such as 'D', 'MS' or '15min'{old}"
        ) from error
    if offset is None or offset.n < 1:
        raise ValueError(f"freq={freq!r} must be a step forward in time")
    if clock.kind == "period" and offset.base != clock.freq.base:
        raise ValueError(f"freq={freq!r}: {label} holds periods of {clock.freqstr}, whose steps are multiples of it")
    return replace(clock, freq=offset, step=offset.n if clock.kind == "period" else 1)


def _as_before(clock: Clock, before: Clock, label: str) -> Clock:
    """A clock of times that go on from those of another."""
    kinds = [_KINDS[one.kind] + (" with a time zone" if one.tz is not None else "") for one in (clock, before)]
    if kinds[0] != kinds[1]:
        raise ValueError(f"{label} holds {kinds[0]}, but the series go on from {kinds[1]}: give such times")
    if clock.kind == "period" and clock.freq.base != before.freq.base:
        raise ValueError(
            f"{label} holds periods of {clock.freqstr}, but the series go on in periods of {before.freqstr}"
        )
    return replace(clock, freq=before.freq, step=before.step)
