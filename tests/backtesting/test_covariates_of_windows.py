"""Backtests with covariates: a loop by hand has the same bits, and nothing is seen that was not known at a cutoff."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecastrnn import Seq2Seq
from support.backtest_cases import ends_of_series, ragged, same, tiny

H = 4
Y = ragged()


def covariates(seed: int = 0) -> pd.DataFrame:
    """For each time of the series: a price, a kind of day that is there once, visits and the weather."""
    rng, n = np.random.default_rng(seed), len(Y)
    frame = Y[["unique_id", "ds"]].assign(price=rng.random(n), kind=rng.choice(["a", "b"], n), visits=rng.random(n))
    frame.loc[frame["ds"] == frame["ds"].max(), "kind"] = "last"
    return frame


BESIDE = covariates()
X, PAST = BESIDE[["unique_id", "ds", "price", "kind"]], BESIDE[["unique_id", "ds", "visits"]]
STATIC = pd.DataFrame({"size": [1.0, 5.0, 2.0], "town": ["u", "v", "u"]}, index=["b", "a", 7])
MODELS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "recursive": ({}, {"X": X}),
    "with all": ({"strategy": Seq2Seq(6)}, {"X": X, "past": PAST, "static": STATIC}),
    "local": ({"global_model": False}, {"X": X[["unique_id", "ds", "price"]]}),
}


def loop(model: Any, given: dict[str, Any], refit: int, update: bool = False, gap: int = 0) -> pd.DataFrame:
    """Fits and forecasts as a user would write them, each handed the rows up to its cutoff, and X of its steps."""
    parts, taken, names = [], Y, {key: given[key] for key in ("past", "static") if key in given}
    for window in range(3):
        known = ends_of_series(Y, H + gap + (2 - window) * H)
        held = given["X"](known["ds"].max()) if callable(given["X"]) else given["X"]
        if window % refit == 0:
            forecast = model.fit(known, held, **names).predict(H + gap, X=held)
        elif update:
            new = known.drop(taken.index)
            forecast = model.update(new, held, past=names.get("past")).predict(H + gap, X=held)
        else:
            forecast = model.predict(H + gap, y=known, X=held, **names)
        taken = known
        last = known.groupby("unique_id", sort=False)["ds"].max().rename("cutoff")
        parts.append(forecast.groupby("unique_id", sort=False).tail(H).merge(last, on="unique_id"))
    return pd.concat(parts).merge(Y, how="left", on=["unique_id", "ds"])


CASES = [("recursive", 2), ("with all", True), ("with all", False), ("with all", "update"), ("local", False)]


@pytest.mark.filterwarnings("ignore:X. column 'kind' has 'last'")
@pytest.mark.parametrize(("name", "refit"), CASES)
def test_equals_a_loop_by_hand(name: str, refit: bool | int | str) -> None:
    model, given = MODELS[name]
    every = 9 if refit == "update" else int(refit) or 9
    expected = loop(tiny(**model), given, every, update=refit == "update")
    same(tiny(**model).cross_validation(Y, H, refit=refit, **given), expected)


def test_names_of_columns_and_a_gap() -> None:
    whole = Y.assign(price=X["price"])
    expected = loop(tiny(), {"X": X[["unique_id", "ds", "price"]]}, 1, gap=2)
    same(tiny().cross_validation(whole, H, X=["price"], gap=2), expected)
    wide = whole[whole["unique_id"] == "a"].set_index("ds")[["y", "price"]]
    found = tiny().cross_validation(wide, H, X=["price"])
    one = wide[["y"]].rename_axis(index="ds")
    expected = tiny().fit(one[:-H], wide[["price"]]).predict(H, X=wide[["price"]])
    np.testing.assert_array_equal(found["RNN"][-H:], expected["y"])


@pytest.mark.filterwarnings("ignore:X. column 'price' lies .* times as far outside")  # the garbage of later windows
@pytest.mark.filterwarnings("ignore:y.* times as far from the values beside it")
def test_nothing_behind_a_cutoff_is_seen() -> None:
    """Garbage in y and past behind the first cutoff, and in X behind its horizon, changes nothing that is forecast."""
    model, given = MODELS["with all"]
    later, other = covariates(seed=9), 2 * H
    known, planned = (Y.index.isin(ends_of_series(Y, behind).index) for behind in (3 * H, other))
    garbage = Y.assign(y=np.where(known, Y["y"], 1e6))
    turned = dict(given)
    for role, kept in (("X", planned), ("past", known)):
        if role in given:
            frame = given[role].copy()
            frame["price" if role == "X" else "visits"] = np.where(kept, frame.iloc[:, 2], 1e9 * later["price"])
            turned[role] = frame
    turned["X"] = turned["X"].assign(kind=np.where(planned, turned["X"]["kind"], "garbage"))
    for refit in (True, False):
        tables = [tiny(**model).cross_validation(y, H, refit=refit, **beside)
                  for y, beside in ((Y, given), (garbage, turned))]  # fmt: skip
        first = [table[table.groupby("unique_id")["cutoff"].rank("dense") == 1] for table in tables]
        pd.testing.assert_frame_equal(*(table.drop(columns="y") for table in first), check_exact=True)
        assert (tables[0]["RNN"] != tables[1]["RNN"]).any()


def as_of(cutoff: pd.Timestamp) -> pd.DataFrame:
    """What was known then: what came until the cutoff, and a guess of what would come."""
    guess = covariates(seed=cutoff.month)
    return X.where(X["ds"] <= cutoff, guess[X.columns])


@pytest.mark.filterwarnings("ignore:X.*column 'kind' has 'last'")
@pytest.mark.parametrize(("name", "refit"), [("recursive", False), ("recursive", "update"), ("with all", False)])
def test_what_was_known_at_a_cutoff(name: str, refit: bool | str) -> None:
    model, given = MODELS[name][0], MODELS[name][1] | {"X": as_of}
    expected = loop(tiny(**model), given, 9, update=refit == "update")
    same(tiny(**model).cross_validation(Y, H, refit=refit, **given), expected)


@pytest.mark.filterwarnings("ignore:X.*column 'kind' has 'last'")
def test_what_was_known_at_several_cutoffs_at_once() -> None:
    """Series that end apart: each has X as it was at its own cutoff."""
    cut = Y.drop(Y[Y["unique_id"] == "a"].index[-6:])
    asked = []
    found = tiny().cross_validation(cut, H, n_windows=1, X=lambda cutoff: asked.append(cutoff) or as_of(cutoff))
    known = ends_of_series(cut, H)
    ends = known.groupby("unique_id", sort=False)["ds"].max()
    assert sorted(set(asked)) == sorted(set(ends)) and len(set(ends)) == 2
    frames = pd.concat([as_of(end)[lambda f: f["unique_id"] == name] for name, end in ends.items()])  # noqa: B023
    expected = tiny().fit(known, frames).predict(H, X=frames)
    pd.testing.assert_series_equal(
        found.set_index(["unique_id", "ds"])["RNN"], expected.set_index(["unique_id", "ds"])["RNN"]
    )


def test_other_series_without_a_fit() -> None:
    model = tiny().fit(Y[Y["unique_id"] != 7], X)
    other = Y[Y["unique_id"] == 7]
    found = model.cross_validation(other, H, n_windows=1, refit="never", X=X)
    np.testing.assert_array_equal(found["RNN"], model.predict(H, y=ends_of_series(other, H), X=X)["RNN"])
    with pytest.raises(ValueError, match="fitted with X"):
        model.cross_validation(other, H, refit="never")


def test_refused() -> None:
    with pytest.raises(ValueError, match="X has no row for series"):
        tiny().cross_validation(Y, H, X=X[:-1])
    hole = X.assign(price=X["price"].mask(X["ds"] == X["ds"].max()))
    with pytest.raises(
        ValueError, match="cross_validation: X lacks 'price' of series .* a step that is forecast: fill it"
    ):
        tiny(missing="mask").cross_validation(Y, H, X=hole)
    with pytest.raises(ValueError, match="past needs strategy='seq2seq' or 'direct'.*'visits'"):
        tiny().cross_validation(Y, H, past=PAST)
    with pytest.raises(ValueError, match=r"X\(.*\) lacks a row of series"):
        tiny().cross_validation(Y, H, X=lambda cutoff: X[X["ds"] <= cutoff])
    with pytest.raises(ValueError, match=r"X\(.*\) has the column 'y', which is what y holds"):
        tiny().cross_validation(Y, H, X=lambda cutoff: Y)
    with pytest.raises(TypeError, match="must be a pandas DataFrame or Series"):
        tiny().cross_validation(Y, H, X=lambda cutoff: None)
    with pytest.warns(UserWarning, match="column 'price' is not used"):
        tiny().cross_validation(Y.assign(price=1.0), H, n_windows=1)
