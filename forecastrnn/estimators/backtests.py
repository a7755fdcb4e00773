"""A forecaster tested on its past: cross_validation and score."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sklearn.utils.validation import check_is_fitted

from forecastrnn.callbacks import check_callback
from forecastrnn.data.arrays import check_count
from forecastrnn.estimators.fitted_forecaster import FittedForecaster
from forecastrnn.estimators.forecast_settings import plan_of, read_by
from forecastrnn.forecasting.members import Callback

if TYPE_CHECKING:
    import pandas as pd

    from forecastrnn.backtesting.windows import Lengths, Windows
    from forecastrnn.data.series import SeriesSet


class Backtests(FittedForecaster):
    """`cross_validation` and `score`."""
