"""Reading pandas data: every form, every bad input, and the way back to the same form."""

from __future__ import annotations

import pickle
import time
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from forecastrnn.data.series import SeriesSet, read_horizon, read_series, season_of, write_forecast


def daily(n: int = 20, **options: object) -> pd.Series:
    index = pd.date_range("2020-01-01", periods=n, freq="D", **options)
    return pd.Series(np.arange(n, dtype=float), index=index, name="sales")


def long_frame(lengths: dict[str, int], freq: str = "D") -> pd.DataFrame:
    parts = [
        pd.DataFrame({"unique_id": name, "ds": pd.date_range("2020-01-01", periods=n, freq=freq)})
        for name, n in lengths.items()
    ]
    frame = pd.concat(parts, ignore_index=True)
    return frame.assign(y=np.arange(len(frame), dtype=float))


def with_value(position: int, value: float) -> pd.Series:
    y = daily()
    y.iloc[position] = value
    return y


def with_times(times: object) -> pd.Series:
    index = times if isinstance(times, pd.Index) else pd.DatetimeIndex(times)
    return pd.Series(np.arange(len(index), dtype=float), index=index)


def multi(names: list[str | None], first: object, second: object) -> pd.Series:
    index = pd.MultiIndex.from_arrays([first, second], names=names)
    return pd.Series(np.arange(len(index), dtype=float), index=index, name="y")


DAYS = list(pd.date_range("2020-01-01", periods=4))
TWO = ["a", "a", "b", "b"]
THREE_LEVELS = pd.MultiIndex.from_product([["a"], ["b"], DAYS], names=["k", "id", "ds"])
MIXED_FREQ = pd.concat([long_frame({"a": 9}), long_frame({"b": 9}, "h")])
REPEATED = pd.concat([long_frame({"a": 3, "b": 5}), long_frame({"b": 5}).iloc[2:3]])

