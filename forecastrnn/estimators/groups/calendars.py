"""Calendar and holidays as parameters."""

from __future__ import annotations

from dataclasses import MISSING, dataclass
from numbers import Integral
from typing import Any

from sklearn.utils._param_validation import Interval, StrOptions

from forecastrnn.estimators.groups.group import AUTO, Group, option

_DAYS = Interval(Integral, 0, 31, closed="both")


@dataclass(frozen=True, repr=False)
class Holidays(Group):
    """Public holidays of a country, from the package `holidays` (`pip install "forecastrnn[holidays]"`).

    With steps of a day or less the network reads 1 at the steps of a holiday's local day, and of the days beside it, in
    columns of their own; with longer ones the number of holidays in a step. `fit` keeps the dates of ten years more
    than it has seen, in model files too: a forecast needs the package no longer, and does not change with it.

    Parameters
    ----------
    country : str
        Its ISO code: "FR".
    subdivision : str or None
        A state or a province, with holidays of its own: "VIC" of "AU".
    before, after : int
        So many days before and behind a holiday are marked too, unless they are holidays. Where steps go from one
        working day to the next, so do these.
    by : {"any", "name"}
        "any": one column for all holidays. "name": beside it one for each holiday that `fit` has seen at least twice,
        where Christmas is not like Labour Day.

    Examples
    --------
    >>> from forecastrnn import Holidays
    >>> Holidays("FR", by="name")
    Holidays(country='FR', by='name')
    """

    country: str = option(MISSING, str)
    subdivision: str | None = option(None, str, None)
    before: int = option(1, _DAYS)
    after: int = option(1, _DAYS)
    by: str = option("any", StrOptions({"any", "name"}))


def _opened_holidays(value: Any) -> object:
    """A code is short for the holidays of that country."""
    return Holidays(value) if isinstance(value, str) else value


@dataclass(frozen=True, repr=False)
class Calendar(Group):
    """What the network reads of the dates of steps: cycles, holidays, and events of one's own.

    `RNNForecaster(calendar=Calendar(...))`; "auto" or a list of features is short for those. All is read from the clock
    on the wall of the index's time zone, and known for any horizon. A column that is the same at all times of `fit` is
    left out. The index must be one of dates or periods.

    Parameters
    ----------
    features : "auto", list of str or None
        Cycles, as sines and cosines of the time in them: "minute" (of the hour), "hour" (of the day), "weekday",
        "day_of_month", "month", "day_of_year". "auto": of minute, hour, weekday and day_of_year those longer than a
        step and shorter than half of the longest series, but for seasons, which the network knows anyway.
    holidays : str, `Holidays` or None
        A code of a country, "FR", or `Holidays` with options.
    events : DataFrame or None
        Days of one's own, past and to come: columns name and time, and series, if an event is not one of all series.
        Each name is a column: 1 at the steps of its day, or, with longer steps, the days of it in a step.

    Examples
    --------
    >>> from forecastrnn import Calendar, RNNForecaster
    >>> model = RNNForecaster(calendar=Calendar(["weekday", "hour"], holidays="FR"))
    >>> model.set_params(calendar__holidays__before=2).calendar.holidays
    Holidays(country='FR', before=2)
    """

    features: str | list | tuple | None = option("auto", AUTO, list, tuple, None)
    holidays: str | Holidays | None = option(None, Holidays, str, None, opens=_opened_holidays)
    events: object | None = option(None, object)  # a frame: pandas comes when it is read


def opened_calendar(value: Any) -> object:
    """The object that "auto" or a list of features is short for; None is none."""
    return Calendar(value) if isinstance(value, str | list | tuple) else value
