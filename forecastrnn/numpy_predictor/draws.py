"""Sample paths of a likelihood, and quantiles of them: the text before `predictions` where networks say how values lie.

Where a value lies among draws is a normal score, as `forecastrnn.forecasting.drawn_places` has it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from forecastrnn.engine.quantile_formulas import normal_quantile
from forecastrnn.numpy_predictor.bands import around, size_of, windows_of
from forecastrnn.numpy_predictor.forecasts import DOMAIN, MEMBERS, WEIGHTS, Ends, paths_of, take
from forecastrnn.numpy_predictor.past_values import DTYPE
from forecastrnn.numpy_predictor.runtime import Array

# What a module sets.
LEAST, WINDOWS, SMALLEST, PRIOR = 4, 4, 1e-6, 2.0
DRAWS, WINDOW_DRAWS, OUTERMOST, FURTHEST, NEXT = 200, 60, 1e-6, 8.0, 1e-9
IS_CALIBRATED = True


# module: begin
def draws_of(ends: Ends, rows: Array, h: int, count: int) -> Array:
    """Sample paths (count, n, h) in order, drawn alike for all series, of one member in turn; rows: theirs in fit."""
    rng, n, found = np.random.RandomState(0), len(rows), np.empty((count, len(rows), h))
    shares = np.stack([(rng.permutation(count) + 0.5) / count for _ in range(h)], axis=1)
    shares = np.clip(shares, OUTERMOST, 1.0 - OUTERMOST).astype(DTYPE).astype(float)
    for member in range(min(MEMBERS, count)):
        own = np.arange(member, count, MEMBERS)
        every = np.tile(np.arange(n), len(own))
        paths = paths_of(
            member, take(ends, every), rows[every] % len(WEIGHTS["ends.z"]), h, shares[own].repeat(n, axis=0)
        )
        found[own] = paths.reshape(len(own), n, h)
    return np.sort(found, axis=0)


def normal_scores(count: int) -> Array:
    """Scores (count,) of the places of draws."""
    return np.array([normal_quantile((k + 0.5) / count) for k in range(count)])


def beyond_of(draws: Array, scores: Array, side: int) -> Array:
    """Value for each score beyond the outermost draw: its distance from the middle over its score."""
    last, middle = draws[-1 if side > 0 else 0], draws[len(draws) // 2]
    return np.asarray(np.maximum(np.abs(last - middle), NEXT * np.maximum(np.abs(middle), 1.0)) / scores[-1])


def scores_of(values: Array, draws: Array, chance: Array) -> Array:
    """Scores (k,) of values among draws (count, k); equal draws give one of their places by chance (k,)."""
    count, scores = len(draws), normal_scores(len(draws))
    below, until = (draws < values).sum(axis=0), (draws <= values).sum(axis=0)
    share = (below + chance * (until - below)) / count
    if DOMAIN != "counts":
        first, second = (
            np.take_along_axis(draws, np.clip(place, 0, count - 1)[None], axis=0)[0] for place in (below - 1, below)
        )
        part = (values - first) / np.where(second > first, second - first, 1.0)
        share = np.where(until > below, share, (below - 0.5 + np.clip(part, 0.0, 1.0)) / count)
    found = np.array([normal_quantile(one) for one in np.clip(share, 0.5 / count, 1.0 - 0.5 / count).tolist()])
    under = scores[0] - (draws[0] - values) / beyond_of(draws, scores, -1)
    over = scores[-1] + (values - draws[-1]) / beyond_of(draws, scores, 1)
    found = np.where(values > draws[-1], over, np.where(values < draws[0], under, found))
    return np.clip(found, -FURTHEST, FURTHEST)


def values_at(scores: Array, draws: Array) -> Array:
    """Values (n, h) at scores (n, h) among draws (count, n, h)."""
    count, own = len(draws), normal_scores(len(draws))
    shares = np.array([0.5 * math.erfc(-one / math.sqrt(2.0)) for one in scores.ravel().tolist()]).reshape(scores.shape)
    if DOMAIN == "counts":  # the least count up to which so many draws lie
        place = np.clip(np.ceil(shares * count - 1e-9), 1, count).astype(int) - 1
        found = np.take_along_axis(draws, place[None], axis=0)[0]
    else:
        exact = np.clip(shares * count - 0.5, 0.0, count - 1.0)
        place = np.floor(exact).astype(int)
        low, high = (
            np.take_along_axis(draws, np.minimum(one, count - 1)[None], axis=0)[0] for one in (place, place + 1)
        )
        found = low + (exact - place) * (high - low)
    over, under = np.maximum(scores - own[-1], 0.0), np.maximum(own[0] - scores, 0.0)
    found = found + over * beyond_of(draws, own, 1) - under * beyond_of(draws, own, -1)
    return np.rint(found) if DOMAIN == "counts" else found


def spread_of(values: Array, ends: Ends, rows: Array, before: Callable[[int, int], Ends], chance: Any) -> Ends:
    """How scores of the last windows of one series (time,) lie: their scale; chance: of all series of a call."""
    if not IS_CALIBRATED:
        return {}
    values = values[int(np.argmax(np.isfinite(values))) :]
    growth, n = WEIGHTS["bands.growth"], len(values)
    starts, weight = windows_of(n, WEIGHTS["bands.starts"], WINDOWS, LEAST)
    by_chance, sizes = chance.random_sample((len(starts), len(growth))), []
    for start, own in zip(starts.tolist(), by_chance):
        truth = values[n - start :][: len(growth)]
        draws = draws_of(before(n - start, len(growth)), rows, len(growth), WINDOW_DRAWS)[:, 0, : len(truth)]
        sizes.append(np.abs(scores_of(truth, draws, own[: len(truth)]) / growth[: len(truth)]).mean())
    count, usual = len(sizes) * weight, float(WEIGHTS["bands.usual"])
    scale = (np.sum(sizes) / max(len(sizes), 1) * count + PRIOR * usual) / (count + PRIOR)
    return {"band.scale": np.array([max(scale, SMALLEST)])}


def quantiles_of(shares: dict[str, float], point: Array, ends: Ends, rows: Array) -> dict[str, Array]:
    """Quantiles (n, h) by name: of draws, where scores of values of the last windows before the end of fit say so."""
    draws, found = draws_of(ends, rows, point.shape[1], DRAWS), {}
    if not IS_CALIBRATED:
        how: Any = "inverted_cdf" if DOMAIN == "counts" else "linear"
        return around(
            {name: np.quantile(draws, one, axis=0, method=how) for name, one in shares.items()}, shares, point
        )
    growth = WEIGHTS["bands.growth"]
    steps = np.minimum(ends["guessed"][:, None] + np.arange(point.shape[1]), len(growth) - 1)
    for name, share in shares.items():
        away = (1.0 if share > 0.5 else -1.0) * size_of(share, rows) * growth[steps] * ends["band.scale"][:, None]
        found[name] = np.clip(values_at(away, draws), 0.0 if DOMAIN else -np.inf, np.inf)
    return around(found, shares, point)