BAD_INPUTS = {
    "F01 empty": (pd.Series([], dtype=float), {}, ValueError, "at least .* observations?, got 0"),
    "F01 empty list": ([], {}, ValueError, "at least .* observations?, got 0"),
    "F01 empty frame": (pd.DataFrame(), {}, ValueError, "at least .* observations?, got 0"),
    "F01 empty long": (long_frame({"a": 3}).iloc[:0], {}, ValueError, "at least .* observations?, got 0"),
    "F01 one row, no freq": (with_times(["2020-01-01"]), {}, ValueError, "at least .* observations, got 1"),
    "F02": (daily(4), {"min_length": 5}, ValueError, r"length.*(4).*context_length.*(5)"),
    "F02 long": (long_frame({"a": 9, "b": 4}), {"min_length": 5}, ValueError, "'b'.*4.*context_length.*5"),
    "F04": (with_value(10, np.nan), {}, ValueError, r"NaN.*'sales' has 1.*2020-01-11"),
    "F04 long": (
        long_frame({"a": 5, "b": 5}).assign(y=[0, 1, 2, 3, 4, 5, np.nan, np.nan, 8, 9]),
        {},
        ValueError,
        "NaN.*'b' has 2.*2020-01-02",
    ),
    "F04 all masked": (
        pd.DataFrame({"a": [1.0, 2.0], "b": np.nan}),
        {"missing": "mask"},
        ValueError,
        "'b'.*NaN",
    ),
    "F05": (with_value(3, -np.inf), {}, ValueError, "infinity.*2020-01-04"),
    "F05 masked": (with_value(3, np.inf), {"missing": "mask"}, ValueError, "infinity.*2020-01-04"),
    "F07": (with_times([*DAYS, *DAYS]), {}, ValueError, "duplicate.*2020-01-01"),
    "F07 next to it": (with_times([DAYS[0], *DAYS]), {}, ValueError, "duplicate.*2020-01-01"),
    "F07 long": (REPEATED, {}, ValueError, "duplicate.*'b'.*2020-01-03"),
    "F08": (daily().iloc[::-1], {}, ValueError, "unsorted.*sort"),
    "F08 long": (long_frame({"a": 5}).iloc[[0, 2, 1, 3]], {}, ValueError, "unsorted.*'a'.*2020-01-02"),
    "F10 irregular": (daily().drop(pd.Timestamp("2020-01-05")), {}, ValueError, "2 days.*2020-01-04"),
    "F11": (with_times([*DAYS, pd.NaT]), {}, ValueError, "index.*NaT.*row 4"),
    "F11 long": (long_frame({"a": 5}).replace(DAYS[1], pd.NaT), {}, ValueError, "'ds'.*NaT.*row 1"),
    "F14": (with_times([*DAYS[:2], DAYS[1]]), {}, ValueError, "duplicate"),
    "F16 decreasing": (with_times(pd.RangeIndex(5, 0, -1)), {}, ValueError, "unsorted"),
    "F16 one row, decreasing": (with_times(pd.RangeIndex(5, 4, -1)), {}, ValueError, "unsorted.*-1"),
    "F08 one row": (with_times(pd.DatetimeIndex(DAYS[:1], freq="-2D")), {}, ValueError, "unsorted.*-2D"),
    "F17 gaps": (with_times(pd.Index([0, 1, 3])), {}, ValueError, "index.*RangeIndex.*steps of 1, but 1 row is absent"),
    "F17 float": (with_times(pd.Index([0.0, 1.0])), {}, TypeError, "index.*(DatetimeIndex|RangeIndex)"),
    "F17 text": (with_times(pd.Index(["a", "b"])), {}, TypeError, "index.*(DatetimeIndex|PeriodIndex)"),
    "F17 durations": (with_times(pd.to_timedelta([1, 2], "D")), {}, TypeError, "index.*DatetimeIndex"),
    "F17 text in long": (long_frame({"a": 3}).assign(ds=[*"pqr"]), {}, TypeError, "'ds'.*DatetimeIndex"),
    "F17 uint64": (with_times(pd.Index([2**63, 2**63 + 1], dtype="uint64")), {}, ValueError, "too large"),
    "F20 2-D": (np.ones((4, 2)), {}, TypeError, "2 dimensions.*pandas Series"),
    "F20 list of lists": ([[1.0], [2.0]], {}, TypeError, "pandas Series"),
    "F20 generator": ((i for i in range(3)), {}, TypeError, "pandas Series"),
    "F20 None": (None, {}, TypeError, "pandas Series"),
    "F20 mask": (np.ma.masked_array([1.0, 2.0], [True, False]), {}, ValueError, "masked.*fill"),
    "F22 Int64 with NA": (pd.Series([1, None, 3], dtype="Int64"), {}, ValueError, "NaN.* at 1"),
    "F22 object with None": (pd.Series([1, None, 3], dtype=object), {}, ValueError, "NaN.* at 1"),
    "F34": (MIXED_FREQ, {}, ValueError, "freq.*'b' has freq h.*'a' has freq D"),
    "F34 gap": (long_frame({"a": 9, "b": 9, "c": 9}).drop(13), {}, ValueError, "'b'.*2 days.*2020-01-04"),
    "F34 integers": (
        pd.DataFrame({"unique_id": TWO, "ds": [0, 1, 0, 2], "y": 1.0}),
        {},
        ValueError,
        "freq.*'b' has freq 2",
    ),
    "F35 order": (multi(["ds", "id"], DAYS, TWO), {}, ValueError, r"MultiIndex.*\(series, time\)"),
    "F35 order, integers": (
        multi(["t", "id"], [1, 2, 1, 2], TWO),
        {},
        ValueError,
        r"MultiIndex.*\(series, time\)",
    ),
    "F35 order, names": (
        multi(["ds", "unique_id"], [0, 0, 1, 1], [0, 1, 0, 1]),
        {},
        ValueError,
        r"MultiIndex.*\(series, time\)",
    ),
    "F35 three": (pd.Series(1.0, index=THREE_LEVELS), {}, ValueError, r"MultiIndex.*\(series, time\)"),
    "F35 unnamed": (multi([None, None], TWO, DAYS), {}, ValueError, r"MultiIndex.*\(series, time\)"),
    "F35 two columns": (
        multi(["id", "ds"], TWO, DAYS).to_frame("a").assign(b=1.0),
        {},
        ValueError,
        r"MultiIndex \(series, time\).*'a', 'b'",
    ),
    "F37 time": (long_frame({"a": 3}).rename(columns={"ds": "day"}), {}, ValueError, "column 'ds'.*time_col"),
    "F37 id": (long_frame({"a": 3}).rename(columns={"unique_id": "k"}), {}, ValueError, "column 'unique_id'"),
    "F37 target": (long_frame({"a": 3}).rename(columns={"y": "v"}), {}, ValueError, "column 'y'.*'v'"),
    "F37 in index": (long_frame({"a": 3}).set_index("ds"), {}, ValueError, "column 'ds'.*reset_index"),
    "missing id": (
        long_frame({"a": 3}).assign(unique_id=["a", None, "a"]),
        {},
        ValueError,
        "missing id in row 1",
    ),
    "text values": (pd.Series(["1", "2"], name="sales"), {}, TypeError, "'sales'.*numbers.*string"),
    "text in object": (pd.Series([1, "2"], dtype=object), {}, TypeError, "'y'.*numbers"),
    "text column": (
        pd.DataFrame({"a": [1.0, 2.0], "b": ["x", "y"]}),
        {},
        ValueError,
        "'unique_id'.*column 'b'",
    ),
    "text target": (long_frame({"a": 3}).assign(y="1"), {}, TypeError, "column 'y'.*numbers"),
    "complex": (pd.Series([1j, 2j]), {}, TypeError, "'y'.*complex"),
    "datetimes": (pd.Series(DAYS), {}, TypeError, "'y'.*datetime"),
    "categories": (pd.Series([1, 2], dtype="category"), {}, TypeError, "'y'.*numbers"),
    "huge integer": (pd.Series([1, 10**400], dtype=object), {}, ValueError, "'y'.*too large"),
    "duplicate column": (
        pd.DataFrame([[1.0, 2.0]] * 3, columns=["a", "a"]),
        {},
        ValueError,
        "duplicate.*'a'",
    ),
    "missing parameter": (daily(), {"missing": "drop"}, ValueError, "missing must be.*'drop'"),
    "same columns": (daily(), {"id_col": "y"}, ValueError, "must differ"),
}


