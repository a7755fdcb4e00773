"""Forecasts at the steps or times of a horizon of sktime."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np
import pandas as pd
from sktime.forecasting.base import ForecastingHorizon

from forecastrnn.estimators.forecaster import RNNForecaster
from forecastrnn.sktime_adapter.frames import ID, TIME


def forecast_at(
    forecaster: RNNForecaster, fh: ForecastingHorizon, cutoff: pd.Index, ends: dict[Hashable, Any], **asked: Any
) -> tuple[pd.Index, np.ndarray]:
    """Times (series * steps,) and numbers (series * steps, columns) of the forecasts of all series.

    Steps count from the end of each series; times are the same for all of them. `asked` goes to `predict`.
    """
    steps = fh.to_pandas() if fh.is_relative else None
    if steps is not None and pd.api.types.is_integer_dtype(steps.dtype):
        found = forecaster.predict(steps.tolist(), **asked)
    else:
        found = _until(forecaster, fh.to_absolute(cutoff).to_pandas(), ends, **asked)
    return pd.Index(found[TIME]), found.drop(columns=[ID, TIME]).to_numpy()


def _until(forecaster: RNNForecaster, times: pd.Index, ends: dict[Hashable, Any], **asked: Any) -> pd.DataFrame:
    """Forecasts at some times: those of all steps up to the last of them, and then those that are wanted."""
    last = times.max()
    numbers = pd.api.types.is_integer_dtype(times.dtype)
    every = pd.DataFrame(forecaster.predict(int(last) - int(min(ends.values())) if numbers else last, **asked))
    found = every[every[TIME].isin(times)]
    lacking = found.groupby(ID, sort=False)[TIME].size().reindex(_index(list(ends)), fill_value=0) < len(times)
    if lacking.any():
        one = lacking.index[int(np.argmax(lacking))]
        raise NotImplementedError(
            f"fh: series {one!r}, which ends at {ends[one]}, has no forecast at one of the times {times[0]} .. {last}: "
            "they lie before its end, or between its steps. Give steps from the end of each series, as fh=[1, 2]."
        )
    return found


def _index(ids: list[Hashable]) -> pd.Index:
    return pd.Index(ids, tupleize_cols=False)
