"""Covariates beside series: every form of data gives the same arrays, by series and time; what cannot is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecastrnn.data.covariate_roles import Beside, warn_unnamed
from forecastrnn.data.frame_columns import Names
from forecastrnn.data.series import read_series
from support.covariate_cases import DAYS, IDS, KNOWN, NAMES, beside, long_covariates, long_series

LONG, X = long_series(), long_covariates()
BOTH = LONG.merge(X)
WIDE = LONG.pivot(index="ds", columns="unique_id", values="y")[list(IDS)]
OWN = X.pivot(index="ds", columns="unique_id", values=["price", "promo", "kind"]).swaplevel(axis=1)
ONE, ONE_X = WIDE[9].rename("nine"), X[X["unique_id"] == 9].drop(columns="unique_id").set_index("ds")
LEVELS = LONG.set_index(["unique_id", "ds"])["y"]
SHUFFLED = X.sample(frac=1, random_state=0)
COLUMNS = ["price", "promo", "kind"]

FORMS = {
    "long": (LONG, X),
    "long, shuffled": (LONG, SHUFFLED),
    "long, names of columns": (BOTH, COLUMNS),
    "long, interleaved": (LONG.sort_values("ds", kind="stable"), X),
    "long, times as texts": (LONG, X.assign(ds=X["ds"].dt.strftime("%Y-%m-%d"))),
    "long, another unit": (LONG, X.assign(ds=X["ds"].dt.as_unit("ns"))),
    "long, a coarser unit": (LONG, X.assign(ds=X["ds"].dt.as_unit("s"))),
    "long, unsorted categories": (
        LONG,
        X.assign(
            unique_id=pd.Categorical(X["unique_id"], ["T11", 9, 10]), kind=pd.Categorical(X["kind"], ["work", "free"])
        ),
    ),
    "long, levels": (LONG, X.set_index(["unique_id", "ds"])),
    "wide": (WIDE, OWN),
    "wide, long rows": (WIDE, SHUFFLED),
    "levels": (LEVELS, X.set_index(["unique_id", "ds"])),
    "levels, the other way round": (LEVELS, SHUFFLED.set_index(["ds", "unique_id"])),
    "levels, frame": (BOTH.set_index(["unique_id", "ds"]), COLUMNS),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_matched_by_series_and_time(form: str) -> None:
    y, given = FORMS[form]
    found = beside(y, given).covariates
    assert found is not None
    assert [(one.name, one.role, one.kind) for one in found.columns] == [
        ("price", "known", "number"), ("promo", "known", "number"), ("kind", "known", "category"),
    ]  # fmt: skip
    assert found.columns[2].categories == ("free", "work") and not any(one.shared for one in found.columns)
    expected = X[X["ds"] < DAYS[KNOWN]]
    np.testing.assert_array_equal(found.numbers, expected[["price", "promo"]].to_numpy(float))
    np.testing.assert_array_equal(found.codes[:, 0], expected["kind"] == "work")


SHARED = {
    "a series": (ONE, ONE_X),
    "a series, shuffled": (ONE, ONE_X.sample(frac=1, random_state=1)),
    "a column of times": (ONE, ONE_X.reset_index()),
    "columns of a table": (ONE.to_frame("sold").reset_index().merge(ONE_X.reset_index()), COLUMNS),
    "columns of a wide frame": (ONE.to_frame().join(ONE_X), COLUMNS),
    "integers": (ONE.to_numpy(), ONE_X.reset_index(drop=True)),
    "periods": (ONE.to_period("D"), ONE_X.to_period("D")),
    "one id of whatever name": (ONE, ONE_X.reset_index().assign(unique_id="other")),
}


@pytest.mark.parametrize("form", SHARED)
def test_one_series(form: str) -> None:
    y, given = SHARED[form]
    found = beside(y, given).covariates
    assert found is not None
    np.testing.assert_array_equal(found.numbers, ONE_X[["price", "promo"]][:KNOWN].to_numpy(float))
    assert all(one.shared for one in found.columns) == (form != "one id of whatever name")


@pytest.mark.parametrize("y", [LONG, WIDE, LEVELS], ids=["long", "wide", "levels"])
def test_rows_without_ids_are_for_all_series(y: Any) -> None:
    found = beside(y, ONE_X["price"]).covariates
    assert found is not None and found.columns[0].shared
    np.testing.assert_array_equal(found.numbers[:, 0], np.tile(ONE_X["price"][:KNOWN], 3))


def test_roles_are_beside_each_other() -> None:
    found = beside(LONG, X[["unique_id", "ds", "price"]], X[["unique_id", "ds", "promo"]]).covariates
    assert found is not None
    assert [(one.name, one.role) for one in found.columns] == [("price", "known"), ("promo", "past")]


def test_instants_match_in_any_time_zone() -> None:
    """Hours over both clock changes of a year: an hour that is there twice is two instants."""
    hours = pd.date_range("2024-03-30 12:00", "2024-10-28", freq="h", tz="Europe/Paris")
    y = pd.Series(np.arange(len(hours), dtype=float), index=hours)
    given = y.rename("same").tz_convert("Australia/Lord_Howe").sample(frac=1, random_state=0)
    found = beside(y, given).covariates
    assert found is not None
    np.testing.assert_array_equal(found.numbers[:, 0], y)


def test_what_numbers_and_categories_are() -> None:
    frame = pd.DataFrame({
        "none": np.array([1, None] * 20, dtype=object), "int": pd.array([1, 2] * 20, "Int64"),
        "flag": pd.array([True, False] * 20, "boolean"), "level": pd.Categorical([3, 1] * 20, categories=[3, 2, 1]),
        "text": pd.array(["b", "a"] * 20, "string"),
    }, index=DAYS)  # fmt: skip
    read = beside(ONE, frame, missing="mask").covariates
    assert read is not None
    assert [one.kind for one in read.columns] == ["number"] * 3 + ["category"] * 2
    assert [one.categories for one in read.columns[3:]] == [(1, 3), ("a", "b")]
    np.testing.assert_array_equal(read.numbers[:2], [[1, 1, 1], [np.nan, 2, 0]])
    np.testing.assert_array_equal(read.codes[:2], [[1, 1], [0, 0]])


def test_missing_values_where_they_are_masked() -> None:
    """A row that is absent where the series is, and values, are not known; one absent beside a value is an error."""
    y = ONE.mask(ONE.index == DAYS[4])
    given = ONE_X.drop(DAYS[4]).assign(price=ONE_X["price"].where(ONE_X.index != DAYS[7]))
    given.loc[DAYS[8], "kind"] = None
    found = beside(y, given, missing="mask").covariates
    assert found is not None
    assert np.flatnonzero(np.isnan(found.numbers[:, 0])).tolist() == [4, 7]
    assert np.flatnonzero(found.codes[:, 0] == -1).tolist() == [4, 8]
    with pytest.raises(ValueError, match=r"no row for series 'nine' at 2024-01-03.*"):
        beside(y, given.drop(DAYS[2]), missing="mask")


REFUSED: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "no row": (
        lambda: beside(LONG, X.drop([3, 4, 45])), ValueError,
        r"X has no row for series 10 at 2024-01-04 00:00:00 \(and 2 more, in 2 series\); covariates need a",
    ),
    "rows beside the times": (
        lambda: beside(LONG, X.assign(ds=X["ds"] + pd.Timedelta("1h"))), ValueError,
        r"no row for series 10 at 2024-01-01.*the nearest row that it has is that at 2024-01-01 01:00:00",
    ),
    "ids of another type": (
        lambda: beside(LONG, X.assign(unique_id=X["unique_id"].astype(str))), ValueError,
        "no row for series 10 .*no row of that series, but of '10', '9', 'T11'",
    ),
    "finer than the unit": (
        lambda: beside(ONE, ONE_X.set_axis(ONE_X.index.as_unit("ns") + pd.Timedelta("1ns"))), ValueError, "no row for",
    ),
    "NaN": (
        lambda: beside(LONG, X.assign(price=X["price"].where(X.index % 40 != 5))), ValueError,
        r"X contains NaN in column 'price': series 10 at 2024-01-06 00:00:00 \(and 2 more, in 3 series\); fill.*'mask'",
    ),
    "NaN as zero": (
        lambda: beside(ONE, ONE_X.mask(ONE_X["price"] == 11.0), missing="zero"), ValueError,
        "missing='zero' is for y alone",
    ),
    "no category": (
        lambda: beside(ONE, ONE_X.assign(kind=ONE_X["kind"].where(ONE_X["promo"]))), ValueError, "NaN in column 'kind'",
    ),
    "infinity": (lambda: beside(ONE, ONE_X.replace(11.0, np.inf)), ValueError, "'price' of X contains infinity"),
    "dates": (lambda: beside(ONE, ONE_X.assign(d=DAYS[0])), TypeError, "column 'd' of X holds datetime64"),
    "a mixture": (
        lambda: beside(ONE, ONE_X.assign(m=["a", 1] * 20)), TypeError,
        "must be texts.*Got 1, of type int, in column 'm' of X",
    ),
    "repeated": (
        lambda: beside(LONG, pd.concat([X, X[7:8]])), ValueError,
        r"X has more than one row for series 10 at 2024-01-08 00:00:00 \(1 repeated row\)",
    ),
    "repeated without ids": (
        lambda: beside(LONG, X.drop(columns="unique_id")), ValueError,
        r"more than one row for 2024-01-01.*or does X lack the column 'unique_id'\?",
    ),
    "naive": (
        lambda: beside(ONE.tz_localize("Europe/Paris"), ONE_X), TypeError,
        "the times of y are in Europe/Paris, those of X have no time zone; use tz_localize",
    ),
    "aware": (
        lambda: beside(ONE, ONE_X.tz_localize("UTC")), TypeError,
        r"the times of y have no time zone, those of X are in UTC; use tz_localize\(None\)",
    ),
    "no times": (
        lambda: beside(ONE, ONE_X.reset_index(drop=True)), TypeError, "X has no times: .* a column 'ds'.*'price'",
    ),
    "other times": (lambda: beside(ONE, ONE_X.to_period("D")), TypeError, "holds periods of D: to_timestamp"),
    "other periods": (
        lambda: beside(ONE.to_period("D"), ONE_X.to_period("h")), TypeError, "y are periods of D, but .* periods of h",
    ),
    "an array": (lambda: beside(ONE, np.ones((40, 2))), TypeError, "give pandas, so that rows.* by time.*ndarray"),
    "a list for an array": (lambda: beside(ONE, [1.0] * 40), TypeError, "give pandas.*matched by time"),
    "no column of y": (lambda: beside(BOTH, ["prise"]), ValueError, "X names 'prise', which is no column of y; they"),
    "a name twice": (lambda: beside(BOTH, ["price", "price"]), ValueError, "X names 'price' twice"),
    "the target": (lambda: beside(BOTH, ["y"]), ValueError, "X names 'y', which is target_col"),
    "the ids": (lambda: beside(BOTH, past=["unique_id"]), ValueError, "past names 'unique_id', which is id_col"),
    "the times": (lambda: beside(BOTH, "ds"), ValueError, "X names 'ds', which is time_col"),
    "the target in a frame": (lambda: beside(LONG, BOTH), ValueError, "X has the column 'y', which is what y holds"),
    "series as covariates": (
        lambda: beside(WIDE, WIDE), ValueError, r"X has the column 10.*columns \(series, covariate\), as of pandas",
    ),
    "two roles": (
        lambda: beside(BOTH, ["price"], ["price"]), ValueError, "'price' is in X and in past: a covariate has one role",
    ),
    "a Series without a name": (lambda: beside(ONE, ONE_X["price"].rename(None)), ValueError, "Series without a name"),
    "no columns": (lambda: beside(ONE, ONE_X[[]]), ValueError, "X has no column of covariates"),
    "columns twice": (lambda: beside(ONE, ONE_X[["price", "price"]]), ValueError, "X has duplicate column names"),
    "a covariate of some series": (lambda: beside(WIDE, OWN.iloc[:, 1:]), ValueError, r"no column \(9, 'price'\)"),
    "levels for one series": (lambda: beside(ONE, OWN), ValueError, "columns of 2 levels"),
    "no id": (
        lambda: beside(LONG, X.assign(unique_id=X["unique_id"].mask(X.index == 2))), ValueError, "missing id in row 2",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case: str) -> None:
    call, kind, message = REFUSED[case]
    with pytest.raises(kind, match=message):
        call()


def warn(y: pd.DataFrame, X: Any = None, past: Any = None, names: Names = NAMES, static: tuple = ()) -> None:
    """What a fit says of columns that nobody named."""
    given = Beside.of(y, X, past, names)
    read = read_series(given.series(), id_col=names.id_col, target_col=names.target_col)
    warn_unnamed(given, read.axis, names, static)


def test_columns_that_nobody_named() -> None:
    with pytest.warns(UserWarning, match=r"y: columns 'promo', 'kind' are not used; name such in X=.*or past="):
        warn(BOTH, X=["price"])
    with pytest.warns(UserWarning, match="column 'kind' is not used"):
        warn(BOTH, X=["price"], past="promo")
    warn(BOTH, X=["price"], past=["promo"], static=("kind",))
    warn(BOTH, X=BOTH.drop(columns="y"))
    warn(LONG)
    table = ONE.to_frame("y").join(ONE_X["price"])
    with pytest.warns(
        UserWarning, match=r"each column a series, so 'price' will be forecast beside 'y'.*X=\['price'\]"
    ):
        warn(table)
    with pytest.warns(UserWarning, match="column 'price' is not used"):
        warn(table.reset_index(), names=Names(id_col=None))
    warn(table, names=Names(target_col=None))
    warn(table, X=["price"])
    warn(WIDE)
