"""A weighted sum of the last values, or of their last changes."""

from __future__ import annotations

from forecastrnn.engine.cpu.autoregression import (
    MOST,
    ORDER,
    SIZE,
    fit_regression,
    move_regression,
    regression_ahead,
)  # fmt: skip
from forecastrnn.forecasting.candidates.lines import LineFormula

FORMULA = LineFormula(
    size=SIZE, fit=fit_regression, move=move_regression, ahead=regression_ahead, counts=((ORDER, MOST),)
)
AUTOREGRESSION = FORMULA.candidate("autoregression", prior=0.2)
