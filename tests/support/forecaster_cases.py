"""What the tests of the forecaster share: quick models, random series, an error measure."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from forecastrnn import RNNForecaster, metrics


def quick(**options: Any) -> RNNForecaster:
    return RNNForecaster(**{"n_members": 1, "max_steps": 20, "random_state": 0, "intervals": None} | options)


def monthly(n: int, seed: int = 0, start: str = "2015-01-01") -> pd.Series:
    rng = np.random.default_rng(seed)
    values = np.exp(rng.normal(0, 0.1, n).cumsum() + np.sin(np.arange(n) * np.pi / 6)) * 100
    return pd.Series(values, index=pd.date_range(start, periods=n, freq="MS"), name=f"s{seed}")


def long_of(series: dict[Any, pd.Series]) -> pd.DataFrame:
    parts = [pd.DataFrame({"unique_id": k, "ds": s.index, "y": s.to_numpy()}) for k, s in series.items()]
    return pd.concat(parts, ignore_index=True)


def mase(y: pd.Series, forecast: np.ndarray, m: int) -> float:
    """That of a forecast of the end of a series, scaled by what comes before."""
    h = len(forecast)
    return metrics.mase(y[-h:].to_numpy(), forecast, train=y[:-h], season_length=m)
