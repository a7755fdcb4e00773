"""How large errors are, and the quantiles they make: the text before `predictions` where forecasts are no draws."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from forecastrnn.numpy_predictor.bands import around, point_of, size_of, windows_of
from forecastrnn.numpy_predictor.forecasts import SEASON, WEIGHTS, Ends
from forecastrnn.numpy_predictor.runtime import Array

# What a module sets.
LEAST = 4
WINDOWS, SMALLEST, PRIOR, FURTHEST = 4, 1e-6, 2.0, 30.0


# module: begin
def spread_of(values: Array, ends: Ends, rows: Array, before: Callable[[int, int], Ends], draws: Any) -> Ends:
    """Scale of the errors of one series (time,), and the ends of its intervals, by forecasts of its last windows.

    values : NaN before the first alone. before(n, h) : the end of the first n known values, and what is known of h
    steps behind it. All is of logarithms where the series is not linear.
    """
    growth, linear = WEIGHTS["bands.growth"], bool(ends["linear"][0])
    horizon, z = len(growth), values if linear else np.log(values)
    lag, n = SEASON if len(z) > SEASON + 1 else 1, int(np.isfinite(z).sum())
    least, changes = SMALLEST * (ends["level"][0] if linear else 1.0), np.abs(z[lag:] - z[:-lag])
    changes = changes[np.isfinite(changes)]
    usual = max(changes.sum() / max(len(changes), 1), least) * WEIGHTS["bands.usual"]
    starts, weight = windows_of(n, WEIGHTS["bands.starts"], WINDOWS, LEAST)
    sizes = []
    for start in starts.tolist():
        found, truth = point_of(before(n - start, horizon), rows, horizon)[0], z[len(z) - start :][:horizon]
        error = truth - (found if linear else np.log(found))[: len(truth)]
        sizes.append(np.abs(error / growth[: len(truth)]).mean())
    own = len(sizes) * weight
    scale = max((np.sum(sizes) / max(len(sizes), 1) * own + PRIOR * usual) / (own + PRIOR), least)
    sides = (np.where(np.isnan(one), np.nanmin(one), one) for one in (-z, z))  # what is missing is no record
    (low, low_half, below), (high, high_half, above) = (highest(one, horizon) for one in sides)
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


def quantiles_of(shares: dict[str, float], point: Array, ends: Ends, rows: Array) -> dict[str, Array]:
    """Quantiles (n, h) around the forecast by name: errors of forecasts of the last windows before the end of fit."""
    h, growth, linear = point.shape[1], WEIGHTS["bands.growth"], ends["linear"][:, None]
    steps = ends["guessed"][:, None] + np.arange(h)
    beyond = growth[-1] * np.sqrt((steps + 1) / len(growth))
    grown = np.where(steps < len(growth), growth[np.minimum(steps, len(growth) - 1)], beyond)
    middle, found = np.where(linear, point, np.log(np.where(linear, 1.0, point))), {}
    for name, share in shares.items():
        away = (1.0 if share > 0.5 else -1.0) * size_of(share, rows) * grown * ends["band.scale"][:, None]
        away = np.clip(middle + away, ends["band.low"][:, None], ends["band.high"][:, None]) - middle
        factor = np.exp(np.where(linear, 0.0, np.clip(away, -FURTHEST, FURTHEST)))
        found[name] = np.where(linear, point + away, point * factor)
    return around(found, shares, point)
