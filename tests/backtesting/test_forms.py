"""A backtest of every form of series is the same long frame, and is scored as it is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecastrnn.metrics import evaluate
from support.backtest_cases import by_hand, ends_of_series, same, tiny
from support.forecaster_cases import long_of, monthly

SERIES = {"a": monthly(48, 1), "b": monthly(48, 2)}
LONG = long_of(SERIES)
WIDE = pd.DataFrame(SERIES)
ONE = LONG[LONG["unique_id"] == "a"]
OTHER = {"id_col": "shop", "time_col": "month", "target_col": "sold"}

FORMS: dict[str, tuple[Any, pd.DataFrame, dict[str, Any]]] = {
    "series": (SERIES["a"].rename("a"), ONE, {}),
    "periods": (SERIES["a"].rename("a").to_period(), ONE, {}),
    "zone": (SERIES["a"].rename("a").tz_localize("Europe/Paris"), ONE, {}),
    "unnamed": (SERIES["a"].rename(None), ONE, {}),
    "dated": (SERIES["a"].rename("a").rename_axis("month").reset_index(), ONE, {}),
    "wide": (WIDE, LONG, {}),
    "wide, two levels": (WIDE.set_axis(pd.MultiIndex.from_tuples([("x", "a"), ("x", "b")]), axis=1), LONG, {}),
    "long": (LONG, LONG, {}),
    "long, other names": (LONG.set_axis(list(OTHER.values()), axis=1), LONG, OTHER),
    "two levels": (LONG.set_index(["unique_id", "ds"])["y"], LONG, {}),
    "two levels, frame": (LONG.set_index(["unique_id", "ds"])[["y"]], LONG, {}),
    "categories": (LONG.astype({"unique_id": "category"}), LONG, {}),
    "list": (SERIES["a"].tolist(), ONE, {}),
    "array": (SERIES["a"].to_numpy(), ONE, {}),
}


@pytest.mark.parametrize("form", FORMS)
def test_forms(form: str) -> None:
    y, long, columns = FORMS[form]
    before = y.copy()
    model = tiny(season_length=12)
    found = model.cross_validation(y, 4, n_windows=2, refit=False, baselines="seasonal_naive", **columns)
    expected = model.cross_validation(long, 4, n_windows=2, refit=False, baselines="seasonal_naive")
    names = ["RNN", "SeasonalNaive"]
    np.testing.assert_array_equal(found[names], expected[names])
    np.testing.assert_array_equal(found.iloc[:, 3], expected["y"])
    keys = [columns.get(name, default) for name, default in zip(OTHER, ("unique_id", "ds", "y"))]
    target = keys[2]
    if form == "dated":
        keys[1], target = "month", "a"
    assert found.columns.tolist() == [keys[0], keys[1], "cutoff", target, *names]
    assert found[keys[1]].dtype == found["cutoff"].dtype and found.attrs["season_length"] == 12
    told = dict(zip(OTHER, (*keys[:2], target), strict=True))
    assert found.attrs["columns"] == told
    scores = evaluate(found, ["mase", "smape"], train=y)
    np.testing.assert_array_equal(scores, evaluate(found, ["mase", "smape"], train=y, **told))
    reference = evaluate(expected, ["mase", "smape"], train=long)
    np.testing.assert_array_equal(scores[names], reference[names])
    assert np.asarray(y).tolist() == np.asarray(before).tolist()


def test_ids_and_times_are_those_of_the_input() -> None:
    model = tiny()
    options: dict[str, Any] = {"n_windows": 2, "refit": False}
    one = model.cross_validation(FORMS["periods"][0], 4, **options)
    assert one["unique_id"].unique().tolist() == ["a"] and one["cutoff"].dtype == "period[M]"
    assert one["ds"].tolist() == FORMS["periods"][0].index[-8:].tolist()
    zoned = model.cross_validation(FORMS["zone"][0], 4, **options)
    assert zoned["ds"].tolist() == FORMS["zone"][0].index[-8:].tolist()
    assert model.cross_validation(FORMS["unnamed"][0], 4, **options)["unique_id"].unique().tolist() == ["y"]
    array = model.cross_validation(FORMS["array"][0], 4, **options)
    assert array["ds"].tolist() == list(range(40, 48)) and array["cutoff"].unique().tolist() == [39, 43]
    pairs = model.cross_validation(FORMS["wide, two levels"][0], 4, **options)
    assert pairs["unique_id"].unique().tolist() == [("x", "a"), ("x", "b")]
    categories = model.cross_validation(FORMS["categories"][0], 4, **options)
    assert categories["unique_id"].dtype == "category"


def with_gaps(y: pd.DataFrame) -> pd.DataFrame:
    """Rows are absent before, at and behind cutoffs."""
    return y.drop(index=[5, 35, 36, 39, 40, 43, 60, 61, 83, 91])


@pytest.mark.parametrize("refit", [True, False])
@pytest.mark.parametrize("missing", ["mask", "zero"])
def test_gaps(missing: str, refit: bool) -> None:
    """Windows count the rows that there should be; those that are absent have no truth, or that of 0."""
    y = with_gaps(LONG)
    whole = LONG.assign(y=y["y"].reindex(LONG.index, fill_value=0.0 if missing == "zero" else np.nan))
    model = tiny(missing=missing)
    found = model.cross_validation(y, 4, refit=refit)
    assert found["y"].isna().sum() == (5 if missing == "mask" else 0)
    same(found, by_hand(tiny(missing=missing), whole, 4, refit=1 if refit else 9))
    if missing == "zero":
        assert (found["y"] == 0).sum() == 5


def skipping(n: int) -> pd.DatetimeIndex:
    """Days at 02:30, of which one has no such hour."""
    days = pd.date_range("2024-03-01 02:30", periods=n, freq="D")
    return days.tz_localize("Europe/Paris", nonexistent="shift_forward")


@pytest.mark.parametrize(
    ("index", "drop"),
    [
        (pd.date_range("2024-01-01", periods=60, freq="B"), [20, 51, 52]),
        (skipping(60), [20, 51, 52]),
        (pd.date_range("2024-03-28", periods=60, freq="h", tz="Europe/Paris"), [20, 51, 52]),
        (pd.period_range("2001", periods=60, freq="Q"), [20, 51, 52]),
        (pd.RangeIndex(0, 180, 3), [20, 51, 52]),
    ],
)
def test_cutoffs_in_a_gap(index: pd.Index, drop: list[int]) -> None:
    """The time of an absent row, on every kind of clock."""
    y = pd.Series(monthly(60).to_numpy(), index, name="a")
    found = tiny(missing="mask", season_length=4).cross_validation(y.drop(y.index[drop]), 4, n_windows=2, refit=False)
    assert found["cutoff"].unique().tolist() == [index[51], index[55]]
    assert found["ds"].tolist() == index[52:].tolist()
    assert found["y"].isna().tolist() == [True] + [False] * 7


def test_a_gap_after_the_hour_that_a_clock_skips() -> None:
    """Days at 02:30, of which one is at 03:00: the row behind it is at 02:30 again."""
    index = skipping(40)
    moved = index.strftime("%d %H:%M").tolist().index("31 03:00")
    y = pd.Series(monthly(40).to_numpy(), index, name="a")
    gone = y.drop(y.index[[moved + 1, moved + 2]])
    model = tiny(missing="mask", season_length=7)
    for behind in (40 - moved - 1, 40 - moved - 2):
        found = model.cross_validation(gone, behind, n_windows=1)
        assert found["cutoff"].unique().tolist() == [index[40 - behind - 1]]
        assert found["ds"].tolist() == index[40 - behind :].tolist()


def test_series_of_zeros_or_gaps_before_a_cutoff() -> None:
    """A series without any value before a cutoff is too short for that window."""
    wide = WIDE.assign(b=WIDE["b"].where(np.arange(48) >= 42))
    with pytest.warns(UserWarning, match="1 of 2 series"):
        found = tiny(missing="mask").cross_validation(wide, 4, n_windows=2)
    assert found["unique_id"].value_counts().to_dict() == {"a": 8, "b": 4}
    assert ends_of_series(found, 4)["unique_id"].tolist() == ["a"] * 4


@pytest.mark.filterwarnings("ignore:y.* too short:UserWarning")  # of each fit
@pytest.mark.parametrize("refit", [True, False])
@pytest.mark.parametrize("options", [{}, {"global_model": False}])
def test_series_too_short_to_learn_from(options: dict[str, Any], refit: bool) -> None:
    """short="naive" forecasts them as `fit` and `predict` by hand do, "drop" leaves them out; so with too many gaps."""
    y = long_of({"a": monthly(60, 1), "new": monthly(14, 2), "holes": monthly(30, 3), "late": monthly(34, 4)})
    holes, late = y["unique_id"].eq("holes"), y["unique_id"].eq("late")
    y.loc[holes & ~y.index.isin(y.index[holes][[4, 8, 26]]), "y"] = np.nan
    y.loc[y.index[late][:20], "y"] = np.nan
    given: dict[str, Any] = {"missing": "mask", "context_length": 12, "season_length": 12} | options
    naive = tiny(short="naive", **given)
    keep = y if not options else y[~y["unique_id"].isin(["late", "new"])]  # which local networks learn too late
    found = naive.cross_validation(keep, 3, n_windows=2, refit=refit)
    same(found, by_hand(naive, keep, 3, n_windows=2, refit=1 if refit else 9))
    with pytest.warns(UserWarning, match="of 4 series (is|are) too short for all 2"):
        dropped = tiny(short="drop", **given).cross_validation(y, 3, n_windows=2, refit=refit)
    assert "holes" not in dropped["unique_id"].tolist() and "holes" in found["unique_id"].tolist()
    by_network = [table[table["unique_id"] == "a"]["RNN"][:3].tolist() for table in (dropped, found)]
    assert by_network[0] == by_network[1]  # those that are too short teach nothing


def test_never_needs_times_of_the_kind_of_fit() -> None:
    y = monthly(60)
    model = tiny().fit(y[:50])
    with pytest.raises(TypeError, match="were of kind 'datetime', and are now 'datetime with a time zone'"):
        model.cross_validation(y.tz_localize("UTC"), 3, n_windows=2, refit="never")
