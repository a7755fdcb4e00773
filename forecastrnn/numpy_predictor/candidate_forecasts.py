"""Forecasts that need no training, mixed with those of the networks: the text that follows `past_values`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from forecastrnn.engine.cpu.last_season import RING, move_rings, repeat_rings
from forecastrnn.engine.cpu.mixing import mix
from forecastrnn.engine.cpu.scaled_lines import (
    HEAD,
    KIND,
    PERIOD,
    PLACE,
    describe_lines,
    find_figures,
    leave_lines,
    read_lines,
)  # fmt: skip
from forecastrnn.numpy_predictor.forecasts import SEASON, Ends
from forecastrnn.numpy_predictor.past_values import bridge
from forecastrnn.numpy_predictor.runtime import Array

# What a module sets: formulas of lines by name: their size, fit and forecast, and whether they follow a season; and
# `predict` of the module beside it, that of the network of the package.
CANDIDATES: tuple[str, ...] = ()
FORMULAS: dict[str, tuple[int, Callable[..., None], Callable[..., None], bool]] = {}
SHORTEST, ZEROS = 24, 0.3
PRETRAINED: Any = None
LAST_VALUES, FEWEST_KNOWN = 240, 4


# module: lines
def lines_of(values: Array, period: int, name: str) -> Array:
    """The state (1, width) of a formula of lines behind a series (time,), some of which is NaN."""
    size, fit, _, follows = FORMULAS[name]
    n, rows, offsets = len(values), np.zeros(1, int), np.array([0, len(values)])
    seasons = np.array([SEASON, max(period, SEASON)])
    shown = np.where(n >= np.array([2, 3]) * seasons, seasons, 1)
    figure_at = HEAD + size
    states = np.zeros((2, figure_at + int(shown[: 1 if follows else 2].max())))
    describe_lines(values, offsets, states)
    z, both = np.empty(2 * n), np.array([0, n, 2 * n])
    if follows:
        states[:, figure_at:], states[:, PERIOD] = np.nan, shown[0]
    else:
        read_lines(values, offsets, rows, states, (figure_at, follows), z)
        for line in range(2):
            own = z[line * n : line * n + n]
            bridge(own, np.isfinite(own) if states[line, KIND] >= 0.0 else np.ones(n, bool))
        scratch = tuple(np.empty((2, n))), tuple(np.empty((3, int(seasons.max()))))
        find_figures(z, both, np.repeat(shown[:, None], 2, axis=1), scratch, states, figure_at)
        states[:, PLACE] = -n % states[:, PERIOD]
    read_lines(values, offsets, rows, states, (figure_at, follows), z)
    states[np.isnan(states)] = 0.0
    fit(z, both, states, HEAD)
    return states.reshape(1, -1)


def lines_ahead(states: Array, h: int, name: str) -> Array:
    """The h values (n, h) behind series, in their unit."""
    size, _, ahead, _ = FORMULAS[name]
    lines, out = states.reshape(2 * len(states), -1), np.empty((len(states), h))
    paths = np.empty((len(lines), h))
    ahead(lines, HEAD, paths)
    leave_lines(lines, HEAD + size, paths, out)
    return out


# module: rings
def ring_of(values: Array, period: int) -> Array:
    """The last value of each place of a period, state (1, width); of a series without a whole period its last value."""
    period = period if len(values) >= period else 1
    states = np.full((1, RING + max(period, 1)), np.nan)
    states[0, :2] = period, 0.0
    move_rings(states, values, np.array([0, len(values)]), np.zeros(1, int))
    return states


def ring_ahead(states: Array, h: int) -> Array:
    """The value of the same place in the season (n, h)."""
    out = np.empty((len(states), h))
    repeat_rings(states, out)
    return out


def recent_median(states: Array, h: int) -> Array:
    """The median of what is in rings (n, h); NaN of a series that is not often zero."""
    values, found = states[:, RING:], np.full((len(states), h), np.nan)
    for k in np.flatnonzero(states[:, 0] > 0):
        own = np.sort(values[k][np.isfinite(values[k])])
        found[k] = 0.5 * own[(len(own) - 1) // 2] + 0.5 * own[len(own) // 2]
    return found


# module: beside
def last_of(values: Array) -> Array:
    """The season, and the last values of a series, NaN before the first (1, 1 + LAST_VALUES)."""
    kept = values[-LAST_VALUES:]
    return np.concatenate([[SEASON], np.full(LAST_VALUES - len(kept), np.nan), kept])[None]


def network_ahead(states: Array, h: int) -> Array:
    """Forecasts (n, h) of the network beside this module; NaN of series that are hardly known, or often zero."""
    found = np.full((len(states), h), np.nan)
    for k, values in enumerate(states[:, 1:]):
        count = np.isfinite(values).sum()
        if count >= FEWEST_KNOWN and (values == 0.0).sum() < ZEROS * count:
            found[k] = PRETRAINED(h, values)
    return found


BESIDE: Any = {"pretrained": (last_of, network_ahead)}


# module: end
def candidate_of(name: str, values: Array, period: int) -> Array:
    """The state of a candidate behind a series."""
    if name in FORMULAS:
        return lines_of(values, period, name)
    if name in BESIDE:
        return np.asarray(BESIDE[name][0](values))
    if name == "season_ago":
        return ring_of(values, SEASON)
    if name == "second_season_ago":
        return ring_of(values, period if period > SEASON else 0)
    is_zero = (values == 0.0).sum() >= ZEROS * np.isfinite(values).sum()
    return ring_of(values, min(max(2, -(-SHORTEST // SEASON)) * SEASON, len(values)) if is_zero else 0)


def candidate_ahead(name: str, states: Array, h: int) -> Array:
    """The h values behind series, as a candidate has them."""
    if name in FORMULAS:
        return lines_ahead(states, h, name)
    if name in BESIDE:
        return np.asarray(BESIDE[name][1](states, h))
    if name.startswith("recent_median"):
        found = recent_median(states, h)
        return np.rint(found) if name.endswith("rounded") else found
    return ring_ahead(states, h)


def mixed(network: Array, ends: Ends, h: int) -> Array:
    """Forecasts (n, h) of networks mixed with those of candidates by the weights of each series."""
    found, out = np.zeros((len(CANDIDATES), *network.shape)), np.empty(network.shape)
    middle = np.zeros(len(out), bool)
    for k, name in enumerate(CANDIDATES):
        rows = np.flatnonzero(ends["weights"][:, 1 + k] > 0.0)
        if len(rows):
            found[k, rows] = candidate_ahead(name, ends[f"candidate.{name}"][rows], h)
            if name.startswith("recent_median"):
                middle[rows] |= np.isfinite(found[k, rows, 0])
    mix(network.astype(float), found, ends["weights"], (~ends["linear"], middle), out)
    return out
