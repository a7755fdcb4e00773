"""Frames of polars and Arrow go in, and the same come out, with the bits of pandas; what is refused, and why."""

import io
import re
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import forecastrnn
from forecastrnn import RNNForecaster
from forecastrnn.metrics import evaluate
from forecastrnn.native_frames import as_pandas, in_library

DAYS = pd.date_range("2024-01-01", periods=44)
SMALL: dict[str, Any] = {"n_members": 1, "max_steps": 5, "random_state": 0, "hidden_layer_sizes": 4}


def panel(rows: slice = slice(None), **columns: object) -> pd.DataFrame:
    """Two series whose ids are not in the order of the alphabet."""
    values = np.random.default_rng(0).normal(10.0, 1.0, (2, len(DAYS), 2))
    parts = [
        pd.DataFrame({"unique_id": name, "ds": DAYS, "y": each[:, 0], "price": each[:, 1]})[rows]
        for name, each in zip("ba", values)
    ]
    return pd.concat(parts, ignore_index=True).assign(**columns)


def in_polars(frame: pd.DataFrame) -> Any:
    polars = pytest.importorskip("polars")
    return polars.DataFrame({name: frame[name].to_numpy() for name in frame.columns})


def in_arrow(frame: pd.DataFrame) -> Any:
    return pytest.importorskip("pyarrow").Table.from_pandas(frame, preserve_index=False)


@pytest.fixture(params=[in_polars, in_arrow])
def made(request: pytest.FixtureRequest) -> Callable[[pd.DataFrame], Any]:
    pytest.importorskip("narwhals")
    found: Callable[[pd.DataFrame], Any] = request.param
    return found


def same(found: Any, made: Callable, expected: pd.DataFrame) -> None:
    """The library, the order of columns and rows, and the bits."""
    assert type(found) is type(made(expected.head(1)))
    pd.testing.assert_frame_equal(as_pandas(found, "found")[0], expected, check_dtype=False, check_exact=True)


@pytest.mark.frames
def test_all_methods_give_what_they_are_given(made: Callable) -> None:
    y, later = panel(slice(40)), panel(slice(40, 44))
    expected, model = (RNNForecaster(**SMALL).fit(each, X=["price"]) for each in (y, made(y)))
    ahead = later.drop(columns="y")
    same(model.predict(4, X=made(ahead), level=[80]), made, expected.predict(4, X=ahead, level=[80]))
    same(
        model.predict(2, X=made(ahead), ids=made(ahead)["unique_id"][-1:]), made, expected.predict(2, X=ahead, ids="a")
    )
    same(model.make_future_frame(4, X=made(ahead)), made, expected.make_future_frame(4, X=ahead))
    drawn = {"n_paths": 3, "random_state": 0}
    same(model.sample_paths(2, X=made(ahead), **drawn), made, expected.sample_paths(2, X=ahead, **drawn))
    same(model.history(), made, expected.history())
    whole = {"y": panel(slice(4, 40)), "X": panel()[["unique_id", "ds", "price"]]}
    other = {name: made(frame) for name, frame in whole.items()}
    same(model.predict(2, **other), made, expected.predict(2, **whole))
    assert isinstance(model.predict(2, **whole), pd.DataFrame)
    assert model.score(made(later), X=["price"]) == expected.score(later, X=["price"])
    file = io.BytesIO()
    model.save(file)
    same(forecastrnn.load(file.getvalue()).predict(2, X=made(ahead)), made, expected.predict(2, X=ahead))
    model.plot(2, X=made(ahead), truth=made(later), covariates=["price"], n_paths=2).close()
    assert isinstance(model.update(made(later), X=["price"]), RNNForecaster)


@pytest.mark.frames
def test_backtests_and_their_scores(made: Callable) -> None:
    y, kinds = panel().drop(columns="price"), pd.DataFrame({"unique_id": ["a", "b"], "kind": ["x", "z"]})
    of_pandas, of_made = (
        RNNForecaster(**SMALL).cross_validation(
            each(y), 3, n_windows=2, X=lambda cutoff, each=each: each(panel()[["unique_id", "ds", "price"]]),
            static=each(kinds), baselines="naive",
        )
        for each in (lambda frame: frame, lambda frame: made(frame))
    )  # fmt: skip
    same(of_made, made, of_pandas)
    same(evaluate(of_made, "mae"), made, evaluate(of_pandas, "mae"))


