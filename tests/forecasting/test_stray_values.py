"""Values that stand out from those beside them as no series does are told of, and nothing else is."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

from forecastrnn.datasets import load_airline, load_lynx, load_sunspots
from support.forecaster_cases import quick

STEPS = np.arange(140)
USUAL = 50.0 + 10.0 * np.sin(STEPS * 2.0 * np.pi / 7.0) + np.random.default_rng(0).normal(size=140)


def daily(values: np.ndarray) -> pd.Series:
    return pd.Series(values, index=pd.date_range("2024-01-01", periods=len(values)), name="sales")


def broken(value: float, *places: int) -> pd.Series:
    values = USUAL.copy()
    values[list(places)] = value
    return daily(values)


@pytest.mark.parametrize(
    ("y", "said"),
    [
        (broken(9999.0, 100), "'sales' has 9999 at 2024-04-10"),
        (broken(-99999.0, 4, 40, 70, 99, 120), "'sales' has -99999 at"),
        (broken(1e300, 0), "'sales' has 1e\\+300 at 2024-01-01"),
        (broken(1e5, 139), "'sales' has 100000 at 2024-05-19"),
        (broken(-999.0, 60, 61, 62, 63), "'sales' has -999 at 2024-03-01"),
        (broken(-999.0, 138, 139), "'sales' has -999 at 2024-05-18"),
    ],
)
def test_a_value_far_from_those_beside_it_is_told_of(y: pd.Series, said: str) -> None:
    with pytest.warns(UserWarning, match=f"^y: series {said}.*make it NaN and fit with missing='mask'"):
        quick().fit(y)
    with pytest.warns(UserWarning, match=f"^y of predict: series {said}"):
        quick().fit(daily(USUAL)).predict(1, y=y)


def test_one_of_many_series_is_named_and_the_others_counted() -> None:
    y = pd.DataFrame({"a": USUAL, "b": broken(-999.9, 30).array, "c": broken(1e6, 31).array})
    y.iloc[[5, 29], 1] = np.nan  # what is beside a gap is beside one another
    with pytest.warns(
        UserWarning, match=r"series 'b' has -999.9 at 30, 1\d\d times .* \(1 more series has such values\)"
    ):
        quick(missing="mask").fit(y)


@pytest.mark.parametrize("refit", [True, False, "update"])
def test_a_backtest_tells_of_what_it_was_given_once(refit: bool | str) -> None:
    with pytest.warns(UserWarning, match="^y: series 'sales' has 100000 at 2024-05-15") as told:
        quick().cross_validation(broken(1e5, 135), 2, refit=refit)
    assert len(told) == 1 and told[0].filename == __file__


@pytest.mark.parametrize("new", [[1e6], [41.0, 1e6, 45.0], [9999.0, 50.0], [1e6, 1e6]])
def test_new_rows_are_compared_with_known_ones(new: list[float]) -> None:
    y = pd.DataFrame({"a": USUAL, "b": USUAL[::-1]}, index=daily(USUAL).index)
    rows = pd.date_range("2024-05-20", periods=len(new))
    model = quick().fit(y)
    with pytest.warns(UserWarning, match="^y_new: series 'b' has (1e.06|9999) at 2024-05-2[01]"):
        model.update(pd.DataFrame({"a": 50.0, "b": new}, index=rows))


def test_new_rows_like_known_ones_are_not_told_of() -> None:
    """Also behind a known value that stands out, and of a series that begins."""
    model = quick(missing="mask").fit(daily(USUAL))
    with pytest.warns(UserWarning, match="y_new"):
        model.update(pd.Series([1e5], index=pd.date_range("2024-05-20", periods=1)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.update(pd.Series([50.0, np.nan, 41.0], index=pd.date_range("2024-05-21", periods=3)))
        quick().fit(daily(USUAL[:5])).update(pd.Series([9e3], index=pd.date_range("2024-01-06", periods=1)))


@pytest.mark.parametrize(
    "y",
    [
        daily(USUAL), daily(USUAL * np.where(STEPS < 120, 1.0, 100.0)), daily(np.exp(STEPS / 5.0)), broken(1e-9, 100),
        daily(np.where(STEPS == 70, 5.0, 0.0)), daily(np.random.default_rng(0).poisson(0.05, 140).astype(float)),
        daily(np.ones(140)), daily(np.where(STEPS % 7 == 6, 0.0, 5000.0 + USUAL)),
        load_airline(), load_lynx(), load_sunspots(),
    ],
)  # fmt: skip
def test_what_series_do_is_not_told_of(y: pd.Series) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        quick(max_steps=1).fit(y)
