"""Neither the unit of a series nor its zero matters, nor a value that is almost nothing."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecastrnn import RNNForecaster, load
from forecastrnn.forecasting.preparation import prepare
from support.forecaster_cases import long_of, quick

H = 20
UNITS = (1e-300, 3e-9, 12.0, 1e300)


def of_both_signs(n: int = 90, seed: int = 0) -> np.ndarray:
    """A week, a walk and noise."""
    rng, t = np.random.default_rng(seed), np.arange(n)
    return np.sin(2 * np.pi * t / 7) + rng.normal(0, 0.3, n) + rng.normal(0, 0.1, n).cumsum()


def daily(values: np.ndarray) -> pd.Series:
    return pd.Series(values, index=pd.date_range("2020-01-06", periods=len(values)))


def fitted(values: np.ndarray, **options: object) -> RNNForecaster:
    return quick(**options).fit(daily(values))


def is_linear(model: RNNForecaster) -> bool:
    return bool(model._model.tail.prepared.linear[0])


@pytest.fixture(scope="module")
def unmoved() -> np.ndarray:
    return fitted(of_both_signs()).predict(H).to_numpy()


CHANGES = [
    (1e-300, 0.0),
    (1e300, 0.0),
    (1e-290, -40.0),
    (1e290, 3000.0),
    (3e-9, 1e5),
    (0.7, -0.6),
    (12.0, -1e4),
    (1.0, 3e6),
]


@pytest.mark.parametrize("unit, level", CHANGES)
def test_an_affine_change_changes_forecasts_likewise(unit: float, level: float, unmoved: np.ndarray) -> None:
    y = of_both_signs()
    model = fitted(unit * y + unit * level)
    assert is_linear(model)
    found = model.predict(H).to_numpy() / unit - level
    np.testing.assert_allclose(found, unmoved, rtol=0, atol=1e-6 * y.std())


def test_an_affine_change_changes_a_mixture_likewise() -> None:
    """Candidates take no logarithm where networks take none."""
    y = of_both_signs()
    one = fitted(y, candidates="auto")
    assert one.weights_["network"].item() < 0.9
    for unit, level in ((3.0, -2e4), (1e-5, 3e3)):
        found = fitted(unit * (y + level), candidates="auto").predict(H).to_numpy() / unit - level
        np.testing.assert_allclose(found, one.predict(H), rtol=0, atol=1e-6 * y.std())


@pytest.mark.parametrize("unit", UNITS)
def test_the_unit_of_logarithms_does_not_matter(unit: float) -> None:
    y = np.exp(of_both_signs())
    one, other = fitted(y), fitted(y * unit)
    assert not is_linear(other)
    np.testing.assert_allclose(other.predict(H) / unit, one.predict(H), rtol=1e-6)


@pytest.mark.parametrize("options", [{"strategy": "seq2seq"}, {"global_model": False}, {"dtype": "float64"}], ids=str)
def test_so_does_each_way_to_a_forecast(options: dict, tmp_path: Path) -> None:
    """Intervals, sample paths, streams, updates, other series, files: all are in the unit of the series."""
    y, unit, level = of_both_signs(100), 8.0, -(2.0**14)
    found = []
    for values in (y, unit * y + level):
        model = fitted(values[:90], intervals="paths", **options)
        model.save(tmp_path / "model.rnn")
        model = load(tmp_path / "model.rnn")
        new = daily(values)[90:]
        stream = model.stream()
        steps = [stream.step(value) for value in new]
        frames = [model.predict(3, level=[80]), model.sample_paths(3, 2, calibrated=False, random_state=0)]
        if "global_model" not in options:
            frames.append(model.predict(3, y=daily(values[20:])))
        frames.append(model.update(new).predict(3))
        found.append(np.concatenate([steps, *(np.ravel(np.asarray(frame, float)) for frame in frames)]))
    np.testing.assert_allclose((found[1] - level) / unit, found[0], rtol=0, atol=1e-5)


def test_a_panel_of_all_scales_forecasts_each_series_as_its_kind() -> None:
    """The same series at three levels is forecast alike, beside one of logarithms."""
    y = of_both_signs()
    series = {name: daily(y + level) for name, level in (("a", 0.0), ("b", -100.0), ("c", 4096.0))}
    model = quick().fit(long_of(series | {"d": daily(np.exp(y))}))
    assert model._model.tail.prepared.linear.tolist() == [True, True, True, False]
    found = model.predict(H).pivot(index="ds", columns="unique_id", values="RNN")
    for name, level in (("b", -100.0), ("c", 4096.0)):
        np.testing.assert_allclose(found[name] - level, found["a"], rtol=0, atol=1e-6)
    assert (found["d"] > 0).all()


# One tiny value ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("tiny", [0.0, 1e-300, 5.5e-17, 1e-9, 1e-3, 1e-2])
@pytest.mark.parametrize("place", [20, 87, 89])
def test_a_value_of_almost_nothing_is_as_a_zero(tiny: float, place: int) -> None:
    rng = np.random.default_rng(3)
    y = 50.0 * np.exp(0.1 * rng.normal(size=90))
    y[place] = tiny
    model = fitted(y)
    assert is_linear(model)
    found = model.predict(H)
    zero = fitted(np.where(np.arange(90) == place, 0.0, y)).predict(H)
    np.testing.assert_allclose(found, zero, rtol=0.02)
    assert model.sample_paths(H, 10, calibrated=False, random_state=0).to_numpy().max() < 200


def test_residue_for_zeros_is_as_zeros() -> None:
    rng = np.random.default_rng(1)
    y = np.where(rng.random(140) < 0.4, 5.5e-17, rng.integers(1, 9, 140) * 0.1)
    model = fitted(y)
    np.testing.assert_allclose(model.predict(H), fitted(np.where(y < 0.01, 0.0, y)).predict(H), atol=1e-6)
    assert model.sample_paths(H, 20, calibrated=False, random_state=0).abs().to_numpy().max() < 5


def test_a_tiny_new_value_is_read_as_a_hundredth_of_the_level() -> None:
    """Of a series of logarithms: it may not throw what follows out of the world."""
    y = 50.0 * np.exp(0.1 * np.random.default_rng(3).normal(size=90))
    model, level = fitted(y), y.mean()
    assert not is_linear(model)
    found = []
    for new in (1e-12, 0.01 * level):
        stream, other = model.stream(), copy.deepcopy(model)
        found.append([stream.step(new), *other.update(daily(np.r_[y, new])[90:]).predict(H)])
    np.testing.assert_allclose(found[0], found[1], rtol=1e-12)
    assert max(found[0]) < 200


# What is read as what ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "values, linear",
    [
        (np.array([1.0, 2.0, 4.0, 2.0]), False),
        (np.array([1.0, 2.0, 0.0, 2.0]), True),
        (np.array([1.0, 2.0, -1.0, 2.0]), True),
        (np.array([100.0, 200.0, 1.5, 200.0]), False),
        (np.array([100.0, 200.0, 1.2, 200.0]), True),
        (1e4 + np.array([0.0, 11.0, 0.0, 11.0]), False),
        (1e4 + np.array([0.0, 9.0, 0.0, 9.0]), True),
        (np.array([3.0, 3.0, 3.0, 3.0]), True),
    ],
    ids=str,
)  # fmt: skip
def test_logarithms_are_of_what_changes_in_proportion(values: np.ndarray, linear: bool) -> None:
    assert prepare(values, np.array([0, 4]), 1).linear.tolist() == [linear]
