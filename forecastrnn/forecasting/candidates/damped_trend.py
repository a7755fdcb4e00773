"""Exponential smoothing with a trend that fades, its parameters those of the least squared error of one step."""

from __future__ import annotations

from forecastrnn.engine.cpu.damped_trend import SIZE, damped_ahead, fit_damped, move_damped
from forecastrnn.forecasting.candidates.lines import LineFormula

FORMULA = LineFormula(size=SIZE, fit=fit_damped, move=move_damped, ahead=damped_ahead)
DAMPED_TREND = FORMULA.candidate("damped_trend", prior=0.1)
