"""Series too short to learn from: an error, a seasonal naive forecast, or left out; the others do not notice."""

from __future__ import annotations

import dataclasses
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecastrnn import Direct, RNNForecaster
from support.forecaster_cases import long_of, monthly, quick

SHORT = {"a": monthly(60, 1), "two": monthly(2, 2), "b": monthly(50, 3), "year": monthly(13, 4), "c": monthly(40, 5)}
NEEDS = {"context_length": 13}  # so that "year" has a season, but no context


def short(mode: str = "naive", **options: Any) -> RNNForecaster:
    return quick(short=mode, **NEEDS | options)


def fitted(model: RNNForecaster, y: Any, **given: Any) -> RNNForecaster:
    with pytest.warns(UserWarning, match="too short") as told:
        model.fit(y, **given)
    assert len(told) == 1 and told[0].filename == __file__
    return model


def test_the_default_is_an_error_that_names_the_ways_out() -> None:
    with pytest.raises(ValueError, match="'two' has length 2 .*and 1 more .*short='naive' or 'drop'"):
        quick(**NEEDS).fit(long_of(SHORT))


def test_one_warning_counts_and_names_them() -> None:
    words = r"2 of 5 series are too short \('two', 'year'\): context_length=13 needs at least 14 .* short='naive'"
    with pytest.warns(UserWarning, match=words):
        short().fit(long_of(SHORT))
    with pytest.warns(UserWarning, match="short='drop' leaves them out"):
        short("drop").fit(long_of(SHORT))


@pytest.mark.parametrize("options", [{}, {"global_model": False}, {"strategy": Direct(12)},
                                     {"id_embedding_dim": 2}], ids=str)  # fmt: skip
def test_naive_values_in_their_places_and_the_others_as_without_them(options: dict) -> None:
    forecast = fitted(short(**options), long_of(SHORT)).predict(12)
    assert forecast["unique_id"].unique().tolist() == list(SHORT)
    found = {name: rows["RNN"].to_numpy() for name, rows in forecast.groupby("unique_id")}
    np.testing.assert_array_equal(found["two"], np.repeat(SHORT["two"].iloc[-1], 12))
    np.testing.assert_array_equal(found["year"], SHORT["year"].iloc[-12:])
    assert forecast["ds"].iloc[12] == SHORT["two"].index[-1] + pd.offsets.MonthBegin()
    alone = quick(**NEEDS | options).fit(long_of({name: SHORT[name] for name in "abc"})).predict(12)
    for name in "abc":
        np.testing.assert_array_equal(found[name], alone.loc[alone["unique_id"] == name, "RNN"])
    left = fitted(short("drop", **options), long_of(SHORT)).predict(12)
    pd.testing.assert_frame_equal(left, alone)


def test_attributes_ids_and_steps() -> None:
    model = fitted(short(), long_of(SHORT))
    assert model.n_series_in_ == 5 and model.short_series_ == ["two", "year"]
    every = model.predict(14).set_index("unique_id")["RNN"]
    for ids in (["year", "a", "two"], ["c", "b"], ["two"]):
        found = model.predict([14, 3], ids=ids).set_index("unique_id")["RNN"]
        assert found.index.tolist() == np.repeat(ids, 2).tolist()
        np.testing.assert_array_equal(found, np.concatenate([every[name].to_numpy()[[2, 13]] for name in ids]))
    dropped = fitted(short("drop"), long_of(SHORT))
    assert dropped.n_series_in_ == 3 and dropped.short_series_ == []


def test_other_series_are_forecast_likewise() -> None:
    model = fitted(short(), long_of(SHORT))
    other = long_of({"new": monthly(3, 8), "a": monthly(30, 9), "two": monthly(25, 10)})
    with pytest.warns(UserWarning, match=r"y of predict: 1 of 3 series is too short \('new'\)") as told:
        found = model.predict(2, y=other).set_index("unique_id")["RNN"]
    assert told[0].filename == __file__
    np.testing.assert_array_equal(found["new"], np.repeat(monthly(3, 8).iloc[-1], 2))
    known = model.predict(2, y=long_of({"a": monthly(30, 9), "two": monthly(25, 10)}))
    np.testing.assert_array_equal(found[["a", "two"]], known["RNN"])
    with pytest.warns(UserWarning, match="1 of 1 series is too short"):
        assert (model.predict(2, y=monthly(3, 8)) == monthly(3, 8).iloc[-1]).all()
    model = fitted(short("drop"), long_of(SHORT))
    with pytest.raises(
        ValueError, match="y of predict: none of 1 series is long enough. The longest, 's8', has length 3"
    ):
        model.predict(2, y=monthly(3, 8))


