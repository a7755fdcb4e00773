"""What displays know of an estimator."""

from __future__ import annotations

from typing import Protocol

import pandas as pd


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
