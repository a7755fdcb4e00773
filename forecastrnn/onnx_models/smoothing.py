"""Damped trend and theta, as `forecastrnn.engine.cpu` finds them, of lines (l, n) in a graph."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from forecastrnn.engine.cpu import damped_trend, theta
from forecastrnn.onnx_models.filters import first_order, second_order
from forecastrnn.onnx_models.gaps import Known
from forecastrnn.onnx_models.values import LAST, Scope, Value

_NONE = 1e300


def recent(z: Value, most: int) -> Value:
    """The last values of lines, so many at most."""
    return z.cut(1, -most, LAST)


def damped(scope: Scope, z: Value, h: Value, known: Known | None = None) -> Value:
    """Forecasts (l, h) of a damped trend."""
    z, known = recent(z, damped_trend.RECENT), known and known.cut(-damped_trend.RECENT)
    n = z.size(1).to(np.float64)
    level, trend, middle = _first_line(scope, z, known)
    best = _best_damped(scope, z, level, trend, known)
    plain, own = _best_level(scope, z, middle, known)
    is_plain = plain <= best[0] * (scope.constant(damped_trend.PRICE) / n).of("Exp")
    others = [own, own * 0.0, own * 0.0 + damped_trend.LOWEST[2], middle, trend * 0.0]
    alpha, beta, phi, level, trend = (
        scope.where(is_plain, one, other) for one, other in zip(others, [*best[1:], level, trend], strict=True)
    )
    _, level, trend = _damped_error(scope, z, (alpha, beta, phi), level=level, trend=trend, known=known)
    steps = scope.counted(h).lifted(0).to(np.float64) + 1.0
    powers = phi.of("Pow", steps)  # phi + .. + phi^h
    return level + trend * phi * (1.0 - powers) / (1.0 - phi)


def _first_line(scope: Scope, z: Value, known: Known | None) -> tuple[Value, Value, Value]:
    """Level before the first value and slope of the line through the first ones, and their mean: (l, 1) each."""
    if known is None:
        first = z.cut(1, 0, damped_trend.FIRST)
        base, slope = _line(scope, first, None)
        return base, slope, first.over("Mean", 1, keep=True)
    so_far = scope.apply("CumSum", known.weights, scope.constant(1, np.int64))
    own = Known(scope, known.are & (so_far <= float(damped_trend.FIRST)).flat(0))
    base, slope = _line(scope, z, own)
    return base, slope, own.mean(z)


def _line(scope: Scope, z: Value, known: Known | None) -> tuple[Value, Value]:
    """A and B of the line A + B t of least squares through lines (l, n), t = 1 at the first value: (l, 1) each."""
    times = scope.counted(z.size(1)).lifted(0).to(np.float64) + 1.0
    if known is None:
        middle, mean = (one.over("Mean", 1, keep=True) for one in (times, z))
        x = times - middle
    else:
        middle, mean = known.mean(times), known.mean(z)
        x = known.only(times - middle)
    squares = (x * x).over("Sum", 1, keep=True)
    slope = (z * x).over("Sum", 1, keep=True) / scope.where(squares > 0.0, squares, 1.0)
    return mean - slope * middle, slope


def _damped_error(
    scope: Scope, z: Value, parameters: Sequence[Value], *, level: Value, trend: Value, known: Known | None
) -> tuple[Value, Value, Value]:  # fmt: skip
    """The sum of squared one-step errors, and level and trend behind the last value: (l, 1) each.

    parameters : alpha, beta and phi (l, 1). Where a value is not known, level and trend go on as they are.
    """
    alpha, beta, phi = parameters
    both = alpha * beta
    if known is not None:
        alpha, both = (one * known.weights for one in (alpha, both))
    rest = 1.0 - alpha
    matrix = [rest, rest * phi, -both, phi - both * phi]
    if known is not None:
        matrix = [scope.stack(one.cut(1, 0, 1), one, axis=1) for one in matrix]
    levels = scope.stack(level, alpha * z, axis=1)
    trends = scope.stack(trend, both * z, axis=1)
    levels, trends = second_order(scope, levels, trends, matrix, varies=known is not None)
    error = z - levels.cut(1, 0, -1) - phi * trends.cut(1, 0, -1)
    error = error if known is None else known.only(error)
    return (error * error).over("Sum", 1, keep=True), levels.cut(1, -1, LAST), trends.cut(1, -1, LAST)


def _grid(
    scope: Scope, z: Value, grid: np.ndarray, *, level: Value, trend: Value, known: Known | None
) -> tuple[Value, list[Value]]:
    """The least error (l, 1) of rows (alpha, beta, phi) of a grid, and that row as (l, 1) each."""
    alpha, beta, phi = (scope.constant(column).lifted(0) for column in grid.T)
    both = alpha * beta
    wide = scope.constant(0.0).spread(scope.shape(z.size(0), len(grid)))

    def step(k: Value, states: list[Value]) -> tuple[None, list[Value], list[Value]]:
        total, own, slope = states
        slope = slope * phi
        own = own + slope
        error = z.take(k, 1).lifted(1) - own
        error = error if known is None else error * known.weights.take(k, 1).lifted(1)
        return None, [total + error * error, own + alpha * error, slope + both * error], []

    errors = scope.loop(z.size(1), [wide, wide + level, wide + trend], step)[0]
    best = scope.apply("ArgMin", errors, axis=1, keepdims=1, dtype=np.int64)
    return errors.pick(best, 1), [scope.constant(column).take(best, 0) for column in grid.T]


def _best_damped(scope: Scope, z: Value, level: Value, trend: Value, known: Known | None) -> list[Value]:
    """The least error, alpha, beta and phi: of a grid, and then in ever smaller steps around the best."""
    rows = [(a, b, p) for a in damped_trend.ALPHAS for b in damped_trend.BETAS for p in damped_trend.PHIS]
    error, found = _grid(scope, z, np.array(rows), level=level, trend=trend, known=known)
    signs = scope.constant([0.5**r * s for r in range(1, 1 + damped_trend.ROUNDS) for s in (1.0, -1.0) * 3])
    which = scope.constant([k for _ in range(damped_trend.ROUNDS) for k in (0, 0, 1, 1, 2, 2)], np.int64)
    bounds = list(zip(damped_trend.LOWEST, damped_trend.HIGHEST, strict=True))

    def step(k: Value, states: list[Value]) -> tuple[None, list[Value], list[Value]]:
        best, *own = states
        sign, move = signs.take(k, 0), which.take(k, 0)
        sizes = [own[0] * 0.2 + 0.02, own[1] * 0.3 + 0.02, own[2] * 0.0 + 0.06]
        tried = [
            scope.where(move.equals(number), (one + sign * size).most(low).least(high), one)
            for number, (one, size, (low, high)) in enumerate(zip(own, sizes, bounds, strict=True))
        ]
        error, _, _ = _damped_error(scope, z, tried, level=level, trend=trend, known=known)
        better = error < best
        pairs = zip([error, *tried], states, strict=True)
        return None, [scope.where(better, new, old) for new, old in pairs], []

    return scope.loop(scope.constant(6 * damped_trend.ROUNDS, np.int64), [error, *found], step)


def _best_level(scope: Scope, z: Value, level: Value, known: Known | None) -> tuple[Value, Value]:
    """The least error of a level without a trend, and its alpha."""
    low, high, phi = damped_trend.LOWEST[0], damped_trend.HIGHEST[0], damped_trend.LOWEST[2]
    rows = np.array([(a, 0.0, phi) for a in damped_trend.ALPHAS])
    error, (alpha, none, damping) = _grid(scope, z, rows, level=level, trend=level * 0.0, known=known)

    def error_of(tried: Value) -> list[Value]:
        tried = tried.most(low).least(high)
        found = _damped_error(scope, z, (tried, none, damping), level=level, trend=level * 0.0, known=known)
        return [found[0], tried]

    def width_of(k: Value, middle: Value, width: Value) -> Value:
        return scope.where(k.equals(0), middle * 0.1 + 0.01, width * 0.5)

    found = _refined(scope, damped_trend.ROUNDS, [error, alpha], (alpha, width_of), error_of, first=-1.0)
    return found[0], found[1]


def _refined(
    scope: Scope, rounds: int, best: Sequence[Value], widths: tuple[Value, Callable[[Value, Value, Value], Value]],
    error_of: Callable[[Value], list[Value]], *, first: float,
) -> list[Value]:  # fmt: skip
    """The least error, its place and what belongs to it: in each round both sides of the best, ever nearer.

    widths : the first one, and what becomes of it in round k around a place. first : the side that is tried first.
    """

    def step(k: Value, states: list[Value]) -> tuple[None, list[Value], list[Value]]:
        width, *held = states
        middle = held[1]
        width = widths[1](k, middle, width)
        for side in (first, -first):
            new = error_of(middle + width * side)
            better = new[0] < held[0]
            held = [scope.where(better, one, old) for one, old in zip(new, held, strict=True)]
        return None, [width, *held], []

    return scope.loop(scope.constant(rounds, np.int64), [widths[0], *best], step)[1:]


def theta_of(scope: Scope, z: Value, h: Value, known: Known | None = None) -> Value:
    """Forecasts (l, h) of the theta method."""
    z, known = recent(z, theta.RECENT), known and known.cut(-theta.RECENT)
    n = z.size(1)
    base, slope = _line(scope, z, known)

    def error_of(tried: Value) -> list[Value]:
        alpha = tried.most(theta.LOWEST).least(theta.HIGHEST)
        error, first = _best_first(scope, z, alpha, base, slope, known)
        return [error, alpha, first]

    width = (theta.HIGHEST - theta.LOWEST) / (theta.GRID - 1)
    zero = base * 0.0

    def tried(k: Value, states: list[Value]) -> tuple[None, list[Value], list[Value]]:
        new = error_of(zero + k.to(np.float64) * width + theta.LOWEST)
        better = new[0] < states[0]
        return None, [scope.where(better, one, old) for one, old in zip(new, states, strict=True)], []

    begin = [zero + _NONE, zero + 0.5, zero]
    best = scope.loop(scope.constant(theta.GRID, np.int64), begin, tried)
    widths = zero + width, lambda k, middle, own: own * 0.5
    _, alpha, level = _refined(scope, theta.ROUNDS, best, widths, error_of, first=1.0)
    x, rest = _moves(scope, z, alpha, _halves(scope, alpha, base, slope, scope.counted(n)), known)
    behind = rest if known is None else scope.stack(rest.cut(1, 0, 1), rest, axis=1)
    level = first_order(scope, scope.stack(level, x, axis=1), behind, varies=known is not None).cut(1, -1, LAST)
    ahead = _halves(scope, alpha, base, slope, scope.counted(h) + n)

    def onward(k: Value, states: list[Value]) -> tuple[None, list[Value], list[Value]]:
        (own,) = states
        found = own + ahead.take(k, 1).lifted(1)
        return None, [own + alpha * (found - own)], [found]

    return scope.loop(h, [level], onward)[1].flat(2).turned(1, 0)


def _halves(scope: Scope, alpha: Value, base: Value, slope: Value, times: Value) -> Value:
    """Half the line beside the level at times (n,): (l, n)."""
    rest, times = 1.0 - alpha, times.lifted(0).to(np.float64)
    decay = rest.of("Pow", times)
    return (decay * base + (1.0 - decay * rest) / alpha * slope) * 0.5


def _moves(scope: Scope, z: Value, alpha: Value, halves: Value, known: Known | None) -> tuple[Value, Value]:
    """What each value adds to the level (l, n), and the share of it that stays; where it is not known, as forecast."""
    if known is None:
        return alpha * z, 1.0 - alpha
    are = known.are.lifted(0)
    return alpha * scope.where(are, z, halves), 1.0 - alpha * known.weights


def _best_first(
    scope: Scope, z: Value, alpha: Value, base: Value, slope: Value, known: Known | None
) -> tuple[Value, Value]:
    """The squared one-step error of the best first level for an alpha (l, 1), and that level."""
    n = z.size(1)
    halves = _halves(scope, alpha, base, slope, scope.counted(n))
    x, rest = _moves(scope, z, alpha, halves, known)
    stays = rest if known is None else scope.stack(rest.cut(1, 0, 1), rest.cut(1, 0, -1), axis=1)
    p = first_order(scope, scope.stack(alpha * 0.0, x.cut(1, 0, -1), axis=1), stays, varies=known is not None)
    before = scope.counted(n).lifted(0).to(np.float64)
    if known is not None:  # so many known values
        before = known.weights.sums(1).cut(1, 0, -1)
    q = (1.0 - alpha).of("Pow", before)
    y = z - p - halves
    if known is not None:
        q, y = known.only(q), known.only(y)
    qq, qy, yy = ((one * other).over("Sum", 1, keep=True) for one, other in ((q, q), (q, y), (y, y)))
    first = qy / qq
    return yy - first * qy, first