def test_no_value_or_few_known_ones() -> None:
    """A wide frame: late beginnings, holes, and a column of nothing."""
    wide = pd.DataFrame({"a": monthly(60, 1), "late": monthly(60, 2), "none": np.nan, "few": monthly(60, 3)})
    wide.loc[wide.index[:45], "late"] = np.nan
    wide.loc[wide.index[:-20].append(wide.index[-18:]), "few"] = np.nan
    wide.iloc[-1, 1] = np.nan
    model = fitted(quick(short="naive", missing="mask", context_length=20), wide)
    assert model.short_series_ == ["late", "none", "few"]
    forecast = model.predict(12)
    expected = wide["late"].iloc[-12:].to_numpy(copy=True)
    expected[-1] = expected[-2]
    np.testing.assert_array_equal(forecast["late"], expected)
    assert forecast["none"].isna().all() and (forecast["few"] == wide["few"].iloc[-19]).all()
    alone = quick(missing="mask", context_length=20).fit(wide[["a"]])
    np.testing.assert_array_equal(forecast["a"], alone.predict(12)["a"])
    with pytest.raises(ValueError, match="every value of series 'none' is NaN; .*short='naive' or 'drop'"):
        quick(missing="mask").fit(wide)


def test_none_is_long_enough() -> None:
    with pytest.raises(ValueError, match="none of 1 series is long enough. The longest, 's1', has length 3, but "
                                         "forecasting needs at least 4"):  # fmt: skip
        quick(short="naive").fit(monthly(3, 1))
    with pytest.raises(ValueError, match="no series: at least 1 observation, got 0"):
        quick(short="naive").fit(long_of({"a": monthly(3, 1)}).iloc[:0])


def test_files_keep_them(tmp_path: Path) -> None:
    wide = pd.DataFrame({("x", 1): monthly(60, 1), ("y", 2): np.nan, ("x", 2): monthly(60, 3)})
    for model, y in ((short(), long_of(SHORT)), (short(missing="mask"), wide)):
        fitted(model, y).save(tmp_path / "model.rnn")
        again = RNNForecaster.load(tmp_path / "model.rnn")
        assert again.short == "naive" and again.short_series_ == model.short_series_
        assert again.n_series_in_ == model.n_series_in_
        pd.testing.assert_frame_equal(again.predict(15), model.predict(15), check_exact=True)
        with pytest.warns(UserWarning, match="1 of 2 series is too short"):
            again.predict(1, y=long_of({"p": monthly(3), "q": monthly(30)}))


@pytest.mark.parametrize("places", [[3, 1], [1, 1], [-1, 3], [1, 9], [1, 2]])
def test_wrong_places_in_a_file_are_refused(places: list[int], tmp_path: Path) -> None:
    model = fitted(short(max_steps=1), long_of(SHORT))
    naive = dataclasses.replace(model._model.naive, places=np.array(places))
    model._model = dataclasses.replace(model._model, naive=naive)
    with pytest.raises(ValueError, match="too short do not fit between the others|naive.places must lie within"):
        model.save(tmp_path / "model.rnn")
        RNNForecaster.load(tmp_path / "model.rnn")


def test_a_stream_of_one_is_refused() -> None:
    model = fitted(short(), long_of(SHORT))
    with pytest.raises(ValueError, match="stream: series 'two' was too short to learn from .*Fit again"):
        model.stream("two")
    assert np.isfinite(model.stream("a").step(100.0))


def test_static_rows_of_short_series_are_not_needed() -> None:
    static = pd.DataFrame({"kind": ["u", "v", "u", "v", "u"]}, index=list(SHORT))
    model = fitted(short(), long_of(SHORT), static=static)
    left = static.drop(["two", "year"])
    np.testing.assert_array_equal(
        fitted(short(), long_of(SHORT), static=left).predict(3)["RNN"], model.predict(3)["RNN"]
    )


