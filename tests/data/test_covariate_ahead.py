"""What X must say of the steps that are forecast: found by series and time, and no hole is filled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecastrnn.data.covariate_input import Reading
from forecastrnn.data.covariate_values import Covariates
from forecastrnn.data.covariates import covariates_ahead
from forecastrnn.data.horizon import read_horizon
from forecastrnn.data.series import SeriesSet, read_series
from support.covariate_cases import DAYS, IDS, KNOWN, NAMES, beside, long_covariates, long_series

X = long_covariates()
PAST = X[["unique_id", "ds", "price"]].rename(columns={"price": "visits"})
READ = beside(long_series(), X, PAST)
AHEAD = X[X["ds"] >= DAYS[KNOWN]]
SHARED = AHEAD[AHEAD["unique_id"] == 9].drop(columns="unique_id")


def ahead(given: Any, h: Any = 4, read: SeriesSet = READ, **reading: Any) -> Covariates | None:
    fitted = read.covariates.columns if read.covariates else ()
    steps = int(read_horizon(read.axis, h)[-1])
    return covariates_ahead(given, read.axis, h, steps, NAMES, Reading(fitted=fitted, **reading))


@pytest.mark.parametrize("given", [
    X, AHEAD.sample(frac=1, random_state=0), AHEAD[AHEAD["ds"] < DAYS[KNOWN + 4]],
    X.assign(ds=X["ds"].dt.as_unit("ns")), X.set_index(["ds", "unique_id"]),
    X[["kind", "unique_id", "promo", "ds", "price"]].astype({"kind": "category", "price": int}),
], ids=["all", "shuffled", "no more than needed", "another unit", "levels", "columns in another order"])  # fmt: skip
def test_rows_of_the_steps(given: pd.DataFrame) -> None:
    found = ahead(given)
    assert found is not None and READ.covariates is not None and found.columns == READ.covariates.columns
    expected = AHEAD[AHEAD["ds"] < DAYS[KNOWN + 4]]
    np.testing.assert_array_equal(found.numbers[:, :2], expected[["price", "promo"]].to_numpy(float))
    np.testing.assert_array_equal(found.codes[:, 0], expected["kind"] == "work")
    assert np.isnan(found.numbers[:, 2]).all()  # known until now only


def test_rows_for_all_series() -> None:
    found = ahead(SHARED)
    assert found is not None
    np.testing.assert_array_equal(found.numbers[:, 0], np.tile(SHARED["price"][:4], 3))


def test_a_wide_frame_and_one_series() -> None:
    wide = long_series().pivot(index="ds", columns="unique_id", values="y")[list(IDS)]
    own = X.pivot(index="ds", columns="unique_id", values=["price"]).swaplevel(axis=1)
    found = ahead(own, [2, 4], beside(wide, own))
    assert found is not None
    expected = AHEAD[AHEAD["ds"] < DAYS[KNOWN + 4]]
    np.testing.assert_array_equal(found.numbers, expected[["price"]].to_numpy(float))
    one = wide[9].to_frame("sold").reset_index()
    found = ahead(SHARED, "2024-02-02", beside(one, long_covariates()[:40].drop(columns="unique_id")))
    assert found is not None
    np.testing.assert_array_equal(found.numbers[:, 0], SHARED["price"][:3])


def test_series_that_end_apart_need_no_rows_behind_a_last_time() -> None:
    y = long_series().drop(index=[29, 28])
    read = beside(y, X)
    found = ahead(X[X["ds"] < DAYS[KNOWN + 2]], DAYS[KNOWN + 1], read)
    assert found is not None
    assert np.isnan(found.numbers[:, 0]).reshape(3, 4).sum(axis=1).tolist() == [0, 2, 2]
    np.testing.assert_array_equal(found.numbers[:4, 0], [28, 29, 30, 31])


def test_months_and_their_ends() -> None:
    """The index of the forecast is continued, and covariates are looked up there: no 30 days, no begin of a month."""
    months = pd.date_range("2020-01-31", periods=30, freq="ME")
    y, given = pd.Series(1.0, index=months[:24], name="y"), pd.Series(np.arange(30.0), index=months, name="x")
    found = ahead(given, 6, beside(y, given))
    assert found is not None and found.numbers[:, 0].tolist() == [24, 25, 26, 27, 28, 29]
    with pytest.raises(ValueError, match="lacks a row at 2022-01-31.*nearest row that it has is that at 2022-02-01"):
        ahead(given.set_axis(months + pd.Timedelta("1D")), 6, beside(y, given))


def test_hours_over_a_change_of_the_clock() -> None:
    hours = pd.date_range("2024-10-25", "2024-10-28", freq="h", tz="Europe/Paris")
    given = pd.Series(np.arange(float(len(hours))), index=hours, name="x")
    y = given.rename("y")[:46]
    found = ahead(given.tz_convert("UTC").sample(frac=1, random_state=0), 12, beside(y, given))
    assert found is not None and found.numbers[:, 0].tolist() == list(range(46, 58))


HOLES: dict[str, tuple[Callable[[], Any], str]] = {
    "no X": (
        lambda: ahead(None),
        r"fitted with X \('price', 'promo', 'kind'\); give their values for 2024-01-31 .* \.\. 2024-02-03 .*make_fut"
        r"ure_frame\(4\)",
    ),
    "one row": (
        lambda: ahead(AHEAD.drop(AHEAD.index[2])),
        r"^X lacks a row of series 10 at 2024-02-02 00:00:00\. All series are known for 2 steps: lower h to 2, or see",
    ),
    "the last rows": (
        lambda: ahead(X[X["ds"] < DAYS[KNOWN + 3]]),
        r"lacks a row of series 10 at 2024-02-03 00:00:00 \(and 2 more rows\).*known for 3 steps: lower h to 3, or see "
        r"make_future_frame\(4, X\)",
    ),
    "a value": (
        lambda: ahead(AHEAD.assign(price=AHEAD["price"].mask(AHEAD["ds"] == DAYS[KNOWN + 1]))),
        r"X lacks 'price' of series 10 at 2024-02-01 00:00:00 \(and 2 more rows\)\. All series are known for 1 step",
    ),
    "a value that masks allow elsewhere": (
        lambda: ahead(AHEAD.assign(kind=AHEAD["kind"].mask(AHEAD["ds"] == DAYS[KNOWN])), missing="mask"),
        r"X lacks 'kind' of series 10 .*\. No step is known for all series: see make_future_frame",
    ),
    "rows of the past": (lambda: ahead(X[X["ds"] < DAYS[KNOWN]]), "nearest row that it has is that at 2024-01-3"),
    "rows beside the steps": (
        lambda: ahead(AHEAD.assign(ds=AHEAD["ds"] + pd.Timedelta("6h"))), "that at 2024-01-31 06:00:00",
    ),
    "other series": (
        lambda: ahead(AHEAD.replace({"unique_id": {10: "ten"}})), "no row of that series, but of 'ten', 9, 'T11'",
    ),
    "rows for all": (
        lambda: ahead(SHARED[:2]),
        r"X lacks a row at 2024-02-02 00:00:00 \(and 1 more row\)\. All .* 2 steps",
    ),
    "a column": (lambda: ahead(AHEAD.drop(columns="promo")), "X lacks the column 'promo': the model was fitted with"),
    "not asked for": (lambda: ahead(AHEAD, read=read_series(long_series())), "X must not be given here: .* without X"),
}  # fmt: skip


@pytest.mark.parametrize("case", HOLES)
def test_holes(case: str) -> None:
    call, message = HOLES[case]
    with pytest.raises(ValueError, match=message):
        call()


def test_columns_of_another_dtype() -> None:
    with pytest.raises(TypeError, match="'price' of X holds texts, such as 'dear'; in fit it held numbers"):
        ahead(AHEAD.assign(price="dear"))
    with pytest.raises(TypeError, match="'kind' of X holds numbers, such as 1.0; in fit it held texts, such as 'free'"):
        ahead(AHEAD.assign(kind=1))


def test_unseen_categories_and_unknown_columns_are_told() -> None:
    with pytest.warns(UserWarning, match="'kind' has 'strike', which fit has not seen: networks read the mean"):
        found = ahead(AHEAD.assign(kind=AHEAD["kind"].replace("free", "strike")))
    assert found is not None and set(found.codes[:, 0]) == {1, -1}
    with pytest.warns(UserWarning, match="X: column 'stock' is unknown to the model, .* 'price', 'promo', 'kind'"):
        ahead(AHEAD.assign(stock=1.0))
    ahead(AHEAD.assign(y=1.0, visits=2.0, shop="a"), others=("y", "shop"))  # known in other roles
