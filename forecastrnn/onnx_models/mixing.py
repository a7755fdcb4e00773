"""What networks are mixed with, found of the values that are given, and the mixture, in a graph."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from forecastrnn.engine.cpu.mixing import LEAST
from forecastrnn.networks.exported import ExportedForecasts
from forecastrnn.onnx_models.ahead import in_unit, scaled_ahead
from forecastrnn.onnx_models.covariates import Beside
from forecastrnn.onnx_models.gaps import Known
from forecastrnn.onnx_models.lines import Lines, in_unit_of, is_of_factors, lines_of, without_two_figures
from forecastrnn.onnx_models.pasts import Past, Reading, past_of
from forecastrnn.onnx_models.regression import regressions, seasonal_changes
from forecastrnn.onnx_models.rings import of_rings_with_gaps, often_zero
from forecastrnn.onnx_models.smoothing import damped, theta_of
from forecastrnn.onnx_models.values import LAST, Scope, Value

_SMOOTH = {"damped_trend": damped, "theta": theta_of, "autoregression": regressions}
_RINGS = ("season_ago", "second_season_ago", "recent_median", "recent_median_rounded")
KNOWN = (*_SMOOTH, "seasonal_changes", *_RINGS, "pretrained")  # all that a graph has a formula for


def candidates_of(
    scope: Scope, reading: Reading, exported: ExportedForecasts, y: Value, past: Past, h: Value, *,
    known: Known | None = None,
) -> list[Value]:  # fmt: skip
    """Forecasts (m, h) of each candidate behind series y (m, n), NaN where it has none; known: of one with gaps."""
    names, lines, found, smooth = exported.candidates, None, list[Value](), None
    if not {*names} <= {*_RINGS, "pretrained"}:
        whole = y if known is None else known.filled(y)
        curved = past.curved if known is None else is_of_factors(whole, known)
        lines = lines_of(scope, whole, curved, known)
    for name in names:
        if name in _SMOOTH:
            assert lines is not None
            smooth = smooth or _smooth_lines(scope, reading, lines, past, h, known)
            found.append(in_unit_of(scope, lines, _SMOOTH[name](scope, smooth[0], h, known) + smooth[1]))
        elif name == "seasonal_changes":
            assert lines is not None
            changes = seasonal_changes(scope, lines.z, _season(scope, reading, y, 2), h, known)
            found.append(in_unit_of(scope, lines, changes))
        elif name == "pretrained":
            assert exported.beside is not None
            found.append(_of_network(scope, reading, exported.beside, y, h, known))
        elif known is None:
            found.append(_of_rings(scope, reading, name, y, past, h))
        else:
            found.append(of_rings_with_gaps(scope, reading, name, y, past, h=h, known=known))
    return found


def _smooth_lines(
    scope: Scope, reading: Reading, lines: Lines, past: Past, h: Value, known: Known | None
) -> tuple[Value, Value]:
    """Lines without their figures, and these ahead; where there are gaps, figures are found in bridged lines."""
    period = scope.stack(past.period, past.period, axis=0)
    z = lines.z if known is None else known.bridged(lines.z)
    rest, ahead = without_two_figures(scope, z, reading.SEASON, period, reading.longest, h)
    return rest if known is None else lines.z - (z - rest), ahead


def _season(scope: Scope, reading: Reading, y: Value, times: int) -> Value:
    """The season, where a series has so many of it, else 1."""
    return scope.where(y.size(1) >= times * reading.SEASON, scope.constant(reading.SEASON, np.int64), 1)


def _of_rings(scope: Scope, reading: Reading, name: str, y: Value, past: Past, h: Value) -> Value:
    """Last values of each place in a season or a longer period, or the median of the last ones."""
    n, steps = y.size(1), scope.counted(h)
    if name == "season_ago":
        period = _season(scope, reading, y, 1)
        return y.take(n - period + steps % period, 1)
    if name == "second_season_ago":
        period = past.period.lifted(1)
        found = y.pick((n - period + steps.lifted(0) % period).most(0), 1)
        return scope.where(period > reading.SEASON, found, np.nan)
    seasons = max(2, -(-reading.SHORTEST // reading.SEASON)) * reading.SEASON
    last = y.cut(1, -seasons, LAST)
    count = last.size(1)
    names = scope.graph.many("TopK", [last.name, count.lifted(0).name], 2, axis=1, largest=0)
    ordered = Value(scope, names[0], last.dtype)
    low, high = (ordered.take(place, 1).lifted(1) for place in ((count - 1).of("Div", 2), count.of("Div", 2)))
    found = low * 0.5 + high * 0.5
    found = found.of("Round") if name.endswith("rounded") else found
    found = scope.where(_often_zero(scope, reading, y), found, np.nan)
    return found + scope.constant(0.0).spread(scope.shape(1, h))


def _of_network(
    scope: Scope, reading: Reading, beside: ExportedForecasts, y: Value, h: Value, known: Known | None
) -> Value:
    """Forecasts by the network of the package, of the last values alone; none of series that are often zero."""
    last, own = y.cut(1, -reading.LAST_VALUES, LAST), Reading(beside.settings)
    if known is None:
        past, often = past_of(scope, own, last, h), _often_zero(scope, reading, last)
    else:
        known = known.cut(-reading.LAST_VALUES)
        first = known.are.to(np.int32).of("ArgMax", axis=0, keepdims=0, dtype=np.int64)
        last, known = last.cut(1, first, LAST), known.cut(first)
        past = past_of(scope, own, known.bridged(last), h, known)
        often = often_zero(reading, last, known) | (known.weights.over("Sum", 1, keep=True) < reading.FEWEST_KNOWN)
    found = in_unit(scope, past, scaled_ahead(scope, beside, beside.thetas[0], past, h, Beside()))
    return scope.where(often, np.nan, found)


def _often_zero(scope: Scope, reading: Reading, y: Value) -> Value:
    """Which series (m, 1) are zero in so many of their values (m, n)."""
    zeros = y.equals(0.0).to(np.float64).over("Sum", 1, keep=True)
    return zeros >= y.size(1).to(np.float64) * reading.ZEROS


def mixed(
    scope: Scope, names: Sequence[str], network: Value, others: Sequence[Value], weights: Value, past: Past
) -> Value:  # fmt: skip
    """Forecasts (m, h) of networks mixed with those of candidates by weights (m, 1 + k)."""
    shares = [weights.cut(1, k, k + 1) for k in range(1 + len(names))]
    known, middle = [network], shares[0] < -1.0  # none, so far
    curved = ~past.linear.lifted(1)
    total = shares[0] * network
    for name, share, value in zip(names, shares[1:], others, strict=True):
        is_there = ~value.of("IsNaN", dtype=np.bool_)
        if name.startswith("recent_median"):
            middle = middle | (is_there.cut(1, 0, 1) & (share > 0.0))
        own = scope.where(is_there, value, network)
        known.append(own)
        total = total + scope.where(share > 0.0, share * scope.where(curved, own.most(0.0), own), 0.0)
    least = network * LEAST
    total = scope.where(curved & (total < least), least, total)
    return scope.where(middle, _weighted_median(scope, known, shares), total)


def _weighted_median(scope: Scope, values: Sequence[Value], shares: Sequence[Value]) -> Value:
    """The first of forecasts (m, h), as they grow, with which half of all weights is reached."""
    each = scope.stack(*(one.lifted(2) for one in values), axis=2)
    weights = scope.stack(*shares, axis=1).lifted(1) + each * 0.0
    count = scope.constant([len(values)], np.int64)
    names = scope.graph.many("TopK", [each.name, count.name], 2, axis=2, largest=0)
    ordered, order = Value(scope, names[0], each.dtype), Value(scope, names[1], np.int64)
    reached = scope.apply("CumSum", weights.pick(order, 2), scope.constant(2, np.int64)) >= 0.5 - 1e-12
    first = scope.apply("ArgMax", reached.to(np.int32), axis=2, keepdims=1, dtype=np.int64)
    return ordered.pick(first, 2).flat(2)
