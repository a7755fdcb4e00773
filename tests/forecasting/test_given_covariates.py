"""Forecasters with covariates: a plan is followed, by series and time, in every form of data and by every method."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit

import forecastrnn
from forecastrnn import Direct, RNNForecaster
from forecastrnn.model_selection import RollingOrigin
from support.forecaster_cases import monthly, quick

N, H = 60, 4
IDS = (10, 9, "T11")  # neither sorted nor of one type
MONTHS = pd.date_range("2015-01-01", periods=N + 12, freq="MS")


def sales(scale: float = 1.0) -> pd.DataFrame:
    """Three series that are what an offer of theirs makes them; it is known for a year more."""
    parts = []
    for k, name in enumerate(IDS):
        offer = np.random.default_rng(k).random(N + 12) < 0.4
        kind = np.where(offer, "offer", "usual")
        rows = pd.DataFrame({"ds": MONTHS, "y": scale * (100.0 + 60.0 * offer), "offer": offer, "kind": kind})
        parts.append(rows.assign(unique_id=pd.Series([name] * len(rows), dtype=object)))
    return pd.concat(parts, ignore_index=True)


ALL = sales()
LONG, LATER = ALL[ALL["ds"] < MONTHS[N]], ALL[ALL["ds"] >= MONTHS[N]]
Y, X = LONG[["unique_id", "ds", "y"]], ALL[["unique_id", "ds", "offer"]]


def learned(**options: Any) -> RNNForecaster:
    settings = {"hidden_layer_sizes": 16, "max_steps": 200, "context_length": 12, "season_length": 1}
    return quick(**settings | options)


@pytest.fixture(scope="module")
def model() -> RNNForecaster:
    return learned().fit(Y, X)


def truth(offer: pd.Series) -> np.ndarray:
    return 100.0 + 60.0 * offer.to_numpy(float)


@pytest.mark.parametrize("column", ["offer", "kind"])
def test_a_forecast_follows_the_plan_that_is_given(column: str) -> None:
    """Where the target is what a covariate of its own time makes it; neither old rows nor positions count."""
    one = learned().fit(Y, ALL[["unique_id", "ds", column]])
    turned = LATER.assign(offer=~LATER["offer"], kind=np.where(LATER["offer"], "usual", "offer"))
    for plan in (LATER, turned):
        found = one.predict(12, X=plan.sample(frac=1, random_state=0)[[column, "ds", "unique_id"]])
        assert np.abs(found["RNN"] - truth(plan["offer"])).mean() < 15.0
        others = Y.assign(unique_id=Y["unique_id"].map({10: "x", 9: "y", "T11": "z"}))
        both = pd.concat([LONG, plan]).assign(unique_id=lambda f: f["unique_id"].map({10: "x", 9: "y", "T11": "z"}))
        found = one.predict(12, y=others, X=both[["unique_id", "ds", column]])
        assert np.abs(found["RNN"] - truth(plan["offer"])).mean() < 15.0


def test_every_form_has_the_same_bits(model: RNNForecaster) -> None:
    expected = model.predict(H, X=X)["RNN"].to_numpy().reshape(3, H)
    wide = Y.pivot(index="ds", columns="unique_id", values="y")[list(IDS)]
    own = X.pivot(index="ds", columns="unique_id", values=["offer"]).swaplevel(axis=1)
    levels, rows = Y.set_index(["unique_id", "ds"]), X.set_index(["unique_id", "ds"])
    forms: list[tuple[Any, Any, Any]] = [
        (LONG.drop(columns="kind"), ["offer"], X[::-1]), (wide, own, own), (wide, X, X), (levels, rows, rows),
        (LONG.set_index(["unique_id", "ds"])[["y", "offer"]], "offer", rows.sample(frac=1, random_state=1)),
    ]  # fmt: skip
    for y, given, plan in forms:
        found = learned().fit(y, given).predict(H, X=plan)
        flat = found.to_numpy().T if found.shape == (H, 3) else found.iloc[:, -1].to_numpy().reshape(3, H)
        np.testing.assert_array_equal(flat, expected)


def test_a_step_reads_no_covariate_behind_it(model: RNNForecaster) -> None:
    expected = model.predict(H, X=X)
    for step in range(1, H):
        behind = X["ds"] >= MONTHS[N + step]
        found = model.predict(H, X=X.assign(offer=np.where(behind, ~X["offer"], X["offer"])))
        same = (found["RNN"] == expected["RNN"]).to_numpy().reshape(3, H)
        assert same[:, :step].all() and not same[:, step].all()
    pd.testing.assert_frame_equal(model.predict([3], X=X), expected[2::H].reset_index(drop=True))


def test_intervals_and_paths_follow_the_plan() -> None:
    one = learned(intervals="paths").fit(Y, X)
    bands = one.predict(H, X=X, level=80)
    np.testing.assert_array_equal(bands["RNN"], one.predict(H, X=X)["RNN"])
    large = one.predict(H, y=Y.assign(y=128.0 * Y["y"]), X=X, level=80)  # no scale of the fit is kept
    usual = one.predict(H, y=Y, X=X, level=80)
    pd.testing.assert_frame_equal(large, usual.assign(**128.0 * usual.iloc[:, 2:]), rtol=1e-6)
    paths = one.sample_paths(H, 50, X=X, calibrated=False, random_state=0, output="array")
    assert np.abs(paths.mean(axis=0).ravel() - truth(LATER["offer"])[np.tile(np.arange(12) < H, 3)]).mean() < 20.0


def test_units_do_not_matter(model: RNNForecaster) -> None:
    """A series a hundred times as large has a forecast a hundred times as large, with the same plan."""
    found = model.predict(H, y=Y.assign(y=128.0 * Y["y"]), X=X)
    np.testing.assert_allclose(found["RNN"], 128.0 * model.predict(H, y=Y, X=X)["RNN"], rtol=1e-6)


def test_what_is_told_of_covariates(model: RNNForecaster) -> None:
    assert [(one.name, one.role, one.kind) for one in model.covariates_] == [("offer", "known", "number")]
    assert model.feature_names_in_.tolist() == ["offer"]
    static = pd.DataFrame({"size": [1.0, 2.0, 3.0], "town": ["a", "b", "a"]}, index=list(IDS))
    past = LONG[["unique_id", "ds", "kind"]]
    one = quick(strategy="seq2seq").fit(Y, X, past=past, static=static)
    roles = [("offer", "known"), ("kind", "past"), ("size", "static"), ("town", "static")]
    assert [(one.name, one.role) for one in one.covariates_] == roles
    one.fit(Y)
    assert one.covariates_ == () and not hasattr(one, "feature_names_in_")


def test_static_numbers_are_read_by_name() -> None:
    """Columns and rows in any order: the same bits; a large shop forecasts otherwise than a small one."""
    static = pd.DataFrame({"size": [1.0, 2.0, 3.0], "age": [5.0, 1.0, 2.0]}, index=list(IDS))
    one = quick().fit(Y, static=static)
    expected = one.predict(H, y=Y, static=static)
    pd.testing.assert_frame_equal(one.predict(H), expected)
    other = quick().fit(Y, static=static.iloc[::-1])
    pd.testing.assert_frame_equal(other.predict(H, y=Y, static=static.iloc[::-1, ::-1]), expected)
    pd.testing.assert_frame_equal(one.predict(H, y=Y, static=static.astype(int)), expected)
    assert (one.predict(H, y=Y, static=static + 5.0)["RNN"] != expected["RNN"]).any()
    alone = quick().fit(monthly(40), static={"size": 2.0})
    pd.testing.assert_series_equal(alone.predict(2, y=monthly(40), static={"size": 2.0}), alone.predict(2))


def test_update_takes_the_rows_of_the_new_values(model: RNNForecaster) -> None:
    """In one call, or month by month; columns of y, or frames."""
    one, other = (learned().fit(Y, X) for _ in range(2))
    new = LATER[LATER["ds"] < MONTHS[N + 2]]
    one.update(new[["unique_id", "ds", "y"]], X)
    for month in MONTHS[N : N + 2]:
        other.update(new[new["ds"] == month].drop(columns="kind"), ["offer"])
    expected = one.predict(H, X=X)
    assert (expected["RNN"] != model.predict(H, X=X)["RNN"]).any()
    pd.testing.assert_frame_equal(other.predict(H, X=X), expected)
    with pytest.raises(ValueError, match=r"fitted with X \('offer'\): give their values for all series and times of y"):
        one.update(LATER[LATER["ds"] == MONTHS[N + 2]][["unique_id", "ds", "y"]])
    pd.testing.assert_frame_equal(one.predict(H, X=X), expected)


def test_a_stream_takes_the_covariates_of_the_next_time(model: RNNForecaster) -> None:
    """By name or in the order of the fit: the forecasts of updates."""
    own = LATER[LATER["unique_id"] == 9]
    one, offer = learned().fit(Y, X), own["offer"].tolist()
    stream = model.stream(9, X={"offer": offer[0]})
    for row in (own.iloc[0], own.iloc[[0]]):  # by the names of what it holds
        assert model.stream(9, X=row).forecast == stream.forecast
    found = [
        stream.forecast,
        stream.step(own["y"].iloc[0], {"offer": offer[1]}),
        stream.step(own["y"].iloc[1], [offer[2]]),
    ]
    expected = [one.predict(1, X=X, ids=[9])["RNN"][0]]
    for row in range(2):
        one.update(own[row : row + 1][["unique_id", "ds", "y"]], X)
        expected.append(one.predict(1, X=X, ids=[9])["RNN"][0])
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    for call, kind, message in [
        (lambda: model.stream(9), ValueError, "fitted with X"),
        (lambda: stream.step(100.0), ValueError, r"step\(value, X\)"),
        (lambda: stream.step(100.0, {"price": 1}), ValueError, "X lacks 'offer': the model was fitted with"),
        (lambda: stream.step(100.0, [1.0, 2.0]), ValueError, "X must have 1 values"),
        (lambda: stream.step(100.0, ["yes"]), TypeError, "'offer' of X must be a number, as in fit. Got 'yes'"),
        (lambda: stream.step(100.0, [np.nan]), ValueError, "must be a finite number"),
        (lambda: stream.step(100.0, 1.0), TypeError, "X must be a mapping, a row of pandas, or an array"),
        (lambda: quick().fit(Y).stream(9, X=[1]), ValueError, "X must not be given here"),
    ]:
        with pytest.raises(kind, match=message):
            call()


def test_score_and_searches_hand_covariates_on(model: RNNForecaster) -> None:
    assert model.score(LATER, ["offer"]) == model.score(LATER[["unique_id", "ds", "y"]], X) > -0.5
    y = LONG[LONG["unique_id"] == 9].set_index("ds")
    search = GridSearchCV(quick(), {"context_length": [8, 12]}, cv=TimeSeriesSplit(2, test_size=H))
    search.fit(y["y"], y[["offer"]])
    assert search.best_estimator_.feature_names_in_.tolist() == ["offer"] and np.isfinite(search.best_score_)
    rows = LONG[["unique_id", "ds", "offer"]]
    panel = GridSearchCV(quick(), {"context_length": [8, 12]}, cv=RollingOrigin(H, n_windows=2)).fit(Y, rows)
    last = Y["ds"] >= MONTHS[N - H]
    fitted = quick(context_length=8).fit(Y[~last], rows)
    assert panel.cv_results_["split1_test_score"][0] == fitted.score(Y[last], rows)


def test_files_keep_what_is_asked_for(tmp_path: Path) -> None:
    past = X.rename(columns={"offer": "was"})
    one = quick(strategy="seq2seq").fit(Y, ALL[["unique_id", "ds", "kind", "offer"]], past=past)
    one.save(tmp_path / "m.rnn")
    again = forecastrnn.load(tmp_path / "m.rnn")
    assert again.covariates_ == one.covariates_ and again.feature_names_in_.tolist() == ["kind", "offer"]
    plan = LATER.drop(columns="y")
    pd.testing.assert_frame_equal(again.predict(H, X=plan), one.predict(H, X=plan))
    with pytest.raises(ValueError, match=r"fitted with X \('kind', 'offer'\)"):
        again.predict(H)


REFUSED: dict[str, tuple[Callable[[RNNForecaster], Any], type[Exception], str]] = {
    "no X": (
        lambda m: m.predict(H), ValueError,
        r"fitted with X \('offer'\); give their values for 2020-01-01 .* \.\. 2020-04-01 .*make_future_frame\(4\)",
    ),
    "no X for paths": (lambda m: m.sample_paths(H, calibrated=False), ValueError, "fitted with X"),
    "no X for a score": (lambda m: m.score(LATER), ValueError, "fitted with X"),
    "a row": (
        lambda m: m.predict(6, X=LATER[LATER["ds"] < MONTHS[N + 2]][["unique_id", "ds", "offer"]]), ValueError,
        r"lacks a row of series 10 at 2020-03-01 00:00:00 \(and 11 more rows\)\. All .* 2 steps: lower h to 2, or",
    ),
    "no X for others": (lambda m: m.predict(H, y=Y), ValueError, r"fitted with X \('offer'\): give their values"),
    "no X for the context": (
        lambda m: m.predict(H, y=Y, X=LATER), ValueError, "no row for series 10 at 2015-01-01 .*each time of y",
    ),
    "X by position": (lambda m: m.predict(H, X=np.ones((12, 1))), TypeError, "matched by time"),
    "X without": (lambda m: quick().fit(Y).predict(H, X=X), ValueError, "X must not be given here: .*without X"),
    "past without": (
        lambda m: m.predict(H, y=Y, X=X, past=X), ValueError, "past must not be given here: the model was fitted",
    ),
    "past of fit": (lambda m: m.predict(H, X=X, past=X), ValueError, "past must not be given here: the series of fit"),
    "past of a recursive one": (
        lambda m: m.fit(Y, past=X), ValueError,
        "past needs strategy='seq2seq' or 'direct': .* need values of 'offer' behind the end. If they are known, give",
    ),
    "texts": (lambda m: m.predict(1, X=X.assign(offer="a")), TypeError, "holds texts, such as 'a'; in fit .* numbers"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case: str, model: RNNForecaster) -> None:
    """And the forecaster stays as it was."""
    call, kind, message = REFUSED[case]
    expected = model.predict(H, X=X)
    with pytest.raises(kind, match=message):
        call(model)
    pd.testing.assert_frame_equal(model.predict(H, X=X), expected)


def test_a_warm_start_has_the_columns_of_the_first_fit() -> None:
    one = quick(warm_start=True).fit(Y, X)
    expected = one.predict(H, X=X)
    for given, kind, message in [
        (None, ValueError, r"fitted with X \('offer'\)"),
        (ALL[["unique_id", "ds", "offer", "kind"]], ValueError, "warm_start=True: X must have .* 'offer'. Got 'kind'"),
        (X.rename(columns={"offer": "price"}), ValueError, "X lacks the column 'offer'"),
        (X.assign(offer="yes"), TypeError, "'offer' of X holds texts"),
    ]:
        with pytest.raises(kind, match=message):
            one.fit(Y, given)
        pd.testing.assert_frame_equal(one.predict(H, X=X), expected)
    assert (one.fit(Y, X).predict(H, X=X)["RNN"] != expected["RNN"]).all()


def test_a_test_frame_is_a_plan(model: RNNForecaster) -> None:
    """Columns that are known in another role are passed over, others are told of, at the line of the call."""
    expected = model.predict(H, X=X)
    pd.testing.assert_frame_equal(model.predict(H, X=LATER.drop(columns="kind")), expected)
    with pytest.warns(UserWarning, match="X: column 'kind' is unknown to the model") as told:
        model.predict(H, X=LATER)
    assert told[0].filename == __file__


def test_columns_that_nobody_named_are_told() -> None:
    with pytest.warns(UserWarning, match="y: column 'kind' is not used; name such in X=") as told:
        quick().fit(LONG, X=["offer"])
    assert told[0].filename == __file__
    table = LONG[LONG["unique_id"] == 9].set_index("ds")[["y", "offer"]].astype(float)
    with pytest.warns(
        UserWarning, match=r"so 'offer' will be forecast beside 'y'\. If it is a covariate, name it: X=\["
    ):
        assert quick().fit(table).predict(1).columns.tolist() == ["y", "offer"]
    assert quick().fit(table, target_col=None).predict(1).columns.tolist() == ["y", "offer"]
    assert quick().fit(table, X=["offer"]).predict(
        1, X=LATER[LATER["unique_id"] == 9][["ds", "offer"]]
    ).columns.tolist() == ["y"]


def test_past_covariates_are_read_until_the_end() -> None:
    """And never behind it: more rows of them change nothing."""
    y = LONG[LONG["unique_id"] == 9].set_index("ds")["y"]
    past = ALL[ALL["unique_id"] == 9].set_index("ds")["offer"]
    for strategy in ("seq2seq", Direct(H)):
        one = quick(strategy=strategy).fit(y, past=past[:N])
        expected = one.predict(H)
        pd.testing.assert_series_equal(quick(strategy=strategy).fit(y, past=past).predict(H), expected)
        turned = past.where(past.index >= MONTHS[N], ~past)
        assert (one.predict(H, y=y, past=turned) != one.predict(H, y=y, past=past)).all()


def test_intervals_go_where_a_plan_leads() -> None:
    """Without covariates they end where a series never was; a price that was never asked leads further."""
    rng = np.random.default_rng(0)
    price = pd.Series(np.append(rng.normal(10.0, 1.0, N), np.full(H, 20.0)), index=MONTHS[: N + H]).to_frame("price")
    y = (500.0 - 10.0 * price["price"][:N] + rng.normal(0.0, 1.0, N)).rename("sales")
    found = learned(intervals="conformal").fit(y, price).predict(H, X=price, level=80)
    assert (found["RNN-lo-80"] < found["RNN"]).all() and (found["RNN"] < y.min()).all()


@pytest.mark.parametrize("far", [1e4, -1e12, 1e300])
def test_a_plan_in_another_unit_is_told_of_and_bounded(far: float) -> None:
    y, price = monthly(60), pd.DataFrame({"price": np.random.default_rng(0).normal(9.0, 1.0, 72)})
    price.index = pd.date_range(y.index[0], periods=72, freq="MS")
    model = quick(context_length=12, cell="gru", max_steps=20).fit(y, price[:60])
    with pytest.warns(UserWarning, match="X: column 'price' lies .* times as far outside as values usually did in fit"):
        found = model.predict(12, X=price[60:].assign(price=far))
    assert np.abs(found - y.mean()).max() < 5 * (y.max() - y.min())
