"""Exponential smoothing, and half of the straight line through all values."""

from __future__ import annotations

from forecastrnn.engine.cpu.theta import SIZE, fit_theta, move_theta, theta_ahead
from forecastrnn.forecasting.candidates.lines import LineFormula

FORMULA = LineFormula(size=SIZE, fit=fit_theta, move=move_theta, ahead=theta_ahead)
THETA = FORMULA.candidate("theta", prior=0.15)
