"""What the methods of a fitted forecaster share: its model, and which series they are for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from forecastrnn.estimators.forecast_settings import read_other
from forecastrnn.estimators.parameters import NamedParameters
from forecastrnn.forecasting.ends import SeriesEnds
from forecastrnn.forecasting.model import Model

if TYPE_CHECKING:
    from forecastrnn.data.series import SeriesSet, TimeAxis


class FittedForecaster(NamedParameters):
    """A forecaster that may have a model; its methods come in classes by topic."""

    _model: Model

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_model")

    def _read(self, y: object, static: object) -> SeriesSet | None:
        """Checked series to forecast; None: those of fit."""
        if static is not None:
            self._model.check_static(y is not None)
        return None if y is None else read_other(self._model, y, self.alias)

    def _choose(self, y: object, static: object) -> tuple[TimeAxis, SeriesEnds, np.ndarray]:
        """What `Model.choose` finds of the series to forecast: those of fit, or y."""
        return self._model.choose(self._read(y, static), static)
