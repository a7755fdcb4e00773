"""Losses that say how values are distributed: forecasts, draws, intervals, streams and files of a forecaster."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from forecastrnn import (
    Direct,
    Gaussian,
    Likelihood,
    NegativeBinomial,
    Poisson,
    Quantiles,
    StudentT,
    Tweedie,
    load,
)
from forecastrnn.forecasting.drawn_places import DrawnPlaces
from forecastrnn.formulas import log, log_sigmoid, softplus
from forecastrnn.model_selection import RollingOrigin
from forecastrnn.networks.likelihoods import LIKELIHOODS
from support.forecaster_cases import quick

RNG = np.random.default_rng(0)
DAYS = pd.date_range("2024-01-01", periods=120)
COUNTS = pd.DataFrame(RNG.poisson([0.4, 3.0, 40.0], (120, 3)), DAYS, ["few", "some", "many"])
REAL = np.exp(pd.DataFrame(0.3 * RNG.standard_normal((120, 3)), DAYS, list("abc")).cumsum() / 5) - [0, 0, 2.0]
SLOW = pytest.mark.slow
CASES = [
    pytest.param("gaussian", "recursive"), pytest.param("quantile", Direct(6)), pytest.param("gaussian", "seq2seq"),
    pytest.param("negative_binomial", "recursive"), pytest.param("negative_binomial", Direct(6)),
    pytest.param(NegativeBinomial(True), "seq2seq", marks=SLOW), pytest.param("tweedie", "recursive", marks=SLOW),
    pytest.param("tweedie", Direct(6), marks=SLOW), pytest.param(StudentT(5.0), "recursive", marks=SLOW),
    pytest.param("laplace", "seq2seq", marks=SLOW), pytest.param("student_t", "recursive", marks=SLOW),
]  # fmt: skip


def series_of(loss: Any) -> pd.DataFrame:
    """Series that it is of."""
    return REAL if loss in ("gaussian", "quantile", "laplace", "student_t", StudentT(5.0)) else COUNTS


@pytest.mark.parametrize(("loss", "strategy"), CASES, ids=str)
def test_intervals_are_nested_around_the_median(loss: Any, strategy: Any) -> None:
    y = series_of(loss)
    model = quick(loss=loss, strategy=strategy, intervals="conformal").fit(y)
    found = model.predict(6, level=[50, 80, 95])
    for name in y:
        own = found[name]
        columns = [f"RNN-lo-{p}" for p in (95, 80, 50)] + ["RNN"] + [f"RNN-hi-{p}" for p in (50, 80, 95)]
        assert (np.diff(own[columns].to_numpy()) >= 0).all()
        assert np.isfinite(own).all(axis=None)
    paths = model.sample_paths(6, 20, random_state=0, output="array")
    np.testing.assert_array_equal(paths, model.sample_paths(6, 20, random_state=0, output="array"))
    assert np.isfinite(paths).all()
    if y is COUNTS:
        assert (found >= 0).all(axis=None)
    if "egative" in str(loss):
        between = model.sample_paths(6, 150, random_state=0)  # so many lie between the quantiles that are kept
        for values in (found, between):
            np.testing.assert_array_equal(values, np.round(values))


@pytest.mark.parametrize("loss", ["gaussian", "negative_binomial", pytest.param("tweedie", marks=SLOW)])
def test_update_and_stream_are_predict(loss: str, tmp_path: Path) -> None:
    """Bit for bit, as without a likelihood; and a file gives all of it back."""
    y = series_of(loss)
    model = quick(loss=loss, intervals="conformal", n_members=2).fit(y[:-5])
    stream = model.stream(y.columns[1])
    assert stream.forecast == model.predict(1)[y.columns[1]].iloc[0]
    model.save(tmp_path / "model.rnn")
    again = load(tmp_path / "model.rnn")
    assert again.loss == model.loss
    for at in range(-5, 0):
        said = stream.step(float(y.iloc[at, 1]))
    for one in (model, again):
        one.update(y[-5:])
        assert one.predict(1)[y.columns[1]].iloc[0] == said
    pd.testing.assert_frame_equal(again.predict(3, level=80), model.predict(3, level=80))
    draws = [one.sample_paths(3, 4, calibrated=False, random_state=0, output="array") for one in (model, again)]
    np.testing.assert_array_equal(*draws)


def test_draws_do_not_depend_on_threads_and_series_beside_them() -> None:
    model = quick(loss="negative_binomial", intervals="head", n_jobs=1).fit(COUNTS)
    one = model.predict(5, quantiles=[0.1, 0.9], ids=["some"])
    other = model.set_params(n_jobs=2).predict(5, quantiles=[0.1, 0.9])
    pd.testing.assert_frame_equal(one["some"], other["some"])


def test_draws_have_the_mean_of_counts() -> None:
    """Futures of independent counts do not drift; a mean is theirs, and half of them lie at the median or below."""
    y = pd.DataFrame(np.random.default_rng(1).poisson(2.0, (400, 4)))
    model = quick(loss="poisson", intervals="head", max_steps=60, season_length=1).fit(y)
    paths = model.sample_paths(20, 400, calibrated=False, random_state=0, output="array")
    assert abs(paths.mean() / 2.0 - 1.0) < 0.15
    assert paths.var() == pytest.approx(2.0, rel=0.3)
    assert (model.predict(20) == 2.0).mean(axis=None) > 0.9
    found = model.predict(20, level=80)
    assert 0.8 < np.mean([np.mean((paths[:, k] >= found[k]["RNN-lo-80"].to_numpy())
                                  & (paths[:, k] <= found[k]["RNN-hi-80"].to_numpy())) for k in y]) < 0.97  # fmt: skip


def test_gaussian_intervals_of_noise_cover() -> None:
    """Of white noise, whose deviation the network has to find: nearly so raw, and when calibrated."""
    rng = np.random.default_rng(0)
    y = pd.DataFrame(rng.standard_normal((200, 60)))
    for intervals, most in (("head", 0.93), ("conformal", 0.86)):
        model = quick(loss="gaussian", intervals=intervals, max_steps=100, season_length=1).fit(y)
        band = model.predict(10, level=80)
        truth = rng.standard_normal((10, 60))
        inside = [(truth[:, k] >= band[k]["RNN-lo-80"]) & (truth[:, k] <= band[k]["RNN-hi-80"]) for k in y]
        assert 0.74 < np.mean(inside) < most, intervals


def test_local_networks_and_members() -> None:
    """Members are a mixture: each draws its share of paths."""
    model = quick(loss="poisson", intervals="head", global_model=False, n_members=2).fit(COUNTS)
    assert model.predict(3, level=80).notna().all(axis=None)
    assert model.sample_paths(3, 4, calibrated=False, output="array").shape == (4, 3, 3)


BAD = {
    "a fraction": (1.5, "y: series 'some' has 1.5 at 2024-01-11 .*a whole number from 0 on"),
    "below 0": (-1.0, r"y: series 'some' has -1 at 2024-01-11 .*\(1 such value\)"),
}


@pytest.mark.parametrize("name", BAD)
def test_values_that_are_no_counts(name: str) -> None:
    value, said = BAD[name]
    y = COUNTS.astype(float)
    y.iloc[10, 1] = value
    with pytest.raises(ValueError, match=said):
        quick(loss="poisson").fit(y)
    model = quick(loss="poisson", intervals=None).fit(COUNTS)
    with pytest.raises(ValueError, match="y of predict: " + said.removeprefix("y: ")):
        model.predict(2, y=y)
    with pytest.raises(ValueError, match="value must be a whole number from 0 on, as loss='poisson' needs"):
        model.stream("some").step(value)
    new = y[10:11].set_axis(DAYS[-1:] + pd.Timedelta(days=1))
    with pytest.raises(ValueError, match="y_new: series 'some' has .*a whole number"):
        model.update(new)
    if value < 0:
        with pytest.raises(ValueError, match="a number from 0 on"):
            quick(loss="tweedie").fit(y)


@pytest.mark.parametrize(("options", "said"), [
    ({"loss": Quantiles((0.9, 0.1))}, "'loss__levels' parameter .* at least two rising numbers"),
    ({"loss": Quantiles((0.6, 0.9))}, "'loss__levels' parameter"),
    ({"loss": Tweedie(2.5)}, "'loss__power' parameter"),
    ({"loss": StudentT(-1.0)}, "'loss__degrees' parameter"),
    ({"loss": "gaussians"}, "'loss' parameter"),
    ({"intervals": "head"}, "intervals='head' needs a loss that says how values are distributed"),
    ({"loss": "poisson", "long_run_mean": False}, "rests on the mean of all values"),
])  # fmt: skip
def test_parameters_that_cannot_be(options: dict, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        quick(**options).fit(COUNTS)


def test_what_networks_of_counts_do_not_do() -> None:
    model = quick(loss="poisson", intervals=None, warm_start=True).fit(COUNTS[:-1])
    with pytest.raises(ValueError, match="do not learn from new rows alone"):
        model.update(COUNTS[-1:], train=True)
    with pytest.raises(ValueError, match="loss must be that of the first fit, 'poisson'"):
        model.set_params(loss="negative_binomial").fit(COUNTS)


def test_as_parameters() -> None:
    """Short forms, options by name, a search over both, and clones."""
    model = quick(loss="quantile").set_params(loss__levels=[0.2, 0.5, 0.8])
    assert model.loss == Quantiles([0.2, 0.5, 0.8])
    assert clone(model).get_params()["loss__levels"] == [0.2, 0.5, 0.8]
    assert repr(NegativeBinomial(zero_inflated=True)) == "NegativeBinomial(zero_inflated=True)"
    assert Gaussian().short() == "gaussian"
    search = GridSearchCV(
        quick(intervals=None, max_steps=5), {"loss": [Poisson(), "absolute_error"], "n_members": [1]},
        cv=RollingOrigin(2, 2),
    )  # fmt: skip
    assert search.fit(COUNTS["many"]).best_params_["loss"] in (Poisson(), "absolute_error")


def test_a_likelihood_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its name in the table, as the recipe of CONTRIBUTING says."""

    @dataclass(frozen=True)
    class Logistic(Likelihood):
        outputs = ("middle", "width")

        def link(self, middle: Any, width: Any) -> Any:
            return middle, softplus(width) + 0.001

        def loss(self, y: Any, middle: Any, width: Any) -> Any:
            z = (y - middle) / width
            return log(width) - log_sigmoid(z) - log_sigmoid(-z)

        def quantile(self, share: Any, middle: Any, width: Any) -> Any:
            return middle + width * (log(share) - log(1.0 - share))

    monkeypatch.setitem(LIKELIHOODS, "logistic", Logistic)
    model = quick(loss="logistic", intervals="head").fit(REAL)
    assert model.predict(2, level=80).notna().all(axis=None)
    model.save(tmp_path / "model.rnn")
    pd.testing.assert_frame_equal(load(tmp_path / "model.rnn").predict(2), model.predict(2))


