"""What the tests of the forecaster share: quick models, random series, an error measure."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from forecastrnn import RNNForecaster, metrics

SMALL = {"hidden_layer_sizes": 8, "n_members": 2, "context_length": 12}
OLD, NEW = 60, 9  # rows of `panel` for a fit, and behind it


def quick(**options: Any) -> RNNForecaster:
    small = {"n_members": 1, "max_steps": 20, "hidden_layer_sizes": 8, "random_state": 0}
    return RNNForecaster(**small | {"intervals": None, "candidates": "network"} | options)


def monthly(n: int, seed: int = 0, start: str = "2015-01-01") -> pd.Series:
    rng = np.random.default_rng(seed)
    values = np.exp(rng.normal(0, 0.1, n).cumsum() + np.sin(np.arange(n) * np.pi / 6)) * 100
    return pd.Series(values, index=pd.date_range(start, periods=n, freq="MS"), name=f"s{seed}")


def panel(n: int = OLD + NEW) -> pd.DataFrame:
    """Two positive series and one that is not."""
    wide = pd.DataFrame({name: monthly(n, seed) for seed, name in enumerate("abc")})
    return wide.assign(c=wide["c"] - 100.0)


def long_of(series: dict[Any, pd.Series]) -> pd.DataFrame:
    parts = [pd.DataFrame({"unique_id": k, "ds": s.index, "y": s.to_numpy()}) for k, s in series.items()]
    return pd.concat(parts, ignore_index=True)


def mase(y: pd.Series, forecast: np.ndarray, m: int) -> float:
    """That of a forecast of the end of a series, scaled by what comes before."""
    h = len(forecast)
    return metrics.mase(y[-h:].to_numpy(), forecast, train=y[:-h], season_length=m)
