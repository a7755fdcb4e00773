"""Straight-line code of a function that computes values of a graph."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from forecastrnn.networks.tracing.graph import CONSTANT, Graph
from forecastrnn.networks.tracing.operations import CALLED_IN_HEADS, OPERATIONS


@dataclass(frozen=True)
class Given:
    """A value that a function is handed: the kind and number by which loops know it, and its name."""

    kind: str
    index: int
    value: int
    name: str


class Function:
    """The body of a function that computes wanted values from given ones. Constants stand in braces."""

    def __init__(self, graph: Graph, given: Iterable[Given], wanted: Iterable[int]) -> None:
        self._graph = graph
        self._given: dict[int, Given] = {}
        for one in given:
            self._given.setdefault(one.value, one)
        self._names = {value: one.name for value, one in self._given.items()}
        needed = graph.needed(wanted, self._given.keys())
        if needed is None:
            raise ValueError("a value cannot be computed from what is given")
        self._used = {*wanted, *(a for value in needed for a in graph.nodes[value].arguments)}
        self.lines = []
        for value in sorted(needed):
            self.lines.append(f"v{value} = {self._expression(value)}")
            self._names[value] = f"v{value}"

    def used(self, kind: str) -> dict[int, str]:
        """Numbers and names of the values of one kind that are needed."""
        used = (one for value, one in self._given.items() if one.kind == kind and value in self._used)
        return dict(sorted((one.index, one.name) for one in used))

    def name(self, value: int) -> str:
        """How a value, or a constant, is called."""
        node = self._graph.nodes[value]
        return f"{{{node.content!r}}}" if node.operation == CONSTANT else self._names[value]

    def _expression(self, value: int) -> str:
        operation, arguments, _ = self._graph.nodes[value]
        names = [self.name(a) for a in arguments]
        if operation in CALLED_IN_HEADS:
            return f"{operation}({', '.join(names)})"
        sign = OPERATIONS[operation].sign
        if sign:
            return f"{names[0]} {sign} {names[1]}"
        return names[0] if operation == "fixed" else f"-{names[0]}"


def function_text(
    name: str, taken: Mapping[str, Collection[str]], lines: Iterable[str], returned: Iterable[str]
) -> str:
    """A function that takes tuples apart, by parameter, runs lines and returns."""
    unpacked = [f"{tuple_of(names)} = {parameter}" for parameter, names in taken.items() if names]
    body = [f"def {name}({', '.join(taken)}):", *unpacked, *lines, f"return {', '.join(returned)}"]
    return "\n    ".join(body) + "\n"


def tuple_of(names: Iterable[str]) -> str:
    """Names as a tuple."""
    names = list(names)
    return f"({names[0]},)" if len(names) == 1 else f"({', '.join(names)})"