@pytest.mark.parametrize("case", BAD_INPUTS)
def test_bad_input_is_named(case: str) -> None:
    y, options, error, message = BAD_INPUTS[case]
    with pytest.raises(error, match=f"(?i){message}"):
        read_series(y, needs="context_length needs", **options)


def test_np_matrix_is_refused() -> None:
    with pytest.warns(PendingDeprecationWarning):
        matrix = np.matrix([1.0, 2.0])
    with pytest.raises(TypeError, match="matrix is not supported"):
        read_series(matrix)


GOOD_VALUES = {
    "list": [1, 2, 4],
    "tuple": (1.0, 2.0, 4.0),
    "array": np.array([1, 2, 4], dtype=np.uint8),
    "big-endian": np.array([1, 2, 4], dtype=">f8"),
    "half": np.array([1, 2, 4], dtype=np.float16),
    "objects": pd.Series([1, 2.0, Decimal(4)], dtype=object),
    "decimals": pd.Series([Decimal(1), Decimal(2), Decimal(4)]),
    "Int64": pd.Series([1, 2, 4], dtype="Int64"),
    "Float64": pd.Series([1, 2, 4], dtype="Float64"),
    "sparse": pd.Series([1.0, 2.0, 4.0]).astype(pd.SparseDtype(float)),
    "frame": pd.DataFrame({"y": [1, 2, 4]}),
    "frame of mixed types": pd.DataFrame({"y": pd.array([1, 2, 4], dtype="Int64")}),
    "extension array": pd.array([1, 2, 4], dtype="Int64"),
}


@pytest.mark.parametrize("kind", GOOD_VALUES)
def test_numbers_of_all_kinds_are_read(kind: str) -> None:
    found = read_series(GOOD_VALUES[kind])
    assert found.values.dtype == np.float64
    np.testing.assert_array_equal(found.values, [1, 2, 4])
    assert found.offsets.tolist() == [0, 3] and found.ids == ("y",) and found.axis.clock.kind == "integer"


def test_booleans_are_numbers_and_arrow_too() -> None:
    np.testing.assert_array_equal(read_series(pd.Series([True, False, True])).values, [1, 0, 1])
    pytest.importorskip("pyarrow")
    arrow = pd.Series([1.5, None, 2.5], dtype="double[pyarrow]")
    np.testing.assert_array_equal(read_series(arrow, missing="mask").values, [1.5, np.nan, 2.5])


def test_missing_values_are_kept_on_request() -> None:
    wide = pd.DataFrame({"a": [np.nan, 1.0, 2.0], "b": pd.array([1, 2, None], dtype="Int64")})
    found = read_series(wide, missing="mask")
    np.testing.assert_array_equal(found.values, [np.nan, 1, 2, 1, 2, np.nan])


def everything() -> dict[str, tuple[object, SeriesSet]]:
    long = long_frame({"b": 5, "a": 7})
    stacked = multi(["id", "ds"], [*"aaaa", *"bbbb"], DAYS * 2)
    forms = {
        "series": daily(),
        "wide": pd.DataFrame({"b": daily(), "a": -daily()}).rename_axis(columns="shop"),
        "long": long,
        "multi_series": stacked,
        "multi_frame": stacked.to_frame(),
        "array": [1.0, 2.0, 3.0],
    }
    return {form: (y, read_series(y)) for form, y in forms.items()}


