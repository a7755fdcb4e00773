"""Values from what networks say of their distribution, by `value_at`, the formulas of a likelihood as text.

The text that follows `forecasts` where the loss is a likelihood; `forecastrnn.forecasting.raw_values` says what counts
and amounts are made of.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from forecastrnn.numpy_predictor.forecasts import DOMAIN, NUMBERS, Ends
from forecastrnn.numpy_predictor.past_values import DTYPE
from forecastrnn.numpy_predictor.runtime import Array


# What a module sets.
def value_at(share: float, shift: float, gain: float, out: Sequence[float], at: int) -> float:
    """A quantile of one value: stands for the formulas of the likelihood."""
    raise NotImplementedError


LEAST_MEAN, NEAR = 0.02, 0.5


# module: begin
def next_values(outputs: Array, last: Array, shares: Array | None, ends: Ends, step: int) -> Array:
    """Scaled values (n, k), medians or of shares (n, k), of outputs (n, k, NUMBERS) of steps from one on.

    last (n, 1) : what lies before them.
    """
    u, last = np.full(outputs.shape[:2], 0.5) if shares is None else shares, last.astype(float)
    if not DOMAIN:
        return last + quantiles(u, 0.0, 1.0, outputs)
    shift, figure, unit, gain = (one.astype(DTYPE).astype(float) for one in raw_ahead(ends, step, outputs.shape[1]))
    linear = unit > 0.0
    value = quantiles(u, shift + np.where(linear, 0.0, gain * last), gain, outputs)
    curved = (np.log(np.where(linear, 1.0, np.maximum(value, NEAR))) - shift) / gain
    return np.where(linear, value * unit - figure, curved)


def quantiles(shares: Array, shift: Array | float, gain: Array | float, outputs: Array) -> Array:
    """The values (n, k) below which shares of the distributions lie that outputs (n, k, NUMBERS) say."""
    given = [np.broadcast_to(one, shares.shape).ravel().tolist() for one in (shares, shift, gain)]
    each = zip(*given, outputs.reshape(-1, NUMBERS).tolist())
    return np.array([value_at(u, a, b, own, 0) for u, a, b, own in each]).reshape(shares.shape)


def raw_ahead(ends: Ends, step: int, k: int) -> tuple[Array, Array, Array, Array]:
    """What counts and amounts of k steps are made of: shift and figure (n, k), unit and gain (n, 1)."""
    linear, scale, level = (ends[name][:, None] for name in ("linear", "scale", "level"))
    season = np.take_along_axis(ends["after"], (step + np.arange(k))[None] % ends["period"][:, None], axis=1)
    unit = 1.0 / level if DOMAIN == "counts" else np.ones_like(level)
    means = np.log(np.maximum(ends["long_run"][:, None] * scale + season, LEAST_MEAN) / unit)
    shift = np.where(linear, means, season - np.log(unit))
    return shift, season / scale, np.where(linear, unit / scale, 0.0), np.where(linear, 1.0, scale)
