"""What is read of dates: cycles, holidays and events on every kind of index, against the same said day by day."""

from __future__ import annotations

import datetime
import math
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecastrnn.data.calendar import CalendarColumns, CalendarOptions, fit_calendar, values_at
from forecastrnn.data.calendar_features import CYCLES
from forecastrnn.data.covariate_values import Covariate, Covariates
from forecastrnn.data.holiday_dates import HolidayOptions
from forecastrnn.data.series import read_series
from forecastrnn.data.series_input import SeriesSet

PARIS = "Europe/Paris"
FRANCE = HolidayOptions(country="FR")
DAYS = pd.date_range("2023-01-01", "2024-12-31")
EMPTY = np.empty((len(DAYS), 0), np.int64)


def series(index: pd.Index) -> SeriesSet:
    return read_series(pd.Series(1.0, index=index))


def fitted(index: pd.Index, seasons: tuple[int, ...] = (), **options: Any) -> tuple[CalendarColumns, pd.DataFrame]:
    """A calendar, and its columns at the times of a series."""
    read = series(index)
    calendar = fit_calendar(CalendarOptions(**options), read, seasons)
    return calendar, pd.DataFrame(values_at(calendar, read), index, calendar.columns)


# Cycles -----------------------------------------------------------------------------------------------------------
def place(name: str, at: Any) -> float:
    """Where a time is in a cycle, by Python's dates."""
    days = {"day_of_month": pd.Timestamp(at).days_in_month, "day_of_year": 365 + pd.Timestamp(at).is_leap_year}
    return {
        "minute": at.minute / 60 + at.second / 3600,
        "hour": at.hour / 24 + at.minute / 1440 + at.second / 86400,
        "weekday": at.weekday() / 7,
        "day_of_month": (at.day - 1) / days["day_of_month"],
        "month": (at.month - 1) / 12,
        "day_of_year": (at.timetuple().tm_yday - 1) / days["day_of_year"],
    }[name]


@pytest.mark.parametrize("unit", ["s", "ns"])
@pytest.mark.parametrize("zone", [None, PARIS, "America/St_Johns"])
def test_cycles_are_those_of_the_clock_on_the_wall(zone: str | None, unit: str) -> None:
    """Over both changes of the clock, a leap day and a new year."""
    index = pd.date_range("2023-03-20 00:20", "2025-01-03", freq="20min", tz=zone, unit=unit)[::1]
    calendar, found = fitted(index, features=[*CYCLES])
    assert len(found.columns) == 2 * (1 + 2 + 3 + 2 + 2 + 2)  # of an hour three steps tell one pair
    for row in np.random.default_rng(0).integers(len(index), size=60).tolist():
        for column in found.columns:
            name, wave, k = column[:-5], column[-4:-1], int(column[-1])
            wanted = getattr(math, wave)(2 * math.pi * k * place(name, index[row].to_pydatetime()))
            assert found[column].iloc[row] == pytest.approx(wanted, abs=1e-9)


def test_a_repeated_hour_is_the_same_hour_twice() -> None:
    index = pd.date_range("2024-10-27 00:00", periods=6, freq="h", tz=PARIS)
    assert [time.hour for time in index] == [0, 1, 2, 2, 3, 4]
    found = fitted(index, features=["hour"])[1]["hour_sin1"].tolist()
    assert found[2] == found[3] and len(set(found)) == 5


def test_periods_begin_where_they_begin() -> None:
    months = pd.period_range("2020-03", periods=40, freq="M")
    found = fitted(months, features=["month", "day_of_year"])[1]
    starts = fitted(months.to_timestamp(), features=["month", "day_of_year"])[1]
    np.testing.assert_array_equal(found, starts)


