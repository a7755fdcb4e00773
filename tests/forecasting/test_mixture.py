"""Networks mixed with candidates: the weighted mean everywhere, by weights that held-out windows tell."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecastrnn import Conformal, Direct, ModelFileError, RNNForecaster, load
from forecastrnn.forecasting import fit as fitting
from forecastrnn.forecasting.candidates.weights import LEAST, NETWORK, NOISE, OF_SERIES, OF_SET, weights_of
from forecastrnn.forecasting.every_candidate import CANDIDATES
from support.forecaster_cases import OLD, SMALL, monthly, quick
from support.forged_files import forge

MIXED = {**SMALL, "max_steps": 2, "candidates": ["season_ago"], "season_length": 12}
ALONE = {**MIXED, "candidates": "network"}  # the same networks


def years(n: int = OLD + 9) -> pd.DataFrame:
    """A season and noise about it, which does as well a season ago as in the last value; two positive series."""
    rng, index = np.random.default_rng(3), pd.date_range("2015-01-01", periods=n, freq="MS")
    one = rng.normal(size=(n, 3)) + 3.0 * np.sin(np.arange(n) * np.pi / 6)[:, None]
    return pd.DataFrame(one + [20.0, 30.0, 0.0], index, list("abc"))


Y = years()


@pytest.fixture(scope="module")
def mixed() -> RNNForecaster:
    return quick(**MIXED).fit(Y[:OLD])


@pytest.fixture(scope="module")
def alone() -> RNNForecaster:
    return quick(**ALONE).fit(Y[:OLD])


def a_season_ago(y: pd.DataFrame, h: int) -> pd.DataFrame:
    return y[-12:].set_axis(y.index[-12:] + pd.DateOffset(years=1))[:h]


def test_a_forecast_is_the_weighted_mean(mixed: RNNForecaster, alone: RNNForecaster) -> None:
    weights = mixed.weights_
    assert weights.columns.tolist() == ["network", "season_ago"] and weights.index.tolist() == list("abc")
    np.testing.assert_allclose(weights.sum(axis=1), 1.0, rtol=1e-12)
    assert (weights > 0.02).all(axis=None)
    expected = alone.predict(7) * weights["network"] + a_season_ago(Y[:OLD], 7) * weights["season_ago"]
    pd.testing.assert_frame_equal(mixed.predict(7), expected, check_freq=False, rtol=1e-12)
    assert alone.weights_.columns.tolist() == ["network"] and (alone.weights_ == 1.0).all(axis=None)


def test_pickles_hold_names_of_candidates(mixed: RNNForecaster) -> None:
    found = mixed.predict(7)  # looks the candidates up
    pd.testing.assert_frame_equal(pickle.loads(pickle.dumps(mixed)).predict(7), found)
    season_ago = CANDIDATES["season_ago"]
    assert pickle.loads(pickle.dumps(season_ago)) is season_ago


def test_weights_are_those_of_the_formula() -> None:
    """A candidate that forecasts one series only is none elsewhere; a series without windows has those of the set."""
    errors = np.array([[1.0, 2.0, np.nan], [2.0, 1.0, np.nan], [np.nan, 2.2, np.nan]])
    weights, usual = weights_of(errors, np.array([0.7, 0.2, 0.3]))
    over_set = np.array([1.0, 1.0, (2.2 + NOISE) / (2.0 + NOISE)])
    of_set = np.array([0.7, 0.2, 0.3]) * over_set**OF_SET
    np.testing.assert_allclose(usual, of_set / of_set.sum(), rtol=1e-12)
    ratio = (1.0 + NOISE) / (2.0 + NOISE)
    second = [1.0, ratio**OF_SERIES, over_set[2] ** OF_SERIES]
    own = of_set * np.array([[1.0, ratio**-OF_SERIES, 0.0], second, [1.0, 1.0, 1.0]])
    np.testing.assert_allclose(weights, own / own.sum(axis=1, keepdims=True), rtol=1e-12)
    far, _ = weights_of(np.array([[1.0], [40.0]]), np.array([NETWORK, 1 - NETWORK]))
    assert LEAST > 0 and far.tolist() == [[1.0, 0.0]]


def test_networks_that_tell_weights_have_not_seen_the_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few series are cut by a third, many by three windows at the end; with intervals the same networks serve both."""
    lengths, train = [], fitting._train

    def spy(plan: Any, read: Any, *args: Any, **others: Any) -> Any:
        lengths.append(int(np.diff(read.offsets).max()))
        return train(plan, read, *args, **others)

    monkeypatch.setattr(fitting, "_train", spy)
    options = {"max_steps": 2, "hidden_layer_sizes": 2, "context_length": 8, "candidates": ["season_ago"]}
    few = quick(**options, intervals="conformal").fit(monthly(60))
    assert lengths == [60, 40] and few.intervals_.starts[0] == 20
    many = pd.DataFrame({k: monthly(60, k) for k in range(50)})
    quick(**options).fit(many)
    assert lengths[2:] == [60, 60 - 19]


