"""Quantiles of Tweedie distributions, as `forecastrnn.engine.quantile_formulas` finds them, in a graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from forecastrnn.engine.quantile_formulas import WIDE
from forecastrnn.onnx_models.quantiles import any_of, gamma_quantile, gamma_share, lgamma
from forecastrnn.onnx_models.values import Scope, Value

_PIECES = 140  # of which an amount can consist, where their mean number is WIDE at most: the rest has a share of 1e-16
_ROUNDS, _CLOSE = 60, 1e-9  # of the search, and shares that are equal


class _Pieces(NamedTuple):
    """A Poisson number of gamma distributed pieces: the mean number (..), the size and shape of one."""

    number: Value
    scale: Value
    shape: float

    def share(self, scope: Scope, y: Value) -> Value:
        """That of amounts up to y (..), of which there is one at least: without that of 0."""
        these = scope.constant(np.arange(1.0, _PIECES + 1.0))
        count = self.number.lifted(-1)
        part = (these * count.of("Log") - count - lgamma(these + 1.0)).of("Exp")
        whole = these * self.shape + count * 0.0
        return (part * gamma_share(scope, whole, (y / self.scale).lifted(-1) + whole * 0.0)).over("Sum", -1)


def tweedie_quantile(
    scope: Scope, u: Value, mean: Value, dispersion: Value, p: float, *, is_half: bool
) -> Value:  # fmt: skip
    """0 where the share u is within that of 0, else found by a search; of many pieces by the gamma distribution.

    p : the power.
    """
    count = mean.of("Pow", 2.0 - p) / (dispersion * (2.0 - p))
    none = (-count).of("Exp")
    is_many, is_some = count > WIDE, u > none
    spread = dispersion.of("Sqrt") * mean.of("Pow", 0.5 * p)
    skew = spread / mean * p
    shape = scope.where(is_many, 4.0 / (skew * skew), 1.0)
    many = mean + (gamma_quantile(scope, u, shape, is_half=is_half) - shape) * 0.5 * skew * spread
    is_sought = is_some & ~is_many
    mean, count = scope.where(is_sought, mean, 1.0), scope.where(is_sought, count, 1.0)
    scale = scope.where(is_sought, dispersion * (p - 1.0) * mean.of("Pow", p - 1.0), 1.0)
    sought = scope.where(is_sought, u - none, 0.3)
    first = (mean + scope.where(is_sought, spread, 1.0)).of("Pow", 1.0 / 3.0)
    found = _root(scope, _Pieces(count, scale, (2.0 - p) / (p - 1.0)), sought, first)
    return scope.where(is_some, scope.where(is_many, many.most(0.0), found * found * found), 0.0)


def _root(scope: Scope, pieces: _Pieces, sought: Value, first: Value) -> Value:
    """Where the share of the cube is what is sought: false position with halved weights, from a bound that grows."""

    def above(x: Value) -> Value:
        return pieces.share(scope, x * x * x) - sought

    def grow(k: Value, states: list[Value]) -> tuple[Value, Sequence[Value], Sequence[Value]]:
        low, below, high, error = states
        is_low = error < 0.0
        further = scope.where(is_low, high * 1.5, high)
        moved = [scope.where(is_low, high, low), scope.where(is_low, error, below), further, above(further)]
        return any_of(moved[3] < 0.0), moved, []

    most = scope.constant(_ROUNDS, np.int64)
    low, below, high, error = scope.loop(most, [first * 0.0, -sought, first, above(first)], grow)

    def close_in(k: Value, states: list[Value]) -> tuple[Value, Sequence[Value], Sequence[Value]]:
        low, below, high, error, side, x = states
        goes = (high - low) >= high * _CLOSE
        x = scope.where(goes, (low * error - high * below) / (error - below), x)
        here = above(x)
        goes = goes & (here.abs() >= _CLOSE * 1e-3)
        is_below = here < 0.0
        new_side = scope.where(is_below, side * 0.0 - 1.0, 1.0)
        half = scope.where(new_side.equals(side), scope.constant(0.5), 1.0)
        moved = [
            scope.where(is_below, x, low), scope.where(is_below, here, below * half),
            scope.where(is_below, high, x), scope.where(is_below, error * half, here), new_side,
        ]  # fmt: skip
        kept = [scope.where(goes, new, old) for new, old in zip(moved, states, strict=False)]
        return any_of(goes), [*kept, x], []

    return scope.loop(most, [low, below, high, error, first * 0.0, high], close_in)[5]
