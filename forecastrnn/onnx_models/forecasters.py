"""A whole forecaster as a model of ONNX: past values in, forecasts out."""

from __future__ import annotations

from typing import Any

import numpy as np

from forecastrnn.networks.exported import ExportedForecasts
from forecastrnn.onnx_models.ahead import in_unit, median_of, scaled_ahead
from forecastrnn.onnx_models.bands import quantile_of, spread_of
from forecastrnn.onnx_models.given_values import pasts_of, without_gaps
from forecastrnn.onnx_models.graph import Graph
from forecastrnn.onnx_models.mixing import mixed
from forecastrnn.onnx_models.pasts import Past, Reading
from forecastrnn.onnx_models.rows import at_least_one, first_rows, size_of
from forecastrnn.onnx_models.values import LAST, Scope, Value


def model_of_forecaster(exported: ExportedForecasts) -> bytes:
    """The bytes of the file."""
    _refuse(exported)
    graph = Graph()
    scope, reading = Scope(graph), Reading(exported.settings)
    y = Value(scope, at_least_one(graph, "y", 2, graph.constant(1.0, np.float64)), np.float64)
    h, places = _horizon(scope, exported), _places(scope, exported, y)
    y = _in_full(scope, reading, y) if exported.shares else y
    point, past = _point_of(scope, reading, exported, y, h, places)
    found = {"forecast": point} | _quantiles(scope, reading, exported, y, (point, past, places))
    rows, outputs = size_of(graph, "y", 0), []
    for name, values in found.items():
        graph.call(first_rows(graph, _bounded(scope, reading, past, values).name, rows), name)
        outputs.append(graph.info(name, np.float64, ["series", exported.horizon or "h"]))
    return graph.as_model("forecastrnn", _declared(graph, exported), outputs, {"estimator": exported.title})


def _in_full(scope: Scope, reading: Reading, y: Value) -> Value:
    """Values (m, n), none of which may be missing, or is zero."""
    if reading.MISSING == "zero":
        return without_gaps(scope, y)
    gaps = y.of("IsNaN", dtype=np.bool_).to(np.int32).of("ReduceMax", keepdims=0) > 0
    said = "intervals are of values that all are known: series that begin apart are a call each"
    return y.cut(1, scope.unless(gaps, y.size(1) * 0, said), LAST)


def _point_of(
    scope: Scope, reading: Reading, exported: ExportedForecasts, y: Value, h: Value, places: Value | None
) -> tuple[Value, Past]:  # fmt: skip
    """Forecasts (m, h) of networks and candidates, and what they were made of."""
    codes = _rows_of(scope, exported.arrays["codes"], places, np.int64)
    past, others = pasts_of(scope, reading, y, h, exported)
    each = [
        in_unit(scope, past, scaled_ahead(scope, reading, exported.network, theta, past, codes=codes, h=h))
        for theta in exported.thetas
    ]
    found = median_of(scope, each)
    weights = _rows_of(scope, exported.arrays["weights"], places, np.float64)
    if exported.candidates and weights is not None:
        found = mixed(scope, exported.candidates, found, others, weights, past)
    return found, past


def _quantiles(
    scope: Scope, reading: Reading, exported: ExportedForecasts, y: Value, made: tuple[Value, Past, Value | None]
) -> dict[str, Value]:  # fmt: skip
    """Quantiles (m, h) by name."""
    if not exported.shares:
        return {}
    (point, past, places), table = made, exported.arrays

    def forecast(before: Value, steps: Value) -> Value:
        return _point_of(scope, reading, exported, before, steps, places)[0]

    spread = spread_of(scope, reading, table, y, past, forecast)
    return {
        name: quantile_of(scope, reading, table, share, point, past=past, spread=spread)
        for name, share in exported.shares.items()
    }


def _refuse(exported: ExportedForecasts) -> None:
    """What the graph has no nodes for."""
    beside = "or use export_numpy, whose module has all of it"
    if exported.settings["IS_LOCAL"]:
        raise ValueError(f"to_onnx: there is a network for each series. Fit with global_model=True, {beside}.")
    if exported.settings["IS_STEADY"]:
        raise ValueError(
            "to_onnx: the loss is of a mean that stays, which is forecast over paths drawn by chance. Fit with "
            f'loss="absolute_error", or with strategy=Direct(horizon), {beside}.'
        )
    if exported.shares and (exported.settings["NO_LEVEL_OF_Y"] or exported.settings["MISSING"] == "mask"):
        gaps = "errors of values with gaps are not known to a file; fit with missing='zero' or 'raise'"
        raise ValueError(f"to_onnx: level: {exported.settings['NO_LEVEL_OF_Y'] or gaps}, or set level=None.")
    if exported.candidates and exported.settings["MISSING"] == "mask":
        raise ValueError(
            f"to_onnx: networks are mixed with {', '.join(exported.candidates)}, which a file cannot find of values "
            f'with gaps. Fit with candidates="network", or with missing="zero" or "raise", {beside}.'
        )


def _knows_series(exported: ExportedForecasts) -> bool:
    """Whether it matters which series of fit these are."""
    return exported.arrays["codes"].shape[1] > 0 or len(exported.candidates) > 0


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


def _places(scope: Scope, exported: ExportedForecasts, y: Value) -> Value | None:
    """Which series of fit these are (m,), the place behind the last of others; None where it does not matter."""
    if not _knows_series(exported):
        return None
    count, settings = len(exported.arrays["codes"]) - 1, exported.settings
    scope.graph.constant([-1], np.int64, "ids")
    given = at_least_one(scope.graph, "ids", 1, scope.graph.constant(0, np.int64))
    places = Value(scope, given, np.int64)
    wrong = (places < (0 if settings["NEEDS_IDS"] else -1)) | (places >= count)
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
