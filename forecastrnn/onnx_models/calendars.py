"""What networks read of dates, from the times of steps: the formulas of `forecastrnn.data.calendar_features`.

Times are seconds since 1970 on the clock of the wall. Days become dates by the algorithm of Hinnant (2014,
"chrono-compatible low-level date algorithms"), whose years begin in March.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from forecastrnn.networks.exported import ExportedCalendar
from forecastrnn.onnx_models.values import Scope, Value

DAY, HOUR = 86400, 3600  # seconds
TIMES = "times"  # the name of the input
_ERA, _TO_ERA = 146097, 719468  # days of 400 years, and from the begin of one to 1970
_MONTHS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


class Dates(NamedTuple):
    """Of times: seconds of the day, days since 1970, month and day from 0 on, begin of the year, whether that leaps."""

    seconds: Value
    days: Value
    month: Value
    day: Value
    new_year: Value
    leaps: Value


def calendar_values(
    scope: Scope, own: ExportedCalendar, times: Value, places: Value | None
) -> dict[str, Value]:  # fmt: skip
    """The columns (m, t) by name, at times (m, t); places (m,): of the series among those of fit."""
    dates = dates_of(scope, _checked(scope, own, times))
    shares = {name: _SHARES[name](scope, dates) for name in {name for _, name, _, _ in own.waves}}
    found = {column: (shares[name] * (2.0 * np.pi * k)).of(wave.capitalize()) for column, name, wave, k in own.waves}
    mine = None
    if places is not None and (own.owner >= 0).any():
        mine = scope.constant(own.places, np.int64).take(places, 0).lifted(1, 2)
    for number, name in enumerate(own.special):
        found[name] = _counts(scope, own, number, dates.days, mine)
    return found


def _checked(scope: Scope, own: ExportedCalendar, times: Value) -> Value:
    """Times, if holidays are known for them."""
    if own.within is None:
        return times
    first, last = (DAY * day for day in own.within)
    said = "times must lie in years whose holidays are known in fit"
    return scope.unless((times < first) | (times >= last), times, said)


def _counts(scope: Scope, own: ExportedCalendar, number: int, days: Value, mine: Value | None) -> Value:
    """How often days (m, t) are one of a channel; mine (m, 1, 1): which series with days of their own each is."""
    total = None
    for owned in (False, True):
        rows = (own.channel == number) & ((own.owner >= 0) == owned)
        if not rows.any() or owned and mine is None:
            continue
        same = days.lifted(2).equals(scope.constant(own.days[rows], np.int64))
        if owned and mine is not None:
            same = same & mine.equals(scope.constant(own.owner[rows], np.int64))
        count = same.to(np.float64).over("Sum", 2)
        total = count if total is None else total + count
    return days.to(np.float64) * 0.0 if total is None else total


def dates_of(scope: Scope, times: Value) -> Dates:
    """The dates of times."""
    seconds = times % DAY  # in ONNX of the sign of the divisor, so that division is exact
    days = (times - seconds) / DAY
    shifted = days + _TO_ERA
    of_era = shifted % _ERA
    year = (of_era - of_era / 1460 + of_era / 36524 - of_era / (_ERA - 1)) / 365
    of_year = of_era - (year * 365 + year / 4 - year / 100)
    from_march = (of_year * 5 + 2) / 153
    day = of_year - (from_march * 153 + 2) / 5
    is_late = from_march >= 10
    month = scope.where(is_late, from_march - 10, from_march + 2)
    year = (shifted - of_era) / _ERA * 400 + year + scope.where(is_late, scope.constant(1, np.int64), 0)
    new_year = _new_year(year)
    return Dates(seconds, days, month, day, new_year, (_new_year(year + 1) - new_year).equals(366))


def _new_year(year: Value) -> Value:
    """Days from 1970 to the first day of a year, of years after 0."""
    before = year - 1
    return before * 365 + before / 4 - before / 100 + before / 400 - 719162


def _of_month(scope: Scope, dates: Dates) -> Value:
    length = scope.constant(_MONTHS, np.int64).take(dates.month, 0)
    length = length + (dates.leaps & dates.month.equals(1)).to(np.int64)
    return dates.day.to(np.float64) / length.to(np.float64)


def _of_year(scope: Scope, dates: Dates) -> Value:
    length = scope.where(dates.leaps, scope.constant(366.0), 365.0)
    return (dates.days - dates.new_year).to(np.float64) / length


# Where in a cycle a time is, in [0, 1).
_SHARES: dict[str, Callable[[Scope, Dates], Value]] = {
    "minute": lambda scope, dates: (dates.seconds % HOUR).to(np.float64) / float(HOUR),
    "hour": lambda scope, dates: dates.seconds.to(np.float64) / float(DAY),
    "weekday": lambda scope, dates: ((dates.days + 3) % 7).to(np.float64) / 7.0,
    "day_of_month": _of_month,
    "month": lambda scope, dates: dates.month.to(np.float64) / 12.0,
    "day_of_year": _of_year,
}
KNOWN = tuple(_SHARES)  # all cycles that a graph has a formula for
