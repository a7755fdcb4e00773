"""A whole forecaster as a model of ONNX: past values in, forecasts out."""

from __future__ import annotations

from typing import Any

import numpy as np

from forecastrnn.networks.exported import ExportedForecasts
from forecastrnn.onnx_models.ahead import in_unit, median_of, scaled_ahead
from forecastrnn.onnx_models.given_values import pasts_of
from forecastrnn.onnx_models.graph import Graph
from forecastrnn.onnx_models.pasts import Past, Reading
from forecastrnn.onnx_models.rows import at_least_one, first_rows, size_of
from forecastrnn.onnx_models.values import Scope, Value


def model_of_forecaster(exported: ExportedForecasts) -> bytes:
    """The bytes of the file."""
    _refuse(exported)
    graph = Graph()
    scope, reading = Scope(graph), Reading(exported.settings)
    y = Value(scope, at_least_one(graph, "y", 2, graph.constant(1.0, np.float64)), np.float64)
    h, codes = _horizon(scope, exported), _codes(scope, exported, y)
    past = pasts_of(scope, reading, y, h)
    each = [
        in_unit(scope, past, scaled_ahead(scope, reading, exported.network, theta, past, codes=codes, h=h))
        for theta in exported.thetas
    ]
    found = _bounded(scope, reading, past, median_of(scope, each))
    graph.call(first_rows(graph, found.name, size_of(graph, "y", 0)), "forecast")
    outputs = [graph.info("forecast", np.float64, ["series", exported.horizon or "h"])]
    declared = _declared(graph, exported, codes)
    return graph.as_model("forecastrnn", declared, outputs, {"estimator": exported.title})


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
    if exported.candidates:
        raise ValueError(
            f"to_onnx: networks are mixed with {', '.join(exported.candidates)}, which are found anew from values. Fit "
            f'with candidates="network", {beside}.'
        )


def _declared(graph: Graph, exported: ExportedForecasts, codes: Value | None) -> list[Any]:
    inputs = [graph.info("y", np.float64, ["series", "time"])]
    inputs += [] if exported.horizon else [graph.info("h", np.int64, [1])]
    return inputs + ([graph.info("ids", np.int64, ["rows"])] if codes is not None else [])


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


def _codes(scope: Scope, exported: ExportedForecasts, y: Value) -> Value | None:
    """What networks read that says which series of fit these are (m, codes); None where they read no such thing."""
    codes = exported.arrays["codes"]
    if codes.shape[1] == 0:
        return None
    scope.graph.constant([-1], np.int64, "ids")
    given = at_least_one(scope.graph, "ids", 1, scope.graph.constant(0, np.int64))
    places = Value(scope, given, np.int64)
    least = 0 if exported.settings["NEEDS_IDS"] else -1
    wrong = (places < least) | (places > len(codes) - 2)
    places = scope.unless(wrong, places, "ids must be numbers of series of fit, from 0 on")
    places = scope.where(places < 0, len(codes) - 1, places)
    return scope.constant(codes, np.int64).take(places.spread(scope.shape(y.size(0))), 0)


def _bounded(scope: Scope, reading: Reading, past: Past, found: Value) -> Value:
    """Forecasts within their bounds."""
    if reading.BOUNDS == "auto":
        least = scope.where(past.lowest >= 0.0, scope.constant(0.0), -np.inf)
        return found.most(least.lifted(1))
    if reading.BOUNDS is None:
        return found
    low, high = reading.BOUNDS
    return found.most(low).least(high)
