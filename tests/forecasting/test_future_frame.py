"""The rows that a forecast asks for: those of the forecast, in every form of data, filled in as far as X goes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecastrnn import Direct
from support.covariate_cases import DAYS, IDS, KNOWN, long_covariates, long_series
from support.forecaster_cases import quick

H = 3
Y, X = long_series(), long_covariates().drop(columns="kind")
WIDE = Y.pivot(index="ds", columns="unique_id", values="y")[list(IDS)]
OWN = X.pivot(index="ds", columns="unique_id", values=["price", "promo"]).swaplevel(axis=1)
ONE, ONE_X = WIDE[9].rename("nine"), X[X["unique_id"] == 9].drop(columns="unique_id").set_index("ds")
FORMS: dict[str, tuple[Any, Any]] = {
    "long": (Y, X),
    "levels": (Y.set_index(["unique_id", "ds"])["y"], X.set_index(["unique_id", "ds"])),
    "wide": (WIDE, OWN),
    "wide, for all": (WIDE, ONE_X),
    "series": (ONE, ONE_X),
    "periods": (ONE.to_period("D"), ONE_X.to_period("D")),
    "table": (ONE.reset_index(), ONE_X.reset_index()),
    "array": (ONE.to_numpy(), ONE_X.reset_index(drop=True)),
}


@pytest.mark.parametrize("form", FORMS)
def test_it_is_the_frame_of_the_forecast(form: str) -> None:
    y, given = FORMS[form]
    model = quick().fit(y, given)
    empty, whole = model.make_future_frame(H), model.make_future_frame(H, given)
    forecast = model.predict(H, X=whole)
    keys = [name for name in ("unique_id", "ds") if form in ("long", "table") and name in forecast.columns]
    for frame in (empty, whole):
        assert frame.index.equals(forecast.index)
        if keys:
            pd.testing.assert_frame_equal(frame[keys], forecast[keys])
    assert empty.drop(columns=keys).isna().all(axis=None) and not whole.isna().any(axis=None)
    pd.testing.assert_frame_equal(
        forecast.to_frame() if forecast.ndim == 1 else forecast, framed(model.predict(H, X=given))
    )
    with pytest.raises(ValueError, match="No step is known for all series: see make_future_frame"):
        model.predict(H, X=empty)
    names = ["price", "promo"]
    assert list(whole.columns.get_level_values(-1).drop(keys).unique()) == names


def framed(forecast: pd.Series | pd.DataFrame) -> pd.DataFrame:
    return forecast.to_frame() if forecast.ndim == 1 else forecast


def test_rows_of_one_table_have_no_time_twice() -> None:
    """The name of a column that an index has as well is no name that pandas can sort or merge by."""
    y, given = FORMS["table"]
    model = quick().fit(y, given)
    forecast = model.predict(H, X=model.make_future_frame(H, given))
    assert forecast.merge(given, on="ds").sort_values("ds").columns.tolist() == ["ds", "RNN", "price", "promo"]


def test_what_is_missing_is_found_in_it() -> None:
    """Row by row, where a plan ends early in one series."""
    model = quick().fit(Y, X)
    plan = X[(X["ds"] < DAYS[KNOWN + 2]) | (X["unique_id"] == 9)]
    frame = model.make_future_frame(H, plan)
    lacks = frame[frame.isna().any(axis=1)]
    assert lacks["unique_id"].tolist() == [10, "T11"] and (lacks["ds"] == DAYS[KNOWN + 2]).all()
    frame["price"] = 9.9
    frame["promo"] = frame["ds"].dt.day.eq(1)
    assert np.isfinite(model.predict(H, X=frame)["RNN"]).all()
    with pytest.raises(TypeError, match="make it|matched by time"):
        model.make_future_frame(H, X=np.ones((3, 2)))


def test_categories_and_other_series() -> None:
    given = long_covariates()[["unique_id", "ds", "kind"]]
    model = quick().fit(Y, given)
    others = Y.assign(unique_id=Y["unique_id"].map({10: "x", 9: "y", "T11": "z"}))
    frame = model.make_future_frame(1, y=others)
    assert frame["unique_id"].tolist() == ["x", "y", "z"] and frame["kind"].isna().all()
    assert model.make_future_frame(1, given)["kind"].tolist() == ["work"] * 3


def test_without_covariates_it_has_the_times_alone() -> None:
    model = quick().fit(Y)
    pd.testing.assert_frame_equal(model.make_future_frame([1, 3]), model.predict(3)[["unique_id", "ds"]])
    uneven = quick().fit(Y.drop(index=[29, 28]))
    expected = uneven.predict(DAYS[KNOWN])[["unique_id", "ds"]]
    pd.testing.assert_frame_equal(uneven.make_future_frame(DAYS[KNOWN]), expected)
    assert len(expected) == 5
    with pytest.raises(ValueError, match="h=3 is more than horizon=2"):
        quick(strategy=Direct(2)).fit(Y).make_future_frame(3)


@pytest.mark.parametrize("index", [
    pd.date_range("2020-01-31", periods=40, freq="ME"), pd.date_range("2020-01-01", periods=40, freq="QS-FEB"),
    pd.date_range("2024-10-25", periods=40, freq="h", tz="Europe/Paris"),
], ids=["ends of months", "quarters", "a change of the clock"])  # fmt: skip
def test_the_index_goes_on(index: pd.DatetimeIndex) -> None:
    y = pd.Series(np.arange(30.0), index=index[:30], name="y")
    model = quick().fit(y, pd.Series(np.arange(40.0), index=index, name="x"))
    frame = model.make_future_frame(10, pd.Series(np.arange(40.0), index=index, name="x"))
    assert frame.index.equals(index[30:]) and frame.index.freq == index.freq
    assert frame["x"].tolist() == list(range(30, 40))
