"""Forecasts of a fitted model, restated slowly: each input row by itself, one pass through the network."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from forecastrnn import RNNForecaster
from forecastrnn.forecasting.ends import SeriesEnds
from forecastrnn.forecasting.model import Model
from forecastrnn.forecasting.preparation import Prepared
from forecastrnn.programs.inference import forward
from support.naive_seasonal import trailing_mean


def slow_forecasts(model: RNNForecaster, values: np.ndarray, means: Callable | None = None) -> np.ndarray:
    """Forecast behind each of `values`: all of them through the network in one pass from the end of fit."""
    held, known = model._model, model._model.tail.z.shape[1]
    tail, p = held.tail, held.tail.prepared
    figure = p.after[0, np.arange(len(values) + 1) % p.period_of[0]]
    z = without_level(p, values)
    z = np.concatenate([tail.z[0], (z - figure[:-1]) / p.scale[0]])
    rows = np.array([slow_row(p, z, t, tail.phase[0] + t - known + 1, means) for t in range(known - 1, len(z))])
    X = np.concatenate([tail.inputs[0], rows])[None].astype(held.settings.dtype)
    change = forward(held.network, held.trained.thetas[0, 0], X).outputs[0, -len(rows) :, 0]
    path = (z[known - 1 :] + change) * p.scale[0] + figure
    return in_unit(p, path)


def slow_path(held: Model, tail: SeriesEnds, h: int, means: Callable | None = None) -> np.ndarray:
    """The forecast of one series, in one pass through the network for each step."""
    p, z, X = tail.prepared, list(tail.z[0]), list(tail.inputs[0])
    for step in range(h):
        X.append(slow_row(p, np.array(z), len(z) - 1, tail.phase[0] + step, means))
        z.append(z[-1] + forward(held.network, held.trained.thetas[0, 0], np.array(X)[None]).outputs[0, -1, 0])
    path = np.array(z[-h:]) * p.scale[0] + p.after[0, np.arange(h) % p.period_of[0]]
    return in_unit(p, path)


def without_level(p: Prepared, values: np.ndarray, row: int = 0) -> np.ndarray:
    """Values of a series in the unit of its level."""
    shift = 0.0 if p.shift is None else p.shift[row]
    return (values - shift) / p.level[row] if p.linear[row] else np.log(values / p.level[row])


def in_unit(p: Prepared, path: np.ndarray, row: int = 0) -> np.ndarray:
    """The values of a series that these are in the unit of its level."""
    shift = 0.0 if p.shift is None else p.shift[row]
    return path * p.level[row] + shift if p.linear[row] else np.exp(path) * p.level[row]


def slow_row(p: object, z: np.ndarray, t: int, phase: int, means: Callable | None = None) -> np.ndarray:
    """What the network reads at t, without lags; means(z, t): those of older values."""
    a = [
        trailing_mean(z[s - p.layout.mean_width + 1 : s + 1], p.layout.mean_width)[-1]
        for s in (t, t - p.layout.season, t - p.period_of[0])
    ]
    angle = 2 * np.pi * phase / p.layout.season
    waves = [np.sin(angle), np.cos(angle), np.sin(2 * angle), np.cos(2 * angle)] if p.layout.season > 1 else []
    row = np.concatenate([[z[t] - a[0], a[0] - a[1], a[0] - a[2]], means(z, t) if means else [], waves, p.static[0]])
    return np.concatenate([row, np.arcsinh(row)])
