"""Past values as they are given: where series begin, what is missing in them, and what is refused, in a graph."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from forecastrnn.networks.exported import ExportedForecasts
from forecastrnn.onnx_models.gaps import Known
from forecastrnn.onnx_models.mixing import candidates_of
from forecastrnn.onnx_models.pasts import Past, Reading, past_of
from forecastrnn.onnx_models.values import LAST, Scope, Value

KNOWN = 4  # values that are known, at least


def pasts_of(
    scope: Scope, reading: Reading, y: Value, h: Value, exported: ExportedForecasts
) -> tuple[Past, Sequence[Value]]:  # fmt: skip
    """The ends of series y (m, n), and forecasts (m, h) of candidates behind them.

    Series may begin with NaN: those that all are known are alike, and prepared at once, others one by one.
    """

    def at_once(z: Value) -> list[Value]:
        z = _checked(scope, reading, z)
        past = past_of(scope, reading, z, h)
        return [*past, *candidates_of(scope, reading, exported, z, past, h)]

    def one(z: Value, known: Known | None) -> list[Value]:
        past = past_of(scope, reading, z, h) if known is None else past_of(scope, reading, known.bridged(z), h, known)
        return [*past, *candidates_of(scope, reading, exported, z, past, h, known=known)]

    if reading.MISSING == "zero":
        found = at_once(without_gaps(scope, y))
    else:
        gaps = y.of("IsNaN", dtype=np.bool_).to(np.int32).of("ReduceMax", keepdims=0)
        found = scope.either(gaps > 0, lambda: _one_by_one(scope, reading, y, one), lambda: at_once(y))
    count = len(Past._fields)
    return Past(*found[:count]), found[count:]


def without_gaps(scope: Scope, y: Value) -> Value:
    """Zeros where there is no value."""
    missing = y.of("IsNaN", dtype=np.bool_)
    ends = missing.cut(1, -1, LAST).flat(1)
    places = scope.unless(ends, scope.constant(0, np.int64), "each series must end with a known value")
    return scope.where(missing, 0.0, y) + places.to(np.float64).lifted(1)


def _checked(scope: Scope, reading: Reading, y: Value) -> Value:
    """Values (m, n), if they are enough."""
    n = y.size(1)
    begin = scope.unless(n < reading.LEAST, n * 0, f"a series needs {reading.LEAST} values")
    return y.cut(1, begin, LAST)


def _one_by_one(
    scope: Scope, reading: Reading, y: Value, one: Callable[[Value, Known | None], list[Value]]
) -> list[Value]:  # fmt: skip
    """The same of series that begin apart, or have gaps, by what is done with one of them."""

    def step(k: Value, states: list[Value]) -> tuple[Value | None, Sequence[Value], Sequence[Value]]:
        row = y.take(k, 0)
        known = ~row.of("IsNaN", dtype=np.bool_)
        begin = known.to(np.int32).of("ArgMax", axis=0, keepdims=0, dtype=np.int64)
        begin = begin + _complaints(scope, reading, known, begin)
        own = row.cut(0, begin, LAST).lifted(0)
        return None, states, one(own, Known(scope, known).cut(begin) if reading.MISSING == "mask" else None)

    found = scope.loop(y.size(0), [scope.constant(0, np.int64)], step)
    return [value.flat(1) for value in found[1:]]


def _complaints(scope: Scope, reading: Reading, known: Value, begin: Value) -> Value:
    """0, unless one of the values of a series (n,) that it needs is missing."""
    n, count, zero = known.size(0), known.to(np.int64).over("Sum", 0), begin * 0
    is_open = ~known.take(n - 1, 0)
    is_short = ~is_open & ((n - begin < reading.LEAST) | (count < KNOWN))
    found = scope.unless(is_open, zero, "each series must end with a known value")
    found = found + scope.unless(is_short, zero, f"a series needs {reading.LEAST} values, from the first known one on")
    if reading.MISSING == "raise":
        has_gaps = ~is_open & ~is_short & (count < n - begin)
        found = found + scope.unless(has_gaps, zero, "a value is missing: fit with missing='mask' or 'zero'")
    return found
