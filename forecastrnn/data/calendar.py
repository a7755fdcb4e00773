"""The calendar of series: what networks read of the dates of steps, chosen in fit and computed for any time."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np

from forecastrnn.data.calendar_features import (
    check_names,
    choose_cycles,
    local_times,
    split_wave,
    wave_values,
    waves_of,
)
from forecastrnn.data.caller_warnings import warn_caller
from forecastrnn.data.covariate_ahead import nothing_ahead, wanted_behind
from forecastrnn.data.covariate_values import Covariate, Covariates
from forecastrnn.data.events import event_days
from forecastrnn.data.holiday_dates import FURTHER, HOLIDAY, HolidayOptions, holiday_days
from forecastrnn.data.special_days import SpecialDays, days_of_steps, joined
from forecastrnn.data.time_index import Clock

if TYPE_CHECKING:
    from forecastrnn.data.series_input import SeriesSet, TimeAxis

_FLAT = 1e-6  # a column that differs by less is the same at all times
_AT_ONCE = 32  # steps of a stream
_TWICE = 2  # a holiday that was there once has no effect that could be told from the day's own noise


@dataclass(frozen=True, kw_only=True)
class CalendarOptions:
    """What is asked for: names of cycles, or "auto"; holidays; a frame of events."""

    features: Any = "auto"
    holidays: HolidayOptions | None = None
    events: Any = None

    def fitted(self, read: SeriesSet, seasons: Sequence[int], *, told: bool = True) -> CalendarColumns:
        """The columns that series give cause for; `fit_calendar`."""
        return fit_calendar(self, read, seasons, told=told)


@dataclass(frozen=True, kw_only=True, eq=False)
class CalendarColumns:
    """What networks read of dates: columns of cycles, then those of special days.

    years : the first and the last one whose holidays are known, of `country`; (): there are none.
    """

    waves: tuple[str, ...]
    special: SpecialDays | None = None
    years: tuple[int, ...] = ()
    country: str = ""

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of all columns."""
        return self.waves + (self.special.names if self.special else ())

    @property
    def reserved(self) -> set[str]:
        """Names that no other covariate may have: of columns and of what they are made of."""
        made = {split_wave(column)[0] for column in self.waves} | ({HOLIDAY} if self.years else set())
        return made | set(self.columns)

    def beside(self, read: SeriesSet) -> SeriesSet:
        """Series with these columns behind their covariates; those that have them stay as they are."""
        if read.covariates and {one.name for one in read.covariates.columns} >= set(self.columns):
            return read
        return replace(read, covariates=self._behind(read.covariates, values_at(self, read)))

    def ahead(
        self, axis: TimeAxis, steps: int, found: Covariates | None, others: tuple[Covariate, ...] = ()
    ) -> Covariates:
        """What is known of so many steps behind the ends of series (n_series * steps rows), with these columns.

        found : of `others`, the columns in front of these; None: they are not known ahead.
        """
        wanted = wanted_behind(axis, steps)
        values = self.values(axis.clock, wanted.ordinals, wanted.series, axis.ids)
        return self._behind(found or nothing_ahead(others, len(values)), values)

    def along(self, axis: TimeAxis) -> Callable[[Covariates | None], Covariates]:
        """What puts these columns behind what is known of a step, at each call of the next one behind a series' end."""
        rows = self._rows_along(axis)
        return lambda found: self._behind(found, next(rows))

    def _rows_along(self, axis: TimeAxis) -> Iterator[np.ndarray]:
        """The columns (1, k) of one step after the other, some of which are found together."""
        for begin in count(1, _AT_ONCE):
            ordinals = axis.ordinals_after(np.arange(begin, begin + _AT_ONCE))
            values = self.values(axis.clock, ordinals, np.zeros(len(ordinals), np.int64), axis.ids)
            yield from values[:, None]

    def _behind(self, found: Covariates | None, values: np.ndarray) -> Covariates:
        """These columns behind others."""
        columns = tuple(Covariate(name, "known", "plain") for name in self.columns)
        if found is None:
            return Covariates(columns, values, np.empty((len(values), 0), np.int64))
        numbers = np.concatenate([found.numbers, values], axis=1)
        return Covariates(found.columns + columns, numbers, found.codes)

    def values(self, clock: Clock, ordinals: np.ndarray, owners: np.ndarray, ids: Sequence[Hashable]) -> np.ndarray:
        """The columns (n, k) at times (n,), which belong to the series owners (n,), a place among `ids` each.

        Raises
        ------
        ValueError
            If a time is in a year whose holidays are not known.
        """
        waves = wave_values(self.waves, local_times(clock, ordinals))
        if self.special is None:
            return waves
        begin, end = days_of_steps(clock, ordinals)
        if self.years:
            self._check_years(begin, end)
        place = {name: at for at, name in enumerate(self.special.series)}
        own = np.array([place.get(name, -1) for name in ids] if place else [-1] * len(ids), np.int64)
        return np.concatenate([waves, self.special.counts(begin, end, own[owners])], axis=1)

    def _check_years(self, begin: np.ndarray, end: np.ndarray) -> None:
        first, last = self.years
        years = [_year(day) for day in (begin.min(initial=_day(last)), end.max(initial=_day(last) + 1) - 1)]
        beyond = [year for year in years if not first <= year <= last]
        if beyond:
            raise ValueError(
                f"calendar: the holidays of {self.country} are known for {first} .. {last}, fixed in fit, but "
                f"not for {beyond[0]}: fit again on {'earlier' if beyond[0] < first else 'later'} values"
            )


