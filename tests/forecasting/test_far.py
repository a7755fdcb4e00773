"""Far ahead forecasts stay near to where a series has been, and near ahead nothing is different."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from forecastrnn import AdamW, RNNForecaster
from forecastrnn.datasets import load_airline
from forecastrnn.forecasting.hulls import fences_of, hulls_of
from forecastrnn.forecasting.preparation import prepare
from support.forecaster_cases import panel, quick
from support.naive_seasonal import trailing_mean
from support.panels import put_together, random_panel
from support.slow_forecasts import in_unit, slow_row

FAR = 3000


def series(name: str) -> np.ndarray:
    rng, t = np.random.default_rng(5), np.arange(300)
    return {
        "noise": rng.normal(10, 1, 300),
        "near 0": rng.normal(0, 1, 300),
        "lognormal": rng.lognormal(0, 0.5, 300),
        "counts": rng.poisson(0.8, 300).astype(float),
        "negative binomial": rng.negative_binomial(0.5, 0.1, 300).astype(float),
        "autoregression": np.array([x := 0.0] + [x := 0.9 * x + e for e in rng.normal(size=299)]),
        "sine of another season": 10 + np.sin(t / 5),
        "trend": 5.0 + t + rng.normal(size=300),
        "growth": np.exp(0.02 * t + 0.1 * rng.normal(size=300)),
        "walk": rng.normal(size=300).cumsum(),
        "trend times season": (10 + 0.1 * t) * (1 + 0.3 * np.sin(2 * np.pi * t / 7)),
    }[name]


STEADY = ("noise", "near 0", "lognormal", "counts", "negative binomial", "autoregression", "sine of another season")
MOVING = ("trend", "growth", "walk", "trend times season")


def fitted(y: np.ndarray, **options: object) -> RNNForecaster:
    """With a rate so high that what is learned is poor."""
    given = {"season_length": 7, "max_steps": 40, "solver": AdamW(0.05), "random_state": 1}
    return quick(**given | options).fit(y)


@pytest.mark.parametrize("name", STEADY)
def test_series_that_stay_are_forecast_within_three_spreads(name: str) -> None:
    """Of their range, which is that of a poor network too, and of what it draws."""
    y = series(name)
    model = fitted(y)
    low, high = y.min() - 3 * np.ptp(y), y.max() + 3 * np.ptp(y)
    for found in (model.predict(FAR), model.sample_paths(400, 20, calibrated=False, random_state=0, output="array")):
        assert np.isfinite(np.asarray(found)).all()
        assert low <= np.min(found) and np.max(found) <= high


@pytest.mark.parametrize("name", MOVING)
def test_what_grows_grows_no_more_than_in_line(name: str) -> None:
    """On the scale that is forecast, after all that has been."""
    model = fitted(series(name))
    p = model._model.tail.prepared
    far = np.asarray(model.predict(FAR), float)
    z, y = (values if p.linear[0] else np.log(values) for values in (far, series(name)))
    assert np.isfinite(z).all()
    steps, n = np.arange(1, FAR + 1), len(y)
    assert (np.abs(z - y[-1]) <= np.ptp(y) * (1.0 + 3.0 * np.minimum(steps / n, 1.0))).all()


@pytest.mark.parametrize("season", [1, 7, 12])
def test_hulls_equal_the_slow_ones(season: int) -> None:
    every = random_panel(season, False)
    p = prepare(*put_together(every), season)
    for i, hull in enumerate(hulls_of(p)):
        z = p.z[p.starts[i] + p.pads[i] : p.starts[i + 1]]
        width = min(p.layout.mean_width, len(z))
        means = trailing_mean(z, width)[width - 1 :]
        missing = max(np.ptp(z) * width / len(z) - np.ptp(means), 0.0) / 2
        np.testing.assert_allclose(
            hull, [means.min() - missing, means.max() + missing, z.min(), z.max()], rtol=0, atol=1e-9
        )


def slow_step(value: float, old: float, mean: float, ends: np.ndarray) -> float:
    """`kept_near`, restated: what is left of a step outward goes from all to nothing between the two ends."""
    stop_low, free_low, free_high, stop_high, least, most = ends
    if value > old:
        value = old + (value - old) * np.clip((stop_high - mean) / (stop_high - free_high), 0, 1)
    else:
        value = old + (value - old) * np.clip((mean - stop_low) / (free_low - stop_low), 0, 1)
    return float(np.clip(value, least, most))


@pytest.mark.parametrize("row", [0, 2], ids=["logarithms", "linear"])
def test_steps_that_lead_out_equal_the_slow_ones(row: int) -> None:
    """With a hull so small that the first steps reach its ends."""
    model = quick(dtype="float64", season_length=12, max_steps=60, solver=AdamW(0.05))
    held = model.fit(panel().iloc[:, [row]])._model
    hulls = held.tail.hulls.copy()
    last = held.tail.z[0, -12:].mean()
    hulls[:, 0], hulls[:, 1] = last - 0.05, last + 0.05
    held = replace(held, tail=replace(held.tail, hulls=hulls))
    found = held.paths(held.tail, np.zeros(1, int), 40, np.zeros(1, int), "cpu", ahead=None)[0, 0]
    np.testing.assert_allclose(found, slow_far(held, 40), rtol=1e-8)
    free = replace(held.tail, hulls=None)
    assert np.abs(found - held.paths(free, np.zeros(1, int), 40, np.zeros(1, int), "cpu", ahead=None)[0, 0]).max() > 0.1


def slow_far(held: object, h: int) -> np.ndarray:
    """The forecast of one series, each step kept near."""
    from forecastrnn.programs.inference import forward

    tail, p = held.tail, held.tail.prepared
    z, X, width = list(tail.z[0]), list(tail.inputs[0]), p.layout.mean_width
    ends = fences_of(tail.hulls, p, "float64")[0]
    for step in range(h):
        X.append(slow_row(p, np.array(z), len(z) - 1, tail.phase[0] + step))
        value = z[-1] + forward(held.network, held.trained.thetas[0, 0], np.array(X)[None]).outputs[0, -1, 0]
        z.append(slow_step(value, z[-width], np.mean(z[-width:]), ends))
    return in_unit(p, np.array(z[-h:]) * p.scale[0] + p.after[0, np.arange(h) % p.period_of[0]])


@pytest.mark.parametrize("strategy", ["recursive", "seq2seq"])
def test_near_ahead_the_bits_are_those_without_a_fence(strategy: str) -> None:
    for y in (load_airline(), panel()):
        model = quick(strategy=strategy).fit(y)
        fenced = model.predict(24)
        model._model = replace(model._model, tail=replace(model._model.tail, hulls=None))
        assert np.array_equal(np.asarray(model.predict(24)), np.asarray(fenced))


def test_where_new_values_have_been_is_near_too() -> None:
    """A stream and an update go on alike behind values beyond all before, and are not held back from there."""
    y = pd.Series(series("near 0"), pd.date_range("2020", periods=300))
    new = pd.Series(40.0 + y.to_numpy()[:30], pd.date_range(y.index[-1], periods=31)[1:])
    model = fitted(y, long_run_mean=False)  # it would lead back to where the series was
    stream, other = model.stream(), copy.deepcopy(model)
    steps = [stream.step(value) for value in new]
    other.update(new)
    assert steps[-1] == other.predict(1).iloc[0]
    hulls = other._model.tail.hulls
    assert hulls[0, 3] == other._model.tail.z.max() and hulls[0, 1] > 5 * model._model.tail.hulls[0, 1]
    assert other.predict(200).max() > 30


def test_a_constant_series_stays_as_it_is() -> None:
    assert (quick().fit(np.full(60, 1 / 3)).predict(100) == 1 / 3).all()
