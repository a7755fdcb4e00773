"""Dates written in many ways, and their ISO forms: a small translation task."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np

from forecastrnn.datasets.whole_numbers import check_whole
from forecastrnn.seeds import check_draws

_FIRST, _LAST = date(1970, 1, 1), date(2068, 12, 31)  # two digits of a year say which one, as POSIX reads them
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_SUFFIXES = {1: "st", 2: "nd", 3: "rd", 21: "st", 22: "nd", 23: "rd", 31: "st"}

# {s}: one of _SEPARATORS, the same one throughout a date.
FORMS = (
    "{month} {d}, {y}",
    "{month} the {dth}, {y}",
    "the {dth} of {month} {y}",
    "{day}, {month} {d}, {y}",
    "{weekday} {dth} of {month} {y}",
    "{day}, {dd} {mon} {y}",
    "{mon} {d}, {y}",
    "{d} {month} '{yy}",
    "{d}{s}{mon}{s}{y}",
    "{dd}{s}{mon}{s}{yy}",
    "{y}{s}{mon}{s}{dd}",
    "{y}{s}{m}{s}{d}",
    "{y}{s}{mm}{s}{dd}",
    "{y}{mm}{dd}",
    "{mm}/{dd}/{yy}",
    "{m}/{d}/{y}",
    "{dd}.{mm}.{yy}",
    "{d}.{m}.{y}",
)
_SEPARATORS = (" ", "-", "/", ".")
_CASES = (str, str.lower, str.upper)


def make_dates(n: int = 1000, random_state: int | np.random.RandomState | None = None) -> tuple[list[str], list[str]]:
    """Dates written in 18 ways, and the same dates in ISO form.

    The days lie between 1970 and 2068, each as likely as another. Names of months and days are written out or cut to
    three letters, texts are in capitals, in small letters or mixed, and some ways leave the separator open. Every text
    has one meaning. Of digits alone, 03/04/21 is the 4th of March, as slashes are used in the United States, 03.04.21
    the 3rd of April, as dots are in Germany; where a year of four digits stands first, the month follows. A year of two
    digits from 70 on is of the 20th century, as POSIX reads it.

    Parameters
    ----------
    n : int
        Number of dates.
    random_state : int, RandomState or None
        Draws days and ways.

    Returns
    -------
    sources : list of n str
    targets : list of n str
        "YYYY-MM-DD".

    Raises
    ------
    ValueError
        If `n` is no integer >= 1.

    Examples
    --------
    >>> for source, target in zip(*make_dates(5, random_state=0)):
    ...     print(source, "->", target)
    saturday 25th of june 1977 -> 1977-06-25
    feb 29, 2028 -> 2028-02-29
    2053/03/29 -> 2053-03-29
    November the 23rd, 2057 -> 2057-11-23
    oct 31, 2026 -> 2026-10-31
    """
    check_whole("n", n)
    rng = check_draws(random_state)
    drawn = [rng.randint(most, size=n).tolist() for most in
             ((_LAST - _FIRST).days + 1, len(FORMS), len(_SEPARATORS), len(_CASES))]  # fmt: skip
    dates = [_FIRST + timedelta(offset) for offset in drawn[0]]
    sources = [_write(*choice) for choice in zip(dates, *drawn[1:], strict=True)]
    return sources, [day.isoformat() for day in dates]


def _write(day: date, form: int, separator: int, case: int) -> str:
    """A date in one of the ways."""
    y, m, d = day.year, day.month, day.day
    month, weekday = _MONTHS[m - 1], _DAYS[day.weekday()]
    text = FORMS[form].format(
        y=y, yy=f"{y % 100:02d}", m=m, mm=f"{m:02d}", mon=month[:3], month=month, d=d, dd=f"{d:02d}",
        dth=f"{d}{_SUFFIXES.get(d, 'th')}", day=weekday[:3], weekday=weekday, s=_SEPARATORS[separator],
    )  # fmt: skip
    return _CASES[case](text)