@pytest.mark.parametrize("intervals", ["conformal", "paths", Conformal(n_windows=3)])
def test_forecasts_are_the_same_with_any_intervals(mixed: RNNForecaster, intervals: object) -> None:
    model = quick(**MIXED, intervals=intervals).fit(Y[:OLD])
    pd.testing.assert_frame_equal(model.predict(5), mixed.predict(5), check_exact=True)
    bands = model.predict(5, level=80)
    for name in Y:
        assert (bands[name, "RNN-lo-80"] < bands[name, "RNN"]).all() and bands[name, "RNN"].equals(
            mixed.predict(5)[name]
        )


def test_intervals_are_calibrated_on_errors_of_the_mixture() -> None:
    """A season that repeats to the bit is forecast without an error by its last year, and hardly so by two updates."""
    y = pd.Series(np.tile(np.random.default_rng(0).permutation(12) + 3.0, 6))
    options = {**MIXED, "max_steps": 2, "intervals": "conformal"}
    widths = {}
    for candidates in ("network", ["season_ago"]):
        table = quick(**options | {"candidates": candidates}).fit(y).predict(6, level=80)
        widths[str(candidates)] = (table["RNN-hi-80"] - table["RNN-lo-80"]).mean()
    assert widths["['season_ago']"] < 0.2 * widths["network"]


def test_drawn_futures_move_with_the_mixture(mixed: RNNForecaster, alone: RNNForecaster) -> None:
    """By the ratio of forecasts where a series is of logarithms, else by their difference."""
    asked = {"calibrated": False, "random_state": 0, "output": "array"}
    drawn, before = mixed.sample_paths(6, 5, **asked), alone.sample_paths(6, 5, **asked)
    middle, was = (model.predict(6).to_numpy().T for model in (mixed, alone))
    np.testing.assert_allclose(drawn[:, :2] / before[:, :2], np.broadcast_to(middle / was, (5, 3, 6))[:, :2], rtol=1e-9)
    np.testing.assert_allclose(drawn[:, 2] - before[:, 2], np.tile(middle[2] - was[2], (5, 1)), rtol=1e-9)


def test_other_series_have_weights_of_the_set_and_states_of_their_own(
    mixed: RNNForecaster, alone: RNNForecaster
) -> None:
    y = pd.DataFrame({"new": monthly(50, 7), "a": Y["a"][:50]})
    found, networks = mixed.predict(4, y=y), alone.predict(4, y=y)
    share = {"new": mixed._model.mixture.usual[0], "a": mixed.weights_.loc["a", "network"]}
    for name in y:
        expected = networks[name] * share[name] + (1 - share[name]) * a_season_ago(y, 4)[name]
        np.testing.assert_allclose(found[name], expected, rtol=1e-12)


@pytest.mark.parametrize("options", [
    {"strategy": Direct(4)}, {"strategy": "seq2seq"}, {"global_model": False}, {"loss": "squared_error"},
], ids=["direct", "seq2seq", "local", "squares"])  # fmt: skip
def test_with_all_kinds_of_networks(options: dict[str, Any]) -> None:
    both = [quick(**given | options).fit(Y[:OLD]) for given in (MIXED, ALONE)]
    weights = both[0].weights_
    expected = both[1].predict(4) * weights["network"] + a_season_ago(Y[:OLD], 4) * weights["season_ago"]
    pd.testing.assert_frame_equal(both[0].predict(4), expected, check_freq=False, rtol=1e-12)


def test_unknown_values_at_the_end_are_forecasts_of_the_mixture() -> None:
    y = Y[["a", "c"]].copy()
    y.iloc[OLD - 2 : OLD, 1] = np.nan
    at_end = quick(**MIXED, missing="mask").fit(y[["c"]][:OLD])
    updated, told = (quick(**MIXED, missing="mask").fit(y[["c"]][: OLD - 2]) for _ in range(2))
    updated.update(y[["c"]][OLD - 2 : OLD])
    for _ in range(2):
        told.update(told.predict(1))
    assert at_end.predict(3).equals(told.predict(3)) and updated.predict(3).equals(told.predict(3))
    weights = quick(**MIXED, missing="mask").fit(y[:OLD]).weights_
    assert (weights > 0.0).all(axis=None)


