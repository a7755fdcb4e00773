"""Bad series, horizons and parameters of the forecaster: what each gets, by its id in the list of bad inputs."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.utils._param_validation import InvalidParameterError

from forecastrnn import RNNForecaster


def quick(**options: Any) -> RNNForecaster:
    few = {
        "n_members": 1,
        "max_steps": 2,
        "random_state": 0,
        "hidden_layer_sizes": 4,
        "intervals": None,
        "candidates": "network",
    }
    return RNNForecaster(**few | options)


def daily(n: int = 30, start: str = "2020-01-01", **options: Any) -> pd.Series:
    index = pd.date_range(start, periods=n, **({"freq": "D"} | options))
    return pd.Series(np.arange(n) % 7 + 10.0, index=index, name="sales")


def changed(position: int, value: float) -> pd.Series:
    y = daily()
    y.iloc[position] = value
    return y


def at(index: Any) -> pd.Series:
    return pd.Series(np.arange(len(index)) + 5.0, index=index)


def long_frame(names: str = "ab", n: int = 12, freq: str = "D") -> pd.DataFrame:
    parts = [pd.DataFrame({"unique_id": k, "ds": pd.date_range("2020-01-01", periods=n, freq=freq)}) for k in names]
    frame = pd.concat(parts, ignore_index=True)
    return frame.assign(y=np.arange(len(frame)) + 1.0)


def multi(names: list, *levels: Any) -> pd.Series:
    index = pd.MultiIndex.from_product(levels, names=names)
    return pd.Series(np.arange(len(index)) + 1.0, index=index)


DAYS = pd.date_range("2020-01-01", periods=12)
FALL_BACK = pd.date_range("2020-10-24", periods=60, freq="h", tz="Europe/Berlin").tz_localize(None)
EITHER = (TypeError, ValueError)

# Series that neither fit nor predict takes: options of the forecaster, y, error, message.
BAD_SERIES: dict[str, tuple[dict, Any, Any, str]] = {
    "F01 empty": ({}, pd.Series([], dtype=float), ValueError, "at least .* observations?, got 0"),
    "F01 empty list": ({}, [], ValueError, "at least .* observations?, got 0"),
    "F01 empty frame": ({}, pd.DataFrame(), ValueError, "at least .* observations?, got 0"),
    "F01 one row": ({}, daily(1), ValueError, "at least .* observations, got 1"),
    "F01 three rows": ({}, daily(3), ValueError, "at least 4 observations, got 3"),
    "F02": ({"context_length": 5}, daily(4), ValueError, "length.*(4).*context_length.*(5)"),
    "F02 equal": ({"context_length": 5}, daily(5), ValueError, "length.*(5).*context_length.*(5)"),
    "F02 panel": ({"context_length": 15}, long_frame(), ValueError, "'a'.*length 12.*context_length=15"),
    "F04": ({}, changed(10, np.nan), ValueError, "NaN.*2020-01-11"),
    "F04 names the series": ({}, changed(10, np.nan), ValueError, "'sales' has 1"),
    "F04 list": ({}, [1.0, 2.0, np.nan, 3.0, 4.0], ValueError, "NaN"),
    "F05": ({}, changed(3, np.inf), ValueError, "infinity.*2020-01-04"),
    "F05 negative, masked": ({"missing": "mask"}, changed(3, -np.inf), ValueError, "infinity"),
    "F07": ({}, at(DAYS[[0, 0, 1, 2, 3, 4]]), ValueError, "duplicate.*2020-01-01"),
    "F07 panel": ({}, pd.concat([long_frame(), long_frame().iloc[[0]]]), ValueError, "duplicate.*2020-01-01"),
    "F08": ({}, at(DAYS[::-1]), ValueError, "sorted|monotonic"),
    "F08 panel": ({}, long_frame().iloc[::-1], ValueError, "sorted|monotonic"),
    "F11": ({}, at(DAYS[:5].append(pd.DatetimeIndex([pd.NaT]))), ValueError, "NaT"),
    "F14": ({}, at(FALL_BACK), ValueError, "duplicate.*2020-10-25"),
    "F17 gaps": ({}, at([0, 1, 2, 5, 6, 7]), EITHER, "index"),
    "F17 floats": ({}, at([0.5, 1.5, 2.5, 3.5]), EITHER, "index.*(DatetimeIndex|PeriodIndex|RangeIndex)"),
    "F17 text": ({}, at(list("abcdef")), EITHER, "index.*(DatetimeIndex|PeriodIndex|RangeIndex)"),
    "F20 2-D array": ({}, np.ones((9, 2)), TypeError, "pandas"),
    "F20 scalar": ({}, 5.0, TypeError, "pandas Series"),
    "F20 none": ({}, None, TypeError, "pandas Series"),
    "F22 text": ({}, pd.Series(list("abcdefgh")), TypeError, "must hold numbers"),
    "F22 NA": ({}, pd.Series([1, 2, None, 4, 5], dtype="Int64"), ValueError, "NaN"),
    "F34": ({}, pd.concat([long_frame("a"), long_frame("b", freq="h")]), ValueError, "freq"),
    "F35 order": ({}, multi(["ds", "id"], DAYS, ["a", "b"]), ValueError, r"MultiIndex.*\(series, time\)"),
    "F35 three": ({}, multi(["k", "id", "ds"], ["x"], ["a"], DAYS), ValueError, r"MultiIndex.*\(series, time\)"),
    "F35 unnamed": ({}, multi([None, None], ["a", "b"], DAYS), ValueError, r"MultiIndex.*\(series, time\)"),
    "F37 id": ({}, long_frame().drop(columns="unique_id"), ValueError, "column 'unique_id'"),
    "F37 time": ({}, long_frame().drop(columns="ds"), ValueError, "column 'ds'"),
    "F37 target": ({}, long_frame().drop(columns="y"), ValueError, "column 'y'"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_SERIES)
def test_bad_series_in_fit(case: str) -> None:
    options, y, error, message = BAD_SERIES[case]
    model = quick(**options)
    with pytest.raises(error, match=f"(?is){message}"):
        model.fit(y)
    assert not [name for name in vars(model) if name.endswith("_") or name.startswith("_")]


@pytest.mark.parametrize("case", [case for case in BAD_SERIES if case != "F20 none"])
def test_bad_series_in_predict_and_sample_paths(case: str) -> None:
    """F28 and F29 are F02 and F04 here; None means the series of fit."""
    options, y, error, message = BAD_SERIES[case]
    model = quick(**options).fit(daily())
    before = model.predict(3)
    for call in (lambda: model.predict(3, y=y), lambda: model.sample_paths(3, y=y, calibrated=False)):
        with pytest.raises(error, match=f"(?is){message}"):
            call()
    pd.testing.assert_series_equal(model.predict(3), before)


BAD_HORIZONS: dict[str, tuple[Any, str]] = {
    "F23 zero": (0, "h.*>= 1.*Got 0"),
    "F23 negative": (-1, "h.*>= 1.*Got -1"),
    "F23 in a list": ([3, 0], "h.*>= 1.*Got 0"),
    "F23 float": (2.5, "h.*integer.*Got 2.5"),
    "F23 bool": (True, "h.*integer.*Got True"),
    "F23 text": ("3", "h.*integer.*Got '3'"),
    "F23 none": (None, "h.*integer.*Got None"),
    "F25 memory": (10**12, "h.*(too large|Timestamp)"),
    "F25 memory, list": ([10**12], "h.*(too large|Timestamp)"),
    "F25 no int64": (10**30, "h.*(too large|Timestamp)"),
    "F25 beyond Timestamp": (10**8, "h.*(too large|Timestamp)"),
    "F26 empty": ([], "h must name at least one step"),
    "F26 duplicates": ([2, 2], "h .*none twice"),
}


@pytest.fixture(scope="module")
def fitted() -> RNNForecaster:
    return quick().fit(daily())


@pytest.mark.parametrize("case", BAD_HORIZONS)
def test_bad_horizons(case: str, fitted: RNNForecaster) -> None:
    h, message = BAD_HORIZONS[case]
    with pytest.raises(ValueError, match=f"(?i){message}"):
        fitted.predict(h)


def test_f26_unsorted_steps_come_sorted(fitted: RNNForecaster) -> None:
    pd.testing.assert_series_equal(fitted.predict([5, 2]), fitted.predict(5).iloc[[1, 4]], check_freq=False)


def test_f31_unknown_series() -> None:
    model = quick().fit(long_frame("abcdefg"))
    with pytest.raises(ValueError, match="unknown series.*'Z'.*'a', 'b', 'c', 'd', 'e', \\.\\.\\."):
        model.stream("Z")


@pytest.mark.filterwarnings("ignore:season_length. no series has two seasons")
@pytest.mark.parametrize("season_length", [10**12, 10**30])
def test_f38_memory_is_asked_for_first(season_length: int) -> None:
    with pytest.raises(ValueError, match="GiB.*season_length"):
        quick(season_length=season_length).fit(daily())


def test_f37_names_of_columns() -> None:
    frame = long_frame().rename(columns={"ds": "day"})
    with pytest.raises(ValueError, match="no column 'ds'"):
        quick().fit(frame)
    with pytest.raises(ValueError, match="no column 'day'"):
        quick().fit(frame, time_col="day").predict(2, y=long_frame())
    with pytest.raises(ValueError, match="must differ"):
        quick().fit(frame, time_col="y")


# What must be taken -------------------------------------------------------------------------------------


GOOD_SERIES: dict[str, Any] = {
    "F02 one more": at(DAYS[:6]),
    "F10": at(pd.DatetimeIndex(list(DAYS))),
    "F13": at(pd.date_range("2020-10-20", periods=12, freq="D", tz="Europe/Berlin")),
    "F16 negative start, step 2": at(pd.RangeIndex(-7, 17, 2)),
    "F16 plain integers": at([3, 4, 5, 6, 7, 8]),
    "F20 one column": pd.DataFrame({"v": np.arange(9.0) + 1}, index=DAYS[:9]),
    "F20 int array": np.arange(1, 10),
    "F20 read-only": np.broadcast_to(3.0, 9),
    "F22 Int64": pd.Series(range(1, 10), dtype="Int64"),
    "F22 Float64": pd.Series(range(1, 10), dtype="Float64"),
    "F22 float16": pd.Series(range(1, 10), dtype="float16"),
    "F22 big-endian": pd.Series(np.arange(1, 10, dtype=">f8")),
    "F22 bool": pd.Series([True, False] * 5),
}  # fmt: skip


@pytest.mark.parametrize("case", GOOD_SERIES)
def test_good_series(case: str) -> None:
    model = quick(context_length=5).fit(GOOD_SERIES[case])
    forecast = model.predict(3)
    assert len(forecast) == 3 and np.isfinite(forecast.to_numpy()).all()
    pd.testing.assert_index_equal(model.predict(3, y=GOOD_SERIES[case]).index, forecast.index)


def test_f13_days_across_daylight_saving_are_calendar_days() -> None:
    index = pd.date_range("2020-10-14", periods=16, freq="D", tz="Europe/Berlin")
    forecast = quick().fit(at(index[:10])).predict(6)
    pd.testing.assert_index_equal(forecast.index, index[10:])
    np.testing.assert_array_equal(forecast, quick().fit(at(index[:10].tz_localize(None))).predict(6))


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_f19_units_of_time_do_not_matter(unit: str) -> None:
    y = daily()
    forecast = quick().fit(at(y.index.as_unit(unit))).predict(4)
    assert forecast.index.dtype == f"datetime64[{unit}]"
    np.testing.assert_array_equal(forecast, quick().fit(at(y.index)).predict(4))


def test_f22_types_give_the_same_bits() -> None:
    y = daily().astype(int)
    expected = quick().fit(y.astype(float)).predict(4)
    for dtype in ("int8", "uint64", "float32", "Int64", "Float64", object):
        np.testing.assert_array_equal(quick().fit(y.astype(dtype)).predict(4), expected)


def test_f32_unequal_lengths_and_starts() -> None:
    frame = pd.concat([long_frame("a", 30), long_frame("b", 12).iloc[5:]])
    forecast = quick().fit(frame).predict(3)
    assert forecast["ds"].tolist() == list(pd.date_range("2020-01-31", periods=3)) + list(
        pd.date_range("2020-01-13", periods=3)
    )


# Parameters -----------------------------------------------------------------------------------------------


BAD_PARAMETERS: dict[str, list] = {
    "season_length": [0, -1, 1.5, True, "12", np.nan],
    "context_length": [0, -1, 1.5, True, "a"],
    "n_members": [0, -1, 1.5, True, None],
    "older_means": [
        7,
        "7",
        [],
        (),
        [7, 5],
        [(7,)],
        [(7, 0)],
        [(0, 5)],
        [(7, 2.0)],
        [(True, 5)],
        [(-7, 5)],
        [(7, 2**40)],
    ],
    "long_run_mean": [1, None, "yes", 0.5],
    "horizon": [0, -1, 1.5, True],
    "max_steps": [0, -1, 1.5, True],
    "strategy": ["x", None, 1, "Recursive"],
    "missing": ["x", None, True],
    "loss": ["x", None, "quantiles"],
    "batch_size": [0, -1, 1.5, True, None],
    "dtype": ["auto", "float16", None],
    "hidden_layer_sizes": [0, -1, (), [8, 0], "8", True, None, [2.5]],
    "cell": ["lsmt", 3, None],
    "solver": ["adamm"],
    "learning_rate": ["x"],
    "learning_rate_init": [0, -1, np.nan, np.inf, "x"],
    "clip_norm": [0, -1, np.nan],
    "alpha": [-1, np.nan],
    "validation_fraction": [0, 1, 1.5, np.nan],
    "n_iter_no_change": [0, 1.5, True],
    "early_stopping": ["yes"],
    "random_state": [np.random.default_rng(0), -1, "x"],
    "n_jobs": [0, 1.5, True],
    "device": ["tpu"],
    "dropout": [1, -0.1, np.nan, True, "x"],
    "input_dropout": [1.5],
    "recurrent_dropout": [-1],
    "gradient_noise": [-1, np.nan, np.inf, True],
}


@pytest.mark.parametrize(
    "name, value", [(name, value) for name, values in BAD_PARAMETERS.items() for value in values], ids=str
)
def test_bad_parameters(name: str, value: Any) -> None:
    model = quick(**{name: value})
    shown = "Generator" if isinstance(value, np.random.Generator) else re.escape(repr(value))
    with pytest.raises(InvalidParameterError, match=f"'{name}' parameter of RNNForecaster must be .*Got {shown}"):
        model.fit(daily())
    assert not hasattr(model, "season_length_")


@pytest.mark.parametrize("name", ["season_length", "context_length", "n_members", "max_steps", "batch_size"])
def test_p08_numpy_integers(name: str) -> None:
    assert np.isfinite(quick(**{name: np.int64(3)}).fit(daily()).predict(2)).all()


def test_p20_no_gpu() -> None:
    with pytest.raises(RuntimeError, match="CUDA.*not available"):
        quick(device="cuda").fit(daily())
    assert quick(device="auto").fit(daily()).device_ in ("cpu", "cuda")


def test_cells_of_another_number_than_layers() -> None:
    with pytest.raises(InvalidParameterError, match="'cell'.*one for each of hidden_layer_sizes"):
        quick(cell=["gru", "lstm"], hidden_layer_sizes=[4]).fit(daily())
