"""How large errors of series are that fit has not had: the text before `predictions` where there is a calibration."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from forecastrnn.numpy_predictor.forecasts import SEASON, WEIGHTS, Ends
from forecastrnn.numpy_predictor.runtime import Array

# What a module sets.
LEAST = 4
WINDOWS, SMALLEST, PRIOR = 4, 1e-6, 2.0


# module: begin
def spread_of(values: Array, ends: Ends, forecast: Callable[[Array, int], Array]) -> Ends:
    """Scale of the errors of one series (time,), and the ends of its intervals, by forecasts of its last windows.

    forecast(values, h) : h values (h,) behind others. All is of logarithms where the series is not linear.
    """
    growth, starts, linear = WEIGHTS["bands.growth"], WEIGHTS["bands.starts"], bool(ends["linear"][0])
    n, horizon, z = len(values), len(growth), values if linear else np.log(values)
    lag = SEASON if n > SEASON + 1 else 1
    least = SMALLEST * (ends["level"][0] if linear else 1.0)
    usual = max(np.abs(z[lag:] - z[:-lag]).mean(), least) * WEIGHTS["bands.usual"]
    starts = starts[:: -(-len(starts) // WINDOWS)]
    apart = (starts[0] - starts[-1]) / max(len(starts) - 1, 1)
    sizes = []
    for start in starts[starts <= n - LEAST].tolist():
        found, truth = forecast(values[: n - start], horizon), z[n - start :][:horizon]
        error = truth - (found if linear else np.log(found))[: len(truth)]
        sizes.append(np.abs(error / growth[: len(truth)]).mean())
    own = len(sizes) * (min(1.0, apart / horizon) if len(starts) > 1 else 1.0)
    scale = max((np.sum(sizes) / max(len(sizes), 1) * own + PRIOR * usual) / (own + PRIOR), least)
    (low, low_half, below), (high, high_half, above) = highest(-z, horizon), highest(z, horizon)
    half = high_half + low_half
    found, room = np.array([below, above]), np.full(2, high + low)
    jumped = found[:, 0] > half
    found, room[jumped] = np.where(jumped, found[:, 1], found[:, 0]), half
    below, above = np.maximum(found, WEIGHTS["bands.excess"] * room)
    return {
        "band.scale": np.array([scale]),
        "band.low": np.array([-low - below]),
        "band.high": np.array([high + above]),
    }


def highest(z: Array, horizon: int) -> tuple[float, float, tuple[float, float]]:
    """The highest value, that of the first half, and how far beyond all that came `horizon` steps before others went.

    Those of the second half: a single one, and two in a row.
    """
    records, half = np.maximum.accumulate(z), len(z) // 2
    place = np.arange(half + 1, len(z))
    beyond = z[place] - records[np.maximum(place - horizon, half)]
    pair = np.max(np.minimum(beyond[1:], beyond[:-1]), initial=0.0)
    return records[-1], records[half], (np.max(beyond, initial=0.0), pair)
