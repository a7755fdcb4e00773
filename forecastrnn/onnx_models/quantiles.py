"""Quantiles of distributions of counts, as `forecastrnn.engine.quantile_formulas` finds them, in a graph."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from forecastrnn.engine.quantile_formulas import CLOSE, FEW, LONGEST, LOWEST, MANY, NORMAL
from forecastrnn.onnx_models.values import Scope, Value

_MORE = 8  # what a number is made larger by, so that the series of Stirling is exact
_STIRLING = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360)
_NOTHING = 1e-18  # share of a count that no longer matters
_STEPS = 2**40  # of a loop that ends by itself


def lgamma(x: Value) -> Value:
    """The logarithm of the gamma function of positive numbers."""
    product, far = x, x + float(_MORE)
    for k in range(1, _MORE):
        product = product * (x + float(k))
    square, rest = far * far, far * 0.0
    for term in reversed(_STIRLING):
        rest = rest / square + term
    return (far - 0.5) * far.of("Log") - far + 0.5 * float(np.log(2.0 * np.pi)) + rest / far - product.of("Log")


def poisson_quantile(scope: Scope, u: Value, mean: Value, *, is_half: bool) -> Value:
    """The least count up to which a share u lies; is_half: that is a half everywhere."""
    is_some = (u > 0.0) & (mean > 0.0)
    some = scope.where(is_some & (mean <= MANY) if is_half else is_some, mean, 1.0)  # others are added up however many
    first = (some - some.of("Sqrt") * LOWEST).of("Floor").most(0.0)
    part = (first * some.of("Log") - some - lgamma(first + 1.0)).of("Exp")
    found = _counted(scope, u, some, first, part, lambda k: some / (k + 1.0))
    if is_half:
        found = scope.where(mean > MANY, (mean + (0.5 - 1.0 / 6.0)).of("Floor"), found)
    return scope.where(is_some, found, 0.0)


def negative_binomial_quantile(scope: Scope, u: Value, mean: Value, size: Value, *, is_half: bool) -> Value:
    """The same of the negative binomial distribution with the variance mean + mean^2 / size."""
    is_some, is_poisson = (u > 0.0) & (mean > 0.0), size > mean.most(1.0) * 1e5
    counts = is_some & ~is_poisson & (mean <= FEW)
    some, own = scope.where(counts, mean, 1.0), scope.where(counts, size, 1.0)
    share, deviation = some / (own + some), (some + some * some / own).of("Sqrt")
    first = (some - deviation * LOWEST).of("Floor").most(0.0)
    ways = lgamma(first + own) - lgamma(own) - lgamma(first + 1.0)
    part = (ways + own * (1.0 - share).of("Log") + first * share.of("Log")).of("Exp")
    found = _counted(scope, u, some, first, part, lambda k: (k + own) / (k + 1.0) * share)
    many = is_some & ~is_poisson & (mean > FEW)
    shape = scope.where(many, mean * size / (size + mean), 1.0)
    amount = gamma_quantile(scope, scope.where(many, u, 0.5), shape, is_half=is_half)
    found = scope.where(many, (amount * mean / shape + 0.5).of("Floor"), found)
    none = scope.where(is_poisson, mean, 0.0)
    return scope.where(is_poisson, poisson_quantile(scope, u, none, is_half=is_half), scope.where(is_some, found, 0.0))


def _counted(scope: Scope, u: Value, mean: Value, first: Value, part: Value, ratio: Callable[[Value], Value]) -> Value:
    """Counts from the first on, until shares that add up are u; ratio(k): that of k + 1 over that of k."""

    def step(k: Value, states: list[Value]) -> tuple[Value, Sequence[Value], Sequence[Value]]:
        count, own, total = states
        goes = (total < u) & ((count < mean) | (own > _NOTHING))
        new = own * ratio(count)
        moved = [count + 1.0, new, total + new]
        return any_of(goes), [scope.where(goes, a, b) for a, b in zip(moved, states, strict=True)], []

    return scope.loop(scope.constant(_STEPS, np.int64), [first, part, part], step)[0]


def any_of(where: Value) -> Value:
    """Whether something holds anywhere."""
    return where.to(np.int64).of("ReduceMax", keepdims=0).to(np.bool_)


def gamma_quantile(scope: Scope, u: Value, shape: Value, *, is_half: bool) -> Value:
    """Of the gamma distribution: Newton's steps on the logarithm."""
    root = 1.0 - 1.0 / (shape * 9.0)
    y = shape.of("Log") + root.most(0.1).of("Log") * 3.0
    small = (u.of("Log") + lgamma(shape + 1.0)) / shape  # where the first term of the series is all
    y = scope.where((root < 0.3) & (small < y), small, y)
    is_smooth = shape > NORMAL if is_half else shape < 0.0
    own = scope.where(is_smooth, 1.0, shape)

    def step(k: Value, states: list[Value]) -> tuple[Value, Sequence[Value], Sequence[Value]]:
        y = states[0].most(-690.0)
        x = y.of("Exp")
        slope = (own * y - x - lgamma(own)).of("Exp")
        change = ((u - gamma_share(scope, own, x)) / slope.most(1e-300)).most(-1.0).least(1.0)
        return any_of((change.abs() >= 1e-12) & (y > -690.0)), [y + change], []

    y = scope.loop(scope.constant(60, np.int64), [scope.where(is_smooth, 0.0, y)], step)[0]
    return scope.where(is_smooth, shape * root * root * root, y.of("Exp"))


def gamma_share(scope: Scope, shape: Value, x: Value) -> Value:
    """The regularised lower incomplete gamma function of x > 0: its series or its fraction."""
    front, is_series = (shape * x.of("Log") - x - lgamma(shape)).of("Exp"), x < shape + 1.0
    near, far = scope.where(is_series, x, shape * 0.5), scope.where(is_series, shape + 1.0, x)

    def term(k: Value, states: list[Value]) -> tuple[Value, Sequence[Value], Sequence[Value]]:
        own, total = states
        own = own * near / (shape + (k + 1).to(np.float64))
        return any_of(own >= total * CLOSE), [own, total + own], []

    def level(k: Value, states: list[Value]) -> tuple[Value, Sequence[Value], Sequence[Value]]:
        b, c, d, found = states
        i = (k + 1).to(np.float64)
        b, part = b + 2.0, i * (i - shape)
        d, c = 1.0 / (b - part * d), b - part / c
        return any_of((d * c - 1.0).abs() >= CLOSE), [b, c, d, found * d * c], []

    begin, most = 1.0 / shape, scope.constant(LONGEST, np.int64)
    total = scope.loop(most, [begin, begin], term)[1]
    b = far + 1.0 - shape
    fraction = scope.loop(most, [b, b * 0.0 + 1e300, 1.0 / b, 1.0 / b], level)[3]
    return scope.where(is_series, front * total, 1.0 - front * fraction)
