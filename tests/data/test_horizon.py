"""A horizon that is a last time: every kind of time, every kind of index, and series that do not end together."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecastrnn.data.series import ids_of, read_horizon, read_series, write_forecast


def axis_of(index: pd.Index) -> Any:
    return read_series(pd.Series(1.0, index=index)).axis


MONTHS = pd.date_range("2024-01-01", periods=6, freq="ME")  # until 2024-06-30
HOURS = pd.date_range("2024-01-01", periods=48, freq="h")  # until 2024-01-02 23:00
CASES: dict[str, tuple[pd.Index, Any, int]] = {
    "a month, month ends": (MONTHS, "2024-12", 6),
    "a day, month ends": (MONTHS, "2024-12-30", 5),
    "a year, month ends": (MONTHS, "2025", 18),
    "a quarter, month ends": (MONTHS, "2024Q3", 3),
    "a Timestamp": (MONTHS, pd.Timestamp("2024-08-31"), 2),
    "a Timestamp between": (MONTHS, pd.Timestamp("2024-08-30"), 1),
    "a numpy time": (MONTHS, np.datetime64("2024-08-31"), 2),
    "a Period": (MONTHS, pd.Period("2024-08", "M"), 2),
    "a day, hours": (HOURS, "2024-01-03", 24),
    "an hour, hours": (HOURS, "2024-01-03 05:00", 6),
    "a date, hours": (HOURS, datetime.date(2024, 1, 3), 24),
    "a datetime, hours": (HOURS, datetime.datetime(2024, 1, 3), 1),
    "a day without dashes": (HOURS, "20240103", 24),
    "far, business days": (pd.date_range("2024-01-01", periods=9, freq="B"), "2034-01-10", 2608),
    "one, years": (pd.date_range("2000", periods=9, freq="YS"), "2009", 1),
    "every other week": (pd.date_range("2024-01-01", periods=9, freq="2W-MON"), "2024-12-31", 18),
    "periods": (pd.period_range("2024-01", periods=6, freq="M"), "2024-12", 6),
    "periods, a day": (pd.period_range("2024-01", periods=6, freq="M"), "2024-12-01", 6),
    "every other period": (pd.period_range("2024-01", periods=6, freq="M")[::2], "2024-12", 3),
    "a zone, local day": (HOURS.tz_localize("Asia/Tokyo"), "2024-01-03", 24),
    "a zone, an instant": (HOURS.tz_localize("Asia/Tokyo"), pd.Timestamp("2024-01-02 15:00", tz="UTC"), 1),
    "a zone, a clock change": (pd.date_range("2024-03-29", periods=48, freq="h", tz="Europe/Berlin"), "2024-03-31", 23),
}


@pytest.mark.parametrize("case", CASES)
def test_all_steps_up_to_a_time(case: str) -> None:
    index, h, count = CASES[case]
    axis = axis_of(index)
    steps = read_horizon(axis, h)
    assert steps.tolist() == list(range(1, count + 1))
    by_count = write_forecast(axis, {"RNN": np.zeros((1, count))}, count)
    pd.testing.assert_series_equal(write_forecast(axis, {"RNN": np.zeros((1, count))}, h), by_count)


def long_frame() -> pd.DataFrame:
    days = pd.date_range("2024-01-01", periods=20)
    spans = {"a": (0, 9), "b": (3, 16), "c": (5, 13)}
    parts = [pd.DataFrame({"unique_id": k, "ds": days[i:j], "y": 1.0}) for k, (i, j) in spans.items()]
    return pd.concat(parts, ignore_index=True)


def test_series_that_end_at_different_times_end_together() -> None:
    """ "b" ends behind the time asked for: there is nothing to forecast of it."""
    frame = long_frame()
    axis = read_series(frame).axis
    values = np.arange(18.0).reshape(3, 6)
    assert read_horizon(axis, "2024-01-15").tolist() == [1, 2, 3, 4, 5, 6]
    out = write_forecast(axis, {"RNN": values}, "2024-01-15")
    assert out["unique_id"].tolist() == ["a"] * 6 + ["c"] * 2 and out.index.tolist() == list(range(8))
    assert out["RNN"].tolist() == [*values[0], *values[2, :2]] and out["ds"].max() == pd.Timestamp("2024-01-15")
    stacked = frame.set_index(["unique_id", "ds"])["y"]
    out = write_forecast(read_series(stacked).axis, {"RNN": values}, "2024-01-15")
    assert out.index.get_level_values("unique_id").tolist() == ["a"] * 6 + ["c"] * 2


REFUSED = {
    "the end itself": (MONTHS, "2024-06", ValueError, "h='2024-06' is not behind the series.*2024-06-30.*steps of ME"),
    "before": (MONTHS, pd.Timestamp("2020-01-01"), ValueError, "not behind"),
    "between two": (MONTHS, "2024-07-30", ValueError, "not behind"),
    "no time": (MONTHS, pd.NaT, ValueError, "h is NaT"),
    "no date": (MONTHS, "2024-13-41", ValueError, "h='2024-13-41' is no date"),
    "far": (HOURS, "9999-12-31", ValueError, "too large|no date that pandas can read"),
    "the last year of a zone": (
        pd.date_range("2024-01-05", periods=9, tz="America/Havana"),
        "9999",
        ValueError,
        "too late for the time zone|no date that pandas can read",
    ),
    "integers": (pd.RangeIndex(9), "2024-12", TypeError, "h='2024-12' is a time, but the series have none"),
    "a zone too many": (MONTHS, pd.Timestamp("2025", tz="UTC"), TypeError, "h=.*has a time zone"),
    "words": (MONTHS, "next year", ValueError, "h must be .* or a last time. Got 'next year'"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_times_that_cannot_be(case: str) -> None:
    index, h, error, message = REFUSED[case]
    with pytest.raises(error, match=message):
        read_horizon(axis_of(index), h)


def test_ids_are_names() -> None:
    assert ids_of(["a", "b"]) == ids_of(np.array(["a", "b"])) == ids_of(pd.Index(["a", "b"])) == ["a", "b"]
    assert ids_of("ab") == ["ab"] and ids_of(("x", 1)) == [("x", 1)] and ids_of(3) == [3]
    with pytest.raises(ValueError, match="ids must name at least one"):
        ids_of([])
    with pytest.raises(ValueError, match="none twice. Got 'a'"):
        ids_of(["a", "b", "a"])


def test_times_that_are_kept_do_not_change() -> None:
    """The index of a forecast is the caller's own: what becomes of it does not reach the next one."""
    axis = read_series(pd.Series(1.0, index=pd.date_range("2024-01-01", periods=5))).axis
    first = axis.after(np.arange(1, 4))
    first.freq, first.name = None, "mine"
    second = axis.after(np.arange(1, 4))
    assert second.freq == "D" and second.name is None and second.equals(first)