@pytest.mark.parametrize(
    ("freq", "n", "seasons", "names"),
    [
        ("h", 24 * 40, (24,), {"weekday"}),
        ("h", 24 * 13, (24,), set()),
        ("h", 24 * 800, (24, 168), {"day_of_year"}),
        ("h", 24 * 40, (1,), {"hour", "weekday"}),
        ("min", 3000, (1440,), {"minute"}),
        ("D", 800, (7,), {"day_of_year"}),
        ("D", 730, (7,), set()),
        ("B", 800, (5,), {"day_of_year"}),
        ("W-SUN", 200, (52,), set()),
        ("MS", 200, (12,), set()),
        ("MS", 200, (1,), {"day_of_year"}),
        ("YS", 80, (1,), set()),
    ],
)
def test_auto_takes_cycles_that_are_there_and_no_seasons(
    freq: str, n: int, seasons: tuple[int, ...], names: set[str]
) -> None:
    """Longer than a step, shorter than half of the series; 5 working days are a week, 52 weeks a year."""
    calendar, _ = fitted(pd.date_range("2010-01-04", periods=n, freq=freq), seasons)
    assert {column.rpartition("_")[0] for column in calendar.columns} == names


def test_columns_that_never_change_are_left_out() -> None:
    """Of them nothing can be learned, and a network would read noise where they change later."""
    january = pd.date_range("2024-01-01", periods=30)
    assert fitted(january, features=["month", "weekday"])[0].columns[0] == "weekday_sin1"
    assert all(column.startswith("weekday") for column in fitted(january, features=["month", "weekday"])[0].columns)
    assert fitted(january, features=None, holidays=FRANCE)[0].columns == ()  # one holiday, seen once


# Holidays ---------------------------------------------------------------------------------------------------------
def test_days_and_those_beside_them() -> None:
    _, found = fitted(DAYS, features=None, holidays=FRANCE)
    assert [*found.columns] == ["holiday", "holiday_before1", "holiday_after1"]
    may = found.loc["2024-05-06":"2024-05-12"]
    assert may["holiday"].tolist() == [0, 0, 1, 1, 0, 0, 0]  # 8 May, and Ascension Day behind it
    assert may["holiday_before1"].tolist() == [0, 1, 0, 0, 0, 0, 0]
    assert may["holiday_after1"].tolist() == [0, 0, 0, 0, 1, 0, 0]
    assert found["holiday_before1"].loc["2024-12-31"] == 1  # the new year is behind the end


def test_hours_have_the_holiday_of_their_local_day() -> None:
    index = pd.date_range("2024-04-29", "2024-05-15", freq="h", tz=PARIS)
    _, found = fitted(index, features=None, holidays=HolidayOptions(country="FR", before=0, after=0))
    local = found["holiday"].tz_localize(None)
    assert local.loc["2024-05-01"].tolist() == [1.0] * 24
    assert local.sum() == 3 * 24


def test_working_days_go_around_the_weekend() -> None:
    """The day before Easter Monday is Friday, also where the holidays themselves are no rows."""
    index = pd.date_range("2023-01-02", "2024-12-31", freq="B")
    found = fitted(index, features=None, holidays=FRANCE)[1].loc["2024-03-27":"2024-04-03"]
    assert found["holiday_before1"].tolist() == [0, 0, 1, 0, 0, 0]
    assert found["holiday_after1"].tolist() == [0, 0, 0, 0, 1, 0]
    trading = pd.offsets.CustomBusinessDay(holidays=["2024-04-01", "2024-05-01"])
    index = pd.date_range("2024-01-02", "2024-12-31", freq=trading)
    found = fitted(index, features=None, holidays=FRANCE)[1].loc["2024-03-28":"2024-04-03"]
    assert found["holiday_before1"].tolist() == [0, 1, 0, 0]
    assert found["holiday_after1"].tolist() == [0, 0, 1, 0]