@pytest.mark.frames
@pytest.mark.parametrize("kind", ["Date", "Categorical", "Enum", "ms", "ns", "zone", "Decimal", "null"])
def test_types_come_back(kind: str) -> None:
    pl = pytest.importorskip("polars")
    y, ds, name = in_polars(panel()[["unique_id", "ds", "y"]]), pl.col("ds"), pl.col("unique_id")
    change = {
        "Date": ds.cast(pl.Date), "Categorical": name.cast(pl.Categorical), "Enum": name.cast(pl.Enum(["c", "b", "a"])),
        "ms": ds.cast(pl.Datetime("ms")), "ns": ds.cast(pl.Datetime("ns")),
        "zone": ds.cast(pl.Datetime("us")).dt.replace_time_zone("Europe/Paris"),
        "Decimal": pl.col("y").round(2).cast(pl.Decimal(10, 2)),
        "null": pl.when(ds == ds.min()).then(None).otherwise(pl.col("y")).alias("y"),
    }[kind]  # fmt: skip
    given = y.with_columns(change)
    forecast = RNNForecaster(**SMALL, missing="mask").fit(given).predict(2)
    assert forecast.schema == {**{key: given.schema[key] for key in ("unique_id", "ds")}, "RNN": pl.Float64}
    assert forecast["unique_id"].to_list() == ["b", "b", "a", "a"] and not forecast["RNN"].is_nan().any()
    if kind in ("Date", "zone"):
        first = forecast["ds"][0]
        assert (first if kind == "Date" else first.date()) == date(2024, 2, 14)


@pytest.mark.frames
def test_one_series_in_two_columns_and_in_one() -> None:
    pl = pytest.importorskip("polars")
    one = in_polars(panel().query("unique_id == 'a'")[["ds", "y"]])
    assert RNNForecaster(**SMALL).fit(one).predict(2).columns == ["ds", "RNN"]
    assert isinstance(RNNForecaster(**SMALL).fit(one["y"]).predict(2), pl.Series)


@pytest.mark.frames
def test_refused() -> None:
    pa = pytest.importorskip("pyarrow")
    frame = in_polars(panel()[["unique_id", "ds", "y"]])
    with pytest.raises(TypeError, match=r"y is a LazyFrame of polars, which has no rows yet.*collect\(\)"):
        RNNForecaster().fit(frame.lazy())
    with pytest.raises(ValueError, match=r"no index: give a long one.*unpivot"):
        RNNForecaster().fit(frame.select("y", other="y"))
    with pytest.raises(ValueError, match="y has duplicate column names"):
        RNNForecaster().fit(pa.table([[1], [2]], names=["y", "y"]))


@pytest.mark.frames
def test_the_page_runs(capsys: pytest.CaptureFixture) -> None:
    """Its blocks are those of `py`: the pages of `python` run wherever the tests do."""
    pytest.importorskip("polars")
    pytest.importorskip("pyarrow")
    page = (Path(__file__).parents[2] / "docs" / "frames.md").read_text(encoding="utf-8")
    for code in re.findall(r"```py\n(.*?)```", page, re.DOTALL):
        exec(compile(code, "frames.md", "exec"), {})
    assert "Date" in capsys.readouterr().out


class LazyFrame:
    """One of polars, as far as it is looked at."""

    __module__ = "polars.lazyframe.frame"


class DataFrame:
    """A frame that only Arrow's protocol tells of."""

    __module__ = "others"

    def __arrow_c_stream__(self) -> None:
        """Never asked."""


def test_pandas_is_passed_through_and_a_lazy_frame_refused() -> None:
    y = panel()
    assert as_pandas(y, "y")[0] is y and as_pandas(None, "y") == (None, "pandas")
    assert in_library(y, "pandas") is y
    with pytest.raises(TypeError, match=r"X is a LazyFrame of polars.*collect\(\)"):
        as_pandas(LazyFrame(), "X")


def test_without_narwhals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "narwhals", None)
    with pytest.raises(ImportError, match=r"y is a DataFrame of others.*forecastrnn\[frames\]"):
        RNNForecaster().fit(DataFrame())


def test_without_the_library_of_the_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("narwhals")
    monkeypatch.setitem(sys.modules, "modin", None)
    with pytest.raises(ImportError, match="pip install modin"):
        in_library(panel(), "modin")