def test_places_among_draws_and_back() -> None:
    """A value, its score, and the value there again; beyond the draws in line."""
    draws = np.random.default_rng(0).standard_normal((200, 4, 3)) * [1.0, 10.0, 0.1]
    places = DrawnPlaces.of(draws, is_counted=False)
    values = np.concatenate([0.99 * draws[:5], 3.0 * draws[:5], 0.1 * draws[:5]])
    for own in values:
        scores = places.scores_of(own, np.random.RandomState(0))
        np.testing.assert_allclose(places.values_at(scores[None])[0], own, rtol=1e-6, atol=1e-9)
    counts = DrawnPlaces.of(np.random.default_rng(0).poisson(2.0, (200, 4, 3)).astype(float), is_counted=True)
    found = counts.values_at(np.linspace(-4, 4, 9)[:, None, None])
    np.testing.assert_array_equal(found, np.round(found))
    assert (np.diff(found, axis=0) >= 0).all()


def test_what_is_learned_at_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counts as they are, and the mean of those before with the season's figure; of large ones the last one."""
    from forecastrnn.forecasting.preparation import prepare
    from forecastrnn.forecasting.raw_values import LEAST, targets_of
    from forecastrnn.networks.likelihoods import Poisson as Formula

    values = np.concatenate([COUNTS["some"].to_numpy(float), COUNTS["many"].to_numpy(float)])
    p = prepare(values, np.array([0, 120, 240]), 7, is_raw=True, least=9.0)
    pairs = targets_of(p, p.observed, Formula(), 0, 0)
    assert p.figure is not None
    for series in range(2):
        begin = p.starts[series] + p.pads[series]
        for t in (begin + 30, begin + 100):
            assert pairs[t, 0] == values[120 * series + t - begin + 1]
            base = (p.z[begin : t + 1].mean() if series == 0 else p.z[t]) * p.scale[series] + p.figure[t + 1]
            log_mean = np.log(max(base, LEAST)) if series == 0 else base
            np.testing.assert_allclose(pairs[t, 1], np.log(p.level[series]) + log_mean)
            assert pairs[t, 2] == (1.0 if series == 0 else p.scale[series])
