"""What the columns of a frame are: one series of times and values, a long or a wide frame, or an error that helps."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecastrnn.data.series import read_series, write_forecast

DAYS = pd.date_range("2020-01-06", periods=9)
VALUES = np.arange(9.0)


def frame(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame(columns)


ONE_SERIES = {
    "ds and y": (frame(ds=DAYS, y=VALUES), {}),
    "values first": (frame(y=VALUES, ds=DAYS), {}),
    "names of their own": (frame(day=DAYS, sold=VALUES), {}),
    "names of their own, values first": (frame(sold=VALUES, day=DAYS), {}),
    "names that are given": (frame(day=DAYS, sold=VALUES), {"time_col": "day", "target_col": "sold"}),
    "texts": (frame(day=DAYS.strftime("%Y-%m-%d"), sold=VALUES), {}),
    "periods": (frame(day=DAYS.to_period("D"), sold=VALUES), {}),
    "integers": (frame(ds=np.arange(9), y=VALUES), {}),
    "integers under a name": (frame(sold=VALUES, week=np.arange(9)), {"time_col": "week"}),
    "no ids": (frame(ds=DAYS, y=VALUES), {"id_col": None}),
    "no ids, names of their own": (frame(day=DAYS, sold=VALUES), {"id_col": None}),
    "no ids, more columns": (frame(shop="a", ds=DAYS, y=VALUES, price=1.0), {"id_col": None}),
}


@pytest.mark.parametrize("case", ONE_SERIES)
def test_times_and_values_are_one_series(case: str) -> None:
    y, options = ONE_SERIES[case]
    before = y.copy()
    found = read_series(y, **options)
    time = next(name for name in ("ds", "day", "week") if name in y)
    value = "sold" if "sold" in y else "y"
    assert found.axis.form == "dated" and found.ids == (value,)
    np.testing.assert_array_equal(found.values, VALUES)
    out = write_forecast(found.axis, {"RNN": np.array([[7.0, 8.0]])}, 2)
    assert out.columns.tolist() == [time, "RNN"] and out["RNN"].tolist() == [7.0, 8.0]
    whole = pd.DatetimeIndex([*DAYS, *pd.date_range("2020-01-15", periods=2)])
    expected = {"integers": [9, 10], "periods": whole[9:].to_period("D").tolist()}
    assert out[time].tolist() == expected.get(case.split(" ")[0], whole[9:].tolist())
    several = write_forecast(found.axis, {"RNN": np.zeros((1, 2)), "RNN-hi-80": np.ones((1, 2))}, 2)
    assert several.columns.tolist() == [time, "RNN", "RNN-hi-80"]
    pd.testing.assert_frame_equal(y, before)


WIDE = {
    "numbers": frame(week=np.arange(9), sold=VALUES),
    "numbers, no ids": frame(week=np.arange(9), sold=VALUES).set_index(DAYS),
}


@pytest.mark.parametrize("case", WIDE)
def test_two_columns_of_numbers_are_two_series(case: str) -> None:
    options = {"id_col": None} if "ids" in case else {}
    assert read_series(WIDE[case], **options).ids == ("week", "sold")


REFUSED = {
    "an id under another name": (frame(shop="a", ds=DAYS, y=VALUES), {}, "'unique_id'.*id_col=None"),
    "no ids, and no times": (frame(shop="a", y=VALUES), {"id_col": None}, r"no column 'ds' \(time_col\).*'shop'"),
    "no ids, and no values": (frame(ds=DAYS, a=1.0, b=1.0), {"id_col": None}, r"no column 'y' \(target_col\)"),
    "an id that is not there": (frame(ds=DAYS, y=VALUES), {"id_col": "shop"}, r"no column 'shop' \(id_col\)"),
    "times that are not there": (frame(day=DAYS, y=VALUES), {"time_col": "when"}, r"no column 'when' \(time_col\)"),
    "values that are not there": (frame(ds=DAYS, y=VALUES), {"target_col": "sold"}, r"no column 'sold' \(target_col\)"),
    "a table of dates": (frame(day=DAYS, a=VALUES, b=VALUES), {}, r"set_index\('day'\) makes it a wide frame"),
    "no ids, unnamed index": (frame(day=DAYS, a=1.0, b=1.0), {"id_col": None}, r"columns are 'day', 'a', 'b'; set_i"),
    "several series without ids": (
        pd.concat([frame(day=DAYS, sold=VALUES)] * 2), {}, "no column 'unique_id' .*duplicate times.*'day'.*2020-01-06"
    ),
    "one series twice": (
        pd.concat([frame(ds=DAYS, y=VALUES)] * 2), {"id_col": None}, "column 'ds'.*has duplicate times.*2020-01-06"
    ),
    "text values": (frame(ds=DAYS, y="many"), {}, "'y' must hold numbers"),
    "two dates": (frame(first=DAYS, last=DAYS), {}, "'last' must hold numbers"),
    "a gap": (frame(ds=DAYS, y=VALUES).drop(4), {}, "column 'ds' of y has no constant step"),
    "an id called as the forecast": (frame(RNN="a", ds=DAYS, y=VALUES), {"id_col": "RNN"}, "id_col='RNN'.*rename"),
    "a time called as the forecast": (frame(RNN=DAYS, y=VALUES), {"time_col": "RNN"}, "time_col='RNN'.*rename"),
    "a time called as a path": (
        frame(**{"unique_id": "a", "RNN-path-1": DAYS, "y": VALUES}), {"time_col": "RNN-path-1"}, "rename"
    ),
    "several ids": (frame(a="a", b="b", ds=DAYS, y=VALUES), {"id_col": ["a", "b"]}, "id_col must name one.*join"),
    "several targets": (frame(unique_id="a", ds=DAYS, y=VALUES), {"target_col": ["y"]}, "target_col must name one"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_told_is_said(case: str) -> None:
    y, options, message = REFUSED[case]
    with pytest.raises((ValueError, TypeError), match=message) as raised:
        read_series(y, **options)
    assert "it is in the index" not in str(raised.value)
