"""Weeks of other working days are found, trading days are asked for, and a step that does not fit is named."""

from __future__ import annotations

import re
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecastrnn.data.series import check_step, read_horizon, read_series, season_of, write_forecast

HOLIDAYS = pd.offsets.CustomBusinessDay(holidays=["2024-01-15", "2024-02-19", "2024-03-29"])
WEEKS = {
    "Mon Tue Wed Thu Fri Sat": 6,
    "Sun Mon Tue Wed Thu": 5,
    "Sat Sun Mon Tue Wed": 5,
    "Mon Wed Fri": 3,
    "Tue Thu": 2,
    "Sat Sun": 2,
}


def of_week(week: str, n: int = 40, start: str = "2024-01-01") -> pd.DatetimeIndex:
    return pd.date_range(start, periods=n, freq=pd.offsets.CustomBusinessDay(weekmask=week))


def long_frame(**series: pd.DatetimeIndex) -> pd.DataFrame:
    parts = [pd.DataFrame({"unique_id": name, "ds": np.asarray(times), "y": 1.0}) for name, times in series.items()]
    return pd.concat(parts, ignore_index=True)


def times_ahead(y: Any, h: int, **options: Any) -> list[pd.Timestamp]:
    axis = read_series(y, **options).axis
    out = write_forecast(axis, {"RNN": np.zeros((axis.n_series, h))}, h)
    return out["ds"].tolist() if "ds" in out else out.index.tolist()


@pytest.mark.parametrize("unit", ["s", "ns"])
@pytest.mark.parametrize("week", WEEKS)
def test_a_working_week_is_found(week: str, unit: str) -> None:
    days = (of_week(week) + pd.Timedelta("9h")).as_unit(unit)
    frame = long_frame(a=days[:30], b=days[7:35])
    assert times_ahead(frame, 5) == [*days[30:35], *days[35:40]]
    series = pd.Series(1.0, index=pd.DatetimeIndex(np.asarray(days[:30])))
    assert times_ahead(series, 10) == days[30:].tolist()
    assert season_of(read_series(frame).axis) == season_of(read_series(series).axis) == WEEKS[week]


def test_business_days_stay_business_days() -> None:
    axis = read_series(long_frame(a=of_week("Mon Tue Wed Thu Fri"))).axis
    assert axis.clock.freqstr == "B" and season_of(axis) == 5


def test_the_week_of_a_zone() -> None:
    days = of_week("Sun Mon Tue Wed Thu", 60, "2024-03-03").tz_localize("Asia/Jerusalem")
    assert times_ahead(pd.Series(1.0, index=pd.DatetimeIndex(days[:50].tolist())), 10) == days[50:].tolist()


def test_a_day_that_is_missing_once_is_a_gap() -> None:
    """Only what is passed over again and again is a day off."""
    days = pd.date_range("2024-01-01", periods=10).delete(2)
    with pytest.raises(ValueError, match=r"2 days \S+ .after 2024-01-02.*steps of D, but 2 rows are absent"):
        read_series(long_frame(a=days[:7], b=days[:6]))
    with pytest.raises(
        ValueError, match="steps of C .Mon Tue Wed Thu Fri Sat., but 1 row is absent.*if they are holid"
    ):
        read_series(long_frame(a=of_week("Mon Tue Wed Thu Fri Sat").delete(15)))


