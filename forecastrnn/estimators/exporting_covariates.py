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


def settings_beside(model: Model) -> dict[str, object]:
    """Values of names at the top of `forecastrnn.numpy_predictor.covariates` and `calendars`."""
    own = covariates_of(model)
    if own is None:
        return {"NUMBER_COLUMNS": (), "CATEGORY_COLUMNS": ()}
    found: dict[str, object] = {
        "NUMBER_COLUMNS": tuple(own.numbers),
        "CATEGORY_COLUMNS": tuple((name, role) for name, role, _ in own.categories),
        "MADE": own.made, "IN_ENCODER": own.in_encoder, "MOST_SPREADS": own.most,
    }  # fmt: skip
    dates = own.calendar
    return found | ({} if dates is None else {
        "WAVES": tuple(dates.waves), "SPECIAL": tuple(dates.special), "WITHIN": dates.within})  # fmt: skip


def arrays_beside(model: Model) -> dict[str, np.ndarray]:
    """What a module reads of covariates and dates, as arrays by name."""
    own = covariates_of(model)
    if own is None:
        return {}
    found = {f"beside.{name}": getattr(own, name) for name in ("centred", "middle", "spread", "gaps", "order")}
    found["beside.numbers"] = own.roles.astype(str)
    found["beside.codes"] = np.array([role for _, role, _ in own.categories], str)
    found |= {f"beside.categories.{k}": np.array([*known]) for k, (_, _, known) in enumerate(own.categories)}
    names = ("days", "channel", "owner", "places")
    return found | {f"calendar.{name}": getattr(own.calendar, name) for name in names if own.calendar}


def ends_beside(model: Model) -> dict[str, np.ndarray]:
    """The last rows of covariates of each series of fit, and the centres of numbers."""
    own = model.tail.prepared.covariates
    return {} if own is None else {"centre": own.centre, "last.numbers": own.numbers, "last.codes": own.codes}
