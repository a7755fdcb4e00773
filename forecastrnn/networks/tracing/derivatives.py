"""Reverse mode on a graph: derivatives become values of the same graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from forecastrnn.networks.tracing.graph import CONSTANT, INPUT, Graph
from forecastrnn.networks.tracing.operations import OPERATIONS
from forecastrnn.networks.tracing.values import Value


def gradients(graph: Graph, seeds: Mapping[int, int], wanted: Sequence[int]) -> list[int | None]:
    """The derivative by each wanted value, from those by the outputs (`seeds`: output -> its derivative).

    None where nothing comes back.
    """
    found = {output: Value(graph, seed) for output, seed in seeds.items()}
    for number in reversed(range(max(seeds) + 1)):
        node = graph.nodes[number]
        if number not in found or node.operation in (INPUT, CONSTANT):
            continue
        arguments = [Value(graph, a) for a in node.arguments]
        parts = OPERATIONS[node.operation].slopes(Value(graph, number), found[number], *arguments)
        for argument, part in zip(node.arguments, parts):
            if part is not None and graph.number_of(part.number) is None:  # the only constant derivative is 0
                found[argument] = found[argument] + part if argument in found else part
    return [found[value].number if value in found else None for value in wanted]
