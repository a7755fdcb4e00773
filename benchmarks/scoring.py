"""The published measures of forecast accuracy over a set, and the simple forecasts to beat.

sMAPE, MASE and OWA as in the M4 competition; a series of no more than a season is scaled by single steps.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from benchmarks.series_sets import SeriesSet
from forecastrnn.metrics import mase, smape

Forecasts = Mapping[str, np.ndarray]


def scores(data: SeriesSet, forecasts: Forecasts) -> dict[str, float]:
    """Mean sMAPE and MASE over the series, and the median MASE; OWA where the set has official Naive2 forecasts."""
    measured = np.array([
        (smape(y, f), mase(y, f, train=known, season_length=data.season if len(known) > data.season else 1))
        for name, y in data.test.items()
        for f, known in [(forecasts[name][: len(y)], data.train[name])]
    ])  # fmt: skip
    found = {"sMAPE": float(measured[:, 0].mean()), "MASE": float(np.nanmean(measured[:, 1]))}
    found["median MASE"] = float(np.nanmedian(measured[:, 1]))
    if data.naive2 is not None and forecasts is not data.naive2:
        reference = scores(data, data.naive2)
        found["OWA"] = float(np.mean([found[key] / reference[key] for key in ("sMAPE", "MASE")]))
    return found


def seasonal_naive(data: SeriesSet) -> dict[str, np.ndarray]:
    """The last season again and again; where a value is missing, that of the season before it."""
    return {name: _last_season(y, data.season, data.horizon) for name, y in data.train.items()}


def recent_median(data: SeriesSet) -> dict[str, np.ndarray]:
    """The median of the last two horizons again and again: what is hard to beat where most values are zero."""
    return {name: np.full(data.horizon, np.nanmedian(y[-2 * data.horizon :])) for name, y in data.train.items()}


def _last_season(y: np.ndarray, season: int, horizon: int) -> np.ndarray:
    padded = np.concatenate([np.full(-len(y) % season, np.nan), y]).reshape(-1, season)
    observed = np.isfinite(padded)
    latest = len(padded) - 1 - np.argmax(observed[::-1], axis=0)
    tail = padded[latest, np.arange(season)]
    tail = np.where(observed.any(axis=0), tail, y[np.isfinite(y)][-1])
    return np.resize(tail, horizon)
