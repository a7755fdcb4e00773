"""Last values of each place in a season, and their median, of a series with gaps in a graph."""

from __future__ import annotations

import numpy as np

from forecastrnn.onnx_models.gaps import Known
from forecastrnn.onnx_models.pasts import Past, Reading
from forecastrnn.onnx_models.values import Scope, Value


def of_rings_with_gaps(
    scope: Scope, reading: Reading, name: str, y: Value, past: Past, *, h: Value, known: Known
) -> Value:
    """Forecasts (1, h) of a candidate, NaN where it has none, behind a series y (1, n)."""
    n, steps, season = y.size(1), scope.counted(h), reading.SEASON
    if name == "season_ago":
        period = scope.where(n >= season, scope.constant(season, np.int64), 1)
        return _ring(scope, y, known, period)[0].take(steps % period, 1)
    if name == "second_season_ago":
        period = past.period.flat(0)
        found = _ring(scope, y, known, period)[0].take(steps % period, 1)
        return scope.where(period > season, found, np.nan)
    width = n.least(max(2, -(-reading.SHORTEST // season)) * season)
    values, is_there = _ring(scope, y, known, width)
    count = is_there.to(np.int64).over("Sum", 1, keep=True)
    names = scope.graph.many("TopK", [scope.where(is_there, values, np.inf).name, width.lifted(0).name], 2, axis=1,
                             largest=0)  # fmt: skip
    ordered = Value(scope, names[0], np.float64)
    found = ordered.pick((count - 1) / 2, 1) * 0.5 + ordered.pick(count / 2, 1) * 0.5
    found = found.of("Round") if name.endswith("rounded") else found
    found = scope.where(often_zero(reading, y, known), found, np.nan)
    return found + scope.constant(0.0).spread(scope.shape(1, h))


def _ring(scope: Scope, y: Value, known: Known, period: Value) -> tuple[Value, Value]:
    """The last known value of each place (1, period), the very last one where there is none; and where there is one."""
    places, _ = known.ring(period)
    last = y.size(1) - 1
    return y.take(scope.where(places < 0, last, places), 1), (places >= 0).lifted(0)


def often_zero(reading: Reading, y: Value, known: Known) -> Value:
    """Whether a series (1, n) is zero in so many of its known values (1, 1)."""
    zeros = y.equals(0.0).to(np.float64).over("Sum", 1, keep=True)
    return zeros >= known.weights.over("Sum", 1, keep=True) * reading.ZEROS