def test_beside_covariates_and_short_series() -> None:
    y = pd.DataFrame({name: Y[name] for name in "ab"})
    offer = pd.DataFrame({"offer": np.arange(len(Y)) % 5 == 0}, index=Y.index)
    y.iloc[: OLD - 3, 1] = np.nan
    with pytest.warns(UserWarning, match="too short"):
        model = quick(**MIXED, short="naive", missing="mask").fit(y[:OLD], X=offer[:OLD])
    assert model.weights_.index.tolist() == ["a"] and model.short_series_ == ["b"]
    assert np.isfinite(model.predict(4, X=offer)).all(axis=None)
    again = quick(**MIXED, warm_start=True).fit(y[["a"]][:OLD])
    before = again.predict(3)
    assert not again.fit(y[["a"]][:OLD]).predict(3).equals(before) and again.weights_.shape == (1, 2)


def test_each_refit_of_a_backtest_has_weights_of_its_own() -> None:
    options = MIXED | {"max_steps": 5}
    cv = quick(**options).cross_validation(Y[["a"]], 3, n_windows=2)
    for cutoff, part in cv.groupby("cutoff"):
        known = Y.loc[:cutoff, ["a"]]
        np.testing.assert_array_equal(part["RNN"], quick(**options).fit(known).predict(3)["a"])


def test_what_is_mixed_by_default() -> None:
    """Where a mean is forecast, candidates of means; where a distribution is, none."""
    assert RNNForecaster().candidates == "auto"
    model, counts = quick(candidates="auto", max_steps=2), pd.Series(np.arange(60) % 7)
    usual = [name for name, one in CANDIDATES.items() if one.is_usual]
    assert model.fit(Y[:OLD]).weights_.columns.tolist() == ["network", *usual]
    of_means = [name for name, one in CANDIDATES.items() if one.of_means]
    assert model.set_params(loss="squared_error").fit(Y[:OLD]).weights_.columns.tolist() == ["network", *of_means]
    assert model.set_params(loss="poisson").fit(counts).weights_.columns.tolist() == ["network"]
    model.set_params(loss="huber", candidates=["theta", "auto", "pretrained"])
    rest = [name for name in usual if name != "theta"]
    assert model.fit(Y[:OLD]).weights_.columns.tolist() == ["network", "theta", *rest, "pretrained"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"candidates": ["seasonago"]}, "must be 'auto', 'network', or names, each once, among .*'season_ago'"),
        ({"candidates": []}, "or names, each once"),
        ({"candidates": ["auto", "auto"]}, "or names, each once, among .'auto', 'damped_trend'"),
        ({"candidates": ["auto", np.arange(2)]}, "or names, each once"),
        ({"candidates": ["season_ago"] * 2}, "or names, each once"),
        ({"candidates": None}, "The 'candidates' parameter of RNNForecaster must be"),
        ({"candidates": ["season_ago"], "loss": "gaussian"}, "without a distribution, .* use candidates='network'"),
    ],
)  # fmt: skip
def test_what_cannot_be_mixed(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        quick(**options).fit(Y)


FORGERIES = {
    "a name": (lambda s: s["mixture"].update(names=["tea_leaves"]), "names among .*others are of a later version"),
    "two names": (
        lambda s: s["mixture"].update(names=list(CANDIDATES)[:2]),
        "must be those of the names",
    ),
    "no mixture": (lambda s: s.pop("mixture"), "bytes of tensors|must be those of the names"),
    "no states": (lambda s: s["candidates"].update(states=[]), "the widths of states"),
    "a width": (lambda s: s["candidates"].update(states=[2**40]), "the widths of states"),
    "weights": (lambda s: s["candidates"].update(n_parts=1), "n_parts must be an int from 2"),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_files_with_other_mixtures_are_refused(name: str, mixed: RNNForecaster, tmp_path: Path) -> None:
    change, message = FORGERIES[name]
    path = tmp_path / "model.rnn"
    mixed.save(path)
    path.write_bytes(forge(path.read_bytes(), lambda header: change(header["state"])))
    with pytest.raises(ModelFileError, match=message):
        load(path)


@pytest.mark.parametrize(("place", "value"), [(0, 13.0), (0, np.nan), (1, 12.0), (1, 0.5), (1, -1.0)])
def test_states_that_lead_elsewhere_are_refused(place: int, value: float, tmp_path: Path) -> None:
    """Compiled code counts places by them."""
    model = quick(**MIXED).fit(Y[["a"]])
    model._model.tail.candidates.states[0][0, place] = value
    model.save(tmp_path / "model.rnn")
    with pytest.raises(ModelFileError, match="states of the candidate 'season_ago' do not fit"):
        load(tmp_path / "model.rnn")


def test_weights_that_are_no_shares_are_refused(tmp_path: Path) -> None:
    model = quick(**MIXED).fit(Y[["a"]])
    model._model.tail.candidates.weights[0] = [0.5, 0.75]
    model.save(tmp_path / "model.rnn")
    with pytest.raises(ModelFileError, match="shares that add up to 1"):
        load(tmp_path / "model.rnn")
