"""Calls that cannot be carried out say which argument it is, what it holds, where, and what to do."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecastrnn import RNNClassifier, RNNForecaster, RNNRegressor, RNNSeq2Seq, load
from forecastrnn.plotting import ResidualDisplay
from support.forecaster_cases import monthly, quick
from support.messages import leaks_of

CUBE = np.random.default_rng(0).normal(size=(20, 6, 2))
RAGGED = [rows[: 3 + at % 4] for at, rows in enumerate(CUBE)]
HOURS = [pd.Timestamp("2024-03-30", tz="Europe/Paris"), pd.Timestamp("2024-04-02", tz="Europe/Paris")]
OFFSETS = pd.Index([pd.Timestamp(hour.isoformat()) for hour in HOURS] * 3, dtype=object)


def regressor(X: Any, y: Any) -> RNNRegressor:
    return RNNRegressor(hidden_layer_sizes=3, max_iter=1, random_state=0).fit(X, y)


@pytest.fixture(scope="module")
def models() -> dict[str, Any]:
    return {
        "forecaster": quick().fit(monthly(40)), "following": regressor(CUBE, np.roll(CUBE, -1, 1)),
        "ragged": regressor(RAGGED, [rows.sum() for rows in RAGGED]),
    }  # fmt: skip


CALLS: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "a seed below 0": (lambda m: m["forecaster"].sample_paths(2, 3, calibrated=False, random_state=-1),
                       "random_state must be None, an int from 0 to 4294967295 or .* Got -1"),
    "series in place of h": (lambda m: m["forecaster"].predict(monthly(40)),
                             r"h must be .* Got a Series of length 40. Series to forecast from go to y"),
    "no truth value": (lambda m: m["forecaster"].sample_paths(2, calibrated="x"),
                       "calibrated must be True or False. Got 'x'"),
    "no loss": (lambda m: quick(loss="nosuch").fit(monthly(40)), "NegativeBinomial or Tweedie. Got 'nosuch'"),
    "another generator": (lambda m: m["forecaster"].sample_paths(2, calibrated=False, random_state="x"), "Got 'x'"),
    "one of many sequences": (lambda m: m["following"].predict(CUBE[0]),
                              r"X must have shape \(n, time, 2\).* Got \(6, 2\). One sequence of 6 steps is X\[None\]"),
    "one ragged sequence": (lambda m: m["ragged"].predict(RAGGED[0]), r"One sequence of 3 steps is X\[None\]"),
    "rows of numbers": (lambda m: m["ragged"].predict(CUBE[:, :, 0]), r"2 channels as in fit. Got \(20, 6\)"),
    "NaN in a prompt": (lambda m: m["following"].generate(2, prompt=[[1.0, 2.0], [np.nan, 3.0]]),
                        "prompt contains NaN. It stands at step 1, in channel 0. Fill it"),
    "a text for a step": (lambda m: m["following"].stream().step("ab"), "x must be 2 finite numbers, one a channel"),
    "no horizon": (lambda m: quick(strategy="direct").fit(monthly(40)), r"as in strategy=Direct\(horizon=12\)"),
    "a warm start of another kind": (lambda m: started().set_params(n_members=2).fit(monthly(40)),
                                     "^warm_start=True: n_members must be as in the first fit. Set it back"),
    "infinity in X": (lambda m: quick().fit(monthly(40), X=broken()), "'price' of X contains infinity.* in row 7"),
    "several offsets": (lambda m: quick().fit(pd.Series(1.0, index=OFFSETS)),
                        r"such as 2024-03-30 00:00:00\+01:00 and 2024-04-02 00:00:00\+02:00: convert them"),
    "times as texts": (lambda m: ResidualDisplay.from_predictions(texts()),
                       "'ds' of forecasts .* 'one' .row 0. is no date"),
}  # fmt: skip


def started() -> RNNForecaster:
    return quick(warm_start=True).fit(monthly(40))


def broken() -> pd.DataFrame:
    plan = pd.DataFrame({"price": np.arange(40.0)}, index=monthly(40).index)
    return plan.replace(7.0, np.inf)


def texts() -> pd.DataFrame:
    return pd.DataFrame({"unique_id": "a", "ds": ["one", "two"], "cutoff": ["none", "one"], "y": 1.0, "RNN": 2.0})


@pytest.mark.parametrize("name", CALLS)
def test_what_is_wrong_is_said(models: dict[str, Any], name: str) -> None:
    call, said = CALLS[name]
    with pytest.raises((ValueError, TypeError), match=said) as raised:
        call(models)
    assert leaks_of(str(raised.value)) == []


@pytest.mark.parametrize("column", ["price", "promo"])
def test_a_plan_that_changes_what_never_changed_is_told_of(column: str) -> None:
    """Nothing can be learned of it: the forecast stays as it is, which must not be in silence."""
    plan = pd.DataFrame({"price": 3.0, "promo": 0.0}, index=monthly(46).index)
    model: RNNForecaster = quick().fit(monthly(40), X=plan)
    same = model.predict(6, X=plan)
    plan.loc[plan.index[-2] :, column] = 1.0
    with pytest.warns(UserWarning, match=f"column '{column}' holds 1, but did not change in fit"):
        assert model.predict(6, X=plan).equals(same)


def test_bounds_without_an_end_can_be_saved() -> None:
    file = io.BytesIO()
    model = quick(bounds=(-np.inf, 1e9)).fit(monthly(40))
    model.save(file)
    loaded = load(file.getvalue())
    assert loaded.bounds == (None, 1e9) and loaded.predict(3).equals(model.predict(3))


@pytest.mark.parametrize("estimator", [RNNClassifier, RNNForecaster, RNNRegressor, RNNSeq2Seq])
def test_wrong_calls_name_the_estimator(estimator: type) -> None:
    """The class that Python's own errors name is the one that was called, also for methods of its parts."""
    with pytest.raises(TypeError, match=rf"^{estimator.__name__}\.fit\(\) missing [12] required"):
        estimator().fit()  # type: ignore[attr-defined]
    with pytest.raises(TypeError, match=rf"^{estimator.__name__}\.save\(\) takes 2 positional"):
        estimator().save("a", "b")  # type: ignore[attr-defined]
    methods = [getattr(estimator, name) for name in dir(estimator) if not name.startswith("_")]
    ours = [one for one in methods if getattr(one, "__module__", "").startswith("forecastrnn")]
    assert len(ours) > 8
    assert all(one.__qualname__.startswith(f"{estimator.__name__}.") and one.__doc__ for one in ours)
