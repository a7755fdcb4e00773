"""Days that stand out: holidays, days around them, events; which of them a step holds."""

from __future__ import annotations

import warnings
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from forecastrnn.data.calendar_features import local_times
from forecastrnn.data.continuation import pace_of
from forecastrnn.data.frequency import is_business
from forecastrnn.data.time_index import Clock, to_index

_DAYS = 2.0  # a step shorter than this lies in one day
_APART = 2**32  # more than there are days: keys of series and days


@dataclass(frozen=True, kw_only=True, eq=False)
class SpecialDays:
    """Days since 1970 in channels, which have names.

    days, channel, owner (total,): a day, the place of its channel among `names`, and that of its series among
    `series`; -1: it is one of all series.
    """

    names: tuple[str, ...]
    days: np.ndarray
    channel: np.ndarray
    owner: np.ndarray
    series: tuple = ()

    def only(self, keep: np.ndarray) -> SpecialDays:
        """Some of the channels: keep (n_channels,)."""
        rows, place = keep[self.channel], np.cumsum(keep) - 1
        return SpecialDays(
            names=tuple(np.array(self.names, object)[keep].tolist()), days=self.days[rows],
            channel=place[self.channel[rows]], owner=self.owner[rows], series=self.series,
        )  # fmt: skip

    def of(self, ids: Sequence[Hashable]) -> SpecialDays:
        """The same channels with the days of some series alone, and those of all."""
        known = set(ids)
        rows = np.array([*(name in known for name in self.series), True])[self.owner]
        return replace(self, days=self.days[rows], channel=self.channel[rows], owner=self.owner[rows])

    def seen(self, begin: np.ndarray, end: np.ndarray) -> np.ndarray:
        """How many days of each channel (n_channels,) lie in steps (n,) from day `begin` to before `end`."""
        order = np.argsort(begin, kind="stable")
        at = np.searchsorted(begin[order], self.days, side="right") - 1
        inside = (at >= 0) & (end[order][np.maximum(at, 0)] > self.days)
        return np.bincount(self.channel[inside], minlength=len(self.names))

    def counts(self, begin: np.ndarray, end: np.ndarray, own: np.ndarray) -> np.ndarray:
        """Days of each channel (n, n_channels) in steps (n,); own (n,): the place of their series, or -1."""
        out = np.empty((len(begin), len(self.names)))
        for at in range(len(self.names)):
            mine = self.channel == at
            shared = np.sort(self.days[mine & (self.owner < 0)])
            out[:, at] = np.searchsorted(shared, end) - np.searchsorted(shared, begin)
            if len(shared) < mine.sum():
                keys = np.sort((self.owner * _APART + self.days)[mine & (self.owner >= 0)])
                key = own * _APART
                out[:, at] += np.searchsorted(keys, key + end) - np.searchsorted(keys, key + begin)
        return out


def joined(parts: list[SpecialDays]) -> SpecialDays:
    """The channels of several, of which one at most has series."""
    firsts = np.cumsum([0, *(len(part.names) for part in parts)])
    return SpecialDays(
        names=tuple(name for part in parts for name in part.names),
        days=np.concatenate([part.days for part in parts]),
        channel=np.concatenate([part.channel + first for part, first in zip(parts, firsts)]),
        owner=np.concatenate([part.owner for part in parts]),
        series=next((part.series for part in parts if part.series), ()),
    )


def lie_in_a_day(clock: Clock) -> bool:
    """Whether a step is one of a day, a working day too, or shorter."""
    return pace_of(clock) < _DAYS or is_business(clock.freq) and clock.freq.n == 1


def days_of_steps(clock: Clock, ordinals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The local days since 1970 that steps (n,) hold: from begin (n,) to before end (n,).

    A longer step begins at its time, but for weeks and those that pandas names by their end: these end with it.
    """
    here = days(local_times(clock, ordinals))
    if lie_in_a_day(clock):
        return here, here + 1
    if clock.kind == "period":
        return here, days((to_index(clock, ordinals) + 1).to_timestamp().to_numpy())
    times = pd.DatetimeIndex(local_times(clock, ordinals))
    name = clock.freq.base.freqstr.split("-")[0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", pd.errors.PerformanceWarning)  # of the rarer ones
        if name == "W" or name.endswith("E"):
            return days((times - clock.freq).to_numpy()) + 1, here + 1
        return here, days((times + clock.freq).to_numpy())


def days(wall: np.ndarray) -> np.ndarray:
    """Local times (n,) as days since 1970."""
    return wall.astype("datetime64[D]").astype(np.int64)


def days_beside(holidays: np.ndarray, steps: int, clock: Clock) -> np.ndarray:
    """Days so many steps behind holidays (days since 1970), before them if negative, that are none themselves.

    Where steps go from one working day to the next, so do these.
    """
    calendar = getattr(clock.freq, "calendar", None)
    if calendar is None or not is_business(clock.freq):
        calendar = np.busdaycalendar("1111100" if is_business(clock.freq) else "1111111")
    dates = holidays.astype("datetime64[D]")
    first = np.busday_offset(dates, 0, roll="forward" if steps < 0 else "backward", busdaycal=calendar)
    return np.setdiff1d(np.busday_offset(first, steps, busdaycal=calendar).astype(np.int64), holidays)