def test_given_weeks_count_their_days_as_a_season() -> None:
    for week, n in WEEKS.items():
        days = of_week(week)
        assert season_of(read_series(pd.Series(1.0, index=days)).axis) == n
        twice = pd.Series(1.0, index=days[::2])
        assert season_of(read_series(twice).axis) == (n // 2 if n % 2 == 0 else 1)


FREQS = {
    "trading days": (HOLIDAYS, pd.date_range("2024-01-02", periods=70, freq=HOLIDAYS)),
    "a name": ("B", pd.date_range("2024-01-02", periods=70, freq="B")),
    "every other day": ("2D", pd.date_range("2024-01-02", periods=70, freq="2D")),
    "a duration": (pd.Timedelta("90min"), pd.date_range("2024-01-02", periods=70, freq="90min")),
    "month ends": ("ME", pd.date_range("2024-01-31", periods=70, freq="ME")),
    "business hours": ("bh", pd.date_range("2024-01-02 10:00", periods=70, freq="bh")),
    "periods": ("M", pd.period_range("2024-01", periods=70, freq="M")),
    "integers": (5, pd.Index(np.arange(0, 350, 5))),
}


@pytest.mark.parametrize("case", FREQS)
def test_a_freq_is_asked_for(case: str) -> None:
    freq, times = FREQS[case]
    frame = pd.concat(
        pd.DataFrame({"unique_id": k, "ds": times[a:b], "y": 1.0}) for k, a, b in [("a", 0, 50), ("b", 33, 34)]
    )
    assert times_ahead(frame, 15, freq=freq) == [*times[50:65], *times[34:49]]
    series = pd.Series(1.0, index=pd.Index(list(times[:50])))
    assert times_ahead(series, 20, freq=freq) == times[50:].tolist()


def test_the_freq_asked_for_is_that_of_the_forecast() -> None:
    fridays = pd.Series(1.0, index=pd.DatetimeIndex(["2024-01-05"]))
    assert times_ahead(fridays, 2, freq="B") == [pd.Timestamp("2024-01-08"), pd.Timestamp("2024-01-09")]
    assert times_ahead([1.0, 2.0], 2, freq="B") == [2, 3]  # arrays have no times


DAYS = pd.date_range("2024-01-01", periods=20)
MISFITS = {
    "no such freq": ({"a": DAYS}, "fortnight", ValueError, "freq='fortnight' is no frequency"),
    "backwards": ({"a": DAYS}, "-1D", ValueError, "freq='-1D' must be a step forward"),
    "off the grid": ({"a": DAYS}, "B", ValueError, "'ds'.*freq=B has no 2024-01-06.*series 'a'"),
    "a holiday": ({"a": DAYS[:5], "b": DAYS[14:16]}, HOLIDAYS, ValueError, "has no 2024-01-15.*series 'b'"),
    "six days": (
        {"a": DAYS}, pd.offsets.CustomBusinessDay(weekmask="1111110"), ValueError,
        "freq=C .Mon Tue Wed Thu Fri Sat. has no 2024-01-07"
    ),
    "rows missing": (
        {"a": DAYS, "b": DAYS.delete([3, 4]), "c": DAYS.delete(9)}, "D", ValueError,
        "lacks rows of freq=D: series 'b' has none at 2024-01-04.*and 3 are absent in 2 series.*asfreq.'D'.*'mask'",
    ),
    "holidays unsaid": (
        {"a": pd.date_range("2024-01-02", periods=20, freq=HOLIDAYS)}, "B", ValueError,
        "series 'a' has none at 2024-01-15.*holidays.*CustomBusinessDay",
    ),
    "off by days": ({"a": pd.date_range("2024-01-15", periods=5, freq="MS")}, "ME", ValueError, "has no 2024-02-01"),
}  # fmt: skip


@pytest.mark.parametrize("case", MISFITS)
def test_a_freq_that_does_not_fit_is_said(case: str) -> None:
    series, freq, error, message = MISFITS[case]
    with pytest.raises(error, match=message):
        read_series(long_frame(**series), freq=freq)


def test_freqs_of_other_times() -> None:
    ints = pd.DataFrame({"unique_id": "a", "ds": [0, 2, 4], "y": 1.0})
    for freq in ("D", 0, 1.5, True):
        with pytest.raises(ValueError, match=re.escape(f"freq={freq!r}") + ".*integers, whose step"):
            read_series(ints, freq=freq)
    with pytest.raises(ValueError, match="lacks rows of freq=1: series 'a' has none at 1"):
        read_series(ints, freq=1)
    months = ints.assign(ds=pd.period_range("2024-01", periods=3, freq="M"))
    with pytest.raises(ValueError, match="freq='D'.*periods of M"):
        read_series(months, freq="D")


def test_few_rows_go_on_as_those_before() -> None:
    """Tuesday to Friday could be days of any kind; a model of business days knows which."""
    usual = read_series(long_frame(a=of_week("Mon Tue Wed Thu Fri"))).axis.clock
    few = long_frame(a=pd.date_range("2024-01-02", periods=4))
    assert times_ahead(few, 1) == [pd.Timestamp("2024-01-06")]
    assert times_ahead(few, 1, usual=usual) == [pd.Timestamp("2024-01-08")]
    other = long_frame(a=pd.date_range("2024-01-02", periods=9))
    assert times_ahead(other, 1, usual=usual) == [pd.Timestamp("2024-01-11")]


def warned(known: Any, other: Any) -> str:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        check_step(read_series(other).axis, read_series(known).axis)
    return " ".join(str(one.message) for one in caught)


def of_freq(freq: Any, n: int = 30) -> pd.Series:
    return pd.Series(1.0, index=pd.date_range("2024-01-01", periods=n, freq=freq))


PACES = {
    ("D", "h"): r"steps of h \(season 24\).*fitted on steps of D \(season 7\)",
    ("D", "MS"): r"steps of MS \(season 12\)",
    ("h", "30min"): r"steps of 30min \(season 48\).*of h \(",
    ("B", "D"): r"steps of D \(season 7\).*of B \(season 5\)",
    ("MS", "QS"): "steps of QS",
    ("MS", "ME"): "^$",
    ("MS", "28D"): "^$",
    ("B", HOLIDAYS): "^$",
    ("YS", "YE"): "^$",
}


@pytest.mark.parametrize("pair", PACES, ids=str)
def test_series_of_another_step_are_named(pair: tuple) -> None:
    known, other = map(of_freq, pair)
    assert re.search(PACES[pair], warned(known, other))
    assert not warned(known, other.to_numpy()) and not warned(known, other.reset_index(drop=True))


def test_integers_of_another_step_are_named() -> None:
    one, two = (pd.Series(1.0, index=pd.RangeIndex(0, 9 * k, k)) for k in (1, 2))
    assert "steps of 2 (season 1)" in warned(one, two) and not warned(one, one)
    assert not warned(one.tolist(), two)


def test_periods_have_a_pace_too() -> None:
    months = pd.Series(1.0, index=pd.period_range("2024", periods=9, freq="M"))
    assert not warned(months, of_freq("MS")) and "steps of D" in warned(months, of_freq("D"))


def test_far_steps_are_refused_as_before() -> None:
    axis = read_series(pd.Series(1.0, index=of_week("Mon Wed Fri"))).axis
    with pytest.raises(ValueError, match="h=10000000 is too large"):
        read_horizon(axis, 10**7)
