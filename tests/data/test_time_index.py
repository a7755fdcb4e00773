"""Frequencies found, continued across clock changes, and the seasons that they suggest."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from forecastrnn.data.series import read_horizon, read_series, season_of, write_forecast

# Frequency, and the season that it suggests.
SEASONS = {
    "h": 24,
    "6h": 4,
    "30min": 48,
    "15min": 96,
    "min": 1440,
    "s": 60,
    "15s": 4,
    "100ms": 1,
    "7min": 1,
    "36h": 1,
    "D": 7,
    "2D": 1,
    "28D": 13,
    "B": 5,
    "2B": 1,
    "W-SUN": 52,
    "2W-WED": 26,
    "MS": 12,
    "ME": 12,
    "BMS": 12,
    "BME": 12,
    "2MS": 6,
    "QS-JAN": 4,
    "QE-DEC": 4,
    "QE-OCT": 4,
    "QE-NOV": 4,
    "BQS-FEB": 4,
    "BQE-DEC": 4,
    "2QS-MAR": 2,
    "YS-JAN": 1,
    "YE-JUN": 1,
    "BYS-APR": 1,
    "2YE-DEC": 1,
}
PANDAS_ONLY = ["WOM-3FRI", "bh", "SME", "SMS", "C"]


def of(index: pd.Index) -> pd.Series:
    return pd.Series(np.zeros(len(index)), index=index)


def forecast_index(index: pd.Index, h: int) -> pd.Index:
    return write_forecast(read_series(of(index)).axis, {"RNN": np.zeros((1, h))}, h).index


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("freq", SEASONS)
def test_frequency_is_found_and_continued(freq: str, unit: str) -> None:
    if freq == "100ms" and unit == "s":
        pytest.skip("such times do not fit the unit")
    whole = pd.date_range("2019-10-31 13:30", periods=30, freq=freq, unit=unit, name="when")
    bare = pd.DatetimeIndex(whole.to_numpy()).rename("when")
    assert bare.freq is None
    out = forecast_index(bare[:24], 6)
    assert out.equals(whole[24:]) and out.dtype == whole.dtype and out.name == "when"
    # Found under the first of several names: 28 days are four weeks.
    assert out.freq == whole.freq or (freq in ("28D", "QE-OCT") and out.freq is not None)
    assert season_of(read_series(of(bare)).axis) == season_of(read_series(of(whole)).axis) == SEASONS[freq]


@pytest.mark.parametrize("freq", [*SEASONS, *PANDAS_ONLY])
def test_given_frequency_is_kept(freq: str) -> None:
    whole = pd.date_range("2019-10-31 13:30", periods=30, freq=freq)
    out = forecast_index(whole[:12], 18)
    pd.testing.assert_index_equal(out, whole[12:])
    assert out.freq == whole.freq


RARER = ["WOM-3FRI", "bh", "SME", "SMS", pd.offsets.LastWeekOfMonth(weekday=4)]


@pytest.mark.parametrize("freq", RARER, ids=str)
def test_rarer_frequencies_are_found(freq: str | pd.offsets.BaseOffset) -> None:
    whole = pd.date_range("2024-01-02 10:00", periods=40, freq=freq)
    pd.testing.assert_index_equal(forecast_index(pd.DatetimeIndex(whole.to_numpy())[:30], 10), whole[30:])


def test_holidays_of_a_custom_business_day() -> None:
    freq = pd.offsets.CustomBusinessDay(holidays=["2020-01-06"])
    whole = pd.date_range("2019-12-30", periods=12, freq=freq)
    pd.testing.assert_index_equal(forecast_index(whole[:3], 9), whole[3:])


def test_same_day_of_each_month() -> None:
    times = pd.DatetimeIndex([f"2023-{month:02d}-15" for month in range(1, 13)])
    assert forecast_index(times[:9], 3).tolist() == times[9:].tolist()
    assert season_of(read_series(of(times)).axis) == 12


@pytest.mark.parametrize("freq", ["D", "B", "W-SUN", "MS", "h", "30min"])
@pytest.mark.parametrize("start", ["2024-03-20", "2024-10-16", "2024-03-20 12:00"])
@pytest.mark.parametrize("given", [True, False])
def test_clock_changes_keep_calendar_days(freq: str, start: str, given: bool) -> None:
    whole = pd.date_range(start, periods=40, freq=freq, tz="Europe/Berlin")
    known = whole[:30] if given else pd.DatetimeIndex(list(whole[:30]))
    out = forecast_index(known, 10)
    assert out.tolist() == whole[30:].tolist() and out.tz == whole.tz
    assert out.freq == whole.freq


def test_times_that_a_clock_change_skips_or_doubles() -> None:
    spring = pd.date_range("2024-03-28 02:30", periods=3, freq="D", tz="Europe/Berlin")
    assert [str(t) for t in forecast_index(spring, 2)] == [
        "2024-03-31 03:00:00+02:00",
        "2024-04-01 02:30:00+02:00",
    ]
    autumn = pd.date_range("2024-10-24 02:30", periods=3, freq="D", tz="Europe/Berlin")
    assert [str(t) for t in forecast_index(autumn, 2)] == [
        "2024-10-27 02:30:00+02:00",
        "2024-10-28 02:30:00+01:00",
    ]


def test_steps_of_24_hours_are_not_days() -> None:
    whole = pd.date_range("2024-03-20", periods=30, freq="24h", tz="Europe/Berlin")
    assert forecast_index(pd.DatetimeIndex(list(whole[:20])), 10).tolist() == whole[20:].tolist()


def test_local_times_without_zone_repeat_in_autumn() -> None:
    aware = pd.date_range("2024-10-26", periods=60, freq="h", tz="Europe/Berlin")
    with pytest.raises(ValueError, match="duplicate.*2024-10-27 02:00:00"):
        read_series(of(aware.tz_localize(None)))


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_units_give_equal_sets(unit: str) -> None:
    times = pd.date_range("2020-01-01", periods=6, freq="h").as_unit(unit)
    long = pd.DataFrame({"unique_id": "a", "ds": times, "y": 1.0})
    out = write_forecast(read_series(long).axis, {"RNN": np.zeros((1, 2))}, 2)
    assert out["ds"].dtype == times.dtype
    assert out["ds"].tolist() == [pd.Timestamp("2020-01-01 06:00"), pd.Timestamp("2020-01-01 07:00")]


@pytest.mark.parametrize(
    ("freq", "season"), [("M", 12), ("Q-NOV", 4), ("Y", 1), ("D", 7), ("h", 24), ("W-SUN", 52), ("2M", 6)]
)
def test_periods_stay_periods(freq: str, season: int) -> None:
    whole = pd.period_range("2020-01-01", periods=9, freq=freq, name="when")
    pd.testing.assert_index_equal(forecast_index(whole[:6], 3), whole[6:])
    assert season_of(read_series(of(whole)).axis) == season


def test_every_other_period() -> None:
    whole = pd.period_range("2020-01", periods=12, freq="M")[::2]
    pd.testing.assert_index_equal(forecast_index(whole[:4], 2), whole[4:])
    axis = read_series(of(whole)).axis
    assert axis.clock.freqstr == "2M" and season_of(axis) == 6


@pytest.mark.parametrize(
    "whole",
    [
        pd.RangeIndex(9),
        pd.RangeIndex(-5, 13, 2),
        pd.Index([10, 20, 30, 40, 50, 60, 70, 80, 90], dtype="int8"),
    ],
)
def test_integers_continue(whole: pd.Index) -> None:
    out = forecast_index(whole[:5], 4)
    assert isinstance(out, pd.RangeIndex) and out.tolist() == whole[5:].tolist()


def test_one_row_with_a_given_frequency() -> None:
    assert forecast_index(pd.date_range("2020-01-31", periods=1, freq="ME"), 1)[0] == pd.Timestamp("2020-02-29")


@pytest.mark.parametrize("freq", ["2MS", "W-SUN", "2D", "B", "QE-DEC", "30min", "2W-SUN"])
def test_panels_of_different_starts_and_lengths(freq: str) -> None:
    whole = pd.date_range("2020-01-01 06:00", periods=60, freq=freq, tz="Europe/Berlin")
    spans = {"a": (0, 20), "b": (7, 50), "c": (3, 4), "d": (20, 40)}
    parts = [pd.DataFrame({"unique_id": k, "ds": list(whole[i:j]), "y": 1.0}) for k, (i, j) in spans.items()]
    out = write_forecast(read_series(pd.concat(parts)).axis, {"RNN": np.zeros((4, 6))}, 6)
    for name, (_, stop) in spans.items():
        times = out.loc[out["unique_id"] == name, "ds"]
        assert times.tolist() == whole[stop : stop + 6].tolist()


def test_panel_off_one_another() -> None:
    """Weeks that start on different days, and days at different hours, still step alike."""
    sunday, monday = (pd.date_range(day, periods=8, freq="7D") for day in ("2024-01-07", "2024-01-08 05:00"))
    long = pd.DataFrame({"unique_id": [*["s"] * 5, *["m"] * 5], "ds": [*sunday[:5], *monday[:5]], "y": np.ones(10)})
    out = write_forecast(read_series(long).axis, {"RNN": np.zeros((2, 3))}, 3)
    assert out["ds"].tolist() == [*sunday[5:], *monday[5:]]


def test_integer_panel() -> None:
    long = pd.DataFrame({"unique_id": [1, 1, 2, 2, 2], "ds": [0, 5, 10, 15, 20], "y": 1.0})
    out = write_forecast(read_series(long).axis, {"RNN": np.zeros((2, 2))}, 2)
    assert out["ds"].tolist() == [10, 15, 25, 30]


def test_monthly_panel_of_two_kinds_is_refused() -> None:
    starts, ends = (pd.date_range("2020", periods=6, freq=freq) for freq in ("MS", "ME"))
    long = pd.DataFrame({"unique_id": ["a"] * 6 + ["b"] * 6, "ds": [*starts, *ends], "y": 1.0})
    with pytest.raises(ValueError, match="freq.*'b' has freq ME.*'a' has freq MS"):
        read_series(long)


@pytest.mark.parametrize("freq", ["D", "MS", "YE", "B", "W-SUN", "h", "C", "bh", "WOM-3FRI", "SMS"])
@pytest.mark.parametrize("unit", ["s", "ns"])
def test_far_horizon_is_refused_before_it_is_built(freq: str, unit: str) -> None:
    axis = read_series(of(pd.date_range("2020-01-02 10:00", periods=5, freq=freq, unit=unit))).axis
    for h in (2**29, 2**30):
        with pytest.raises(ValueError, match="h=.*(too large|Timestamp)"):
            read_horizon(axis, h)


def test_single_row_off_the_others() -> None:
    months = pd.date_range("2020", periods=6, freq="MS")
    long = pd.DataFrame({"unique_id": ["a"] * 6 + ["b"], "ds": [*months, pd.Timestamp("2020-05-15")], "y": 1.0})
    with pytest.raises(ValueError, match="freq.*'b' has freq unknown from 2020-05-15.*'a' has freq MS"):
        read_series(long)


def test_far_periods_and_integers() -> None:
    years = read_series(of(pd.period_range("2020", periods=3, freq="Y"))).axis
    with pytest.raises(ValueError, match="h=10000 is too large.*Period"):
        read_horizon(years, 10_000)
    end = np.iinfo(np.int64).max
    with pytest.raises(ValueError, match="h=5 is too large.*int64"):
        read_horizon(read_series(of(pd.RangeIndex(end - 5, end - 2))).axis, 5)
