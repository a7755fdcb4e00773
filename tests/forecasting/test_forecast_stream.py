"""One value at a time: the same forecasts as all at once, for as long as one likes."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from forecastrnn import RNNForecaster
from forecastrnn.datasets import load_airline
from support.naive_seasonal import seasonal_series
from support.slow_forecasts import slow_forecasts


def fit(y: object, **options: object) -> RNNForecaster:
    return RNNForecaster(
        **{"n_members": 1, "max_steps": 20, "random_state": 0, "intervals": None, "candidates": "network"} | options
    ).fit(y)


@pytest.fixture(scope="module")
def airline() -> pd.Series:
    return load_airline()


@pytest.fixture(scope="module")
def fitted(airline: pd.Series) -> RNNForecaster:
    return fit(airline[:-24], max_steps=50)


@pytest.mark.parametrize("n_members", [1, 2, 3])
def test_first_forecast_is_that_of_predict(airline: pd.Series, n_members: int) -> None:
    model = fit(airline, n_members=n_members)
    assert model.stream().forecast == pytest.approx(model.predict(1).iloc[0], rel=1e-12)


@pytest.mark.parametrize("sign", [1.0, -1.0], ids=["log", "linear"])
def test_own_forecasts_fed_back_give_predict(airline: pd.Series, sign: float) -> None:
    model = fit(airline * sign)
    stream = model.stream()
    path = [stream.forecast]
    for _ in range(35):
        path.append(stream.step(path[-1]))
    np.testing.assert_allclose(path, model.predict(36), rtol=1e-4)
    assert stream.forecast == path[-1]


def test_known_values_give_about_the_forecasts_of_longer_series(airline: pd.Series, fitted: RNNForecaster) -> None:
    """About, for there level, figure and scale are those of the longer series."""
    stream = fitted.stream()
    for k in range(-24, -1):
        forecast = stream.step(airline.iloc[k])
        assert forecast == pytest.approx(fitted.predict(1, y=airline[: k + 1]).iloc[0], rel=0.12)


@pytest.mark.parametrize("dtype, tolerance", [("float64", 1e-9), ("float32", 2e-4)])
@pytest.mark.parametrize("season", [1, 7])
def test_long_streams_agree_with_one_pass(season: int, dtype: str, tolerance: float) -> None:
    """2,400 values: the history is moved back to the front twice."""
    rng = np.random.default_rng(season)
    y = seasonal_series(rng, 300, season, 3)
    model = fit(y, season_length=season, dtype=dtype)
    values = y[-1] + seasonal_series(rng, 2400, season)
    stream = model.stream()
    given = [stream.forecast] + [stream.step(value) for value in values]
    expected = slow_forecasts(model, values)
    np.testing.assert_allclose(given, expected, atol=tolerance * np.abs(values).max())


def test_long_positive_stream() -> None:
    y = np.exp(0.2 * seasonal_series(np.random.default_rng(0), 1500, 12))
    model = fit(y[:200], season_length=12, dtype="float64")
    stream = model.stream()
    given = [stream.forecast] + [stream.step(value) for value in y[200:]]
    np.testing.assert_allclose(given, slow_forecasts(model, y[200:]), rtol=1e-9)


def test_streams_are_independent(airline: pd.Series, fitted: RNNForecaster) -> None:
    first, second, third = (fitted.stream() for _ in range(3))
    alone = [third.step(value) for value in airline[-10:]]
    mixed = []
    for value in airline[-10:]:
        mixed.append(first.step(value))
        second.step(2.0 * value)
    assert mixed == alone
    assert second.forecast != first.forecast
    fitted.predict(3)
    assert fitted.stream().forecast == fitted.stream().forecast != first.forecast


def test_stream_of_a_panel() -> None:
    rng = np.random.default_rng(0)
    wide = pd.DataFrame(rng.gamma(9.0, 1.0, (60, 3)) * [1, 100, 1e4], columns=["a", "b", "c"])
    model = fit(wide, season_length=4)
    for name in wide:
        assert model.stream(name).forecast == pytest.approx(model.predict(1)[name].iloc[0], rel=1e-6)
    with pytest.raises(ValueError, match="series must name one of the 3 series of fit, for example 'a'"):
        model.stream()
    with pytest.raises(ValueError, match="unknown series: 'Z'; the known series are 'a', 'b', 'c'"):
        model.stream("Z")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_must_be_finite(fitted: RNNForecaster, value: float) -> None:
    stream = fitted.stream()
    before = stream.forecast
    with pytest.raises(ValueError, match="value must be a finite number"):
        stream.step(value)
    assert stream.forecast == before


def test_a_value_that_is_not_known(airline: pd.Series) -> None:
    """What the error advises is what `update` does with NaN."""
    model = fit(airline[:-3], missing="mask")
    stream = model.stream()
    with pytest.raises(ValueError, match=r"Got nan. Where it is not known, step\(stream.forecast\) goes on as if"):
        stream.step(np.nan)
    assert stream.step(stream.forecast) == model.update(airline[-3:-2] * np.nan).predict(1).iloc[0]


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, pickle.dumps])
def test_what_to_do_in_place_of_a_copy(fitted: RNNForecaster, copied: Callable[[object], object]) -> None:
    with pytest.raises(TypeError, match=r"cannot be copied or pickled. Give the values .* to update\(y_new\)"):
        copied(fitted.stream())


@pytest.mark.parametrize("value", [0.0, -1.0])
def test_values_must_be_positive_where_the_series_was(airline: pd.Series, fitted: RNNForecaster, value: float) -> None:
    stream, untouched = fitted.stream(), fitted.stream()
    with pytest.raises(ValueError, match="value must be positive"):
        stream.step(value)
    assert stream.step(400.0) == untouched.step(400.0)
    assert np.isfinite(fit(-airline).stream().step(value))


@pytest.mark.parametrize("value", ["400", None, True, [400.0], np.array([1.0, 2.0])])
def test_values_must_be_numbers(fitted: RNNForecaster, value: object) -> None:
    with pytest.raises(TypeError, match="value must be a number"):
        fitted.stream().step(value)


@pytest.mark.parametrize("value", [400, np.float32(400), np.int64(400), np.float64(400)])
def test_numbers_of_any_type(fitted: RNNForecaster, value: object) -> None:
    assert fitted.stream().step(value) == fitted.stream().step(400.0)
