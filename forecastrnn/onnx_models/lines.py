"""Series on two scales without their seasonal figure, as `forecastrnn.engine.cpu.scaled_lines` has them, in a graph.

Rows are lines: those of m series on a linear scale, then those of their logarithms. All values are known.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from forecastrnn.engine.cpu.levels import LEAST, MOST
from forecastrnn.engine.cpu.scaled_lines import FURTHEST, HIGHEST, REACH, ROUNDING, SMALLEST
from forecastrnn.engine.cpu.seasonal import TRIALS
from forecastrnn.onnx_models.figures import Trials, best_figure
from forecastrnn.onnx_models.gaps import Known
from forecastrnn.onnx_models.values import LAST, Scope, Value


class Lines(NamedTuple):
    """z (2 m, n); of each series its values (m, n), the value that becomes 0, the distance that becomes 1 (m, 1)."""

    z: Value
    values: Value
    centre: Value
    spread: Value
    is_curved: Value  # (m, 1): whether there are logarithms


def lines_of(scope: Scope, y: Value, is_curved: Value, known: Known | None = None) -> Lines:
    """Lines of series (m, n); is_curved (m,): which have logarithms. known: of one whose gaps have the last value."""

    def mean_of(values: Value) -> Value:
        return values.over("Mean", 1, keep=True) if known is None else known.mean(values)

    size = y.abs().over("Max", 1, keep=True).most(SMALLEST)
    over = y / size
    mean = mean_of(over)
    away = mean_of((over - mean).abs())
    centre = mean * size
    spread = scope.where(away > ROUNDING, (away * size).most(SMALLEST), size)
    straight = ((y - centre) / spread).most(-FURTHEST).least(FURTHEST)
    curved = is_curved.lifted(1)
    ratio = scope.where(curved, y / scope.where(curved, centre, 1.0), 1.0)
    logarithms = ratio.most(LEAST).of("Log").least(HIGHEST)
    return Lines(scope.stack(straight, logarithms, axis=0), y, centre, spread, curved)


def is_of_factors(y: Value, known: Known) -> Value:
    """Whether a series (1, n), with the last known value in gaps, has logarithms: (1,)."""
    n, size, lowest = known.weights.over("Sum", 1), y.over("Max", 1), y.over("Min", 1)
    over = y / size.lifted(1)
    changes = (over.cut(1, 1, LAST) - over.cut(1, 0, -1)).abs().over("Sum", 1) / (n - 1.0)
    mean = known.mean(over).flat(1)
    return (lowest > 0.0) & (lowest / size > mean * LEAST) & (mean <= changes * MOST)


def in_unit_of(scope: Scope, lines: Lines, paths: Value) -> Value:
    """Forecasts (m, h) of those of both lines (2 m, h) with their figures: their mean, not far beyond the series."""
    m = lines.values.size(0)
    straight = lines.centre + lines.spread * paths.cut(0, 0, m)
    curved = lines.centre * paths.cut(0, m, LAST).least(HIGHEST).of("Exp")
    found = scope.where(lines.is_curved, (straight + curved) * 0.5, straight)
    low, high = (lines.values.over(how, 1, keep=True) for how in ("Min", "Max"))
    reach = (high - low) * REACH
    return found.most(low - reach).least(high + reach)


def without_two_figures(
    scope: Scope, z: Value, season: int, period: Value, longest: int, h: Value
) -> tuple[Value, Value]:
    """Lines (l, n) without the figure of the season and that of a longer period (l,), and both ahead (l, h)."""
    if season < 2:
        return z, scope.constant(0.0).spread(scope.shape(z.size(0), h))
    rows = scope.constant(True, np.bool_).spread(scope.shape(z.size(0)))
    z, ahead = _taken_off(scope, z, season, scope.constant(season, np.int64), rows, h)
    first = scope.constant(2 * season, np.int64)
    if longest <= season:
        return z, ahead

    def step(k: Value, states: list[Value]) -> tuple[None, list[Value], list[Value]]:
        rest, own, place = states
        rest, more = _taken_off(scope, rest, season, place, period.equals(place), h)
        return None, [rest, own + more, place + season], []

    tries = scope.constant(longest // season - 1, np.int64)
    z, ahead, _ = scope.loop(tries, [z, ahead, first], step)
    return z, ahead


def _taken_off(scope: Scope, z: Value, season: int, period: Value, rows: Value, h: Value) -> tuple[Value, Value]:
    """Some rows without the figure of a period, if they are long enough for it, and it ahead."""
    n = z.size(1)
    need = scope.where(period.equals(season), scope.constant(2 * season, np.int64), period * 3 + season)
    whole = scope.constant(0.0).spread(scope.shape(z.size(0), h))

    def found() -> list[Value]:
        ratio, _, learned = best_figure(scope, z, period, Trials(TRIALS, steady=False))
        figure = scope.where(((ratio < 1.0) & rows).lifted(1), learned, 0.0)
        behind = figure.take((n + scope.counted(h)) % period, 1)
        return [z - figure.take(scope.counted(n) % period, 1), behind]

    is_long = (n > period.most(4)) & (n >= need)
    rest, ahead = scope.either(is_long, found, lambda: [z, whole])
    return rest, ahead