@pytest.mark.parametrize("form", ["series", "wide", "long", "multi_series", "multi_frame", "array"])
def test_one_column_comes_back_as_it_went_in(form: str) -> None:
    y, found = everything()[form]
    assert found.axis.form == form
    values = np.arange(found.n_series * 3.0).reshape(found.n_series, 3)
    out = write_forecast(found.axis, {"RNN": values}, 3)
    if form == "array":
        pd.testing.assert_series_equal(out, pd.Series([0.0, 1.0, 2.0], index=pd.RangeIndex(3, 6)))
    elif form == "long":
        assert list(out) == ["unique_id", "ds", "RNN"] and out["unique_id"].dtype == y["unique_id"].dtype
        assert out["unique_id"].tolist() == ["b"] * 3 + ["a"] * 3
        assert out["ds"].iloc[0] == pd.Timestamp("2020-01-06") and out["ds"].iloc[3] == pd.Timestamp("2020-01-08")
        np.testing.assert_array_equal(out["RNN"], np.arange(6.0))
    else:
        whole = pd.concat([y, out])
        assert type(out) is type(y) and out.index.names == y.index.names and whole.notna().all(axis=None)
        again = read_series(whole.sort_index(kind="stable"))
        np.testing.assert_array_equal(np.diff(again.offsets), np.diff(found.offsets) + 3)
        for i in range(found.n_series):
            np.testing.assert_array_equal(again.values[: again.offsets[i + 1]][-3:], values[i])
        if form in ("series", "wide"):
            assert out.index.freq == y.index.freq
        if form == "wide":
            pd.testing.assert_index_equal(out.columns, y.columns)
        if form == "series":
            assert out.name == "sales"


@pytest.mark.parametrize("form", ["series", "wide", "long", "multi_series", "multi_frame", "array"])
def test_several_columns(form: str) -> None:
    _, found = everything()[form]
    shape = (found.n_series, 2)
    out = write_forecast(found.axis, {"RNN": np.zeros(shape), "RNN-hi-80": np.ones(shape)}, 2)
    if form == "wide":
        expected = [("b", "RNN"), ("b", "RNN-hi-80"), ("a", "RNN"), ("a", "RNN-hi-80")]
        assert out.columns.tolist() == expected and out.columns.names == ["shop", None]
        np.testing.assert_array_equal(out.to_numpy(), [[0, 1, 0, 1]] * 2)
    else:
        assert list(out.columns)[-2:] == ["RNN", "RNN-hi-80"]
        np.testing.assert_array_equal(out[["RNN", "RNN-hi-80"]], [[0, 1]] * (2 * found.n_series))


def test_columns_with_levels() -> None:
    wide = pd.DataFrame({("x", 1): daily(), ("x", 2): daily()})
    wide.columns.names = ["k", "number"]
    axis = read_series(wide).axis
    pd.testing.assert_index_equal(write_forecast(axis, {"RNN": np.zeros((2, 1))}, 1).columns, wide.columns)
    several = write_forecast(axis, {"RNN": np.zeros((2, 1)), "hi": np.ones((2, 1))}, 1)
    assert several.columns.tolist() == [("x", 1, "RNN"), ("x", 1, "hi"), ("x", 2, "RNN"), ("x", 2, "hi")]


@pytest.mark.parametrize("dtype", ["category", "int64", object])
def test_ids_keep_their_type(dtype: object) -> None:
    long = long_frame({"2": 3, "1": 4}).astype({"unique_id": dtype})
    out = write_forecast(read_series(long).axis, {"RNN": np.zeros((2, 1))}, 1)
    assert out["unique_id"].dtype == long["unique_id"].dtype
    assert [str(name) for name in out["unique_id"]] == ["2", "1"]


def test_interleaved_rows_read_the_same() -> None:
    long = long_frame({"b": 5, "a": 7, "c": 5})
    mixed = long.sort_values("ds", kind="stable")
    mixed = mixed.rename(columns={"unique_id": "shop", "ds": "day", "y": "sold"}).assign(note="text")
    first, second = read_series(long), read_series(mixed, id_col="shop", time_col="day", target_col="sold")
    assert first.ids == second.ids == ("b", "a", "c")
    np.testing.assert_array_equal(first.values, second.values)
    np.testing.assert_array_equal(first.axis.last, second.axis.last)


