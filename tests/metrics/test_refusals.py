"""What `evaluate` refuses: the type of every error, and its words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecastrnn.metrics import coverage, evaluate
from support.metric_cases import SEASON, days, one_origin, panel

FOUND = panel()
CV, SERIES = FOUND.forecasts, FOUND.series
PREDICTED, KNOWN = one_origin(FOUND)
TRUTH = PREDICTED[["unique_id", "ds", "y"]]
PREDICTED = PREDICTED.drop(columns="y")
S = pd.Series([1.0, 2.0], index=days(2))
PATHS = pd.DataFrame({"unique_id": "a", "ds": [1, 1, 2, 2], "path": [0, 1, 0, 1], "y": 1.0, "RNN": [1.0, 2, 3, 4]})


def changed(row: int, column: str, value: Any) -> pd.DataFrame:
    found = CV.copy()
    found.loc[row, column] = value
    return found


CASES: list[tuple[Callable[[], Any], type[Exception], str]] = [
    # what is scored
    (lambda: evaluate(CV, "mad"), ValueError, "unknown metric 'mad'; there are mae, mse, .*, or give a function"),
    (lambda: evaluate(CV, []), ValueError, "metrics is empty"),
    (lambda: evaluate(CV, "mae", models=["GRU"]), ValueError, r"no column 'GRU'; its models are \['RNN', 'Naive2'\]"),
    (lambda: evaluate(CV[["unique_id", "ds", "cutoff", "y"]], "mae"), ValueError, "forecasts has no column of"),
    (lambda: evaluate(CV.iloc[:0], "mae"), ValueError, "forecasts has no rows"),
    (lambda: evaluate(CV.assign(RNN="a"), "mae", models="RNN"), TypeError, "column 'RNN' must hold numbers, but is"),
    (lambda: evaluate({"RNN": 1.0}, "mae"), TypeError, "forecasts must be a pandas Series or DataFrame, .* Got dict"),
    (lambda: evaluate(np.ones((2, 2)), "mae", truth=[1.0]), TypeError, "forecasts has 2 dimensions; give a pandas"),
    (
        lambda: coverage([1.0, 2.0], [2.0, 3.0], [0.0, 1.0]), ValueError, "no lower end .* its upper end: are they",
    ),
    # options
    (lambda: evaluate(CV, "mae", by="ds"), ValueError, r"by must be None or of \['series', 'cutoff', 'step'\]. Got"),
    (lambda: evaluate(PREDICTED, "mae", truth=TRUTH, by="cutoff"), ValueError, "by='cutoff' needs a column 'cutoff'"),
    (lambda: evaluate(CV, "mae", agg="max"), ValueError, r"agg must be one of \['mean', .*\]. Got 'max'"),
    (lambda: evaluate(CV, "mae", agg="median", by="step"), ValueError, "agg='median' is of scores of series"),
    (lambda: evaluate(CV, "mae", how="left"), ValueError, "how must be 'exact' or 'inner'. Got 'left'"),
    (lambda: evaluate(CV, "coverage", level=0.8), ValueError, "level is in percent: 80, not 0.8"),
    (lambda: evaluate(CV, "coverage", level=[80, 120]), ValueError, "level must be > 0 and < 100. Got 120"),
    # what a metric needs
    (lambda: evaluate(CV, "mase", season_length=4), ValueError, "mase needs train=, the values that were known"),
    (lambda: evaluate(CV, "mase", train=SERIES), ValueError, "mase needs season_length=, the steps of a season"),
    (lambda: evaluate(CV, "msis", train=SERIES, season_length=0), ValueError, "season_length must be an integer >= 1"),
    (lambda: evaluate(CV, "owa", train=SERIES, season_length=4), ValueError, "owa needs benchmark=, the column"),
    (lambda: evaluate(CV, "relative_mae", benchmark="Naive"), ValueError, "forecasts has no column 'Naive'"),
    (lambda: evaluate(CV, "coverage", level=90, models="RNN"), ValueError, r"\['RNN-lo-90', 'RNN-hi-90'\]; predict"),
    (lambda: evaluate(CV, "coverage"), ValueError, r"no columns \['Naive2-lo-80', 'Naive2-hi-80'\]"),
    (lambda: evaluate(PREDICTED[["unique_id", "ds", "RNN"]], "width", truth=TRUTH), ValueError, "width needs columns"),
    (lambda: evaluate(CV, "wql"), ValueError, r"no columns \['Naive2_ql0.1', 'Naive2_ql0.5', 'Naive2_ql0.9'\]; "),
    (lambda: evaluate(CV[["unique_id", "ds", "cutoff", "y", "RNN"]], "pinball"), ValueError, r"\['RNN_ql0.1', "),
    (lambda: evaluate(CV, "crps"), ValueError, "crps needs them .a column 'path'.*; forecasts has no sample paths"),
    (lambda: evaluate(PATHS, "mae"), ValueError, "mae needs one value for each time; forecasts has sample paths"),
    (lambda: evaluate(PATHS.iloc[1:], "crps"), ValueError, "has another number of paths than 1 for series 'a' at 2"),
    # rows and their keys
    (lambda: evaluate(PREDICTED, "mae"), ValueError, r"no column 'y' \(target_col\); give truth="),
    (lambda: evaluate(CV, "mae", truth=TRUTH), ValueError, "forecasts has a column 'y' of what came; drop it, or"),
    (lambda: evaluate(CV.drop(columns="ds"), "mae"), ValueError, "forecasts has no column 'ds'; its columns are"),
    (lambda: evaluate(PREDICTED, "mae", truth=TRUTH.drop(columns="y")), ValueError, "truth has no column 'y'"),
    (lambda: evaluate(pd.concat([CV, CV[:1]]), "mae"), ValueError, "forecasts has two rows for series 's10' at 2024"),
    (lambda: evaluate(changed(7, "RNN", np.nan), "mae"), ValueError,
     "'RNN' is NaN or infinite for series 's10' at 2024-01-25 .*, cutoff 2024-01-22 .*; only what came may be missing"),
    (lambda: evaluate(changed(7, "RNN-lo-80", np.inf), "coverage", level=80, models="RNN"), ValueError, "'RNN-lo-80'"),
    (lambda: evaluate(changed(7, "unique_id", None), "mae"), ValueError, "forecasts has a missing id in row 7"),
    (lambda: evaluate(changed(7, "ds", pd.NaT), "mae"), ValueError, "column 'ds' of forecasts has a missing time"),
    (lambda: evaluate(PREDICTED, "mae", truth=TRUTH[3:]), ValueError,
     r"truth has no value for series 's10' at 2024-01-19 .*\(and 2 more rows\); how='inner' scores the rows that both"),
    (lambda: evaluate(PREDICTED[:-2], "mae", truth=TRUTH), ValueError, "truth has 2 rows without a forecast: series"),
    (lambda: evaluate(PREDICTED[:5], "mae", truth=TRUTH), ValueError, "truth has 10 rows without a forecast: a series"),
    (lambda: evaluate(PREDICTED, "mae", truth=pd.concat([TRUTH, TRUTH[:1]])), ValueError, "truth has two rows for"),
    (lambda: evaluate(PREDICTED, "mae", truth=TRUTH.assign(unique_id="x"), how="inner"), ValueError, "nothing in"),
    (lambda: evaluate(CV, "mase", train=SERIES[:30], season_length=4), ValueError, "train has no values for series"),
    (lambda: evaluate(CV, "mase", train=pd.concat([SERIES, SERIES[:1]]), season_length=4), ValueError, "train has two"),
    (lambda: evaluate(PREDICTED, "mae", truth=SERIES.assign(z=0.0).set_index(["unique_id", "ds"]), target_col="w"),
     ValueError, r"truth has no column 'w'; its columns are \['y', 'z'\]"),
    # times that cannot be compared
    (lambda: evaluate(PREDICTED, "mae", truth=TRUTH.assign(ds=np.linspace(0.0, 1.0, 15))), TypeError,
     "column 'ds' of truth must hold datetimes, periods or integers. Got float64; see pandas.to_datetime"),
    (lambda: evaluate(PREDICTED, "mae", truth=TRUTH.assign(ds="soon")), TypeError,
     r"column 'ds' of truth must .*; got texts, of which 'soon' \(row 0\) is no date"),
    (lambda: evaluate(PREDICTED, "mae", truth=TRUTH.assign(ds=range(15))), TypeError,
     "column 'ds' of forecasts holds datetimes without a time zone, but column 'ds' of truth holds integers"),
    (lambda: evaluate(PREDICTED, "mae", truth=TRUTH.assign(ds=TRUTH["ds"].dt.tz_localize("UTC"))), TypeError,
     "but column 'ds' of truth holds datetimes of a time zone; use tz_localize or tz_convert"),
    (lambda: evaluate(S.to_period("M").iloc[:1], "mae", truth=S.to_period("D")), TypeError, "periods M.*but.*periods"),
    (lambda: evaluate(S, "mae", truth=[1.0, 2.0]), TypeError, "of forecasts holds datetimes .* of truth holds"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "kind", "words"), CASES)
def test_refused(call: Callable[[], Any], kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words):
        call()


def test_rows_of_one_side_are_left_out_on_purpose() -> None:
    expected = evaluate(PREDICTED[3:], "mae", truth=TRUTH[3:])
    pd.testing.assert_frame_equal(evaluate(PREDICTED, "mae", truth=TRUTH[3:], how="inner"), expected)
    pd.testing.assert_frame_equal(evaluate(PREDICTED[3:], "mae", truth=SERIES, how="inner"), expected)


def test_forecasts_of_rows_without_truth_may_be_missing() -> None:
    """Those rows are not scored."""
    assert evaluate(changed(7, "RNN", np.nan).assign(y=changed(7, "y", np.nan)["y"]), "mae")["RNN"].notna().all()


def test_mape_warns_once_of_zeros() -> None:
    found = changed(7, "y", 0.0)
    with pytest.warns(UserWarning, match="mape is NaN where a value is 0: series 's10' at 2024-01-25") as said:
        table = evaluate(found, ["mape", "smape"])
    assert len(said) == 1
    assert table["RNN"].isna().tolist() == [False] * 6  # the mean of its other cutoff is left
    assert table.attrs["agg_counts"]["mape"] == {"RNN": 5, "Naive2": 5}


def test_nothing_given_is_changed() -> None:
    given = [t.copy() for t in (CV, SERIES)]
    evaluate(*given[:1], train=given[1], season_length=SEASON)
    assert given[0].equals(CV) and given[1].equals(SERIES)
