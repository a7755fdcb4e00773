"""Recursions in time that are linear, of whole rows at once, by doubling, in a graph."""

from __future__ import annotations

import numpy as np

from forecastrnn.onnx_models.values import Scope, Value


def first_order(scope: Scope, x: Value, share: Value, *, varies: bool = False) -> Value:
    """y_t = x_t + share y_(t-1), of x (l, n) and share (l, 1), or (l, n) if it varies."""

    def step(k: Value, states: list[Value]) -> tuple[Value, list[Value], list[Value]]:
        y, factor, apart = states
        y = y + factor * _behind(scope, y, apart)
        return apart * 2 < y.size(1), [y, factor * (_behind(scope, factor, apart) if varies else factor), apart * 2], []

    return scope.loop(_many(scope), [x, share, scope.constant(1, np.int64)], step)[0]


def second_order(
    scope: Scope, level: Value, trend: Value, matrix: list[Value], *, varies: bool = False
) -> tuple[Value, Value]:
    """States s_t = x_t + M s_(t-1) of two numbers, x (l, n) of each; matrix: the four numbers of M, by rows.

    (l, 1) each, or (l, n) if it varies.
    """

    def step(k: Value, states: list[Value]) -> tuple[Value, list[Value], list[Value]]:
        one, other, a, b, c, d, apart = states
        old, slope = _behind(scope, one, apart), _behind(scope, other, apart)
        new = [one + a * old + b * slope, other + c * old + d * slope]
        e, f, g, h = (_behind(scope, number, apart) for number in states[2:6]) if varies else states[2:6]
        square = [a * e + b * g, a * f + b * h, c * e + d * g, c * f + d * h]
        return apart * 2 < one.size(1), [*new, *square, apart * 2], []

    first = [level, trend, *matrix, scope.constant(1, np.int64)]
    found = scope.loop(_many(scope), first, step)
    return found[0], found[1]


def largest_so_far(scope: Scope, x: Value) -> Value:
    """The largest of all values up to each of x (l, n)."""

    def step(k: Value, states: list[Value]) -> tuple[Value, list[Value], list[Value]]:
        y, apart = states
        n = y.size(1)
        before = scope.stack(y.cut(1, 0, apart.least(n)), y.cut(1, 0, (n - apart).most(0)), axis=1)
        return apart * 2 < n, [y.most(before), apart * 2], []

    return scope.loop(_many(scope), [x, scope.constant(1, np.int64)], step)[0]


def _many(scope: Scope) -> Value:
    """More doublings than any series is long."""
    return scope.constant(62, np.int64)


def _behind(scope: Scope, y: Value, apart: Value) -> Value:
    """Values so many steps before, zero before the first."""
    n = y.size(1)
    return scope.stack(y.cut(1, 0, apart.least(n)) * 0.0, y.cut(1, 0, (n - apart).most(0)), axis=1)