@pytest.mark.parametrize(
    ("index", "wanted"),
    [
        (pd.date_range("2023-01-01", periods=100, freq="W-SUN"), {"2024-05-12": 2, "2024-05-05": 1, "2024-04-28": 0}),
        (pd.date_range("2023-01-01", periods=100, freq="7D"), {"2024-05-05": 2, "2024-04-28": 1, "2024-04-21": 0}),
        (pd.date_range("2023-01-01", periods=24, freq="MS"), {"2024-05-01": 4, "2024-06-01": 0, "2024-12-01": 1}),
        (pd.date_range("2023-01-31", periods=24, freq="ME"), {"2024-05-31": 4, "2024-06-30": 0, "2024-12-31": 1}),
        (pd.period_range("2023-01", periods=24, freq="M"), {"2024-05": 4, "2024-06": 0, "2024-12": 1}),
        (pd.date_range("2023-01-31", periods=12, freq="2ME"), {"2024-05-31": 5, "2024-07-31": 1}),
        (pd.period_range("2023-01", periods=12, freq="2M"), {"2024-05": 4, "2024-03": 1}),
        (pd.date_range("2023-01-01", periods=8, freq="QS", tz=PARIS), {"2024-04-01": 5}),
    ],
    ids=["weeks", "seven days", "months", "month ends", "periods", "two month ends", "two months", "quarters"],
)  # fmt: skip
def test_longer_steps_count_their_holidays(index: pd.Index, wanted: dict[str, int]) -> None:
    """A week and a month end end with their label, others begin; days beside a holiday lie in the same step."""
    calendar, found = fitted(index, features=None, holidays=FRANCE)
    assert calendar.columns == ("holiday",)
    assert {time: found["holiday"].loc[time] for time in wanted} == wanted


