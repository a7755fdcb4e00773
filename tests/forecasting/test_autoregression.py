"""Autoregression against a slow restatement, published coefficients, and processes that are known."""

from __future__ import annotations

import numpy as np
import pytest

from forecastrnn.engine.cpu.autoregression import CHANGES, COEFFICIENTS, MOST, ORDER, SHORT, SIZE
from forecastrnn.engine.cpu.scaled_lines import HEAD
from forecastrnn.forecasting.candidates.autoregression import FORMULA
from forecastrnn.forecasting.candidates.seasonal_changes import FORMULA as SEASONAL
from support import naive_candidates as naive
from support.candidate_cases import known, with_gaps

HORMONE = [  # luteinizing hormone in blood samples, Diggle (1990): `lh` of R
    2.4, 2.4, 2.4, 2.2, 2.1, 1.5, 2.3, 2.3, 2.5, 2.0, 1.9, 1.7, 2.2, 1.8, 3.2, 3.2, 2.7, 2.2, 2.2, 1.9, 1.9, 1.8, 2.7,
    3.0, 2.3, 2.0, 2.0, 2.9, 2.9, 2.7, 2.7, 2.3, 2.6, 2.4, 1.8, 1.7, 1.5, 1.4, 2.1, 3.3, 3.5, 3.5, 3.1, 2.6, 2.1, 3.4,
    3.0, 2.9,
]  # fmt: skip


def numbers(y: np.ndarray) -> np.ndarray:
    """Those of the linear line."""
    return FORMULA.begin(known(y, season=1)).reshape(2, -1)[0, HEAD : HEAD + SIZE]


def process(coefficients: list[float], n: int, seed: int = 0) -> np.ndarray:
    """An autoregression around -5."""
    noise, x = np.random.default_rng(seed).normal(size=n + 100), np.zeros(n + 100)
    for t in range(len(coefficients), n + 100):
        x[t] = sum(a * x[t - 1 - j] for j, a in enumerate(coefficients)) + noise[t]
    return x[100:] - 5.0


def test_the_slow_one_has_published_coefficients() -> None:
    """Those of R's documentation: ar(lh, method = "burg")."""
    found, power = naive.burg(np.array(HORMONE) - np.mean(HORMONE), 3)
    np.testing.assert_allclose(found, [0.6588, -0.0608, -0.2234], atol=5e-5)
    np.testing.assert_allclose(power, 0.1786, atol=5e-5)


@pytest.mark.parametrize("coefficients", [[0.8], [1.4, -0.8], [0.3, 0.0, 0.0, 0.6]])
@pytest.mark.parametrize("n", [40, 300])
def test_equals_the_slow_one(coefficients: list[float], n: int) -> None:
    y = process(coefficients, n)
    expected = naive.autoregression(y, MOST, 20)
    np.testing.assert_allclose(FORMULA.forecast(FORMULA.begin(known(y, season=1)), 20)[0], expected, rtol=1e-8)


def test_coefficients_are_found() -> None:
    own = numbers(process([1.4, -0.8], 2000))
    assert own[CHANGES] == 0.0
    np.testing.assert_allclose(own[COEFFICIENTS : COEFFICIENTS + 2], [1.4, -0.8], atol=0.06)


def test_a_walk_goes_half_its_way_on() -> None:
    y = np.cumsum(np.random.default_rng(1).normal(size=500)) - 1000.0
    own = numbers(y)
    assert own[CHANGES] == 1.0
    far = FORMULA.forecast(FORMULA.begin(known(y, season=1)), 1000)[0]
    np.testing.assert_allclose(far[-1] - far[-101], 50 * np.diff(y).mean(), rtol=1e-6)  # half the mean change


def test_gaps_are_as_forecast() -> None:
    y = process([0.9], 300)
    gappy = with_gaps(y, np.random.default_rng(0), 0.05)
    np.testing.assert_allclose(numbers(gappy)[COEFFICIENTS], 0.9, atol=0.1)
    states = FORMULA.begin(known(y, season=1))
    ahead = FORMULA.forecast(states, 12)
    later = FORMULA.behind(states, np.full(5, np.nan), np.array([0, 5]), np.array([0]))
    np.testing.assert_allclose(FORMULA.forecast(later, 7), ahead[:, 5:], rtol=1e-12)


def test_few_values_are_the_last_one() -> None:
    found = FORMULA.forecast(FORMULA.begin(known(np.array([1.0, -2.0, 4.0]), np.array([3.0]), season=1)), 4)
    np.testing.assert_allclose(found, [[4.0] * 4, [3.0] * 4], rtol=1e-12)


def test_the_order_of_a_file_is_checked() -> None:
    states = FORMULA.begin(known(process([0.9], 60), season=1))
    assert FORMULA.is_sound(states)
    for order in (-1.0, 0.5, MOST + 1.0):
        states[0, HEAD + ORDER] = order
        assert not FORMULA.is_sound(states)


@pytest.mark.parametrize("season", [1, 4, 7])
@pytest.mark.parametrize("n", [30, 150])
def test_changes_over_a_season_equal_the_slow_ones(season: int, n: int) -> None:
    t = np.arange(n)
    y = process([0.7], n) - 50.0 + 0.05 * t + 3.0 * np.sin(2 * np.pi * t / 7)
    states = SEASONAL.begin(known(y, season=season))
    expected = naive.seasonal_changes(y, season, SHORT, 3 * season + 2)
    np.testing.assert_allclose(SEASONAL.forecast(states, 3 * season + 2)[0], expected, rtol=1e-8)


def test_changes_over_a_season_pass_gaps() -> None:
    y = process([0.7], 100) + 5.0 * np.tile([-1.0, 0.0, 1.0, 0.0], 25)
    gappy = with_gaps(y, np.random.default_rng(0), 0.1)
    gappy[2::4] = np.nan  # a place that is never known is forecast about the mean
    found = SEASONAL.forecast(SEASONAL.begin(known(gappy, season=4)), 8)[0]
    assert (found[[1, 5]] > found[[0, 4]]).all() and np.abs(found - np.nanmean(gappy)).max() < 9.0
    assert abs(found[2] - np.nanmean(gappy)) < 3.0


def test_too_few_values_for_a_season_are_changes_of_neighbours() -> None:
    y = process([0.7], 20)
    found = SEASONAL.forecast(SEASONAL.begin(known(y, season=12)), 5)
    np.testing.assert_array_equal(found, SEASONAL.forecast(SEASONAL.begin(known(y, season=1)), 5))
