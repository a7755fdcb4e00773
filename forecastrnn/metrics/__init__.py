"""How good forecasts are: functions on arrays in scikit-learn's order, and `evaluate` on frames.

`mean_absolute_error`, `mean_squared_error`, `root_mean_squared_error` and `mean_pinball_loss` are scikit-learn's; in
frames they are named "mae", "mse", "rmse" and "pinball".
"""

from forecastrnn.metrics.distributions import crps, pit, wql
from forecastrnn.metrics.evaluation import evaluate
from forecastrnn.metrics.intervals import coverage, interval_score, msis, scaled_width, width
from forecastrnn.metrics.points import bias, mape, relative_mae, smape, wape
from forecastrnn.metrics.scaled import mase, owa, rmsse

__all__ = [
    "bias",
    "coverage",
    "crps",
    "evaluate",
    "interval_score",
    "mape",
    "mase",
    "msis",
    "owa",
    "pit",
    "relative_mae",
    "rmsse",
    "scaled_width",
    "smape",
    "wape",
    "width",
    "wql",
]
