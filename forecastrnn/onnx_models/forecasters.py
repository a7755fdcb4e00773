"""A whole forecaster as a model of ONNX: past values in, forecasts out."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from forecastrnn.networks.exported import ExportedForecasts
from forecastrnn.onnx_models.bands import quantile_of, spread_of
from forecastrnn.onnx_models.covariates import Given, declared, given_of, rows_of
from forecastrnn.onnx_models.given_values import pasts_of, without_gaps
from forecastrnn.onnx_models.graph import Graph
from forecastrnn.onnx_models.limits import check_writable
from forecastrnn.onnx_models.members import Task, network_median
from forecastrnn.onnx_models.mixing import mixed
from forecastrnn.onnx_models.pasts import Past, Reading
from forecastrnn.onnx_models.rows import at_least_one, first_rows, size_of
from forecastrnn.onnx_models.short_series import Apart, set_apart
from forecastrnn.onnx_models.values import LAST, Scope, Value


class _Series(NamedTuple):
    """Series as they are given: values (m, n), places (m,) in tables of those of fit, and covariates."""

    y: Value
    places: Value | None
    given: Given | None

    def before(self, scope: Scope, start: Value, h: Value) -> _Series:
        """Without so many of the last values; covariates of h steps ahead as far as there are values."""
        n = self.y.size(1)
        times = scope.counted((n - start) + h).least(n - 1)
        return self._replace(y=self.y.cut(1, 0, n - start), given=self.given and self.given.take(times))


def model_of_forecaster(exported: ExportedForecasts) -> bytes:
    """The bytes of the file."""
    check_writable(exported)
    graph = Graph()
    scope, reading = Scope(graph), Reading(exported.settings)
    y = Value(scope, at_least_one(graph, "y", 2, graph.constant(1.0, np.float64)), np.float64)
    h, numbers = _horizon(scope, exported), _numbers(scope, exported, y)
    given = given_of(scope, exported.covariates, y, h, numbers)
    places = numbers and scope.constant(exported.arrays["rows"], np.int64).take(numbers, 0)
    series = _Series(_in_full(scope, reading, y) if exported.shares else y, places, given)
    point, past = _point_of(scope, exported, series, h, exported.horizon)
    found = {"forecast": point} | _quantiles(scope, exported, series, point, past)
    rows, outputs = size_of(graph, "y", 0), []
    for name, values in found.items():
        graph.call(first_rows(graph, _bounded(scope, reading, past, values).name, rows), name)
        outputs.append(graph.info(name, np.float64, ["series", exported.horizon or "h"]))
    inputs = _declared(graph, exported) + declared(scope, exported.covariates)
    return graph.as_model("forecastrnn", inputs, outputs, {"estimator": exported.title})


def _in_full(scope: Scope, reading: Reading, y: Value) -> Value:
    """Values (m, n), none of which may be missing, or is zero."""
    if reading.MISSING == "zero":
        return without_gaps(scope, y)
    gaps = y.of("IsNaN", dtype=np.bool_).to(np.int32).of("ReduceMax", keepdims=0) > 0
    said = "intervals are of values that all are known: series that begin apart are a call each"
    return y.cut(1, scope.unless(gaps, y.size(1) * 0, said), LAST)


def _point_of(
    scope: Scope, exported: ExportedForecasts, series: _Series, h: Value, steps: int | None
) -> tuple[Value, Past]:  # fmt: skip
    """Forecasts (m, h) of networks and candidates, and what they were made of; steps: h, where a file knows it."""
    reading, y = Reading(exported.settings), series.y
    codes = _rows_of(scope, exported.arrays["codes"], series.places, np.int64)
    apart = set_apart(scope, reading, y, h) if reading.SHORT == "naive" and not exported.shares else None
    past, others = pasts_of(scope, reading, apart.y if apart else y, h, exported)
    known = ~y.of("IsNaN", dtype=np.bool_)
    known = known | ~known if reading.MISSING == "zero" else known
    beside = rows_of(scope, exported.covariates, series.given, known, reading.CONTEXT, codes)
    places = _with_networks(scope, exported, series.places, apart)
    found = network_median(scope, Task(exported, past, beside, places, h, steps))
    weights = _rows_of(scope, exported.arrays["weights"], series.places, np.float64)
    if exported.candidates and weights is not None:
        found = mixed(scope, exported.candidates, found, others, weights, past)
    return scope.where(apart.is_short, apart.naive, found) if apart else found, past


def _with_networks(
    scope: Scope, exported: ExportedForecasts, places: Value | None, apart: Apart | None
) -> Value | None:  # fmt: skip
    """Places of series (m,), each of which has a network where they are local, or needs none."""
    if places is None or apart is None or not exported.settings["IS_LOCAL"]:
        return places
    count = len(exported.arrays["codes"]) - 1
    said = "a series that was too short in fit has no network"
    wrong = ~apart.is_short.flat(1) & (places >= count)
    return scope.unless(wrong, places.least(count - 1), said)


def _quantiles(
    scope: Scope, exported: ExportedForecasts, series: _Series, point: Value, past: Past
) -> dict[str, Value]:  # fmt: skip
    """Quantiles (m, h) by name."""
    if not exported.shares:
        return {}
    table, reading = exported.arrays, Reading(exported.settings)

    def forecast(start: Value, steps: int) -> Value:
        h = scope.constant(steps, np.int64)
        return _point_of(scope, exported, series.before(scope, start, h), h, steps)[0]

    spread = spread_of(scope, reading, table, series.y, past, forecast)
    if table["bands.table"].shape[1] > 1 and series.places is not None:  # each series of fit has sizes of its own
        spread = spread._replace(places=series.places)
    return {
        name: quantile_of(scope, reading, table, share, point, past=past, spread=spread)
        for name, share in exported.shares.items()
    }


def _knows_series(exported: ExportedForecasts) -> bool:
    """Whether it matters which series of fit these are."""
    calendar = exported.covariates.calendar if exported.covariates else None
    has_days = calendar is not None and bool((calendar.owner >= 0).any())
    settings = exported.settings
    is_own = settings["IS_LOCAL"] or settings["IS_STEADY"] and len(exported.arrays["residuals"][0]) > 1
    return exported.arrays["codes"].shape[1] > 0 or len(exported.candidates) > 0 or has_days or is_own


def _declared(graph: Graph, exported: ExportedForecasts) -> list[Any]:
    inputs = [graph.info("y", np.float64, ["series", "time"])]
    inputs += [] if exported.horizon else [graph.info("h", np.int64, [1])]
    return inputs + ([graph.info("ids", np.int64, ["rows"])] if _knows_series(exported) else [])


def _horizon(scope: Scope, exported: ExportedForecasts) -> Value:
    """Steps ahead, a scalar: fixed, or an input, which may be left out where all steps are put out at once."""
    most = exported.settings["MOST_STEPS"]
    if exported.horizon:
        return scope.constant(exported.horizon, np.int64)
    if most:
        scope.graph.constant([most], np.int64, "h")
    h = Value(scope, "h", np.int64)
    wrong = (h < 1) | (h > most) if most else h < 1
    said = f"h must be from 1 to {most}, the horizon of fit" if most else "h must be 1 or more"
    return scope.unless(wrong, h, said).flat(0)


def _numbers(scope: Scope, exported: ExportedForecasts, y: Value) -> Value | None:
    """Which series of fit these are (m,), the number behind the last of others; None where it does not matter."""
    if not _knows_series(exported):
        return None
    count, settings = len(exported.arrays["rows"]) - 1, exported.settings
    scope.graph.constant([-1], np.int64, "ids")
    given = at_least_one(scope.graph, "ids", 1, scope.graph.constant(0, np.int64))
    places = Value(scope, given, np.int64)
    wrong = (places < (0 if settings["IS_LOCAL"] or settings["STATIC_COLUMNS"] else -1)) | (places >= count)
    places = scope.unless(wrong, places, "ids must be numbers of series of fit, from 0 on")
    unknown = 0 if settings["IS_ONE"] else count  # a model of one series knows which it is
    return scope.where(places < 0, unknown, places).spread(scope.shape(y.size(0)))


def _rows_of(scope: Scope, table: np.ndarray, places: Value | None, dtype: Any) -> Value | None:
    """Rows of a table of series."""
    return scope.constant(table, dtype).take(places, 0) if places is not None and table.shape[1] > 0 else None


def _bounded(scope: Scope, reading: Reading, past: Past, found: Value) -> Value:
    """Forecasts within their bounds."""
    if reading.BOUNDS == "auto":
        least = scope.where(past.lowest >= 0.0, scope.constant(0.0), -np.inf)
        return found.most(least.lifted(1))
    if reading.BOUNDS is None:
        return found
    low, high = reading.BOUNDS
    return found.most(low).least(high)
