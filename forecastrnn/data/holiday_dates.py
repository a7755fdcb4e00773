"""Public holidays of a country, as the package `holidays` knows them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from forecastrnn.data.special_days import SpecialDays, days_beside, lie_in_a_day
from forecastrnn.data.time_index import Clock

if TYPE_CHECKING:
    from holidays import HolidayBase

FURTHER = 10  # years behind the last one whose holidays a model keeps
HOLIDAY = "holiday"


@dataclass(frozen=True, kw_only=True)
class HolidayOptions:
    """Whose holidays, how many days before and after them are marked too, and whether each name has a channel."""

    country: str
    subdivision: str | None = None
    before: int = 1
    after: int = 1
    by: str = "any"

    @property
    def label(self) -> str:
        """What messages call them."""
        return self.country if self.subdivision is None else f"{self.country}-{self.subdivision}"


def holiday_days(options: HolidayOptions, first: int, last: int, clock: Clock) -> SpecialDays:
    """The holidays of the years first .. last: those of any name, the days beside them, and, by name, each.

    With steps of several days the days beside holidays are none: a step holds them as well.

    Raises
    ------
    ImportError
        If the package is not installed.
    ValueError
        If it does not know the country or the subdivision.
    """
    dates, names = _dates(options, first - 1, last + 1)  # the days beside reach over a new year
    channels = {HOLIDAY: np.unique(dates)}
    if lie_in_a_day(clock):
        beside = {f"{HOLIDAY}_before{k}": -k for k in range(1, options.before + 1)}
        beside |= {f"{HOLIDAY}_after{k}": k for k in range(1, options.after + 1)}
        channels |= {name: days_beside(channels[HOLIDAY], k, clock) for name, k in beside.items()}
    if options.by == "name":
        channels |= {f"{HOLIDAY}_{name}": np.unique(dates[names == name]) for name in np.unique(names).tolist()}
    lengths = [len(each) for each in channels.values()]
    found = np.concatenate([*channels.values()])
    return SpecialDays(
        names=tuple(channels), days=found, channel=np.arange(len(lengths)).repeat(lengths),
        owner=np.full(len(found), -1),
    )  # fmt: skip


def _dates(options: HolidayOptions, first: int, last: int) -> tuple[np.ndarray, np.ndarray]:
    """Days since 1970 and names, a day once for each of its names."""
    try:
        from holidays import country_holidays
    except ImportError as error:
        raise ImportError(
            f"calendar: holidays of {options.label} need the package holidays: pip install 'forecastrnn[holidays]'; "
            "a fitted model keeps their dates, and forecasts without it"
        ) from error
    try:
        known = partial(country_holidays, options.country, subdiv=options.subdivision)
        found = known(years=range(first, last + 1), language=_language(known()))
    except (NotImplementedError, TypeError, AttributeError) as error:
        raise ValueError(
            f"calendar: the package holidays does not know {options.label}: {error}. It wants a code such as 'FR', and "
            "one of its subdivisions, such as 'VIC' of 'AU'"
        ) from error
    pairs = [(date, name) for date, names in sorted(found.items()) for name in names.split("; ")]
    dates = np.array([date for date, _ in pairs], "datetime64[D]").astype(np.int64)
    return dates, np.array([name for _, name in pairs], object)


def _language(country: HolidayBase) -> str | None:
    """English where there is a translation, else the country's own: never that of the machine, which names channels."""
    return "en_US" if "en_US" in country.supported_languages else country.default_language
