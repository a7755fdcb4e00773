"""What generated inputs have found: calls whose errors came from the depths, or that took all memory."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecastrnn import RNNForecaster, RNNRegressor
from forecastrnn.metrics import evaluate
from forecastrnn.naming import looked_up
from support.forecaster_cases import long_of, monthly, quick

LISTS = long_of({"a": monthly(20), "b": monthly(20)}).assign(unique_id=[["a"]] * 20 + [["b"]] * 20)
FORECASTS = long_of({"a": monthly(20)}).rename(columns={"y": "M"})
TWICE = FORECASTS.assign(y=1.0)[["unique_id", "ds", "y", "M", "M"]]
LISTED = pd.DataFrame({"ds": pd.Series([1, ["a"], *range(18)], dtype=object), "y": range(20)})
FIELDS = np.zeros(20, [("a", float), ("b", int)])
FAR = pd.Series(
    np.arange(3.0), pd.DatetimeIndex(np.array(["0001-01-01", "0001-01-02", "0001-01-03"], "datetime64[us]"))
)
NEAR = pd.Series(np.arange(3.0), pd.date_range("2024", periods=3, unit="ns"))
DAYS = np.array(["2024-01-01"], "M8[D]")
HUGE = 10**400
LIST = np.array([1.0, 2.0])


@pytest.fixture(scope="module")
def model() -> RNNForecaster:
    return quick().fit(monthly(40))


@pytest.fixture(scope="module")
def beside() -> RNNForecaster:
    return quick().fit(monthly(40), X=monthly(40, 1).rename("x"))


CALLS: dict[str, tuple[Callable[[Any], Any], str]] = {
    "ids that are lists": (lambda m: quick().fit(LISTS), r"'unique_id' of y holds \['a'\] in row 0, a list"),
    "ids of other rows": (lambda m: m.predict(2, y=LISTS), r"'unique_id' of y of predict holds"),
    "ids of static": (lambda m: quick().fit(monthly(40), static=LISTS), r"'unique_id'\) of static holds \['a'\]"),
    "ids of forecasts": (lambda m: evaluate(LISTS.rename(columns={"y": "M"}), truth=LISTS), r"forecasts holds \['a'\]"),
    "ids of the truth": (lambda m: evaluate(FORECASTS, truth=LISTS), r"truth holds \['a'\]"),
    "ids in a set": (lambda m: m.predict(2, ids={"s0"}), r"ids must be the name of a series, or a list of names. Got"),
    "ids in lists": (lambda m: m.predict(2, ids=[["s0"]]), "ids must be the name of a series, or a list of names. Got"),
    "an array of fields": (lambda m: quick().fit(FIELDS), r"y has fields, \('a', 'b'\)"),
    "forecasts of fields": (lambda m: evaluate(FIELDS, truth=FIELDS), r"has fields, \('a', 'b'\)"),
    "nested lists": (lambda m: evaluate([[1.0], [1.0, 2.0]], truth=[1.0, 2.0]), "has 2 dimensions"),
    "a training set without rows": (lambda m: evaluate([1.0], "mae", truth=[1.0], train=np.array(3.0)), "0 dimensions"),
    "times 2000 years apart": (lambda m: evaluate(NEAR, truth=FAR), "times of .*truth are too far apart for one unit"),
    "a complex truth": (lambda m: evaluate([1.0], "mae", truth=[1j]), "truth: column 'y' must hold real numbers"),
    "days for a truth": (lambda m: evaluate([1.0], "mae", truth=DAYS), "truth: column 'y' must hold real numbers"),
    "a huge truth": (lambda m: evaluate([1.0], truth=[HUGE]), "truth: column 'y' holds an integer too large"),
    "a class for forecasts": (lambda m: evaluate(pd.Series, truth=[1.0]), "forecasts must be .* Got type"),
    "a class for a series": (lambda m: quick().fit(pd.Series), "y must be .*; got type"),
    "times that are lists": (lambda m: m.predict(2, y=LISTED), r"column 'ds' of y of predict holds \['a'\] in row 1"),
    "baselines of no name": (lambda m: m.cross_validation(monthly(40), 3, baselines=True), "baselines must be a"),
    "an array among them": (lambda m: m.cross_validation(monthly(40), 3, baselines=[LIST]), "baselines: there is no"),
    "an array for a metric": (lambda m: m.score(monthly(44)[40:], metric=LIST), "metric must be one of 'mase'"),
    "an array for an output": (lambda m: m.sample_paths(2, 3, output=LIST), "output must be 'frame' or 'array'"),
    "an array for keys": (lambda m: evaluate(FORECASTS.assign(y=1.0), "mae", by=LIST), r"by must be None or of \["),
    "a number for keys": (lambda m: evaluate(FORECASTS.assign(y=1.0), "mae", by=3), "by must be a name or a list"),
    "an array for a mean": (lambda m: evaluate(FORECASTS.assign(y=1.0), "mae", agg=LIST), "agg must be one of"),
    "an array for a join": (lambda m: evaluate(FORECASTS.assign(y=1.0), "mae", how=LIST), "how must be 'exact'"),
    "a dict for a series": (lambda m: m.stream({}), "a series is named as in fit"),
    "a number for weights": (lambda m: m.score(monthly(44)[40:], sample_weight=True), "sample_weight must be a dict"),
    "an array for a member": (lambda m: m.states_while_reading(member=LIST), "member must be one of 0 .. 0"),
    "a number for metrics": (lambda m: evaluate(FORECASTS.assign(y=1.0), 3), "metrics must be a name or a list"),
    "a number for models": (lambda m: evaluate(FORECASTS.assign(y=1.0), "mae", models=3), "models must be a name"),
    "an array of models": (lambda m: evaluate(FORECASTS.assign(y=1.0), "mae", models=[LIST]), "forecasts has no"),
    "a dict for a column": (lambda m: evaluate(FORECASTS.assign(y=1.0), "mae", id_col={}), "id_col must be the"),
    "a class for a column": (lambda m: evaluate(FORECASTS.assign(y=1.0), "mae", id_col=list), "id_col must be the"),
    "NA for the past": (lambda m: quick().fit(monthly(40), past=pd.NA), "past needs strategy='seq2seq' or 'direct'"),
    "a metric that is a list": (lambda m: evaluate([1.0], [["mae"]], truth=[1.0]), r"unknown metric \['mae'\]"),
    "a column twice": (lambda m: evaluate(TWICE), r"duplicate column names: \['M'\]"),
    "no texts in a column": (
        lambda m: m.update(pd.DataFrame({"a": pd.array([], "string"), "b": pd.array([], float)})), "."
    ),
    "a huge h": (lambda m: m.predict(HUGE), "h is too large: a number of 1329 bits"),
    "a span of time as h": (lambda m: m.predict(np.timedelta64(3, "D")), "h must be an integer >= 1"),
    "a huge n_paths": (lambda m: m.sample_paths(2, HUGE, calibrated=False), "n_paths is too large"),
    "more paths than memory": (lambda m: m.sample_paths(2, 10**17, calibrated=False), "n_paths=10+ is too large"),
    "a huge h of a backtest": (lambda m: quick().cross_validation(monthly(40), HUGE), "h is too large"),
    "a huge gap": (lambda m: quick().cross_validation(monthly(40), 2, gap=HUGE), "gap must be an int"),
    "a huge value of a stream": (lambda m: m.stream().step(HUGE), "value must be a finite number"),
    "a span of time in a stream": (lambda m: m.stream().step(np.timedelta64(3, "D")), "value must be a number"),
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
def test_an_error_of_ours(model: RNNForecaster, name: str) -> None:
    call, words = CALLS[name]
    with pytest.raises((ValueError, TypeError), match=words) as caught:
        call(model)
    assert type(caught.value).__module__ == "builtins"


def test_a_covariate_called_nat(beside: RNNForecaster) -> None:
    """pandas finds None, which is here the name of no column, in columns that hold NaT."""
    with pytest.raises(ValueError, match="X lacks the column 'x'"):
        beside.predict(2, X=monthly(60, 1).rename(pd.NaT))


def test_a_prompt_of_parts_that_differ() -> None:
    values = np.random.default_rng(0).normal(size=(4, 5, 1))
    model = RNNRegressor(hidden_layer_sizes=3, max_iter=1, random_state=0).fit(values, values)
    with pytest.raises(ValueError, match="prompt holds parts of different lengths"):
        model.generate(2, [[1.0], [1.0, 2.0]])
    with pytest.raises(TypeError, match="prompt holds sequences in its cells"):
        model.generate(2, pd.Series([np.ones(3), np.ones(3)]))
    with pytest.raises(TypeError, match=r"prompt must hold numbers. Got 10+, of type int at prompt\[1\]"):
        model.generate(2, [1.0, 10**400])
    with pytest.raises(TypeError, match="X must be an array or a list, not type"):
        model.predict(pd.Series)


def test_a_view_of_records() -> None:
    """NumPy cannot read its own aligned records back."""
    records = np.zeros(3, np.dtype([("a", np.int8), ("b", float)], align=True))
    with pytest.raises(TypeError, match="X must hold numbers, but its cells are records"):
        RNNRegressor().fit(memoryview(records), np.zeros(3))


@pytest.mark.parametrize("name", [np.nan, pd.NaT, pd.NA])
def test_a_name_that_is_missing_is_none(name: Any) -> None:
    """In long form the series would have no id."""
    table = quick(max_steps=2).cross_validation(monthly(40).rename(name), 2)
    assert table["unique_id"].eq("y").all()


def test_a_truth_that_nobody_knows_has_no_score() -> None:
    found = evaluate(pd.Series(np.ones(4), name="M"), "mae", truth=np.full(4, np.nan))
    assert found["RNN"].isna().all()


def test_what_only_pyarrow_reads() -> None:
    class Stream:
        """A frame by Arrow's protocol, and nothing else."""

        def __arrow_c_stream__(self, requested_schema: object = None) -> object:
            raise AssertionError("it is not read without pyarrow")

    if importlib.util.find_spec("pyarrow") is None and importlib.util.find_spec("narwhals") is not None:
        with pytest.raises(ImportError, match="y is a Stream, which only pyarrow reads: pip install pyarrow"):
            quick().fit(Stream())


def test_a_huge_value_of_a_sequence() -> None:
    stream = RNNRegressor(hidden_layer_sizes=3, max_iter=1, random_state=0).fit(np.eye(4), np.arange(4.0)).stream()
    with pytest.raises(ValueError, match="1 finite numbers"):
        stream.step(HUGE)


@pytest.mark.parametrize("step_size", [1, 3, 10**15])
def test_more_windows_than_a_series_has(step_size: int) -> None:
    """Those that there are, in memory of their number alone; the warning says how many were asked for."""
    y, most = monthly(30), 30

    def found(n_windows: int) -> pd.DataFrame:
        with pytest.warns(UserWarning, match=f"too short for all {n_windows} windows"):
            return quick(max_steps=2).cross_validation(y, 2, n_windows=n_windows, step_size=step_size, refit=False)

    pd.testing.assert_frame_equal(found(10**9), found(most))


def test_other_errors_stay() -> None:
    with pytest.raises(TypeError, match="^mine$"), looked_up(["a", 1, ("b",)], "here"):
        raise TypeError("mine")