@pytest.mark.parametrize("language", ["en_US", "fr_FR", None])
def test_a_name_has_a_channel_if_it_was_there_twice(language: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same name whatever the language of the machine."""
    monkeypatch.delenv("LANG", raising=False)
    for variable in ("LANGUAGE", "LC_ALL") if language else ():
        monkeypatch.setenv(variable, str(language))
    index = pd.date_range("2023-04-01", "2024-06-15")
    calendar, found = fitted(index, features=None, holidays=HolidayOptions(country="FR", by="name", before=0, after=0))
    twice = {"Ascension Day", "Easter Monday", "Labor Day", "Victory Day"}
    names = [name.removeprefix("holiday_") for name in calendar.columns[1:]]
    assert names == sorted(names) and set(names) - twice in ({"Pentecost Monday"}, {"Whit Monday"})  # by its version
    assert found.index[found["holiday_Easter Monday"] == 1].tolist() == [*pd.to_datetime(["2023-04-10", "2024-04-01"])]
    assert found["holiday"].sum() == 16  # Christmas and the others too


def test_a_subdivision_has_its_own_days() -> None:
    found = fitted(DAYS, features=None, holidays=HolidayOptions(country="AU", subdivision="VIC", by="name"))[1]
    assert found["holiday_Melbourne Cup Day"].loc[["2023-11-07", "2024-11-05"]].tolist() == [1, 1]


def test_years_behind_those_that_are_known() -> None:
    """Ten years behind the last, so that a model need not ask the package again; then its answer is an error."""
    calendar, _ = fitted(DAYS, features=None, holidays=FRANCE)
    assert calendar.years == (2023, 2034)
    assert calendar.values(*times("2034-12-31")).tolist() == [[0, 1, 0]]
    for beyond, advice in (("2035-01-01", "later"), ("2022-12-31", "earlier")):
        with pytest.raises(ValueError, match=f"FR are known for 2023 .. 2034.*not for {beyond[:4]}.*{advice} values"):
            calendar.values(*times(beyond))


def times(*texts: str) -> tuple[Any, ...]:
    """Some days as `CalendarColumns.values` takes them."""
    read = series(pd.DatetimeIndex(texts, freq="D" if len(texts) == 1 else None))
    return read.axis.clock, read.ordinals, np.zeros(len(texts), np.int64), ("s",)


def test_the_package_is_needed_in_fit_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    calendar, before = fitted(DAYS, features=None, holidays=FRANCE)
    monkeypatch.setitem(sys.modules, "holidays", None)
    np.testing.assert_array_equal(values_at(calendar, series(DAYS)), before)
    with pytest.raises(
        ImportError, match=r"holidays of FR need the package holidays.*pip install 'forecastrnn\[holidays\]'"
    ):
        fitted(DAYS, features=None, holidays=FRANCE)


# Events -----------------------------------------------------------------------------------------------------------
EVENTS = pd.DataFrame({"name": ["fair", "fair", "sale"], "time": ["2023-06-01", "2024-06-03", "2024-02-02"]})


def test_events_are_days_of_ones_own() -> None:
    _, found = fitted(DAYS, features=None, events=EVENTS)
    assert [*found.columns] == ["fair", "sale"]
    assert found.index[found["fair"] == 1].tolist() == [*pd.to_datetime(["2023-06-01", "2024-06-03"])]
    hours = pd.date_range("2024-01-30", periods=200, freq="h", tz=PARIS)
    at = pd.DataFrame({"name": "sale", "time": pd.to_datetime(["2024-02-01 23:30"]).tz_localize("UTC")})
    found = fitted(hours, features=None, events=at)[1]["sale"]
    assert found.index[found == 1].strftime("%F").unique().tolist() == ["2024-02-02"]  # which it is in Paris


def test_events_of_series_that_are_not_there_are_told_of() -> None:
    read = read_series(pd.DataFrame({"a": 1.0, "b": 2.0}, index=DAYS))
    with pytest.warns(UserWarning, match=r"no time of y has the event .* \(y has no series 'c', of which there are"):
        fit_calendar(CalendarOptions(features=None, events=EVENTS.assign(series="c")), read, ())


def test_events_of_one_series() -> None:
    wide = pd.DataFrame({"a": 1.0, "b": 2.0}, index=DAYS)
    events = EVENTS.assign(series=["a", "b", None])
    read = read_series(wide)
    calendar = fit_calendar(CalendarOptions(features=None, events=events), read, ())
    found = pd.DataFrame(values_at(calendar, read), columns=calendar.columns, index=[*DAYS, *DAYS])
    marked = {name: found.index[found[name] == 1].strftime("%F").tolist() for name in found.columns}
    assert marked == {"fair": ["2023-06-01", "2024-06-03"], "sale": ["2024-02-02", "2024-02-02"]}
    assert np.flatnonzero(found["fair"]).tolist() == [151, len(DAYS) + 519]


def test_an_event_that_no_time_has_is_not_used() -> None:
    late = pd.concat([EVENTS, pd.DataFrame({"name": ["strike"], "time": ["2030-01-01"]})])
    with pytest.warns(UserWarning, match="no time of y has the event 'strike'"):
        calendar, _ = fitted(DAYS, features=None, events=late)
    assert calendar.columns == ("fair", "sale")


def test_names_that_no_other_covariate_may_have() -> None:
    calendar, _ = fitted(DAYS, features=["weekday"], holidays=FRANCE, events=EVENTS)
    assert {"weekday", "weekday_sin1", "holiday", "holiday_after1", "fair"} <= calendar.reserved


# What is refused --------------------------------------------------------------------------------------------------
BAD: list[tuple[pd.Index, dict[str, Any], type[Exception], str]] = [
    (pd.RangeIndex(40), {}, TypeError, "calendar needs dates: the times of y are integers, such as 39"),
    (DAYS, {"features": ["weekdy"]}, ValueError, "'weekdy' is no feature; there are 'minute', 'hour', 'weekday'"),
    (DAYS, {"features": ["hour"]}, ValueError, "'hour' says nothing of series with steps of D"),
    (DAYS, {"features": "weekday"}, TypeError, "features must be 'auto' or a list of .*; got 'weekday'"),
    (DAYS, {"holidays": HolidayOptions(country="XX")}, ValueError, "does not know XX.*Country XX not available"),
    (DAYS, {"holidays": HolidayOptions(country="FR", subdivision="Q")}, ValueError, "does not know FR-Q"),
    (DAYS, {"events": {"name": ["a"]}}, TypeError, "must be a frame with columns name and time; got dict"),
    (
        DAYS, {"events": EVENTS.set_axis(["holiday", "ds"], axis=1)}, ValueError,
        r"it lacks 'name'; of a frame of Prophet: rename\(columns=",
    ),
    (DAYS, {"events": EVENTS[["name"]]}, ValueError, "it lacks 'time'"),
    (DAYS, {"events": EVENTS.assign(place="x")}, ValueError, "it has 'place'"),
    (DAYS, {"events": EVENTS[:0]}, ValueError, "have no row"),
    (DAYS, {"events": EVENTS.assign(name=["a", None, "b"])}, ValueError, "row 1 has no name"),
    (DAYS, {"events": EVENTS.assign(name="weekday_sin1")}, ValueError, "is called .weekday_sin1., as a feature"),
    (DAYS, {"events": EVENTS.assign(time=[1, 2, 3])}, TypeError, "must hold dates; got integers"),
    (
        DAYS, {"events": EVENTS.assign(time=pd.to_datetime(EVENTS["time"]).dt.tz_localize("UTC"))}, TypeError,
        "are in UTC, those of y have no time zone",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("index", "options", "kind", "message"), BAD)
def test_what_is_refused(index: pd.Index, options: dict[str, Any], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        fitted(index, **{"features": ["weekday"]} | options)


def test_dates_of_long_ago_and_of_python() -> None:
    """A date object is a time as well, also before 1970."""
    days = [datetime.date(1960, 2, 27) + datetime.timedelta(k) for k in range(60)]
    found = fitted(pd.DatetimeIndex(days), features=["weekday", "day_of_month"])[1]
    for row in (0, 2, 59):
        for name in ("weekday", "day_of_month"):
            wanted = math.sin(2 * math.pi * place(name, datetime.datetime(*days[row].timetuple()[:3])))
            assert found[f"{name}_sin1"].iloc[row] == pytest.approx(wanted, abs=1e-9)


# Beside other covariates --------------------------------------------------------------------------------------------
def test_columns_lie_behind_those_of_X() -> None:
    """Of series, and of the steps behind the end of each, whatever else is known there."""
    read = read_series(pd.DataFrame({"a": 1.0, "b": 2.0}, index=DAYS))
    found = Covariates(
        (Covariate("price", "known", "number"),), np.arange(2.0 * len(DAYS))[:, None], np.empty((2 * len(DAYS), 0))
    )
    read = replace(read, covariates=found)
    calendar = fit_calendar(
        CalendarOptions(features=["weekday"], events=EVENTS.assign(series=["a", "a", "b"])), read, ()
    )
    whole = calendar.beside(read).covariates
    assert [one.name for one in whole.columns] == ["price", *calendar.columns]
    assert {(one.role, one.kind) for one in whole.columns[1:]} == {("known", "plain")}
    np.testing.assert_array_equal(whole.numbers[:, 0], found.numbers[:, 0])
    np.testing.assert_array_equal(whole.numbers[:, 1:], values_at(calendar, read))
    ahead = calendar.ahead(read.axis.take([1, 0]), 3, None)
    again = fitted(pd.date_range("2025-01-01", periods=30), features=["weekday"])[1]
    np.testing.assert_allclose(ahead.numbers[:, :6], np.tile(again[:3], (2, 1)), atol=1e-12)
    assert ahead.columns == whole.columns[1:] and not ahead.numbers[:, 6:].any()


@pytest.mark.parametrize("name", ["weekday", "weekday_sin1", "holiday", "fair"])
def test_a_covariate_is_not_called_as_a_feature(name: str) -> None:
    read = series(DAYS)
    read = replace(read, covariates=Covariates((Covariate(name, "past", "number"),), np.ones((len(DAYS), 1)), EMPTY))
    options = CalendarOptions(features=["weekday"], holidays=FRANCE, events=EVENTS)
    with pytest.raises(ValueError, match=f"column '{name}' is a covariate, and calendar makes one of that name"):
        fit_calendar(options, read, ())
