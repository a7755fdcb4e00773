"""A formula as a graph: each value once, in an order in which all can be computed."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from forecastrnn.networks.tracing.operations import OPERATIONS

MOST_NODES = 1000  # of one formula
INPUT, CONSTANT = "input", "constant"


class Node(NamedTuple):
    """An operation on earlier values, by their numbers; or an input by its name, or a constant."""

    operation: str
    arguments: tuple[int, ...] = ()
    content: str | float = ""

    @property
    def cost(self) -> int:
        """What computing it takes."""
        return OPERATIONS[self.operation].cost if self.operation in OPERATIONS else 0


class Graph:
    """Nodes, each equal one once; what is asked for twice has the number it had."""

    def __init__(self, nodes: Iterable[Node] = (), most: int = MOST_NODES) -> None:
        self.nodes: list[Node] = list(nodes)
        self.most = most
        self._numbers = {_key(node): number for number, node in enumerate(self.nodes)}

    def input(self, name: str) -> int:
        """The number of an input."""
        return self._once(Node(INPUT, (), name))

    def input_name(self, value: int) -> str:
        """An input as a name in text."""
        return str(self.nodes[value].content).replace(".", "_")

    def constant(self, x: float) -> int:
        """The number of a constant."""
        return self._once(Node(CONSTANT, (), float(x) + 0.0))  # -0.0 is 0.0

    def apply(self, operation: str, *arguments: int) -> int:
        """The number of an operation on values, or of what it comes down to; ValueError if that is not finite."""
        numbers = [self.number_of(a) for a in arguments]
        if None not in numbers:
            return self.constant(_folded(operation, numbers))
        found = FOLDINGS[operation](self, *arguments) if operation in FOLDINGS else None
        return self._once(Node(operation, arguments)) if found is None else found

    def number_of(self, value: int) -> float | None:
        """The number that a constant is, else None."""
        node = self.nodes[value]
        return float(node.content) if node.operation == CONSTANT else None

    def negated(self, value: int) -> int | None:
        """What a value is the negative of, if it was made so."""
        node = self.nodes[value]
        return node.arguments[0] if node.operation == "neg" else None

    def _once(self, node: Node) -> int:
        key = _key(node)
        if key not in self._numbers:
            self._numbers[key] = len(self.nodes)
            self.nodes.append(node)
        return self._numbers[key]

    def needed(self, wanted: Iterable[int], given: Collection[int] = ()) -> set[int] | None:
        """All operations that lead from given values to wanted ones; None if an input is missing."""
        todo, found = list(wanted), set()
        while todo:
            value = todo.pop()
            if value in given or value in found:
                continue
            node = self.nodes[value]
            if node.operation == INPUT:
                return None
            if node.operation != CONSTANT:
                found.add(value)
                todo += node.arguments
        return found

    def ancestors(self, value: int) -> set[int]:
        """A value and all that it is made of."""
        todo, found = [value], set()
        while todo:
            value = todo.pop()
            if value not in found:
                found.add(value)
                todo += self.nodes[value].arguments
        return found

    def compute(self, inputs: Mapping[str, np.ndarray], wanted: Sequence[int]) -> list[np.ndarray]:
        """The wanted values on arrays; a KeyError if an input that they need is missing."""
        values: dict[int, np.ndarray | float] = {}
        for value in sorted(set().union(*map(self.ancestors, wanted))):
            node = self.nodes[value]
            if node.operation == INPUT:
                values[value] = inputs[str(node.content)]
            elif node.operation == CONSTANT:
                values[value] = float(node.content)
            else:
                values[value] = OPERATIONS[node.operation].on_arrays(*(values[a] for a in node.arguments))
        return [np.asarray(values[value]) for value in wanted]


def _folded(operation: str, numbers: Sequence[float | None]) -> float:
    """An operation on constants."""
    with np.errstate(all="ignore"):
        result = float(OPERATIONS[operation].on_arrays(*numbers))
    if not math.isfinite(result):
        raise ValueError(f"{operation} of {', '.join(map(repr, numbers))} is not finite")
    return result


def _key(node: Node) -> Node:
    """Sums and products are equal in either order."""
    return node._replace(arguments=tuple(sorted(node.arguments))) if node.operation in ("add", "mul") else node


def _add(graph: Graph, a: int, b: int) -> int | None:
    for one, other in ((a, b), (b, a)):
        if graph.number_of(one) == 0.0:
            return other
    for one, other in ((b, a), (a, b)):
        negated = graph.negated(one)
        if negated is not None:
            return graph.apply("sub", other, negated)
    return None


def _sub(graph: Graph, a: int, b: int) -> int | None:
    if graph.number_of(b) == 0.0:
        return a
    if graph.number_of(a) == 0.0:
        return graph.apply("neg", b)
    negated = graph.negated(b)
    return None if negated is None else graph.apply("add", a, negated)


def _mul(graph: Graph, a: int, b: int) -> int | None:
    for one, other in ((a, b), (b, a)):
        number, negated = graph.number_of(one), graph.negated(one)
        if number == 0.0:
            return one
        if number == 1.0:
            return other
        if number == -1.0:
            return graph.apply("neg", other)
        if negated is not None:
            return graph.apply("neg", graph.apply("mul", *((negated, b) if one == a else (a, negated))))
    return None


def _div(graph: Graph, a: int, b: int) -> int | None:
    return a if graph.number_of(b) == 1.0 else None


def _neg(graph: Graph, a: int) -> int | None:
    return graph.negated(a)


# What an operation comes down to, by values that are there. All are exact, but for infinite values times 0.
FOLDINGS: dict[str, Callable[..., int | None]] = {"add": _add, "sub": _sub, "mul": _mul, "div": _div, "neg": _neg}
