"""What one step of a cell computes, as a graph that is checked and knows nothing of the function it came from."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from keyword import iskeyword
from numbers import Real

import numpy as np

from forecastrnn.networks.tracing.graph import CONSTANT, INPUT, Graph, Node
from forecastrnn.networks.tracing.operations import OPERATIONS

MOST_NAMES, LONGEST_NAME = 32, 40


@dataclass(frozen=True, kw_only=True)
class CellGraph:
    """One step of a cell for one unit: sums of gates, old states and diagonal weights -> new states.

    Inputs of the graph are ``sum.GATE``, ``old.STATE``, ``weight.DIAGONAL`` and, in `between`, ``seen.STATE``: the last
    state as products read it. `outputs` are the new states; the last one is what the layer puts out. `between`, made of
    the sums that are there by then, is what the products of the gates `second` read in place of the state.

    Raises ValueError where this is not so.
    """

    gates: tuple[str, ...]
    states: tuple[str, ...]
    diagonals: tuple[str, ...] = ()
    second: tuple[str, ...] = ()
    nodes: tuple[Node, ...]
    between: int | None = None
    outputs: tuple[int, ...]

    def __post_init__(self) -> None:
        check_names(self.gates, self.states, self.diagonals, self.second)
        self._check_operations()
        self._check_outputs()
        self._check_between()
        self._check_use()

    def graph(self, most: int) -> Graph:
        """The graph, to be gone on with, up to `most` values."""
        return Graph(self.nodes, most)

    def compute(self, inputs: Mapping[str, np.ndarray], wanted: Sequence[int]) -> list[np.ndarray]:
        """Wanted values, as `between` or `outputs`, on arrays; a KeyError if an input that they need is missing."""
        return Graph(self.nodes).compute(inputs, wanted)

    @property
    def roots(self) -> tuple[int, ...]:
        """All that the graph is there for."""
        return self.outputs if self.between is None else (self.between, *self.outputs)

    def inputs_of(self, values: Iterable[int]) -> set[str]:
        """Names of the inputs of which values are made."""
        graph = Graph(self.nodes)
        nodes = (self.nodes[number] for value in values for number in graph.ancestors(value))
        return {str(node.content) for node in nodes if node.operation == INPUT}

    def _check_operations(self) -> None:
        known = (OPERATIONS.get(node.operation) for node in self.nodes)
        scalar = [node.operation for node, one in zip(self.nodes, known) if one is not None and one.scalar]
        if scalar:
            raise ValueError(f"a cell cannot use {scalar[0]}, which only likelihoods have")

    def _check_outputs(self) -> None:
        for state, value in zip(self.states, self.outputs):
            if self.nodes[value].operation == CONSTANT:
                raise ValueError(f"the new state {state} is the constant {self.nodes[value].content}")
        for value, times in Counter(self.outputs).items():
            if times > 1:
                equal = [state for state, other in zip(self.states, self.outputs) if other == value]
                raise ValueError(f"the new states {' and '.join(equal)} are one value: one state is enough for it")
        self._check_inputs("step", self.outputs, self._named("sum", self.gates) | self._named("old", self.states))

    def _check_between(self) -> None:
        if bool(self.second) != (self.between is not None):
            raise ValueError("a cell has `between` and gates whose products read it (`second`), or neither")
        if self.between is None:
            return
        if self.nodes[self.between].operation == CONSTANT:
            raise ValueError("what `between` returns is a constant")
        first = [gate for gate in self.gates if gate not in self.second]
        allowed = self._named("sum", first) | self._named("seen", self.states[-1:])
        self._check_inputs("between", (self.between,), allowed)

    def _check_inputs(self, stage: str, values: Iterable[int], allowed: set[str]) -> None:
        wrong = self.inputs_of(values) - allowed - self._named("weight", self.diagonals)
        if wrong:
            raise ValueError(f"{stage} cannot read {', '.join(sorted(wrong))}")

    def _check_use(self) -> None:
        wanted = self._named("sum", self.gates) | self._named("weight", self.diagonals)
        unused = wanted - self.inputs_of(self.roots)
        if unused:
            names = ", ".join(sorted(name.partition(".")[2] for name in unused))
            raise ValueError(f"no new state depends on {names}, whose weights would never change")

    @staticmethod
    def _named(kind: str, names: Iterable[str]) -> set[str]:
        return {f"{kind}.{name}" for name in names}


def check_names(
    gates: tuple[str, ...], states: tuple[str, ...], diagonals: tuple[str, ...], second: tuple[str, ...]
) -> None:
    """Every name is a short word of its own; ValueError if not."""
    names = (*gates, *states, *diagonals)
    for name in names:
        if not is_name(name):
            raise ValueError(f"gates, states and diagonals must be names of Python, in ASCII. Got {name!r}")
    twice = sorted(name for name, times in Counter(names).items() if times > 1)
    if twice:
        raise ValueError(f"gates, states and diagonals need names of their own. Twice: {', '.join(twice)}")
    if not gates or not states or len(names) > MOST_NAMES:
        raise ValueError(f"a cell has a gate, a state, and at most {MOST_NAMES} gates, states and diagonals")
    if len(set(second)) != len(second) or not set(second) <= set(gates):
        raise ValueError(f"second must name gates, each once. Got {second!r} beside the gates {gates!r}")


def is_name(name: object) -> bool:
    """Whether it may be the name of a parameter of a formula."""
    good = isinstance(name, str) and name.isascii() and name.isidentifier() and not iskeyword(name)
    return good and len(str(name)) <= LONGEST_NAME


def is_number(value: object) -> bool:
    """Whether it is a finite number, and no truth value."""
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)


def check_number(what: str, value: object) -> None:
    """Refuse what is no finite number."""
    if not is_number(value):
        raise ValueError(f"{what} must be a finite number. Got {value!r}")