def test_input_is_not_changed_and_not_shared() -> None:
    wide = pd.DataFrame({"a": daily(), "b": daily()})
    long = long_frame({"a": 5, "b": 5}).iloc[::2]
    for y in (wide, long, daily(), daily().to_numpy()):
        before = y.copy()
        found = read_series(y)
        found.values[:] = -1.0
        found.axis.last[:] = 0
        if isinstance(y, np.ndarray):
            np.testing.assert_array_equal(y, before)
        else:
            (pd.testing.assert_frame_equal if y.ndim == 2 else pd.testing.assert_series_equal)(y, before)


def test_axis_is_small_and_survives_pickle() -> None:
    axis = read_series(pd.Series(0.0, index=pd.date_range("2020", periods=50_000, freq="h", tz="Europe/Rome"))).axis
    stored = pickle.dumps(axis)
    assert len(stored) < 2000
    index = write_forecast(pickle.loads(stored), {"RNN": np.zeros((1, 2))}, 2).index
    assert index.freq == "h" and str(index.tz) == "Europe/Rome"


def test_lookup_and_subset() -> None:
    axis = read_series(long_frame({"b": 5, "a": 7, "c": 4})).axis
    np.testing.assert_array_equal(axis.position(["c", "b"]), [2, 0])
    some = replace(axis, ids=("c", "a"), last=axis.last[axis.position(["c", "a"])])
    out = write_forecast(some, {"RNN": np.zeros((2, 1))}, 1)
    assert out["unique_id"].tolist() == ["c", "a"]
    assert out["ds"].tolist() == [pd.Timestamp("2020-01-05"), pd.Timestamp("2020-01-08")]
    with pytest.raises(ValueError, match="unknown series: 'Z'; the known series are 'b', 'a', 'c'"):
        axis.position(["a", "Z"])


BAD_HORIZONS = {
    "F23 zero": (0, r"h.*>= 1.*Got 0"),
    "F23 negative": (-1, r"h.*>= 1.*Got -1"),
    "float": (1.5, r"h.*>= 1.*Got 1.5"),
    "bool": (True, r"h.*>= 1.*Got True"),
    "text": ("3", r"h.*>= 1.*Got '3'"),
    "F25 memory": (10**12, r"h.*too large.*GiB"),
    "F25 time": (10**6, r"h.*too large.*Timestamp"),
    "F26 empty": ([], "h must name at least one"),
    "F26 duplicates": ([1, 2, 2], "h must.*none twice"),
    "F26 zero": ([0, 1], r"h.*>= 1.*Got 0"),
    "F26 floats": (np.array([1.0]), r"h.*>= 1"),
    "F26 far": (range(1, 10**12), r"h.*too large"),
}


@pytest.mark.parametrize("case", BAD_HORIZONS)
def test_bad_horizon(case: str) -> None:
    h, message = BAD_HORIZONS[case]
    axis = read_series(daily(unit="ns")).axis
    with pytest.raises(ValueError, match=message):
        read_horizon(axis, h)


def test_chosen_steps_and_wrong_shape() -> None:
    axis = read_series(daily()).axis
    out = write_forecast(axis, {"RNN": np.zeros((1, 2))}, [7, 2])
    assert out.index.tolist() == [pd.Timestamp("2020-01-22"), pd.Timestamp("2020-01-27")]
    with pytest.raises(ValueError, match=r"columns\['RNN'\] must have shape \(1, 3\)\. Got \(1, 2\)"):
        write_forecast(axis, {"RNN": np.zeros((1, 2))}, 3)


@pytest.mark.parametrize("freq", ["D", "MS", "ME", "h"])
def test_ten_thousand_series_in_a_blink(freq: str) -> None:
    times = pd.date_range("1990-01-31", periods=200, freq=freq).as_unit("s")
    ids = np.char.add("series-", np.arange(10_000).astype(str))
    frame = pd.DataFrame({"unique_id": np.tile(ids, 200), "ds": np.repeat(times, 10_000), "y": 1.0})
    start = time.thread_time()
    found = read_series(frame)
    write_forecast(found.axis, {"RNN": np.zeros((10_000, 24))}, 24)
    assert time.thread_time() - start < 6.0
    assert found.n_series == 10_000


def test_season_follows_the_frequency() -> None:
    assert season_of(read_series([1.0, 2.0]).axis) == 1
    assert season_of(read_series(daily()).axis) == 7
