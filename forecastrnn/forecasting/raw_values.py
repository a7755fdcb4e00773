"""Counts and amounts, which likelihoods take as they are: what stands for the mean before the network says more.

The first output of such a likelihood is about the logarithm of the mean. In a series of values that are often small or
0 it is relative to the mean of all values so far, with the seasonal figure of the time that is forecast: a network that
puts out 0 forecasts the long-run mean, to which such series return, and what it reads (the distance of recent means
from that one) tells it where they do not. In a series of large values, which networks read as logarithms, it is the
change from the last value, in the scale of its changes, as without a likelihood.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from forecastrnn.engine.cpu.heads import NEAR
from forecastrnn.engine.cpu.levels import LEAST as SMALLEST
from forecastrnn.networks.likelihood import Likelihood

if TYPE_CHECKING:
    from forecastrnn.forecasting.ends import SeriesEnds
    from forecastrnn.forecasting.preparation import Prepared

LEAST = 0.02  # of a mean, relative to the level of its series: seasons without a value stay possible


def units_of(prepared: Prepared, likelihood: Likelihood) -> np.ndarray:
    """What a value 1 of each series is in the space where seasonal figures are removed: (n_series,)."""
    return 1.0 / prepared.level if likelihood.domain == "counts" else np.ones(prepared.n_series)


def shift_of(mean: np.ndarray, figure: np.ndarray, unit: np.ndarray) -> np.ndarray:
    """Logarithm of a mean with a figure, both over the level, as the values of the likelihood have it."""
    return np.log(np.maximum(mean + figure, LEAST) / unit)


def nearest(values: np.ndarray, level: np.ndarray, likelihood: Likelihood | None) -> np.ndarray:
    """What stands for values of which a logarithm is read: 0 has none, and none is near to 0 in the series of a fit."""
    if likelihood is None or likelihood.is_scaled:
        return np.maximum(values, SMALLEST * level)
    return np.maximum(values, NEAR if likelihood.domain == "counts" else NEAR * LEAST * level)


def targets_of(prepared: Prepared, counts: np.ndarray, likelihood: Likelihood, late: int, beyond: int) -> np.ndarray:
    """At each time the next value, NaN where it does not count, its shift and its gain: (total + beyond, 3).

    The mean is that of all values `late` times before, so that none of several steps knows a value behind the first.
    """
    p = prepared
    assert p.figure is not None
    lengths = np.diff(p.starts)
    unit, scale, linear, level = (
        np.repeat(each, lengths) for each in (units_of(p, likelihood), p.scale, p.linear, p.level)
    )
    place = np.arange(len(p.z)) - np.repeat(p.starts[:-1] + p.pads, lengths)
    sums = np.cumsum(np.where(place >= 0, p.z, 0.0))
    so_far = (sums - np.repeat(np.append(0.0, sums)[p.starts[:-1]], lengths)) / np.maximum(place + 1, 1)
    then = np.maximum(np.arange(len(p.z)) - late, np.repeat(p.starts[:-1], lengths))
    z = p.z * scale + p.figure
    raw = np.where(linear, z, np.exp(np.where(linear, 0.0, z))) / unit
    values = as_domain(np.where(counts, raw, np.nan), likelihood)
    means = shift_of((so_far[then] * scale)[:-1], p.figure[1:], unit[1:])
    changes = (p.z * scale)[:-1] + p.figure[1:] - np.log(unit[1:])
    found = np.full((len(p.z) + beyond, 3), np.nan)
    inner = found[: len(p.z) - 1]
    inner[:, 0], inner[:, 1] = values[1:], np.where(linear[1:], means, changes)
    inner[:, 2] = np.where(linear, 1.0, scale)[1:]
    return found


def raw_of(p: Prepared, long_run: np.ndarray, season: np.ndarray, likelihood: Likelihood) -> dict[str, np.ndarray]:
    """What draws are made of: shift and figure (n_series, h), unit and gain (n_series,), by the season (n_series, h).

    long_run (n_series,) : the mean of all values. unit 0 : a series of logarithms, whose last value is added.
    """
    unit, linear = units_of(p, likelihood), p.linear[:, None]
    means = shift_of((long_run * p.scale)[:, None], season, unit[:, None])
    return {
        "shift": np.where(linear, means, season - np.log(unit)[:, None]), "figure": season / p.scale[:, None],
        "unit": np.where(p.linear, unit / p.scale, 0.0), "gain": np.where(p.linear, 1.0, p.scale),
    }  # fmt: skip


def raw_ahead(tail: SeriesEnds, h: int, likelihood: Likelihood) -> dict[str, np.ndarray]:
    """What draws of the next h steps are made of, as `raw_of` has it."""
    p = tail.prepared
    assert tail.so_far is not None
    return raw_of(p, tail.so_far[:, 0] / tail.so_far[:, 1], p.season_ahead(h), likelihood)


def as_domain(values: np.ndarray, likelihood: Likelihood | None) -> np.ndarray:
    """Values as they are possible: whole ones where they are counts, none below 0."""
    if likelihood is None or likelihood.is_scaled:
        return values
    return np.maximum(np.rint(values) if likelihood.domain == "counts" else values, 0.0)


def middle_of(values: np.ndarray, *, is_counted: bool) -> np.ndarray:
    """The median over the first axis; of counts one that is a count."""
    return np.quantile(values, 0.5, axis=0, method="inverted_cdf") if is_counted else np.median(values, axis=0)
