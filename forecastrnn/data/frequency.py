"""Frequencies of datetimes: the rule that all steps of all series follow, and the season it suggests."""

from __future__ import annotations

import numpy as np
import pandas as pd
from pandas.tseries.frequencies import to_offset

PER_DAY = {"s": 86_400, "ms": 86_400_000, "us": 86_400_000_000, "ns": 86_400_000_000_000}
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_WEEKDAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
# Steps in a season, by pandas' name of the frequency; those shorter than a day are worked out.
_SEASONS = {"B": 5, "SME": 24, "SMS": 24, "M": 12, "Q": 4, "W": 52} | {
    prefix + ending: steps
    for prefix, steps in {"M": 12, "BM": 12, "CBM": 12, "Q": 4, "BQ": 4}.items()
    for ending in ("S", "E")
}


def infer_offset(steps: np.ndarray, wall: np.ndarray, inside: np.ndarray, unit: str) -> pd.DateOffset | None:
    """The offset that every step follows: steps (k,) in UTC, wall (total,) local times; or None."""
    per_day = PER_DAY[unit]
    local = np.diff(wall)[inside]
    if (local % per_day == 0).all():
        days = wall // per_day
        offset = _infer_months(days, inside) if local.min() >= 28 * per_day else None
        offset = offset or _infer_days(days, inside)
        if offset is not None:
            return offset
    if (steps == steps[0]).all():
        hours, rest = divmod(int(steps[0]), per_day // 24)
        return to_offset(pd.Timedelta(int(steps[0]), unit=unit)) if rest else pd.offsets.Hour(hours)
    return None


def _infer_months(days: np.ndarray, inside: np.ndarray) -> pd.DateOffset | None:
    """Offset of month-like steps from days (total,) since 1970, or None."""
    months = days.astype("datetime64[D]").astype("datetime64[M]")
    numbers = months.astype(np.int64)
    steps = np.diff(numbers)[inside]
    if not (steps == steps[0]).all():
        return None
    count, dates, following = int(steps[0]), days.astype("datetime64[D]"), months + np.timedelta64(1, "M")
    first, after = months.astype("datetime64[D]"), following.astype("datetime64[D]")
    ends = {
        "S": first,
        "E": after - np.timedelta64(1, "D"),
        "BS": np.busday_offset(first, 0, roll="forward"),
        "BE": np.busday_offset(after, -1, roll="forward"),
    }
    for name, expected in ends.items():
        if (dates == expected).all():
            return _month_offset(name, count, numbers)
    day = (dates - first).astype(np.int64)
    return pd.DateOffset(months=1) * count if (day == day[0]).all() and day[0] < 28 else None


def _month_offset(ending: str, count: int, numbers: np.ndarray) -> pd.DateOffset | None:
    """Months, quarters or years: `ending` S, E, BS or BE, steps of `count` months, numbers (total,)."""
    business, edge = ending[:-1], ending[-1]
    months = numbers % 12
    if count % 12 == 0 and (months == months[0]).all():
        return to_offset(f"{count // 12}{business}Y{edge}-{_MONTHS[months[0]]}")
    if count % 3 == 0 and (months % 3 == months[0] % 3).all():
        anchor = months[0] % 3 + (0 if edge == "S" else 9)
        return to_offset(f"{count // 3}{business}Q{edge}-{_MONTHS[anchor]}")
    return to_offset(f"{count}{business}M{edge}")


def _infer_days(days: np.ndarray, inside: np.ndarray) -> pd.DateOffset | None:
    """Offset of day-like steps (days, weeks, business days) from days (total,) since 1970, or None."""
    steps = np.diff(days)[inside]
    weekdays = (days + 3) % 7  # 1970-01-01 was a Thursday
    if (steps == steps[0]).all():
        if steps[0] % 7 == 0 and (weekdays == weekdays[0]).all():
            return to_offset(f"{steps[0] // 7}W-{_WEEKDAYS[weekdays[0]]}")
        return to_offset(f"{steps[0]}D")
    working = np.diff((days + 3) // 7 * 5 + weekdays)[inside]
    if (weekdays < 5).all() and (working == working[0]).all():
        return to_offset(f"{working[0]}B")
    week = working_days(days, inside)
    before, behind = (days.astype("datetime64[D]")[at] for at in _neighbours(inside))
    follow = np.busday_count(before, behind, weekmask=week.astype(int).tolist()) == 1
    return working_week(week) if not week.all() and week[weekdays].all() and follow.all() else None


def _neighbours(inside: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows (k,) before and behind each step."""
    rows = np.flatnonzero(inside)
    return rows, rows + 1


def working_days(days: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Weekdays (7,), Monday first, but those that days (total,) since 1970 never are and pass over at least twice."""
    before, behind = (days[at] for at in _neighbours(inside))
    weekdays = (days + 3) % 7
    works = np.ones(7, dtype=bool)
    for weekday in np.setdiff1d(np.arange(7), weekdays):
        passed = before + (weekday - (before + 3) % 7) % 7
        works[weekday] = len(np.unique(passed[passed < behind])) < 2
    return works


def working_week(week: np.ndarray) -> pd.DateOffset:
    """The offset of the days of a week (7,) that are worked on."""
    if (week == [True] * 5 + [False] * 2).all():
        return to_offset("B")
    return pd.offsets.CustomBusinessDay(weekmask=" ".join(np.array(_WEEKDAYS)[week].tolist()).title())


def is_business(freq: pd.DateOffset | None) -> bool:
    """Whether a step goes from one working day to the next."""
    return hasattr(freq, "weekmask")


def name_of(freq: pd.DateOffset) -> str:
    """What a frequency is called: by pandas, with the days of a working week that is not the usual one."""
    mask = getattr(getattr(freq, "calendar", None), "weekmask", None)
    if mask is None or (mask == [True] * 5 + [False] * 2).all():
        return freq.freqstr
    return f"{freq.freqstr} ({' '.join(np.array(_WEEKDAYS)[mask].tolist()).title()})"


def infer_named(times: pd.DatetimeIndex) -> pd.DateOffset | None:
    """Rarer rules, which one index (n,) of at least three local times shows whole, or None."""
    day, week = times[0].weekday(), (times[0].day - 1) // 7
    offsets = [pd.offsets.BusinessHour(), pd.offsets.SemiMonthBegin(), pd.offsets.SemiMonthEnd()]
    offsets += [pd.offsets.LastWeekOfMonth(weekday=day), pd.offsets.WeekOfMonth(week=min(week, 3), weekday=day)]
    for offset in offsets if len(times) > 2 else []:
        # The first times tell most apart; pandas builds such an index slowly.
        if _follows(times[:64], offset) and _follows(times, offset):
            return offset
    return None


def _follows(times: pd.DatetimeIndex, offset: pd.DateOffset) -> bool:
    return pd.date_range(times[0], periods=len(times), freq=offset, unit=times.unit).equals(times)


def season_of_offset(freq: pd.DateOffset, count: int) -> int:
    """Steps in a season if one step is `count` times the base of `freq`; 1 where there is no usual one."""
    if isinstance(freq.base, pd.offsets.CustomBusinessDay):
        return _divide(int(freq.calendar.weekmask.sum()), count)
    name = "ME" if freq.base == pd.DateOffset(months=1) else freq.base.freqstr.split("-")[0]
    if name in _SEASONS:
        return _divide(_SEASONS[name], count)
    seconds = {"D": 86_400.0, "h": 3600.0, "min": 60.0, "s": 1.0}.get(name, 0.0) * count
    if seconds >= 86_400:
        days = int(seconds) // 86_400
        whole = seconds % 86_400 == 0
        return (_divide(52, days // 7) if days % 7 == 0 else _divide(7, days)) if whole else 1
    return _divide(60 if seconds < 60 else 86_400, int(seconds)) if seconds else 1


def _divide(season: int, count: int) -> int:
    """How many groups of `count` make a season; 1 if they do not fill it evenly."""
    return season // count if season % count == 0 else 1
