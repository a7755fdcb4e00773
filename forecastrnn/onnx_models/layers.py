"""Recurrent layers, one behind the other: by operators of ONNX where it has them, else by a scan."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from forecastrnn.networks.cell import Weights
from forecastrnn.networks.network import Layer, Network
from forecastrnn.onnx_models.graph import Graph
from forecastrnn.onnx_models.operators import Operator, arrays_of, operator_of
from forecastrnn.onnx_models.scans import CellStep, scan


class Steps(NamedTuple):
    """Sequences in a graph: valid (time, n, 1), ends (n,) of int32, and batch, how many there are, as a vector."""

    valid: str
    ends: str
    batch: str


def run_layers(graph: Graph, network: Network, theta: np.ndarray, x: str, steps: Steps) -> tuple[str, list[list[str]]]:
    """x (time, n, width) -> outputs (time, n, width) of the last layer, 0 behind ends, and the last states of each.

    States (n, width) of a layer are in the order of its cell, both directions side by side; the last is its output.
    """
    states = []
    for layer, own in zip(network.layers, network.layer_weights(theta), strict=True):
        directions = own if isinstance(own, tuple) else (own,)
        operator = operator_of(layer)
        if operator is None:
            x, last = _by_scans(graph, layer, directions, x, steps)
        else:
            x, last = _by_operator(graph, layer, operator, directions, x, steps)
        states.append(last)
    return x, states


def step_layers(
    graph: Graph, network: Network, theta: np.ndarray, x: str, states: Sequence[Sequence[str]]
) -> list[list[str]]:  # fmt: skip
    """The states behind a step of layers in one direction that read x (n, width)."""
    found = []
    for layer, own, old in zip(network.layers, network.layer_weights(theta), states, strict=True):
        assert not isinstance(own, tuple)
        products = graph.add("MatMul", x, graph.constant(own["kernel"]))
        found.append(CellStep(graph, layer.cell, own).new_states(products, old))
        x = found[-1][-1]
    return found


def _by_scans(
    graph: Graph, layer: Layer, directions: Sequence[Weights], x: str, steps: Steps
) -> tuple[str, list[str]]:  # fmt: skip
    shape = graph.add("Concat", steps.batch, graph.integers(layer.units), axis=0)
    zeros = graph.add("Expand", graph.constant([[0.0]]), shape)
    found = [
        scan(graph, layer.cell, own, x, steps.valid, zeros, reverse=number == 1)
        for number, own in enumerate(directions)
    ]
    outputs = graph.add("Concat", *(one for one, _ in found), axis=-1)
    return outputs, [graph.add("Concat", *parts, axis=-1) for parts in zip(*(last for _, last in found))]


def _by_operator(
    graph: Graph, layer: Layer, operator: Operator, directions: Sequence[Weights], x: str, steps: Steps
) -> tuple[str, list[str]]:  # fmt: skip
    """A layer by an operator, whose outputs have an axis of directions of their own."""
    arrays = arrays_of(operator.name, directions)
    w, r, b, p = ("" if array is None else graph.constant(array) for array in arrays)
    inputs = [x, w, r, b, steps.ends, *(["", "", p] if p else [])]
    direction = "bidirectional" if layer.bidirectional else "forward"
    outputs, *last = graph.many(
        operator.name,
        inputs,
        1 + len(layer.cell.states),
        hidden_size=layer.units,
        direction=direction,
        **operator.attributes,
    )
    outputs = graph.add("Reshape", graph.add("Transpose", outputs, perm=[0, 2, 1, 3]), graph.integers(0, 0, -1))
    outputs = graph.add("Where", steps.valid, outputs, graph.constant(0.0))
    by_row = [graph.add("Transpose", one, perm=[1, 0, 2]) for one in reversed(last)]  # the output stands first there
    return outputs, [graph.add("Reshape", one, graph.integers(0, -1)) for one in by_row]
