"""How far forecasts that are fed back may lead: near to where the series has been.

A network reads differences and writes a change, so that nothing but these differences tells it the level, and far from
what it has learned from, small errors add up without end, exponentially where a logarithm is forecast. Its level, the
trailing mean, is free within the hull of those of the history and three quarters of its width around; steps further out
then shrink, and end one and a half widths outside. A single value stays as near to the hull of all values. What is near
is not touched: a trend goes on freely for three quarters of the time that it has lasted.
"""

from __future__ import annotations

import numpy as np

from forecastrnn.engine.cpu.levels import find_hulls
from forecastrnn.engine.fence_formula import FENCE
from forecastrnn.forecasting.preparation import Prepared

REACH = 1.5  # widths of a hull around it, at most
FREE = 0.5  # of that way
MOST = 3.0  # widths above the hull of a series of logarithms, when they are values again


def hulls_of(prepared: Prepared) -> np.ndarray:
    """Lowest and highest trailing mean, and least and most value (n_series, 4) of each series, scaled."""
    hulls = np.empty((prepared.n_series, 4))
    find_hulls(prepared.z, prepared.starts, prepared.pads, prepared.layout.mean_width, hulls)
    return hulls


def fences_of(hulls: np.ndarray | None, prepared: Prepared, dtype: str) -> np.ndarray:
    """What `kept_near` reads of each series (n_series, FENCE); without hulls there are no ends."""
    if hulls is None:
        return np.tile(np.array([-np.inf, -np.inf, np.inf, np.inf, -np.inf, np.inf], dtype), (prepared.n_series, 1))
    low, high, least, most = hulls.T
    below = REACH * (high - low)
    highest = np.log1p(-MOST * np.expm1((low - high) * prepared.scale)) / prepared.scale
    above = np.where(prepared.linear, below, np.minimum(below, highest))
    fence = np.empty((prepared.n_series, FENCE))
    fence[:, 0], fence[:, 1] = low - below, low - FREE * below
    fence[:, 2], fence[:, 3] = high + FREE * above, high + above
    fence[:, 4], fence[:, 5] = least - below, most + above
    return fence.astype(dtype)
