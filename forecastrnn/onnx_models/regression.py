"""Autoregressions by Burg's method, as `forecastrnn.engine.cpu.autoregression` finds them, of lines in a graph."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from forecastrnn.engine.cpu.autoregression import DRIFT, FEW, MOST, RECENT, SHORT
from forecastrnn.onnx_models.gaps import Known
from forecastrnn.onnx_models.values import LAST, Scope, Value

_NONE = 1e300


class Line(NamedTuple):
    """Coefficients and the last values that they read (l, MOST), from where these count, and the last value (l, 1)."""

    criterion: Value
    coefficients: Value
    past: Value
    base: Value
    last: Value
    changes: Value  # (l, 1): 1.0 of changes


def regressions(scope: Scope, z: Value, h: Value, known: Known | None = None) -> Value:
    """Forecasts (l, h) of values or of their changes, whichever the criterion prefers; gaps have the last value."""
    z = z.cut(1, -RECENT, LAST)
    z = z if known is None else known.cut(-RECENT).filled(z)
    few = z.size(1) < FEW

    def found() -> list[Value]:
        values, changes = (_line_of(scope, z, k, share, MOST) for k, share in ((0, 1.0), (1, DRIFT)))
        better = changes.criterion < values.criterion
        line = Line(*(scope.where(better, one, other) for one, other in zip(changes, values, strict=True)))
        return [_ahead(scope, line, h)]

    def last() -> list[Value]:
        return [z.cut(1, -1, LAST) + scope.constant(0.0).spread(scope.shape(1, h))]

    return scope.either(few, last, found)[0]


def seasonal_changes(scope: Scope, z: Value, period: Value, h: Value, known: Known | None = None) -> Value:
    """Forecasts (l, h) with the season: the changes ahead from the last period, which add up from one to the next."""
    n = z.size(1)
    if known is None:
        changes = (z.cut(1, period, LAST) - z.cut(1, 0, n - period)).cut(1, -RECENT, LAST)
        last = z.cut(1, n - period, LAST)
    else:
        changes, last = _changes_with_gaps(scope, z, period, known)
    few = changes.size(1) < FEW
    flat = scope.constant(0.0).spread(scope.shape(z.size(0), h))

    def found() -> list[Value]:
        return [_ahead(scope, _line_of(scope, changes, 0, DRIFT, SHORT), h)]

    steps = scope.either(few, lambda: [flat], found)[0]
    places = scope.counted(h)
    rounds = (h + period - 1).of("Div", period)
    whole = steps.padded(1, 2, rounds * period - h).shaped(scope.shape(z.size(0), rounds, period))
    total = scope.apply("CumSum", whole, scope.constant(1, np.int64))
    total = total.shaped(scope.shape(z.size(0), rounds * period)).cut(1, 0, h)
    return total + last.take(places % period, 1)


def _changes_with_gaps(scope: Scope, z: Value, period: Value, known: Known) -> tuple[Value, Value]:
    """Changes (l, k) from the value known before at the same place, the last one in gaps; last values of each place."""
    places, before = known.ring(period)
    is_change = (known.are & (before >= 0)).cut(0, -RECENT, LAST)
    changes = (z - z.take(before.most(0), 1)).cut(1, -RECENT, LAST)
    first = is_change.to(np.int32).of("ArgMax", axis=0, keepdims=0, dtype=np.int64)
    first = scope.where(is_change.take(first, 0), first, is_change.size(0))  # there may be none
    own = Known(scope, is_change.cut(0, first, LAST))
    last = scope.where((places >= 0).lifted(0), z.take(places.most(0), 1), 0.0)
    return own.filled(changes.cut(1, first, LAST)), last


def _line_of(scope: Scope, z: Value, of_changes: int, share: float, most: int) -> Line:
    """What is found of values or changes, from a share of their mean on."""
    x = z.cut(1, 1, LAST) - z.cut(1, 0, -1) if of_changes else z
    base = x.over("Mean", 1, keep=True) * share
    x = x - base
    criterion, coefficients = _burg(scope, x, most)
    backwards = scope.constant(np.arange(1, MOST + 1), np.int64)
    places = x.size(1) - backwards
    past = scope.where((places >= 0).lifted(0), x.take(places.most(0), 1), 0.0)
    return Line(criterion, coefficients, past, base, z.cut(1, -1, LAST), base * 0.0 + float(of_changes))


def _burg(scope: Scope, x: Value, most: int) -> tuple[Value, Value]:
    """The least criterion (l, 1) and its coefficients (l, MOST), 0 behind the last, of lines x (l, n)."""
    n, size = x.size(1), x.size(1).to(np.float64)
    power = (x * x).over("Mean", 1, keep=True)
    tiny = power * 1e-12
    best = scope.where(power > 0.0, _logarithm(scope, power) + (size + 1.0) / (size - 3.0), -_NONE)
    none = scope.constant(0.0).spread(scope.shape(x.size(0), MOST))
    order = scope.constant(np.arange(MOST), np.int64)
    tries = n.of("Div", 4).least(most).least((n - 5).most(0))

    def step(k: Value, states: list[Value]) -> tuple[None, list[Value], list[Value]]:
        forward, backward, trial, kept, least, left, on = states
        goes = (on > 0.0) & (left > tiny)
        ahead, behind = forward.cut(1, 1, LAST), backward.cut(1, 0, -1)
        both = (ahead * behind).over("Sum", 1, keep=True)
        squares = (ahead * ahead + behind * behind).over("Sum", 1, keep=True)
        part = scope.where(squares > 0.0, both * 2.0 / squares, 0.0)
        mirrored = trial.take((k - 1 - order).most(0), 1)
        is_own = order.equals(k).lifted(0)
        new = scope.where((order < k).lifted(0), trial - part * mirrored, trial)
        new = scope.where(is_own, part, new)
        left = left * (1.0 - part * part)
        real = k.to(np.float64)
        found = scope.where(left > 0.0, _logarithm(scope, left) + (size + real + 2.0) / (size - real - 4.0), -_NONE)
        better = goes & (found < least)
        return None, [
            ahead - part * behind, behind - part * ahead, new, scope.where(better, new, kept),
            scope.where(better, found, least), left, goes.to(np.float64),
        ], []  # fmt: skip

    first = [x, x, none, none, best, power, power * 0.0 + 1.0]
    found = scope.loop(tries, first, step)
    return found[4], found[3]


def _logarithm(scope: Scope, power: Value) -> Value:
    return scope.where(power > 0.0, power, 1.0).of("Log")


def _ahead(scope: Scope, line: Line, h: Value) -> Value:
    """The steps ahead (l, h)."""

    def step(k: Value, states: list[Value]) -> tuple[None, list[Value], list[Value]]:
        past, last = states
        x = (line.coefficients * past).over("Sum", 1, keep=True)
        found = line.base + line.changes * last + x
        return None, [scope.stack(x, past.cut(1, 0, -1), axis=1), found], [found]

    return scope.loop(h, [line.past, line.last], step)[2].flat(2).turned(1, 0)
