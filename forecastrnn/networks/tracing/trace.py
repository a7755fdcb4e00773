"""A cell's formula, called once with traced values -> its graph."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

from forecastrnn.networks.tracing.cell_graph import CellGraph, check_names, check_number
from forecastrnn.networks.tracing.graph import Graph, Node
from forecastrnn.networks.tracing.lines import first_line, last_line
from forecastrnn.networks.tracing.values import Value, as_number

VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def trace_cell(
    *,
    step: Callable,
    gates: tuple[str, ...],
    states: tuple[str, ...],
    diagonals: tuple[str, ...] = (),
    between: Callable | None = None,
    second: tuple[str, ...] = (),
    start: Mapping[str, float] = MappingProxyType({}),
) -> CellGraph:
    """The graph of a cell.

    Parameters
    ----------
    step : callable
        Asks by name for sums of gates, old states and diagonal weights, and returns the new states in their order.
    gates, states, diagonals, second : tuple of str
        See `CellGraph`.
    between : callable, optional
        Asks by name for sums of gates that are not in `second`, for the last state and for diagonal weights, and
        returns what the products of the gates in `second` read.
    start : mapping of str to float, optional
        Values from which states are counted in the graph: an old state of 0 is one of this.

    Raises
    ------
    TypeError
        For what no graph can hold: a branch, a comparison, a function that is not available. Shows the formula's line.
    ValueError
        For a formula that does not fit the names, and constants that are no finite single numbers.
    """
    check_names(gates, states, diagonals, second)
    check_start(start, states)
    graph = Graph()
    sums = {gate: _input(graph, f"sum.{gate}") for gate in gates}
    old = {state: _input(graph, f"old.{state}") + start.get(state, 0.0) for state in states}
    seen = {states[-1]: _input(graph, f"seen.{states[-1]}")}
    weights = {name: _input(graph, f"weight.{name}") for name in diagonals}
    first = {gate: value for gate, value in sums.items() if gate not in second}
    middle = [] if between is None else _called(between, graph, first | seen | weights, ("what products read",))
    outputs = [
        (Value(graph, number) - start.get(state, 0.0)).number
        for state, number in zip(states, _called(step, graph, sums | old | weights, states))
    ]
    nodes, numbers = compact(graph, (*middle, *outputs))
    try:
        return CellGraph(
            gates=gates, states=states, diagonals=diagonals, second=second, nodes=nodes,
            between=numbers[0] if middle else None, outputs=numbers[len(middle) :],
        )  # fmt: skip
    except ValueError as problem:
        raise ValueError(f"{problem}{last_line(step)}") from None


def check_start(start: Mapping[str, float], states: tuple[str, ...]) -> None:
    """First values are finite numbers, of states but the last one; ValueError if not."""
    for name, value in start.items():
        if name not in states[:-1]:
            raise ValueError(f"start can have {states[:-1]!r}, the states but the last one. Got {name!r}")
        check_number(f"start of the state {name}", value)


def _input(graph: Graph, name: str) -> Value:
    return Value(graph, graph.input(name))


def _called(formula: Callable, graph: Graph, offered: dict[str, Value], outputs: tuple[str, ...]) -> list[int]:
    """The values that a formula returns for those that it asks for by name."""
    asked = inspect.signature(formula).parameters.values()
    unknown = [p.name for p in asked if p.kind in VARIADIC or p.name not in offered and p.default is p.empty]
    if unknown:
        raise TypeError(
            f"a formula asks for {', '.join(unknown)}, but there are {', '.join(offered)}{first_line(formula)}"
        )
    result = formula(**{p.name: offered[p.name] for p in asked if p.name in offered})
    results = list(result) if isinstance(result, tuple | list) else [result]
    unset = [name for name, value in zip(outputs, results) if value is None]
    if unset or len(results) != len(outputs):
        found = f"None for {', '.join(unset)}" if unset else f"{len(results)} values"
        raise ValueError(f"a formula must return {', '.join(outputs)}. It returns {found}{last_line(formula)}")
    try:
        numbers = [as_number(graph, value) for value in results]
    except (TypeError, ValueError) as problem:
        message = str(problem).partition("\n")[0]
        raise type(problem)(f"{message}{last_line(formula)}") from None
    constants = [name for name, value in zip(outputs, numbers) if graph.number_of(value) is not None]
    if constants:
        raise ValueError(f"a formula returns a constant for {', '.join(constants)}{last_line(formula)}")
    return numbers


def compact(graph: Graph, wanted: Iterable[int]) -> tuple[tuple[Node, ...], tuple[int, ...]]:
    """The nodes that wanted values are made of, numbered anew, and the numbers of these values."""
    wanted = tuple(wanted)
    kept = sorted(set().union(*(graph.ancestors(value) for value in wanted)))
    numbers = {value: number for number, value in enumerate(kept)}
    nodes = [graph.nodes[value] for value in kept]
    renumbered = (node._replace(arguments=tuple(numbers[a] for a in node.arguments)) for node in nodes)
    return tuple(renumbered), tuple(numbers[value] for value in wanted)
