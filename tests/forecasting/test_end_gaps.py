"""Values that are missing at the end of series: the networks' own forecasts go over them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecastrnn import Direct, RNNForecaster, load
from forecastrnn.data.covariate_values import Covariate
from forecastrnn.data.new_rows import NewRows
from forecastrnn.data.slices import cut
from forecastrnn.forecasting.choosing import choose
from forecastrnn.forecasting.reading import without_end_gaps
from forecastrnn.forecasting.updating import updated
from support.forecaster_cases import SMALL, long_of, monthly, panel, quick
from support.series_beside import KNOWN, PAST, beside

GAPS = {"a": 5, "b": 0, "c": 2}  # rows at the end that nobody knows
KINDS: dict[str, dict[str, Any]] = {
    "recursive": {},
    "direct": {"strategy": Direct(6)},
    "seq2seq": {"strategy": "seq2seq"},
    "local": {"global_model": False},
    "older means": {"older_means": [(6, 2)]},
}


def frames() -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Series in long form: with missing ends, up to their last known values, and what is missing alone."""
    long = long_of({name: panel()[name] for name in GAPS})
    behind = long[::-1].groupby("unique_id").cumcount()[::-1]
    missing = behind < long["unique_id"].map(GAPS)
    return long.assign(y=long["y"].mask(missing)), long[~missing], long[missing].assign(y=np.nan)


def forecasts(model: RNNForecaster, **options: Any) -> np.ndarray:
    return model.predict(6, **options).filter(like="RNN").to_numpy()


@pytest.mark.parametrize("kind", KINDS)
def test_a_missing_end_is_as_new_rows_that_nobody_knows(kind: str) -> None:
    """In fit, in series to forecast, and in `update`: the same bits, with gaps of several lengths in one call."""
    options = SMALL | {"missing": "mask"} | KINDS[kind]
    whole, known, rest = frames()
    model = quick(**options).fit(whole)
    expected = quick(**options).fit(known)
    np.testing.assert_array_equal(model._model.residuals, expected._model.residuals)
    others = forecasts(expected, y=whole)
    expected.update(rest)
    np.testing.assert_array_equal(forecasts(model), forecasts(expected))
    np.testing.assert_array_equal(forecasts(model), others)
    times = model.predict(1)["ds"].tolist()
    assert times == [panel().index[-1] + pd.offsets.MonthBegin()] * 3


def test_one_network_goes_on_along_its_own_path() -> None:
    """The forecast behind a gap is that of the steps behind the last known value, where no fence holds it."""
    y = monthly(60)
    known = quick(**SMALL | {"n_members": 1}).fit(y[:-3])
    gap = quick(missing="mask", **SMALL | {"n_members": 1}).fit(y.where(np.arange(60) < 57))
    np.testing.assert_allclose(gap.predict(5), known.predict(8)[3:], rtol=1e-4)
    assert gap.predict(5).index.equals(pd.date_range("2020-01-01", periods=5, freq="MS"))


def test_a_stream_goes_on_behind_the_gap() -> None:
    y = monthly(60)
    gap = quick(missing="mask", **SMALL).fit(y.where(np.arange(60) < 57))
    stream = gap.stream()
    assert stream.forecast == pytest.approx(gap.predict(1).iloc[0], rel=1e-5)
    forecast = stream.step(100.0)
    assert gap.update(pd.Series([100.0], index=[y.index[-1] + pd.offsets.MonthBegin()])).predict(1).iloc[0] == forecast


@pytest.mark.parametrize("kind", ["recursive", "direct"])
def test_intervals_count_steps_from_the_last_known_value(kind: str, tmp_path: Any) -> None:
    """Two rows that nobody knows: the third step of what is known is the first behind them, and as wide."""
    options = SMALL | {"n_members": 1, "intervals": "conformal"} | KINDS[kind]
    y = monthly(80)
    known, gap = quick(**options).fit(y[:-2]), quick(missing="mask", **options).fit(y.where(np.arange(80) < 78))
    expected = np.log(known.predict(6, level=80)[2:]).diff(axis=1)
    found = np.log(gap.predict(4, level=80)).diff(axis=1)
    np.testing.assert_allclose(found.iloc[:, 1:], expected.iloc[:, 1:], rtol=1e-3)
    gap.save(tmp_path / "model.rnn")
    pd.testing.assert_frame_equal(load(tmp_path / "model.rnn").predict(4, level=80), gap.predict(4, level=80))
    new = pd.Series([120.0, np.nan], index=pd.date_range(y.index[-1], periods=3, freq="MS")[1:])
    assert gap.update(new[:1])._model.tail.guessed is None
    assert gap.update(new[1:])._model.tail.guessed.tolist() == [1]


