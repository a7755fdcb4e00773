"""What displays know of an estimator."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Protocol

import pandas as pd

from forecastrnn.metrics.forms import Data
from forecastrnn.training.curves import TrainingCurves


class Trained(Protocol):
    """A fitted estimator."""

    training_curves_: TrainingCurves


class Backtested(Protocol):
    """A forecaster, which need not be fitted."""

    def cross_validation(self, y: Data, h: int, **options: object) -> pd.DataFrame:
        """Forecasts from earlier times, with what came: series, time, cutoff and truth are the first columns."""


class HasStates(Protocol):
    """A fitted forecaster whose networks can be looked at."""

    def history(self, ids: object = None) -> pd.DataFrame:
        """The last values of each series."""

    def states_while_reading(self, series: Hashable = None, *, member: int = 0) -> pd.DataFrame:
        """States and gates by time; columns of layer, name and unit."""


class Forecaster(Protocol):
    """A fitted forecaster, by its public methods."""

    alias: str
    intervals: object
    intervals_: object

    def predict(
        self, h: object, *, level: object = None, quantiles: object = None, ids: object = None, **beside: object
    ) -> pd.Series | pd.DataFrame:
        """Forecasts."""

    def sample_paths(
        self, h: object, n_paths: int = ..., *, ids: object = None, calibrated: bool = True,
        random_state: object = None, **beside: object,
    ) -> pd.DataFrame:  # fmt: skip
        """Possible futures."""

    def history(self, ids: object = None) -> pd.DataFrame:
        """The last values of each series."""


def check_drawn(estimator: object, method: str, wanted: str = "an RNNForecaster") -> None:
    """Refuse what a display cannot ask, such as an estimator of another kind."""
    if not hasattr(type(estimator), method):
        raise TypeError(f"estimator must be {wanted}, which has {method}. Got {type(estimator).__name__}")
