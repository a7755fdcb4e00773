"""Conformal intervals of series that are given, as `forecastrnn.numpy_predictor.spreads` finds them, in a graph."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from forecastrnn.onnx_models.filters import largest_so_far
from forecastrnn.onnx_models.pasts import Past, Reading
from forecastrnn.onnx_models.values import LAST, Scope, Value

FURTHEST = 30.0  # that an interval leads from a forecast, in logarithms


class Spread(NamedTuple):
    """Of series: the scale of the errors, and the ends of all intervals, (m, 1) each; places (m,): if they differ."""

    scale: Value
    low: Value
    high: Value
    places: Value | None = None


def spread_of(
    scope: Scope, reading: Reading, table: Mapping[str, np.ndarray], y: Value, past: Past,
    point: Callable[[Value, int], Value],
) -> Spread:  # fmt: skip
    """Scales of errors of series y (m, n), by forecasts of their last windows.

    point(start, steps) : forecasts (m, steps) from so many values before the end on.
    """
    growth, linear = table["bands.growth"], past.linear.lifted(1)
    z = scope.where(linear, y, scope.where(linear, 1.0, y).of("Log"))
    least = scope.where(linear, past.level.lifted(1), 1.0) * reading.SMALLEST
    usual = _usual(scope, reading, z).most(least) * float(table["bands.usual"])
    starts = table["bands.starts"]
    starts = starts[:: -(-len(starts) // reading.WINDOWS)]
    total, count = _sizes(scope, reading, y, z, (linear, starts, growth), point)
    apart = (starts[0] - starts[-1]) / max(len(starts) - 1, 1)
    own = count * (min(1.0, apart / len(growth)) if len(starts) > 1 else 1.0)
    scale = ((total / count.most(1.0) * own + usual * reading.PRIOR) / (own + reading.PRIOR)).most(least)
    found = [_highest(scope, one, len(growth)) for one in (-z, z)]
    (low, low_half, _, _), (high, high_half, _, _) = found
    half, rooms = low_half + high_half, []
    for (_, _, single, pair), share in zip(found, table["bands.excess"], strict=True):
        jumped = half < single
        rooms.append(scope.where(jumped, pair, single).most(scope.where(jumped, half, high + low) * float(share)))
    return Spread(scale, -low - rooms[0], high + rooms[1])


def quantile_of(
    scope: Scope, reading: Reading, table: Mapping[str, np.ndarray], share: float, point: Value, past: Past,
    spread: Spread,
) -> Value:  # fmt: skip
    """A quantile (m, h) around forecasts."""
    sign, linear = 1.0 if share > 0.5 else -1.0, past.linear.lifted(1)
    sizes = _sizes_of(reading, table["bands.table"], share)
    size = scope.constant(sizes[0]) if spread.places is None else scope.constant(sizes).take(spread.places, 0).lifted(1)
    growth, count = table["bands.growth"], len(table["bands.growth"])
    steps = scope.counted(point.size(1))
    within = scope.constant(growth).take(steps.least(count - 1), 0)
    beyond = ((steps + 1).to(np.float64) / float(count)).of("Sqrt") * float(growth[-1])
    grown = scope.where(steps < count, within, beyond).lifted(0)
    middle = scope.where(linear, point, scope.where(linear, 1.0, point).of("Log"))
    away = (middle + grown * spread.scale * (size * sign)).most(spread.low).least(spread.high) - middle
    factor = scope.where(linear, 0.0, away.most(-FURTHEST).least(FURTHEST)).of("Exp")
    found = scope.where(linear, point + away, point * factor)
    return found.least(point) if share < 0.5 else found.most(point)


def _sizes_of(reading: Reading, table: np.ndarray, share: float) -> np.ndarray:
    """How far a quantile is from the forecast, over scale and growth: (1,), or of each series of fit."""
    kept, symmetric = reading.KEPT, reading.SYMMETRIC
    wanted = abs(2 * share - 1) if symmetric else max(share, 1 - share)
    place = int(np.clip(np.ceil(wanted * (kept + 1) - 1e-9), 1, kept)) - 1
    place = place if symmetric or share > 0.5 else kept - 1 - place
    own = table[place]
    return own if symmetric else np.maximum(own if share > 0.5 else -own, 0.0)


def _usual(scope: Scope, reading: Reading, z: Value) -> Value:
    """The mean change over a season, of neighbours in a series too short for that: (m, 1)."""
    n = z.size(1)
    lag = scope.where(n > reading.SEASON + 1, scope.constant(reading.SEASON, np.int64), 1)
    return (z.cut(1, lag, LAST) - z.cut(1, 0, n - lag)).abs().over("Mean", 1, keep=True)


def _sizes(
    scope: Scope, reading: Reading, y: Value, z: Value, windows: tuple[Value, np.ndarray, np.ndarray],
    point: Callable[[Value, int], Value],
) -> tuple[Value, Value]:  # fmt: skip
    """The sum of mean errors, over their growth, of forecasts of the last windows (m, 1), and how many there are."""
    linear, starts, growth = windows
    n, nearest_first = y.size(1), scope.constant(starts[::-1], np.int64)
    count = (nearest_first <= n - reading.LEAST).to(np.int64).over("Sum", 0)
    weight = scope.constant(growth)

    def step(k: Value, states: list[Value]) -> tuple[None, list[Value], list[Value]]:
        start = nearest_first.take(k, 0)
        found = point(start, len(growth))
        found = scope.where(linear, found, scope.where(linear, 1.0, found).of("Log"))
        truth = z.cut(1, n - start, (n - start) + len(growth))
        error = (truth - found.cut(1, 0, truth.size(1))) / weight.cut(0, 0, truth.size(1)).lifted(0)
        return None, [states[0] + error.abs().over("Mean", 1, keep=True)], []

    total = scope.loop(count, [scope.constant(0.0).spread(scope.shape(y.size(0), 1))], step)[0]
    return total, count.to(np.float64)


def _highest(scope: Scope, z: Value, horizon: int) -> tuple[Value, Value, Value, Value]:
    """The highest value, that of the first half, and how far beyond all `horizon` steps before them others went.

    Those of the second half: a single one, and two in a row.
    """
    n = z.size(1)
    records, half = largest_so_far(scope, z), n.of("Div", 2)
    places = scope.counted(n - half - 1) + half + 1
    one, before = (z.take(at, 1) - records.take((at - horizon).most(half), 1) for at in (places, places - 1))
    single, pair = (each.over("Max", 1, keep=True).most(0.0) for each in (one, one.least(before)))
    return z.over("Max", 1, keep=True), records.cut(1, half, half + 1), single, pair