def _year(day: int) -> int:
    return int(np.datetime64(int(day), "D").astype("datetime64[Y]").astype(int)) + 1970


def _day(year: int) -> int:
    return int(np.datetime64(str(year), "D").astype(int))


def fit_calendar(
    options: CalendarOptions, read: SeriesSet, seasons: Sequence[int], *, told: bool = True
) -> CalendarColumns:
    """The columns that series give cause for: cycles, and special days that were seen, at least twice if holidays.

    A covariate must not be called as one of them, or as what they are made of.

    Parameters
    ----------
    options : CalendarOptions
    read : SeriesSet
        Of whose rows alone all is chosen.
    seasons : sequence of int
        Steps of the seasons that networks know anyway, which "auto" leaves out.
    told : bool, default=True
        Whether a warning tells of events that no time has.

    Raises
    ------
    TypeError
        If the series have no dates.
    ValueError
        If a cycle, a country or an event is not possible.
    ImportError
        If holidays are asked for and the package is not there.

    Examples
    --------
    >>> import pandas as pd
    >>> from forecastrnn.data.series import read_series
    >>> days = read_series(pd.Series(1.0, index=pd.date_range("2024-01-01", periods=60)))
    >>> fit_calendar(CalendarOptions(features=["weekday"]), days, [1]).columns[:2]
    ('weekday_sin1', 'weekday_cos1')
    """
    clock = read.axis.clock
    if clock.kind == "integer":
        raise TypeError(
            f"calendar needs dates: the times of y are integers, such as {int(read.axis.last[0])}, which have no "
            "weekday and no year. Give a DatetimeIndex or a PeriodIndex, or calendar=None"
        )
    longest = int(np.diff(read.offsets).max())
    if isinstance(options.features, str) and options.features == "auto":
        names = choose_cycles(clock, longest, seasons)
    else:
        names = () if options.features is None else check_names(options.features, clock)
    found = CalendarColumns(waves=tuple(waves_of(names, clock)))
    if options.holidays is not None or options.events is not None:
        found = _with_special(found, options, read, told)
    found = _that_change(found, read)
    _check_names(found, read.covariates)
    return found


def _check_names(calendar: CalendarColumns, found: Covariates | None) -> None:
    twice = [name for name in calendar.columns if calendar.columns.count(name) > 1]
    if twice:
        raise ValueError(f"calendar: an event is called {twice[0]!r}, as a feature or a holiday is: rename it")
    taken = [one.name for one in found.columns if one.name in calendar.reserved] if found else []
    if taken:
        raise ValueError(
            f"column {taken[0]!r} is a covariate, and calendar makes one of that name: rename the column, or leave the "
            "feature out of calendar"
        )


def _with_special(calendar: CalendarColumns, options: CalendarOptions, read: SeriesSet, told: bool) -> CalendarColumns:
    """The calendar with the holidays and events that lie in the series."""
    clock, parts = read.axis.clock, []
    begin, end = days_of_steps(clock, read.ordinals)
    if options.holidays is not None:
        first, last = _year(begin.min()), _year(end.max() - 1) + FURTHER
        calendar = replace(calendar, years=(first, last), country=options.holidays.label)
        found = holiday_days(options.holidays, first, last, clock)
        parts.append(found.only(found.seen(begin, end) >= _TWICE))
    if options.events is not None:
        found = event_days(options.events, clock)
        seen = found.of(read.ids).seen(begin, end) > 0
        if told:
            unseen = [name for name, there in zip(found.names, seen.tolist(), strict=True) if not there]
            known = set(read.ids)
            _warn_of_unseen(unseen, [name for name in found.series if name not in known])
        parts.append(found.only(seen))
    return replace(calendar, special=joined(parts))


def _warn_of_unseen(names: list[str], strange: list[Hashable]) -> None:
    """Warn of events that no time of y has; strange: series of events that y has not."""
    if names:
        of = f" (y has no series {strange[0]!r}, of which there are events)" if strange else ""
        warn_caller(
            f"calendar: no time of y has the event {names[0]!r}{f' (nor {len(names) - 1} more)' if names[1:] else ''}"
            f"{of}, so nothing can be learned of it: it is not used"
        )


def _that_change(calendar: CalendarColumns, read: SeriesSet) -> CalendarColumns:
    """The calendar without columns that are the same at all times of the series, of which nothing can be learned."""
    values, n_waves = values_at(calendar, read), len(calendar.waves)
    changes = np.ptp(values, axis=0) > _FLAT
    waves = tuple(np.array(calendar.waves, object)[changes[:n_waves]].tolist())
    special = calendar.special and calendar.special.only(changes[n_waves:])
    return replace(calendar, waves=waves, special=special if special and special.names else None)


def values_at(calendar: CalendarColumns, read: SeriesSet) -> np.ndarray:
    """The columns (total, k) at all values of series; those that share an index are computed once where they can be."""
    shared = len(read.ordinals) < len(read.values) and not (calendar.special and calendar.special.series)
    if shared:
        once = calendar.values(read.axis.clock, read.ordinals, np.zeros(len(read.ordinals), np.int64), read.ids[:1])
        return np.tile(once, (read.n_series, 1))
    return calendar.values(read.axis.clock, read.times(np.arange(len(read.values))), read.owners, read.ids)
