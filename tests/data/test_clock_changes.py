"""Days whose midnight there is not: they begin at 01:00, are days all the same, and the times go on as they were."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from forecastrnn.data.series import read_series, season_of, write_forecast

# Zones that put the clock forward at midnight, and the day that then begins at 01:00.
ZONES = {
    "America/Santiago": "2024-09-08",
    "Africa/Cairo": "2024-04-26",
    "America/Havana": "2024-03-10",
    "Asia/Beirut": "2024-03-31",
    "America/Sao_Paulo": "2018-11-04",
    "America/Asuncion": "2023-10-01",
}


def local(start: str, zone: str, freq: str = "D", n: int = 40) -> pd.DatetimeIndex:
    whole = pd.date_range(start, periods=n, freq=freq)
    return whole.tz_localize(zone, nonexistent="shift_forward", ambiguous=np.ones(n, bool))


def ahead(known: pd.DatetimeIndex, h: int) -> list[pd.Timestamp]:
    axis = read_series(pd.Series(1.0, index=known)).axis
    return write_forecast(axis, {"RNN": np.zeros((1, h))}, h).index.tolist()


@pytest.mark.parametrize("before", [0, 1, 12, 19, 20, 25])
@pytest.mark.parametrize("zone", ZONES)
def test_days_that_begin_at_one(zone: str, before: int) -> None:
    """The odd day is the first of the series, in its midst, its last, or among the forecasts."""
    days = local(str(pd.Timestamp(ZONES[zone]) - pd.Timedelta(days=before))[:10], zone)
    assert days[before].hour == 1 and (days.hour == 0).sum() == 39
    assert ahead(days[:20], 20) == days[20:].tolist()
    frame = pd.DataFrame({"unique_id": ["a"] * 20 + ["b"] * 25, "ds": [*days[:20], *days[5:30]], "y": 1.0})
    axis = read_series(frame).axis
    out = write_forecast(axis, {"RNN": np.zeros((2, 10))}, 10)
    assert out["ds"].tolist() == [*days[20:30], *days[30:]] and season_of(axis) == 7
    back = write_forecast(axis.take([1, 0]), {"RNN": np.zeros((2, 10))}, 10)
    assert back["ds"].tolist() == [*days[30:], *days[20:30]]


def test_other_steps_than_days() -> None:
    weeks = local("2024-07-07", "America/Santiago", "W-SUN", 30)
    assert weeks[9].hour == 1
    assert ahead(pd.DatetimeIndex(weeks[:10].tolist()), 20) == weeks[10:].tolist()
    workdays = local("2024-04-01", "Africa/Cairo", "B", 40)
    assert workdays[19].hour == 1 and ahead(pd.DatetimeIndex(workdays[:20].tolist()), 20) == workdays[20:].tolist()
    nights = local("2024-03-20 02:30", "Europe/Berlin")
    assert str(nights[11]) == "2024-03-31 03:00:00+02:00"
    for n in (11, 12, 13, 30):
        assert ahead(nights[:n], 10) == nights[n : n + 10].tolist()


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_units(unit: str) -> None:
    days = local("2024-08-20", "America/Santiago").as_unit(unit)
    assert ahead(days[:20], 20) == days[20:].tolist()


def test_a_freq_of_the_index_or_asked_for() -> None:
    hours = pd.Series(1.0, index=pd.date_range("2024-08-20", periods=24 * 30, freq="h", tz="America/Santiago"))
    days = hours.resample("D").sum()[:20]  # its last day begins at 01:00
    expected = local("2024-08-20", "America/Santiago")
    assert days.index.freq == "D" and days.index[-1].hour == 1
    assert ahead(days.index, 5) == expected[20:25].tolist()
    frame = pd.DataFrame({"unique_id": "a", "ds": days.index, "y": 1.0})
    axis = read_series(frame, freq="D").axis
    assert write_forecast(axis, {"RNN": np.zeros((1, 5))}, 5)["ds"].tolist() == expected[20:25].tolist()


def test_forecasts_behind_the_data_are_read_again() -> None:
    y = pd.Series(1.0, index=local("2024-08-20", "America/Santiago")[:19])
    for _ in range(4):
        axis = read_series(y).axis
        y = pd.concat([y, write_forecast(axis, {"RNN": np.ones((1, 1))}, 1)])
    assert y.index.tolist() == local("2024-08-20", "America/Santiago")[:23].tolist()


def test_an_hour_at_one_is_no_day() -> None:
    """A time that no clock has moved is where it is."""
    days = local("2024-08-20", "America/Santiago")
    odd = days[:10].append(days[10:11] + pd.Timedelta("1h"))
    with pytest.raises(ValueError, match="no constant step"):
        read_series(pd.Series(1.0, index=odd))


def test_a_day_that_there_was_not() -> None:
    """Samoa went over the date line: behind Thursday, the 29th of December 2011, came Saturday."""
    days = pd.DatetimeIndex(["2011-12-25", "2011-12-26", "2011-12-27", "2011-12-28"]).tz_localize("Pacific/Apia")
    expected = ["2011-12-29", "2011-12-31", "2012-01-01", "2012-01-02"]
    assert [str(time)[:10] for time in ahead(days, 4)] == expected
    assert all(time.hour == 0 for time in ahead(days, 4))


@pytest.mark.parametrize(
    ("index", "is_told"),
    [
        (pd.RangeIndex(9), False), (pd.period_range("2024-10-27", periods=9, freq="h"), False),
        (pd.date_range("2024-10-27", periods=9, freq="MS"), False),
        (pd.date_range("2024-10-27", periods=9, freq="h"), True),
    ],
)  # fmt: skip
@pytest.mark.parametrize("rows", [[3, 3], [0, 1, 2, 3, 4, 4, 5, 6]])
def test_clocks_are_spoken_of_where_there_is_one(index: pd.Index, is_told: bool, rows: list[int]) -> None:
    """A repeated row is an hour that was there twice only where rows are hours, or parts of one, apart."""
    with pytest.raises(ValueError, match="duplicate times") as raised:
        read_series(pd.Series(1.0, index=index[rows]))
    assert ("clock" in str(raised.value)) == (is_told and len(rows) > 2)