def test_series_are_as_long_as_what_is_known_of_them() -> None:
    """Rows that nobody knows teach nothing; a series that has few others is too short."""
    wide = pd.DataFrame({"long": monthly(60, 1), "short": monthly(60, 2).where(np.arange(60) < 10)})
    with pytest.warns(UserWarning, match="1 of 2 series is too short .'short'."):
        model = quick(missing="mask", short="naive", **SMALL).fit(wide)
    assert model.short_series_ == ["short"]


def test_backtests_and_calibration_begin_in_gaps() -> None:
    """A cutoff within a gap: what was known before it is forecast over the gap."""
    y = monthly(90)
    y.iloc[[73, 74, 81, 82, 83]] = np.nan
    model = quick(missing="mask", intervals="conformal", **SMALL)
    table = model.cross_validation(y, 3, n_windows=4, step_size=4, refit=False, level=80)
    assert table["RNN"].notna().all() and table["y"].isna().sum() == 2
    last = table[table["cutoff"] == y.index[82]]
    by_hand = model.fit(y[:75]).predict(3, y=y[: last["cutoff"].iloc[0]])
    np.testing.assert_array_equal(by_hand, last["RNN"])


@pytest.mark.parametrize(("strategy", "columns"), [("recursive", KNOWN), ("seq2seq", KNOWN + PAST)])
def test_covariates_are_read_where_values_are_missing(strategy: str, columns: tuple[Covariate, ...]) -> None:
    """What is known beside a value that nobody knows is read: the same bits as of new rows without values."""
    read, ahead = beside(columns, lengths=(60, 47))
    read.values[56:60] = np.nan
    options = SMALL | {"season_length": 4, "strategy": strategy, "missing": "mask"}
    model = quick(**options).fit(read)._model
    known, gaps = without_end_gaps(read)
    assert gaps.tolist() == [4, 0]
    first = quick(**options).fit(known)._model
    rest = cut(read, np.array([0]), np.array([56]), np.array([60]))
    expected = updated(first, NewRows(rest, np.array([0]), read.axis), "auto")
    for other in (choose(expected, None), choose(first, read, rule="auto")):
        np.testing.assert_array_equal(
            model.point(choose(model, None), 6, "cpu", ahead), expected.point(other, 6, "cpu", ahead)
        )
    changed = replace(read, covariates=replace(read.covariates, numbers=read.covariates.numbers.copy()))
    changed.covariates.numbers[58, 0] *= 2.0
    other = choose(first, changed, rule="auto")
    assert (model.point(other, 6, "cpu", ahead) != model.point(choose(model, None), 6, "cpu", ahead)).any()


def test_a_missing_category_is_one_that_fit_has_not_seen() -> None:
    """With missing="mask" a series without a category reads the mean vector; else it is an error."""
    wide = panel()[["a", "b"]].assign(d=monthly(69, 3))
    static = pd.DataFrame({"kind": ["x", "y", None], "size": [1, 2, 2]}, index=["a", "b", "d"]).astype({"size": str})
    model = quick(missing="mask", **SMALL).fit(wide, static=static)
    forecast = model.predict(3)
    for kind in (None, "never seen"):
        again = model.predict(3, y=wide, static=static.assign(kind=["x", "y", kind]))
        np.testing.assert_array_equal(again, forecast)
    assert (model.predict(3, y=wide, static=static.assign(kind=["x", "y", "y"]))["d"] != forecast["d"]).all()
    with pytest.raises(ValueError, match="NaN among categories: (None|nan) for series 'd' in column 'kind' of static"):
        quick(**SMALL).fit(wide, static=static)
    with pytest.raises(ValueError, match="column 'kind' of static has no value; drop it"):
        quick(missing="mask", **SMALL).fit(wide, static=static.assign(kind=None))
