"""Reverse mode on a graph: derivatives become values of the same graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from operator import add

from forecastrnn.networks.tracing.graph import CONSTANT, INPUT, Graph
from forecastrnn.networks.tracing.operations import OPERATIONS
from forecastrnn.networks.tracing.values import Value


def gradients(graph: Graph, seeds: Mapping[int, int], wanted: Sequence[int]) -> list[int | None]:
    """The derivative by each wanted input, from those by the outputs (`seeds`: output -> its derivative).

    None where nothing comes back. What comes back to an input from several places is added up in the formula's order.
    """
    parts = {output: [Value(graph, seed)] for output, seed in seeds.items()}
    for number in reversed(range(max(seeds) + 1)):
        node = graph.nodes[number]
        if number not in parts or node.operation in (INPUT, CONSTANT):
            continue
        arguments = [Value(graph, a) for a in node.arguments]
        slopes = OPERATIONS[node.operation].slopes(Value(graph, number), _total(parts[number]), *arguments)
        for argument, part in zip(node.arguments, slopes):
            if part is not None and graph.number_of(part.number) is None:  # the only constant derivative is 0
                parts.setdefault(argument, []).append(part)
    return [_total(parts[value][::-1]).number if value in parts else None for value in wanted]


def _total(parts: Sequence[Value]) -> Value:
    return reduce(add, parts)
