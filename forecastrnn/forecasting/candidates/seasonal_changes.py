"""The value a season ago, and how much values change over a season: a weighted sum of the last such changes."""

from __future__ import annotations

from forecastrnn.engine.cpu.autoregression import (
    MOST,
    ORDER,
    SIZE,
    fit_seasonal,
    move_regression,
    seasonal_ahead,
)  # fmt: skip
from forecastrnn.forecasting.candidates.lines import LineFormula

FORMULA = LineFormula(
    size=SIZE, fit=fit_seasonal, move=move_regression, ahead=seasonal_ahead, follows=True, counts=((ORDER, MOST),)
)
SEASONAL_CHANGES = FORMULA.candidate("seasonal_changes", prior=0.1)
