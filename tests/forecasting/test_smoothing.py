"""Damped trend and theta against slow restatements, values of statsforecast, and what must hold of their lines."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from forecastrnn.engine.cpu.damped_trend import FIRST
from forecastrnn.engine.cpu.scaled_lines import HEAD, KIND
from forecastrnn.forecasting.candidates.candidate import KnownSeries
from forecastrnn.forecasting.candidates.damped_trend import FORMULA as DAMPED
from forecastrnn.forecasting.candidates.lines import LineFormula
from forecastrnn.forecasting.candidates.theta import FORMULA as THETA
from support import naive_candidates as naive
from support.candidate_cases import known, monthly, with_gaps

T = np.arange(80)
SMOOTH = -30 + 6 * np.sin(T / 9) + 0.5 * np.cumsum(np.sin(T * T * 0.7)) + ((T * 37) % 11) / 11
ROUGH = -30 + 3 * np.sin(T / 9) + 2.5 * np.cumsum(np.sin(T * T * 0.7)) / 3 + ((T * 37) % 11) / 2


def linear_lines(formula: LineFormula, series: KnownSeries) -> np.ndarray:
    """The formula's numbers of the linear line of each series."""
    return formula.begin(series).reshape(series.n_series, 2, -1)[:, 0, HEAD : HEAD + formula.size]


def first_line(y: np.ndarray) -> tuple[float, float]:
    slope, base = np.polyfit(np.arange(1, FIRST + 1), y[:FIRST], 1)
    return base, slope


def test_damped_trend_has_the_value_of_statsforecast() -> None:
    """statsforecast 2.1.1, AutoETS(season_length=1, model="AAN", damped=True).fit(SMOOTH): its errors and first step.

    Its steps beyond have phi b twice: -24.1057 = -23.9076 - .1981, not - .1585.
    """
    slow, error = naive.damped(
        SMOOTH, 0.67757562, 0.20006 / 0.67757562, 0.8, first=(-31.29038123, 1.76194638), h=1
    )  # fmt: skip
    np.testing.assert_allclose(slow, -23.907607174112858, rtol=1e-6)
    np.testing.assert_allclose(error, 32.528136293392635, rtol=1e-6)
    alpha, beta, phi = linear_lines(DAMPED, known(SMOOTH, season=1))[0, :3]
    assert naive.damped(SMOOTH, alpha, beta, phi, first=first_line(SMOOTH), h=1)[1] < 1.1 * error


def test_theta_has_the_values_of_statsforecast() -> None:
    """statsforecast 2.1.1, Theta(season_length=1).fit(ROUGH), whose error leaves out the first three values."""
    theirs = [-21.27591698901059, -21.246946230018438, -21.217975471026286, -21.18900471203413]
    slow, _ = naive.theta(ROUGH, 0.23768229484558007, -12.175457417964935, 4)
    np.testing.assert_allclose(slow, theirs, rtol=1e-9)
    found = THETA.forecast(THETA.begin(known(ROUGH, season=1)), 4)[0]
    np.testing.assert_allclose(found, theirs, atol=0.02 * np.abs(np.diff(ROUGH)).mean())


@pytest.mark.parametrize("y", [SMOOTH, ROUGH, with_gaps(ROUGH, np.random.default_rng(0))])
def test_parameters_are_those_of_the_least_error(y: np.ndarray) -> None:
    alpha = linear_lines(THETA, known(y, season=1))[0, 0]

    def error(alpha: float) -> float:
        return naive.theta(y, alpha, naive.first_level(y, alpha), 1)[1]

    assert error(alpha) < 1.001 * min(error(a) for a in np.linspace(0.01, 0.99, 200))
    if np.isnan(y).any():
        return
    alpha, beta, phi = linear_lines(DAMPED, known(y, season=1))[0, :3]
    if beta == 0.0:  # a level without a trend
        return
    first = first_line(y)
    best = min(
        minimize(
            lambda p: naive.damped(y, *p, first=first, h=1)[1],
            (a, 0.1, 0.9),
            bounds=((0.001, 0.999), (0, 1), (0.8, 0.98)),
        ).fun
        for a in (0.1, 0.5, 0.9)
    )
    assert naive.damped(y, alpha, beta, phi, first=first, h=1)[1] < 1.01 * best


@pytest.mark.parametrize("formula", [DAMPED, THETA])
@pytest.mark.parametrize("period", [12, 24])
def test_forecast_is_the_mean_of_both_scales_with_their_figures(formula: LineFormula, period: int) -> None:
    y = monthly(np.random.default_rng(5), 120) * (1 + 0.2 * (np.arange(120) % 24 > 12))
    series = known(y, periods=[period])
    states = formula.begin(series)
    found, paths = formula.forecast(states, 30)[0], []
    for z, own, back in zip(
        (y, np.log(y)), states.reshape(2, -1), (lambda x: x, np.exp), strict=True
    ):  # fmt: skip
        behind = naive.figure(z, 12, period)
        rest = z - behind[(np.arange(120) - 120) % len(behind)]
        centre, spread = (y.mean(), np.abs(y - y.mean()).mean()) if own[KIND] == 0 else (np.log(y.mean()), 1.0)
        x, numbers = (rest - centre) / spread, own[HEAD:]
        if formula is DAMPED:
            first = first_line(x) if numbers[1] > 0 or numbers[2] > 0.8 else (x[:FIRST].mean(), 0.0)
            path = naive.damped(x, *numbers[:3], first=first, h=30)[0]
        else:
            path = naive.theta(x, numbers[0], naive.first_level(x, numbers[0]), 30)[0]
        paths.append(back(centre + spread * path + np.resize(behind, 30)))
    np.testing.assert_allclose(found, np.mean(paths, axis=0), rtol=1e-6)


@pytest.mark.parametrize("formula", [DAMPED, THETA])
@pytest.mark.parametrize("scale", [1e-6, 37.0])
def test_an_affine_change_of_values_is_one_of_forecasts(formula: LineFormula, scale: float) -> None:
    y = ROUGH - ROUGH.mean()
    found = formula.forecast(formula.begin(known(y, season=4)), 20)
    moved = formula.forecast(formula.begin(known(scale * (y - 2000.0), season=4)), 20)
    np.testing.assert_allclose(moved / scale + 2000.0, found, atol=1e-6 * y.std())


def test_a_positive_series_keeps_its_unit_out() -> None:
    y = monthly(np.random.default_rng(2), 60)
    for formula in (DAMPED, THETA):
        found = formula.forecast(formula.begin(known(y)), 24)
        np.testing.assert_allclose(formula.forecast(formula.begin(known(1e7 * y)), 24), 1e7 * found, rtol=1e-9)


def test_one_tiny_value_is_no_logarithm() -> None:
    y = monthly(np.random.default_rng(2), 60)
    y[30] = 1e-12
    states = THETA.begin(known(y, y + 1000.0)).reshape(2, 2, -1)
    assert states[:, 1, KIND].tolist() == [-1.0, 1.0]


def test_states_of_a_file_are_checked() -> None:
    states = DAMPED.begin(known(monthly(np.random.default_rng(2), 60)))
    assert DAMPED.is_sound(states)
    for column, value in ((0, 3.0), (5, -1.0), (5, 12.0), (6, 1e6), (6, np.nan), (5, 0.5)):
        broken = states.copy()
        broken[0, column] = value
        assert not DAMPED.is_sound(broken)
    assert not DAMPED.is_sound(states[:, :-1])
