"""Pictures of forecasts and of what forecasters learn, by scikit-learn's Display convention; they need Matplotlib.

`Display.from_estimator` and `Display.from_predictions` draw, and give an object with the axes `ax_` and the figure
`figure_`; its `plot` draws the same again. No style is set, colours come from the cycle of the axes, and nothing is
shown or saved.
"""

from __future__ import annotations

from forecastrnn.plotting.backtest import BacktestDisplay
from forecastrnn.plotting.coverage import CoverageDisplay
from forecastrnn.plotting.forecast import ForecastDisplay
from forecastrnn.plotting.loss_curve import LossCurveDisplay
from forecastrnn.plotting.residuals import ResidualDisplay
from forecastrnn.plotting.states import StateDisplay

__all__ = [
    "BacktestDisplay",
    "CoverageDisplay",
    "ForecastDisplay",
    "LossCurveDisplay",
    "ResidualDisplay",
    "StateDisplay",
]
