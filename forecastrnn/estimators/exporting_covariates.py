"""What a forecaster reads beside series, the calendar among it, as arrays and names."""

from __future__ import annotations

import numpy as np

from forecastrnn.data.calendar_features import split_wave
from forecastrnn.data.special_days import days, lie_in_a_day
from forecastrnn.forecasting.covariates import MOST
from forecastrnn.forecasting.model import Model
from forecastrnn.networks.exported import ExportedCalendar, ExportedCovariates


def covariates_of(model: Model) -> ExportedCovariates | None:
    """All that is given beside series; None: nothing."""
    own = model.tail.prepared.covariates
    if own is None:
        return None
    scales = own.scales
    numbers = [(str(one.name), one.role) for one in scales.columns if one.kind != "category"]
    order, places = scales.places
    coded = [one for one in scales.columns if one.kind == "category"]
    categories = [
        (str(coded[place].name), coded[place].role, [coded[place].categories[code] for code in seen])
        for place, seen in zip(places.tolist(), scales.seen, strict=True)
    ]
    return ExportedCovariates(
        numbers=numbers, centred=scales.centred, middle=scales.middle, spread=scales.spread, gaps=scales.gaps,
        order=order, most=MOST, categories=categories, in_encoder=scales.in_encoder, calendar=_calendar(model),
    )  # fmt: skip


def _calendar(model: Model) -> ExportedCalendar | None:
    """Columns that are made of times; those that count the days of steps longer than a day are given."""
    own, clock = model.calendar, model.axis.clock
    if own is None:
        return None
    special = own.special if own.special is not None and lie_in_a_day(clock) else None
    none = np.empty(0, np.int64)
    mine = {name: place for place, name in enumerate(special.series)} if special else {}
    years = own.years if special is not None else ()
    return ExportedCalendar(
        waves=[(column, *split_wave(column)) for column in own.waves], special=special.names if special else (),
        days=special.days if special else none, channel=special.channel if special else none,
        owner=special.owner if special else none,
        places=np.array([*(mine.get(name, -1) for name in model.whole_axis.ids), -1], np.int64),
        within=(_first_day(years[0]), _first_day(years[1] + 1)) if years else None,
    )  # fmt: skip


def _first_day(year: int) -> int:
    """Days from 1970 to the begin of a year."""
    return int(days(np.array([str(year)], "datetime64[Y]"))[0])
