"""Absent rows are gaps with missing="mask", as rows of NaN are, whatever the form and the step; else an error."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecastrnn.data.series import SeriesSet, read_series, write_forecast

SIX = pd.offsets.CustomBusinessDay(weekmask="Mon Tue Wed Thu Fri Sat")
STEPS: dict[str, pd.Index] = {
    "days": pd.date_range("2024-01-01", periods=40),
    "every other day": pd.date_range("2024-01-01", periods=40, freq="2D"),
    "hours": pd.date_range("2024-01-01 05:30", periods=40, freq="h"),
    "minutes": pd.date_range("2024-01-01", periods=40, freq="15min"),
    "weeks": pd.date_range("2024-01-01", periods=40, freq="W-WED"),
    "month starts": pd.date_range("2020-01-01", periods=40, freq="MS"),
    "month ends": pd.date_range("2020-01-01", periods=40, freq="ME"),
    "business month ends": pd.date_range("2020-01-01", periods=40, freq="BME"),
    "the 15th": pd.date_range("2020-01-15", periods=40, freq=pd.DateOffset(months=1)),
    "quarters": pd.date_range("2000-01-01", periods=40, freq="QS-FEB"),
    "years": pd.date_range("1950-01-01", periods=40, freq="YE"),
    "business days": pd.date_range("2024-01-01", periods=40, freq="B"),
    "a week of six days": pd.date_range("2024-01-01", periods=40, freq=SIX),
    "days in a zone": pd.date_range("2024-03-10", periods=40, freq="D", tz="Europe/Berlin"),
    "hours in a zone": pd.date_range("2024-03-30", periods=40, freq="h", tz="Europe/Berlin"),
    "days that begin at one": pd.date_range("2024-08-25", periods=40).tz_localize(
        "America/Santiago", nonexistent="shift_forward"
    ),
    "periods": pd.period_range("2020-01", periods=40, freq="M"),
    "every third period": pd.period_range("2020-01", periods=120, freq="M")[::3],
    "integers": pd.Index(np.arange(40)),
    "every fifth integer": pd.Index(np.arange(0, 200, 5)),
}
ABSENT = [3, 4, 5, 12, 20, 21, 33]


def long_of(**series: tuple[pd.Index, np.ndarray]) -> pd.DataFrame:
    parts = [pd.DataFrame({"unique_id": name, "ds": times, "y": y}) for name, (times, y) in series.items()]
    return pd.concat(parts, ignore_index=True)


def lengths(found: SeriesSet) -> list[int]:
    return np.diff(found.offsets).tolist()


def same(found: Any, expected: Any) -> None:
    np.testing.assert_array_equal(found.values, expected.values)
    np.testing.assert_array_equal(found.offsets, expected.offsets)
    np.testing.assert_array_equal(found.axis.last, expected.axis.last)
    assert found.ids == expected.ids and found.axis.form == expected.axis.form


@pytest.mark.parametrize("case", STEPS)
def test_absent_rows_are_as_rows_of_nan(case: str) -> None:
    times, values = STEPS[case], np.arange(40.0)
    holes = values.copy()
    holes[ABSENT] = np.nan
    there = np.isfinite(holes)
    left = pd.Index(list(times[there]), name="when")  # without a freq
    series = read_series(pd.Series(holes[there], index=left), missing="mask")
    zeros = read_series(pd.Series(holes[there], index=left), missing="zero")
    same(zeros, read_series(pd.Series(np.nan_to_num(holes), index=times)))
    same(series, read_series(pd.Series(holes, index=times), missing="mask"))
    assert write_forecast(series.axis, {"RNN": np.zeros((1, 2))}, 2).index.name == "when"
    wide = read_series(pd.DataFrame({"a": holes[there], "b": -holes[there]}, index=left), missing="mask")
    same(wide, read_series(pd.DataFrame({"a": holes, "b": -holes}, index=times), missing="mask"))
    whole = (times[7:31], values[7:31])
    long = read_series(long_of(a=(times[there], values[there]), b=whole), missing="mask")
    same(long, read_series(long_of(a=(times, holes), b=whole), missing="mask"))
    with pytest.raises(ValueError, match="no constant step.*(7|8|9) rows are absent.*missing='mask'"):
        read_series(pd.Series(holes[there], index=left))


def test_other_forms_have_gaps_too() -> None:
    times = STEPS["month starts"]
    table = pd.DataFrame({"month": times.strftime("%Y-%m"), "sold": np.arange(40.0)}).drop(ABSENT)
    found = read_series(table, missing="mask")
    assert found.axis.form == "dated" and np.flatnonzero(np.isnan(found.values)).tolist() == ABSENT
    stacked = long_of(a=(times, np.arange(40.0))).drop(ABSENT).set_index(["unique_id", "ds"])
    found = read_series(stacked, missing="mask")
    assert found.axis.form == "multi_frame" and np.flatnonzero(np.isnan(found.values)).tolist() == ABSENT
    found = read_series(stacked["y"], missing="mask")
    assert found.axis.form == "multi_series" and np.flatnonzero(np.isnan(found.values)).tolist() == ABSENT


def test_nothing_is_added_at_the_ends() -> None:
    days = STEPS["days"]
    y = np.arange(40.0)
    frame = long_of(a=(days.delete(9), np.delete(y, 9)), b=(days[5:12], y[5:12]), c=(days[30:31], y[30:31]))
    assert lengths(read_series(frame, missing="mask")) == [40, 7, 1]


def test_the_length_is_that_with_the_absent_rows() -> None:
    """As it is with rows of NaN."""
    y = pd.Series(1.0, index=STEPS["days"][[0, 1, 2, 5]])
    assert lengths(read_series(y, missing="mask", min_length=6)) == [6]
    with pytest.raises(ValueError, match="'y' has length 6 but .* at least 7"):
        read_series(y, missing="mask", min_length=7)
    with pytest.raises(ValueError, match="'y' has length 4 but .* at least 6"):
        read_series(y, min_length=6)


def test_values_that_are_missing_stay_so() -> None:
    y = pd.Series(np.arange(40.0), index=STEPS["days"]).drop(STEPS["days"][3])
    y.iloc[10] = np.nan
    assert np.flatnonzero(np.isnan(read_series(y, missing="mask").values)).tolist() == [3, 11]
    assert np.flatnonzero(read_series(y, missing="zero").values == 0.0).tolist() == [0, 3, 11]
    y.iloc[20] = np.inf
    with pytest.raises(ValueError, match="infinity.*2024-01-22"):
        read_series(y, missing="mask")


def test_the_step_is_asked_for() -> None:
    trading = pd.offsets.CustomBusinessDay(holidays=["2024-01-15", "2024-02-19"])
    days = pd.date_range("2024-01-02", periods=40, freq=trading)
    frame = long_of(a=(days.delete([4, 5]), np.delete(np.arange(40.0), [4, 5])))
    found = read_series(frame, missing="mask", freq=trading)
    assert lengths(found) == [40] and np.flatnonzero(np.isnan(found.values)).tolist() == [4, 5]
    assert read_series(frame, missing="mask").axis.clock.freqstr == "B"  # and so the holidays are gaps too
    rare = long_of(a=(STEPS["days"][::3], np.arange(14.0)))
    assert lengths(read_series(rare, missing="mask")) == [14]
    assert lengths(read_series(rare, missing="mask", freq="D")) == [40]


def test_series_of_predict_have_the_usual_step() -> None:
    usual = read_series(pd.Series(1.0, index=STEPS["days"])).axis.clock
    rare = pd.Series(1.0, index=pd.DatetimeIndex(["2024-01-01", "2024-01-03", "2024-01-04", "2024-01-07"]))
    found = read_series(rare, missing="mask", usual=usual)
    assert lengths(found) == [7] and found.axis.clock.freqstr == "D"


DAYS, HOURS = (pd.date_range("2024-01-01", periods=30, freq=freq) for freq in ("D", "h"))
ONES = np.ones(30)
REFUSED = {
    "two steps": (long_of(a=(HOURS, ONES), b=(DAYS, ONES)), "'b' has freq D, most others h"),
    "off the grid": (pd.Series(1.0, index=DAYS[:9].append(DAYS[9:10] + pd.Timedelta("1s"))), "no constant step"),
    "all unlike": (pd.Series(1.0, index=DAYS[:3].append(DAYS[5:6] + pd.Timedelta("7s"))), "no constant step"),
    "repeated": (pd.Series(1.0, index=DAYS[[0, 1, 1, 4]]), "duplicate times"),
    "unsorted": (pd.Series(1.0, index=DAYS[[0, 1, 5, 3]]), "unsorted"),
    "dates as integers": (
        pd.Series(1.0, index=[20240130, 20240131, 20240201, 20240202]),
        "20240130 is a date.*to_datetime",
    ),
    "months as integers": (pd.Series(1.0, index=[202311, 202312, 202401, 202402]), "202311 is a date.*to_datetime"),
    "far away": (
        pd.Series(1.0, index=pd.date_range("1990", periods=9, freq="s").append(DAYS[:1])),
        r"steps of s would be 10\d+ rows, of which 10 are there",
    ),
    "one row": (pd.Series(1.0, index=DAYS[:1].append(DAYS[:0])._with_freq(None)), "at least 2 observations, got 1"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_are_no_gaps(case: str) -> None:
    y, message = REFUSED[case]
    with pytest.raises(ValueError, match=message):
        read_series(y, missing="mask")
