"""A fitted forecaster goes on: new values of the series that it knows."""

from __future__ import annotations

from typing import Any

from sklearn.utils.validation import check_is_fitted

from forecastrnn.estimators.fitted_forecaster import FittedForecaster
from forecastrnn.estimators.forecast_settings import bounds_of
from forecastrnn.forecasting.stream import ForecastStream


class GoesOn(FittedForecaster):
    """`stream`."""

    def stream(self, series: Any = None) -> ForecastStream:
        """An object that takes one new value at a time and forecasts the next; no pandas on that path.

        Parameters
        ----------
        series : hashable, optional
            Which series of `fit` to go on with; needed if there were several.

        Returns
        -------
        ForecastStream
            `step(value)` takes the next observed value and returns the forecast of the one behind it.
        """
        check_is_fitted(self)
        self._model.check_recursive("stream", "it forecasts one step ahead")
        return self._model.stream(series, bounds_of(self))
