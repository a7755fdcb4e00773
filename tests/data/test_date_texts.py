"""Times as files hold them: texts and dates are read where they are dates in one way only, and else said which."""

from __future__ import annotations

import datetime

import numpy as np
import pandas as pd
import pytest

from forecastrnn.data.series import read_series, write_forecast

MONTHS = pd.date_range("2023-11-01", periods=20, freq="MS")
DAYS = pd.date_range("2024-02-20", periods=20, freq="D")
QUARTERS = pd.date_range("2023-10-01", periods=20, freq="QS")
WEEKS = pd.date_range("2024-12-02", periods=20, freq="W-MON")


def texts(times: pd.DatetimeIndex, form: str) -> list[str]:
    return times.strftime(form).tolist()


GOOD = {
    "days": (DAYS, texts(DAYS, "%Y-%m-%d")),
    "days without dashes": (DAYS, texts(DAYS, "%Y%m%d")),
    "days with slashes": (DAYS, texts(DAYS, "%Y/%m/%d")),
    "hours": (pd.date_range("2024-02-28", periods=20, freq="h"), [f"2024-02-28 {k:02d}:00" for k in range(20)]),
    "months": (MONTHS, texts(MONTHS, "%Y-%m")),
    "names of months": (MONTHS, texts(MONTHS, "%b %Y")),
    "months of Eurostat": (MONTHS, texts(MONTHS, "%YM%m")),
    "quarters": (QUARTERS, [f"{time.year}Q{time.quarter}" for time in QUARTERS]),
    "quarters in front": (QUARTERS, [f"Q{time.quarter} {time.year}" for time in QUARTERS]),
    "weeks": (WEEKS, texts(WEEKS, "%G-W%V")),
    "months in front": (MONTHS, texts(MONTHS, "%m/%Y")),
    "years": (pd.date_range("2001", periods=20, freq="YS"), [str(year) for year in range(2001, 2021)]),
    "day first": (DAYS, texts(DAYS, "%d/%m/%Y")),
    "month first": (DAYS, texts(DAYS, "%m/%d/%Y")),
    "with dots": (MONTHS, texts(MONTHS, "%d.%m.%Y")),
    "in words": (DAYS, texts(DAYS, "%d %B %Y")),
    "in UTC": (DAYS.tz_localize("UTC"), texts(DAYS, "%Y-%m-%dT%H:%M:%SZ")),
    "dates": (DAYS, [time.date() for time in DAYS]),
    "datetimes": (DAYS, np.array(DAYS.to_pydatetime(), object)),
    "categories": (DAYS, pd.Categorical(texts(DAYS, "%Y-%m-%d"))),
    "periods in objects": (MONTHS.to_period("M"), np.array([*MONTHS.to_period("M")], object)),
}


@pytest.mark.parametrize("case", GOOD)
def test_dates_are_read_as_times(case: str) -> None:
    times, held = GOOD[case]
    values = np.arange(20.0)
    frame = pd.DataFrame({"unique_id": "a", "ds": held, "y": values})[:18]
    out = write_forecast(read_series(frame).axis, {"RNN": np.zeros((1, 2))}, 2)
    assert out["ds"].tolist() == times[18:].tolist()
    series = pd.Series(values[:18], index=pd.Index(held[:18], name="day"))
    again = write_forecast(read_series(series).axis, {"RNN": np.zeros((1, 2))}, 2)
    assert again.index.tolist() == times[18:].tolist() and again.index.name == "day"
    assert frame["ds"].tolist() == list(held[:18])  # as it was


BAD = {
    "words": (["spring", "summer"], TypeError, r"'ds'.*DatetimeIndex.*'spring' \(row 0\) is no date"),
    "today": (["today", "now"], TypeError, "'today'.*no date"),
    "numbers": (["1", "2"], TypeError, r"'1' \(row 0\) is no date"),
    "a fifth quarter": (["2024Q4", "2024Q5"], TypeError, r"'2024Q5' \(row 1\) is no date in the form of those before"),
    "one is none": (["2024-01-01", "2024-01-02", "2024-13-03"], TypeError, r"'2024-13-03' \(row 2\).*of those before"),
    "one is empty": (["2024-01-01", ""], TypeError, r"'' \(row 1\) is no date"),
    "one is another form": (["2024-01-01", "02/01/2024"], TypeError, r"'02/01/2024' \(row 1\)"),
    "one is missing": (["2024-01-01", None], ValueError, "NaT.*row 1"),
    "in two ways": (texts(MONTHS[:9], "%d/%m/%Y"), ValueError, "day or the month first: '01/11/2023' is 2023-01-11 or"),
    "several offsets": (
        ["2024-03-30T12:00+01:00", "2024-03-31T12:00+02:00"], ValueError, "offsets from UTC.*12:00.01:00.*tz_convert"
    ),
    "dates of several zones": (
        [pd.Timestamp("2024", tz="UTC"), datetime.datetime(2024, 1, 2)], ValueError, "'ds'.*one time zone"
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_what_is_no_date_is_named(case: str) -> None:
    held, error, message = BAD[case]
    frame = pd.DataFrame({"unique_id": "a", "ds": pd.Series(held, dtype=object), "y": 1.0})
    with pytest.raises(error, match=message):
        read_series(frame)


def test_the_row_is_that_of_the_frame() -> None:
    """Not of the texts that differ: a panel has most of them many times."""
    held = ["2024-01-01", "2024-01-02", "2024-01-03"] * 2 + ["2024-01-01", "soon"]
    frame = pd.DataFrame({"unique_id": [*"aaabbbcc"], "ds": held, "y": 1.0})
    with pytest.raises(TypeError, match=r"'soon' \(row 7\)"):
        read_series(frame)