def test_futures_of_short_series_spread_as_those_of_others() -> None:
    """In proportion: three times the series, three times the spread; those of the others stay as they are."""
    series = {name: y for name, y in SHORT.items() if name != "year"} | {"three": SHORT["two"] * 3.0}
    model = fitted(short(), long_of(series))
    given: dict[str, Any] = {"calibrated": False, "random_state": 0, "output": "array"}
    paths = dict(zip(series, model.sample_paths(6, 400, **given).transpose(1, 0, 2), strict=True))
    spread = {name: rows.std(axis=0) for name, rows in paths.items()}
    np.testing.assert_allclose(spread["three"], 3.0 * spread["two"], rtol=0.3)
    relative = np.mean([spread[name] / series[name].mean() for name in "abc"], axis=0)
    np.testing.assert_allclose(spread["two"] / series["two"].iloc[-1], relative, rtol=0.5)
    np.testing.assert_allclose(np.median(paths["two"], axis=0), series["two"].iloc[-1], rtol=0.1)
    alone = quick(**NEEDS).fit(long_of({name: SHORT[name] for name in "abc"}))
    one = model.sample_paths("2020-05", 1, ids=["a"], calibrated=False)
    assert one["ds"].iloc[-1] == pd.Timestamp("2020-05-01") and (one["unique_id"] == "a").all()
    np.testing.assert_array_equal(paths["a"], alone.sample_paths(6, 400, **given)[:, 0])
    with pytest.warns(UserWarning, match="1 of 1"):
        assert model.sample_paths(3, 50, y=monthly(2), **given).std(axis=0).min() > 0


def test_score_is_that_of_the_series_that_were_learned() -> None:
    series = {name: SHORT[name] for name in ("a", "two")}
    model = fitted(short(), long_of(series))
    following = {name: monthly(3, 9, str((y.index[-1] + pd.offsets.MonthBegin()).date())) for name, y in series.items()}
    alone = quick(**NEEDS).fit(long_of({"a": SHORT["a"]}))
    assert model.score(long_of(following)) == alone.score(long_of({"a": following["a"]}))


@pytest.mark.parametrize("intervals", ["conformal", "paths"])
def test_intervals_of_short_series_are_as_wide_as_those_of_others(intervals: str) -> None:
    """In proportion, around the naive value; those of the others are as without them."""
    model = fitted(short(intervals=intervals), long_of(SHORT))
    given: dict[str, Any] = {"level": [50, 80], "quantiles": [0.5]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # beyond the calibrated steps
        found = model.predict(6, **given).set_index("unique_id").drop(columns="ds")
        alone = quick(intervals=intervals, **NEEDS).fit(long_of({name: SHORT[name] for name in "abc"}))
        expected = alone.predict(6, **given).set_index("unique_id").drop(columns="ds")
        pd.testing.assert_frame_equal(found.loc[["a", "b", "c"]], expected, check_exact=True)
        pd.testing.assert_frame_equal(
            model.predict(6, ids=["two", "c"], **given).drop(columns="ds").set_index("unique_id"),
            found.loc[["two", "c"]], check_exact=True,
        )  # fmt: skip
        new = model.predict(6, y=monthly(3) * 10.0, level=80)
    for name in ("two", "year"):
        rows = found.loc[name]
        ordered = rows[["RNN-lo-80", "RNN-lo-50", "RNN", "RNN-hi-50", "RNN-hi-80"]]
        assert (np.diff(ordered, axis=1) > 0).all() and (rows["RNN_ql0.5"] == rows["RNN"]).all()
    width = (found["RNN-hi-80"] - found["RNN-lo-80"]).groupby("unique_id").mean()
    share = width / pd.Series({name: y.iloc[-12:].mean() for name, y in SHORT.items()})
    assert share[["a", "b", "c"]].min() < share["two"] < share[["a", "b", "c"]].max()
    assert (new["RNN-lo-80"] < new["RNN"]).all() and (new["RNN"] == monthly(3).iloc[-1] * 10.0).all()


@pytest.mark.parametrize("options", [{}, {"strategy": Direct(12)}], ids=str)
def test_calibrated_futures_of_short_series_have_the_quantiles_of_their_intervals(options: dict) -> None:
    model = fitted(short(intervals="conformal", bounds=None, **options), long_of(SHORT))
    paths = model.sample_paths(3, random_state=0, output="array")
    expected = model.predict(3, quantiles=((np.arange(100) + 0.5) / 100).tolist()).filter(like="_ql").to_numpy()
    np.testing.assert_allclose(np.sort(paths, axis=0), expected.T.reshape(100, 5, 3), rtol=1e-12)
    assert model.sample_paths(3, 4, ids=["two"], random_state=0)["unique_id"].unique().tolist() == ["two"]
    with pytest.warns(UserWarning, match="1 of 1 series is too short"):
        assert model.sample_paths(3, 4, y=monthly(2), random_state=0).std(axis=1).min() > 0
