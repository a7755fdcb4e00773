"""Wrong calls of everything public: each message names argument, value, place and cure, and leaks nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

import forecastrnn as rnn
from forecastrnn import metrics
from forecastrnn.model_selection import RollingOrigin
from forecastrnn.plotting import BacktestDisplay, CoverageDisplay, ForecastDisplay, ResidualDisplay
from support.array_cases import CUBE, X, Y, classifier, regressor, with_value
from support.forecaster_cases import long_of, monthly, quick
from support.messages import faults_of

SERIES = monthly(40)
WIDE = pd.DataFrame({"a": SERIES, "b": monthly(40, 1)})
LONG = long_of({"a": monthly(40), "b": monthly(36, 1)})
KNOWN = LONG.assign(price=1.0, shop="x")
FRAME = pd.DataFrame({"ds": pd.date_range("2024", periods=6), "y": 1.0, "RNN": 2.0, "unique_id": "a"})
EMPTY = pd.Series([], dtype=float)
Call = Callable[[Any], object]

pytestmark = pytest.mark.filterwarnings("ignore")  # errors are looked at, not what is said before them


@pytest.fixture(scope="module")
def fitted() -> dict[str, Any]:
    """One model of each kind, each fitted once."""
    return {
        "regressor": regressor().fit(CUBE, Y),
        "classifier": classifier().fit(X, Y > 0),
        "forecaster": quick(max_steps=1).fit(LONG),
        "covariates": quick(max_steps=1).fit(KNOWN, X=["price"]),
        "seq2seq": rnn.RNNSeq2Seq(hidden_layer_sizes=3, max_iter=1, n_jobs=1).fit(["ab", "b"], ["b", "a"]),
    }


def at(value: object, where: Any = 7) -> pd.Series:
    changed = SERIES.astype(object)
    changed.iloc[where] = value
    return changed


# what it is, the call, what the message must say: argument, value, place
SEQUENCES: list[tuple[str, Call, tuple[str, ...]]] = [
    ("NaN", lambda m: regressor().fit(with_value(np.nan), Y), ("X", "NaN", "row 5", "step 2", "lengths")),
    ("infinity", lambda m: m["regressor"].predict(CUBE + np.inf), ("X", "infinity", "row 0", "channel 0")),
    ("a column", lambda m: regressor().fit(pd.DataFrame(X, columns=[*"abcd"]).mask(X == X[1, 1]), Y), ("row 1", "'b'")),
    ("a text", lambda m: regressor().fit(with_value("x", object), Y), ("X[5, 2]", "'x'", "categorical_features")),
    ("dimensions", lambda m: m["regressor"].predict(np.ones(5)), ("X", "(5,)", "(n, time)")),
    ("channels", lambda m: m["regressor"].predict(np.ones((2, 3, 5))), ("X", "5 channels", "2 channels")),
    ("no rows", lambda m: m["regressor"].predict([]), ("X", "empty")),
    ("lengths", lambda m: m["regressor"].predict(CUBE, lengths=[9] * 12), ("lengths", "9", "row 0", "1 .. 4")),
    ("number of targets", lambda m: regressor().fit(X, Y[:5]), ("X", "12", "y", "5")),
    ("y", lambda m: regressor().fit(X, np.where(np.arange(12) == 4, np.nan, Y)), ("y", "NaN", "row 4")),
    ("text in y", lambda m: regressor().fit(X, ["a"] * 12), ("y", "str")),
    ("steps of y", lambda m: regressor().fit(CUBE, np.ones((12, 9, 1))), ("y", "9", "4")),
    ("continuous y", lambda m: classifier().fit(X, Y), ("y", repr(float(Y[0]))[:6])),
    ("one class", lambda m: classifier().fit(X, ["a"] * 12), ("class", "one")),
    ("labels", lambda m: m["classifier"].partial_fit(X, ["a", "b"] * 6), ("y", "'a'", "False")),
    ("weights", lambda m: regressor().fit(X, Y, sample_weight=[1.0] * 5), ("sample_weight", "5")),
    ("number of samples", lambda m: m["regressor"].predict(CUBE, n_samples=0), ("n_samples", "0")),
    ("dropout", lambda m: m["regressor"].predict(CUBE, n_samples=3), ("n_samples", "dropout")),
    ("steps to generate", lambda m: m["regressor"].generate(3), ("outputs", "channels")),
    ("early stopping", lambda m: regressor(early_stopping=True).fit(X[:1], Y[:1]), ("early_stopping", "1")),
    ("rare classes", lambda m: classifier(early_stopping=True).fit(X[:2], ["a", "b"]), ("early_stopping", "'a'")),
    ("partial", lambda m: regressor(early_stopping=True).partial_fit(X, Y), ("partial_fit", "early_stopping=True")),
    ("vectors", lambda m: regressor(vector_input=True).fit(X, Y), ("vector_input", "y", "(12,)")),
    ("steps of no vectors", lambda m: m["regressor"].predict(CUBE, n_steps=3), ("n_steps", "3", "vector_input")),
    ("categories", lambda m: regressor(categorical_features=[7]).fit(X, Y), ("categorical_features", "7")),
    ("a solver", lambda m: regressor(solver="adamm").fit(X, Y), ("solver", "'adamm'")),
    ("units", lambda m: regressor(hidden_layer_sizes=[3, 0]).fit(X, Y), ("hidden_layer_sizes", "0")),
    ("a callback", lambda m: regressor().fit(X, Y, callback=3), ("callback", "int")),
    ("tokens", lambda m: m["seq2seq"].predict(["abz"]), ("X[0]", "'z'", "place 2")),
    ("kinds of tokens", lambda m: m["seq2seq"].predict([["a", 1]]), ("X[0][1]", "1")),
    ("an empty text", lambda m: rnn.RNNSeq2Seq().fit(["a", ""], ["a", "b"]), ("X[1]", "empty")),
    ("pairs", lambda m: rnn.RNNSeq2Seq().fit(["a", "b"], ["a"]), ("X", "y", "2", "1")),
    ("a beam", lambda m: m["seq2seq"].predict(["a"], beam_width=0), ("beam_width", "0")),
]  # fmt: skip
FORECASTS: list[tuple[str, Call, tuple[str, ...]]] = [
    ("nothing", lambda m: quick().fit(EMPTY), ("observations", "0")),
    ("NaN", lambda m: quick().fit(at(np.nan)), ("NaN", "2015-08-01", "missing")),
    ("infinity", lambda m: quick().fit(at(np.inf)), ("infinity", "2015-08-01")),
    ("a text", lambda m: quick().fit(at("x")), ("'x'", "row 7")),
    ("order", lambda m: quick().fit(SERIES[::-1]), ("sorted",)),
    ("twice", lambda m: quick().fit(pd.concat([SERIES[:1], SERIES])), ("duplicate", "2015-01-01")),
    ("gaps", lambda m: quick().fit(SERIES.drop(SERIES.index[[3, 9, 10]])), ("freq",)),
    ("a column", lambda m: quick().fit(LONG.drop(columns="ds")), ("'ds'",)),
    ("frequency", lambda m: quick(freq="nonsense").fit(SERIES), ("freq", "'nonsense'")),
    ("no horizon", lambda m: m["forecaster"].predict(0), ("h", "0")),
    ("a horizon", lambda m: m["forecaster"].predict("week"), ("h", "'week'")),
    ("too far", lambda m: m["forecaster"].predict(10**12), ("h", "too large")),
    ("a level", lambda m: m["forecaster"].predict(2, level=[150]), ("level", "150")),
    ("a quantile", lambda m: m["forecaster"].predict(2, quantiles=[2.0]), ("quantiles", "2.0")),
    ("intervals", lambda m: m["forecaster"].predict(2, level=[80]), ("level", "intervals")),
    ("series", lambda m: m["forecaster"].stream("zz"), ("'zz'", "'a'")),
    ("paths", lambda m: m["forecaster"].sample_paths(2, 0), ("n_paths", "0")),
    ("update", lambda m: m["forecaster"].update(LONG), ("y_new",)),
    ("season", lambda m: quick(season_length=0).fit(SERIES), ("season_length", "0")),
    ("seasons", lambda m: quick(season_length=[7, "x"]).fit(SERIES), ("season_length",)),
    ("calendar", lambda m: quick(calendar=["moon"]).fit(SERIES), ("calendar", "'moon'")),
    ("holidays", lambda m: quick(calendar=rnn.Calendar(holidays="XX")).fit(SERIES), ("holidays", "XX", "'FR'")),
    ("candidates", lambda m: quick(candidates="magic").fit(SERIES), ("candidates", "'magic'")),
    ("windows", lambda m: quick(intervals=rnn.Conformal(n_windows=0)).fit(SERIES), ("n_windows", "0")),
    ("loss", lambda m: quick(loss="gauss").fit(SERIES), ("loss", "'gauss'")),
    ("counts", lambda m: quick(loss="poisson").fit(SERIES - 1000), ("poisson",)),
    ("levels", lambda m: quick(loss=rnn.Quantiles([0.5, 0.1])).fit(SERIES), ("levels",)),
    ("strategy", lambda m: quick(strategy=rnn.Direct(0)).fit(SERIES), ("horizon", "0")),
    ("member", lambda m: quick(n_members=0).fit(SERIES), ("n_members", "0")),
    ("a covariate", lambda m: quick().fit(KNOWN, X=["prize"]), ("X", "'prize'")),
    ("text in X", lambda m: quick().fit(KNOWN.assign(past=["q"] + [1.0] * 75), past=["past"]), ("past",)),
    ("no X", lambda m: m["covariates"].predict(2), ("X", "price")),
    ("X that ends", lambda m: m["covariates"].predict(2, X=KNOWN[["unique_id", "ds", "price"]]), ("X", "'a'")),
    ("X of another", lambda m: m["forecaster"].predict(2, X=KNOWN), ("X", "fit")),
    ("static", lambda m: quick().fit(LONG, static=pd.DataFrame({"c": [1.5]}, index=["a"])), ("static", "'b'")),
    ("past", lambda m: quick().fit(SERIES, past=pd.DataFrame({"c": [1.0]})), ("past",)),
    ("cutoffs", lambda m: quick().cross_validation(SERIES, 60), ("h", "60")),
    ("number of cutoffs", lambda m: quick().cross_validation(SERIES, 3, n_windows=0), ("n_windows", "0")),
    ("step", lambda m: quick().cross_validation(SERIES, 3, step_size=0), ("step_size", "0")),
    ("refit", lambda m: quick().cross_validation(SERIES, 3, refit="often"), ("refit", "'often'")),
    ("baseline", lambda m: quick().cross_validation(SERIES, 3, baselines=["drifty"]), ("baselines", "'drifty'")),
    ("score", lambda m: m["forecaster"].score(LONG), ("y", "one step behind")),
    ("splits", lambda m: list(RollingOrigin(0).split(SERIES)), ("h", "0")),
]  # fmt: skip
FRAMES: list[tuple[str, Call, tuple[str, ...]]] = [
    ("shapes", lambda m: metrics.mape([1.0, 2.0], [1.0]), ("y_pred", "(1,)")),
    ("season", lambda m: metrics.mase([1.0], [1.0], train=[1.0, 2.0], season_length=0), ("season_length", "0")),
    ("quantiles", lambda m: metrics.wql([1.0], [[1.0]], quantiles=[1.5]), ("quantiles", "1.5")),
    ("text", lambda m: metrics.mape(["a"], [1.0]), ("y_true",)),
    ("metric", lambda m: metrics.evaluate(FRAME, metrics=["mea"]), ("'mea'",)),
    ("nothing to compare", lambda m: metrics.evaluate(FRAME.drop(columns="y")), ("truth",)),
    ("column", lambda m: metrics.evaluate(FRAME.drop(columns="RNN")), ("forecasts",)),
    ("a plot", lambda m: m["forecaster"].plot(0), ("h", "0")),
    ("series of a plot", lambda m: m["forecaster"].plot(3, ids=["zz"]), ("'zz'",)),
    ("display", lambda m: ForecastDisplay.from_predictions(3), ("forecast",)),
    ("backtest", lambda m: BacktestDisplay.from_predictions(FRAME.drop(columns="ds")), ("'ds'",)),
    ("coverage", lambda m: CoverageDisplay.from_predictions(FRAME), ("level",)),
    ("residuals", lambda m: ResidualDisplay.from_predictions(FRAME.drop(columns="RNN")), ("forecasts",)),
]
TABLE = [(f"{name}: {row[0]}", *row[1:]) for name, rows in
         [("sequences", SEQUENCES), ("forecasts", FORECASTS), ("frames", FRAMES)] for row in rows]  # fmt: skip


@pytest.mark.parametrize(("call", "says"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_a_message_says_what_is_wrong_where_and_what_to_do(
    call: Call, says: tuple[str, ...], fitted: dict[str, Any]
) -> None:
    with pytest.raises((ValueError, TypeError, KeyError)) as caught:
        call(fitted)
    assert faults_of(caught.value, says) == [], str(caught.value)
