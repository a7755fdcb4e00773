"""What the methods of a fitted forecaster share: its model, and which series they are for."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from forecastrnn.estimators.covariate_reading import Given, ahead_of, check_other, read_beside
from forecastrnn.estimators.fittedness import check_is_fitted
from forecastrnn.estimators.forecast_settings import bounds_of, read_other
from forecastrnn.estimators.parameters import NamedParameters
from forecastrnn.forecasting.bands import with_spread
from forecastrnn.forecasting.bounds import limits_of
from forecastrnn.forecasting.choosing import choose
from forecastrnn.forecasting.model import Model
from forecastrnn.forecasting.naive_series import Chosen

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from forecastrnn.data.covariate_values import Covariates
    from forecastrnn.data.series import SeriesSet


class FittedForecaster(NamedParameters):
    """A forecaster that may have a model; its methods come in classes by topic."""

    _model: Model

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_model")

    @property
    def weights_(self) -> pd.DataFrame:
        """How much networks and candidates count in the forecast of each series."""
        from forecastrnn.data.weight_frames import write_weights

        check_is_fitted(self)
        names, weights = self._model.weights
        return write_weights(self._model.axis, names, weights)

    def _read(self, given: Given) -> tuple[SeriesSet | None, object]:
        """Checked series to forecast with their covariates, and their static categories; None: those of fit."""
        model = self._model
        check_other(model, given)
        if given.y is None:
            return None, None
        return read_beside(model, given, partial(read_other, model, alias=self.alias))

    def _asked(
        self, given: Given, h: object, ids: object, *, spread_on: str | None
    ) -> tuple[Chosen, np.ndarray, Covariates | None]:
        """The series to forecast, which steps, and what is known of all up to the last of these."""
        from forecastrnn.data.series import read_horizon

        chosen = self._choose(given, ids, spread_on=spread_on)
        steps = read_horizon(chosen.axis, h)
        last = int(steps[-1])
        self._model.check_horizon(last)
        return chosen, steps, ahead_of(self._model, given.X, chosen.axis, h, last)

    def _choose(self, given: Given, ids: object = None, *, spread_on: str | None = None) -> Chosen:
        """The series to forecast: those of fit, or others; of these all, or `ids`, in that order.

        spread_on : the device that finds the spread of their errors, for calibrated intervals; None: without.
        """
        (read, static), rule = self._read(given), bounds_of(self)
        chosen = choose(self._model, read, static, rule)
        chosen = chosen.within(limits_of(rule, chosen.floors))
        if spread_on is not None:
            chosen = with_spread(self._model, chosen, spread_on, static)
        if ids is None:
            return chosen
        from forecastrnn.data.series import ids_of
        from forecastrnn.native_frames import as_pandas  # brings pandas with it

        return chosen.take(chosen.axis.position(ids_of(as_pandas(ids, "ids")[0])))
