"""The graph of a cell as plain lists, for a model file, and back. Reading checks everything and runs nothing."""

from __future__ import annotations

import sys
from typing import TypeAlias

from forecastrnn.networks.tracing.cell_graph import LONGEST_NAME, CellGraph
from forecastrnn.networks.tracing.graph import CONSTANT, INPUT, MOST_NODES, Graph, Node
from forecastrnn.networks.tracing.operations import OPERATIONS
from forecastrnn.networks.tracing.trace import compact

Record: TypeAlias = dict[str, object]
NAMES = ("gates", "states", "diagonals", "second")


def as_record(cell: CellGraph) -> Record:
    """The graph of a cell as names, lists and numbers, which JSON can hold."""
    names = {field: list(getattr(cell, field)) for field in NAMES}
    nodes = [[node.operation, *(node.arguments or (node.content,))] for node in cell.nodes]
    return {**names, "nodes": nodes, "between": cell.between, "outputs": list(cell.outputs)}


def from_record(record: object) -> CellGraph:
    """The graph of a cell that `as_record` wrote down; ValueError for anything else."""
    if not isinstance(record, dict) or record.keys() != {*NAMES, "nodes", "between", "outputs"}:
        raise ValueError("the graph of a cell must be a record of names, nodes and outputs")
    graph, numbers = _read_nodes(_as_list(record["nodes"], "nodes"))
    between = [] if record["between"] is None else [record["between"]]
    wanted = [*between, *_as_list(record["outputs"], "outputs")]
    states = read_names(record["states"])
    if len(wanted) - len(between) != len(states):
        raise ValueError(f"the graph of a cell needs an output for each of {states!r}")
    nodes, roots = compact(graph, [numbers[_as_index(value, len(numbers), "outputs")] for value in wanted])
    return CellGraph(
        gates=read_names(record["gates"]), states=states, diagonals=read_names(record["diagonals"]),
        second=read_names(record["second"]), nodes=nodes, between=roots[0] if between else None,
        outputs=roots[len(between) :],
    )  # fmt: skip


def _read_nodes(lines: list) -> tuple[Graph, list[int]]:
    """The graph, and the number in it of each line."""
    graph, numbers = Graph(), []
    for place, line in enumerate(lines):
        node = _read_node(line, place)
        if node.operation == INPUT:
            numbers.append(graph.input(str(node.content)))
        elif node.operation == CONSTANT:
            numbers.append(graph.constant(float(node.content)))
        else:
            numbers.append(graph.apply(node.operation, *(numbers[a] for a in node.arguments)))
    return graph, numbers


def _read_node(line: object, place: int) -> Node:
    match line:
        case ["input", str() as name] if len(name) <= LONGEST_NAME + len("weight."):
            return Node(INPUT, (), name)
        case ["constant", int() | float() as x] if not isinstance(x, bool) and abs(x) <= sys.float_info.max:
            return Node(CONSTANT, (), float(x))
        case [str() as operation, *arguments] if operation in OPERATIONS:
            if len(arguments) == OPERATIONS[operation].arity:
                return Node(operation, tuple(_as_index(a, place, f"node {place}") for a in arguments))
    raise ValueError(f"node {place} of a cell's graph must be an input, a constant or an operation. Got {line!r:.80}")


def _as_index(value: object, end: int, where: str) -> int:
    """The number of a line before `end`."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < end:
        raise ValueError(f"{where} of a cell's graph must refer to earlier nodes. Got {value!r:.80}")
    return value


def _as_list(value: object, field: str) -> list:
    if not isinstance(value, list) or not 0 < len(value) <= MOST_NODES:
        raise ValueError(f"{field} of a cell's graph must be a list of 1 to {MOST_NODES} entries")
    return value


def read_names(value: object) -> tuple[str, ...]:
    """Names, which are not checked yet."""
    if not isinstance(value, list) or len(value) > MOST_NODES or not all(isinstance(name, str) for name in value):
        raise ValueError("names of gates, states and diagonals of a cell must stand in lists")
    return tuple(value)
