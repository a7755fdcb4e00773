"""A direction of a layer of any cell as ONNX's Scan over time, whose body is the graph of the cell's formula."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from forecastrnn.networks.cell import Cell, Weights
from forecastrnn.networks.gate_values import EPSILON
from forecastrnn.networks.tracing.graph import CONSTANT, INPUT
from forecastrnn.onnx_models.graph import Graph

OPERATIONS = {
    "add": "Add", "sub": "Sub", "mul": "Mul", "div": "Div", "maximum": "Max", "minimum": "Min", "neg": "Neg",
    "tanh": "Tanh", "sigmoid": "Sigmoid", "relu": "Relu", "exp": "Exp", "log": "Log", "sqrt": "Sqrt",
    "fixed": "Identity",
}  # fmt: skip


def scan(
    graph: Graph, cell: Cell, weights: Weights, x: str, valid: str, zeros: str, *, reverse: bool
) -> tuple[str, list[str]]:  # fmt: skip
    """x (time, n, inputs), valid (time, n, 1) -> outputs (time, n, units), 0 where not valid, and the last states.

    zeros : first states (n, units); a state with another start is held as its distance from it. Read backwards, states
    stay zero until the end of a row is met.
    """
    products = graph.add("MatMul", x, graph.constant(weights["kernel"]))
    count, back = len(cell.states), [int(reverse)]
    found = graph.many(
        "Scan", [*[zeros] * count, products, valid], count + 1, body=_body(graph.body(), cell, weights),
        num_scan_inputs=2, scan_input_directions=back * 2, scan_output_directions=back,
    )  # fmt: skip
    return found[-1], found[:count]


def _body(body: Graph, cell: Cell, weights: Weights) -> object:
    """The body of a scan: states, inputs' products and validity of a step -> states, and outputs."""
    states, products, valid = [body.name(state) for state in cell.states], body.name("products"), body.name("valid")
    new = CellStep(body, cell, weights).new_states(products, states)
    held = [body.add("Where", valid, value, old) for value, old in zip(new, states)]
    output = body.add("Where", valid, held[-1], body.constant(0.0))
    rows = [None, None]  # the runtime wants to know that these are matrices
    inputs = [body.info(name, np.float32, rows) for name in (*states, products)]
    inputs.append(body.info(valid, np.bool_, rows))
    return body.as_graph("step", inputs, [body.info(name, np.float32, rows) for name in (*held, output)])


class CellStep:
    """A step of a cell, as nodes of a graph."""

    def __init__(self, body: Graph, cell: Cell, weights: Weights) -> None:
        self.body, self.cell, self.weights = body, cell, weights
        frame, gates = cell.frame, cell.gates
        self.with_input = [gates[gate] for gate in frame.input_gates]
        self.with_state = [gates[gate] for gate in frame.recurrent_gates]
        self.own = [gates[gate] for gate in frame.state_gates]

    def new_states(self, products: str, states: Sequence[str]) -> list[str]:
        """New states (n, units) of a step, from the inputs' products and the last states."""
        cell, last, graph = self.cell, states[-1], self.cell.graph
        values = {f"old.{name}": value for name, value in zip(cell.states, states)}
        values |= {f"seen.{cell.states[-1]}": last}
        for row, name in zip(self.weights.get(cell.diagonal_name, ()), cell.diagonals):
            values[f"weight.{name}"] = self.body.constant(row)
        by_input = self._split(products, self.with_input)
        first = [gate for gate in cell.gates if gate not in cell.second]
        values |= self._sums(first, by_input, self._products(last, self.own))
        if graph.between is not None:
            mixed = self._computed(values, (graph.between,))[0]
            values |= self._sums(cell.second, by_input, self._products(mixed, list(cell.second)))
        return self._computed(values, graph.outputs)

    def _split(self, value: str, names: Sequence[str]) -> dict[str, str]:
        """Columns of gates."""
        return dict(zip(names, self.body.many("Split", [value], len(names), axis=-1))) if names else {}

    def _products(self, state: str, gates: list[str]) -> dict[str, str]:
        """Products of a state with the columns of gates, side by side."""
        if not gates:
            return {}
        columns = self._columns("recurrent_kernel", self.with_state)
        kernel = np.concatenate([columns[gate] for gate in self.with_state if gate in gates], axis=1)
        order = [gate for gate in self.with_state if gate in gates]
        return self._split(self.body.add("MatMul", state, self.body.constant(kernel)), order)

    def _columns(self, name: str, gates: Sequence[str]) -> dict[str, np.ndarray]:
        """A parameter cut into what each gate has of it; nothing if there is none."""
        there = name in self.weights and len(gates) > 0
        return dict(zip(gates, np.split(self.weights[name], len(gates), axis=-1))) if there else {}

    def _sums(
        self, gates: Sequence[str], by_input: Mapping[str, str], by_state: Mapping[str, str]
    ) -> dict[str, str]:  # fmt: skip
        """Sums of gates: products, normalised where there is a gain, and biases."""
        gains = self._columns("gain", self.cell.gates)
        pairs = self._columns("bias", self.with_input), self._columns("recurrent_bias", self.own)
        found = {}
        for gate in gates:
            parts = [each[gate] for each in (by_input, by_state) if gate in each]
            total = parts[0] if len(parts) == 1 else self.body.add("Add", *parts)
            biases = [each[gate] for each in pairs if gate in each]
            bias = self.body.constant(np.sum(biases, axis=0))
            if gains:
                gain = self.body.constant(gains[gate])
                total = self.body.add("LayerNormalization", total, gain, bias, axis=-1, epsilon=EPSILON)
            found[f"sum.{gate}"] = total if gains else self.body.add("Add", total, bias)
        return found

    def _computed(self, given: Mapping[str, str], wanted: Sequence[int]) -> list[str]:
        """Values of the graph of the cell."""
        graph = self.cell.graph.graph(len(self.cell.graph.nodes))
        names: dict[int, str] = {}
        for value in sorted(set().union(*map(graph.ancestors, wanted))):
            operation, arguments, content = graph.nodes[value]
            if operation == INPUT:
                names[value] = given[str(content)]
            elif operation == CONSTANT:
                names[value] = self.body.constant(content)
            else:
                names[value] = self._applied(operation, [names[a] for a in arguments])
        return [names[value] for value in wanted]

    def _applied(self, operation: str, arguments: list[str]) -> str:
        if operation == "positive":
            return self.body.cast(self.body.add("Greater", *arguments, self.body.constant(0.0)), np.float32)
        return self.body.add(OPERATIONS[operation], *arguments)
