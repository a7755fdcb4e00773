"""Rows of inputs: one that stands in where there are none, and a graph that stops where an input means nothing."""

from __future__ import annotations

import numpy as np

from forecastrnn.onnx_models.graph import Graph


def size_of(graph: Graph, value: str, axis: int) -> str:
    """The size of an axis, as a vector of one."""
    return graph.add("Gather", graph.add("Shape", value), graph.integers(axis))


def at_least_one(graph: Graph, value: str, dimensions: int, stand_in: str) -> str:
    """The rows of a value, or one of `stand_in` if there is none: the runtime's operators fail on empty batches."""
    rows = size_of(graph, value, 0)
    missing = graph.add("Sub", graph.add("Max", rows, graph.integers(1)), rows)
    others = graph.integers(*[0] * (dimensions - 1)) if dimensions > 1 else ""
    pads = [graph.integers(*[0] * dimensions), missing, *([others] if others else [])]
    return graph.add("Pad", value, graph.add("Concat", *pads, axis=0), stand_in)


def first_rows(graph: Graph, value: str, rows: str) -> str:
    """So many rows, which `at_least_one` may have made more."""
    return graph.add("Slice", value, graph.integers(0), rows, graph.integers(0))


def unless(graph: Graph, wrong: str, value: str, why: str) -> str:
    """A value of int64, of the shape of `wrong`; where that is true the runtime fails, at a node named `why`."""
    two, none = (graph.constant(place, np.int64) for place in (2, 0))
    place = graph.add("Where", wrong, two, none)  # there is a place 0 alone
    return graph.add("Add", value, graph.named("Gather", why, graph.integers(0), place))
