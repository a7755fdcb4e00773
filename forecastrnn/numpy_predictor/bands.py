"""Forecasts, and how far quantiles lie from them: the text before `spreads` or `draws`, by which these are made."""

from __future__ import annotations

import numpy as np

from forecastrnn.numpy_predictor.candidate_forecasts import CANDIDATES, mixed
from forecastrnn.numpy_predictor.forecasts import WEIGHTS, Ends, network_median
from forecastrnn.numpy_predictor.runtime import Array

# What a module sets.
SYMMETRIC, KEPT = True, 199


# module: begin
def point_of(ends: Ends, rows: Array, h: int) -> Array:
    """The forecast (n, h) of series; rows (n,): theirs in fit."""
    point = network_median(ends, rows % len(WEIGHTS["ends.z"]), h)
    return mixed(point, ends, h) if CANDIDATES else point


def windows_of(n: int, starts: Array, most: int, least: int) -> tuple[Array, float]:
    """How far before the end of n values windows begin, and what each counts in the scale of a series."""
    starts = starts[:: -(-len(starts) // most)]
    apart = (starts[0] - starts[-1]) / max(len(starts) - 1, 1)
    weight = min(1.0, apart / len(WEIGHTS["bands.growth"])) if len(starts) > 1 else 1.0
    return starts[starts <= n - least], weight


def size_of(share: float, rows: Array) -> Array:
    """From the middle to a quantile (n or 1, 1), in scales of a series at a usual step; rows (n,): theirs in fit."""
    high = abs(2 * share - 1) if SYMMETRIC else max(share, 1 - share)
    place = int(np.clip(np.ceil(high * (KEPT + 1) - 1e-9), 1, KEPT)) - 1
    size = WEIGHTS["bands.table"][place if SYMMETRIC or share > 0.5 else KEPT - 1 - place]
    size = size if SYMMETRIC else np.maximum(size if share > 0.5 else -size, 0.0)
    return np.asarray((size[rows] if len(size) > 1 else size)[:, None])


def around(found: dict[str, Array], shares: dict[str, float], point: Array) -> dict[str, Array]:
    """Quantiles by name, none of which lies on the other side of the forecast."""
    return {
        name: np.minimum(found[name], point) if share < 0.5 else np.maximum(found[name], point)
        for name, share in shares.items()
    }
