"""ONNX's Loop and Scan, whose bodies are functions that write a step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from forecastrnn.onnx_models.graph import Graph


class Typed(NamedTuple):
    """A value and its dtype."""

    name: str
    dtype: Any = np.float32


class Step(NamedTuple):
    """What the body of a loop ends with: whether it goes on, new states, and what is kept of each step."""

    go: str
    states: Sequence[str]
    kept: Sequence[Typed] = ()


Body = Callable[[Graph, str, Sequence[str]], Step]


def loop(graph: Graph, most: str, first: Sequence[Typed], body: Body) -> list[str]:
    """At most so many steps (a scalar): the last states, and what each step has kept, one behind the other.

    body : writes a step into a graph, from its number and the states.
    """
    inner = graph.body()
    number, before = inner.name("number"), inner.name("before")
    states = [inner.name("state") for _ in first]
    step = body(inner, number, states)
    inputs = [inner.info(number, np.int64, []), inner.info(before, np.bool_, [])]
    inputs += [inner.info(name, one.dtype, None) for name, one in zip(states, first, strict=True)]
    go = inner.add("Identity", step.go or before)
    outputs = [Typed(inner.add("Identity", name), one.dtype) for name, one in zip(step.states, first, strict=True)]
    outputs += [Typed(inner.add("Identity", one.name), one.dtype) for one in step.kept]
    declared = [inner.info(go, np.bool_, []), *(inner.info(one.name, one.dtype, None) for one in outputs)]
    whole = inner.as_graph("step", inputs, declared)
    begin = [most, graph.constant(True, np.bool_), *(one.name for one in first)]
    return graph.many("Loop", begin, len(outputs), body=whole)
