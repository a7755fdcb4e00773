"""Recurrent layers, one behind the other: by operators of ONNX where it has them, else by a scan."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from forecastrnn.networks.cell import Weights
from forecastrnn.networks.network import Layer, Network
from forecastrnn.onnx_models.graph import Graph
from forecastrnn.onnx_models.operators import Operator, arrays_of, operator_of
from forecastrnn.onnx_models.scans import scan


class Steps(NamedTuple):
    """Sequences in a graph: valid (time, n, 1), ends (n,) of int32, and batch, how many there are, as a vector."""

    valid: str
    ends: str
    batch: str


def run_layers(graph: Graph, network: Network, theta: np.ndarray, x: str, steps: Steps) -> tuple[str, str]:
    """x (time, n, width) -> outputs (time, n, width) of the last layer, 0 behind ends, and its last ones (n, width)."""
    last = ""
    for layer, own in zip(network.layers, network.layer_weights(theta), strict=True):
        directions = own if isinstance(own, tuple) else (own,)
        operator = operator_of(layer)
        if operator is None:
            x, last = _by_scans(graph, layer, directions, x, steps)
        else:
            x, last = _by_operator(graph, layer, operator, directions, x, steps)
    return x, last


def _by_scans(graph: Graph, layer: Layer, directions: Sequence[Weights], x: str, steps: Steps) -> tuple[str, str]:
    shape = graph.add("Concat", steps.batch, graph.integers(layer.units), axis=0)
    zeros = graph.add("Expand", graph.constant([[0.0]]), shape)
    found = [
        scan(graph, layer.cell, own, x, steps.valid, zeros, reverse=number == 1)
        for number, own in enumerate(directions)
    ]
    outputs, last = (graph.add("Concat", *parts, axis=-1) for parts in zip(*found))
    return outputs, last


def _by_operator(
    graph: Graph, layer: Layer, operator: Operator, directions: Sequence[Weights], x: str, steps: Steps
) -> tuple[str, str]:  # fmt: skip
    """A layer by an operator, whose outputs have an axis of directions of their own."""
    arrays = arrays_of(operator.name, directions)
    w, r, b, p = ("" if array is None else graph.constant(array) for array in arrays)
    inputs = [x, w, r, b, steps.ends, *(["", "", p] if p else [])]
    direction = "bidirectional" if layer.bidirectional else "forward"
    outputs, last = graph.many(
        operator.name, inputs, 2, hidden_size=layer.units, direction=direction, **operator.attributes
    )
    outputs = graph.add("Reshape", graph.add("Transpose", outputs, perm=[0, 2, 1, 3]), graph.integers(0, 0, -1))
    outputs = graph.add("Where", steps.valid, outputs, graph.constant(0.0))
    return outputs, graph.add("Reshape", graph.add("Transpose", last, perm=[1, 0, 2]), graph.integers(0, -1))
