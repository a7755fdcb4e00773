"""What the gates of a layer were at each step, of its inputs and the states that it had: no step waits for others."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from forecastrnn.networks.cell import Cell
from forecastrnn.networks.tracing.graph import Graph

SQUASHES = ("sigmoid", "tanh", "relu", "exp")  # what makes a gate of a sum
EPSILON = 1e-5  # added to variances by layer normalisation


def gate_values(
    cell: Cell, weights: Mapping[str, np.ndarray], x: np.ndarray, states: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Gates (steps, units) by name, of inputs x (steps, inputs) and the states (steps, units) behind each step.

    A gate is the first function of its sum; sums that only go into that of another gate are not among them.
    """
    graph = Graph(cell.graph.nodes)
    wanted = {gate: _first_function(graph, f"sum.{gate}") for gate in cell.gates}
    own = {gate: value for gate, value in wanted.items() if value is not None}
    named = {value: gate for gate, value in reversed(own.items())}
    found = cell.graph.compute(inputs_of_step(cell, weights, x, states), list(named))
    values = dict(zip(named.values(), found, strict=True))
    return {gate: values[gate] for gate in cell.gates if gate in values}


def inputs_of_step(
    cell: Cell, weights: Mapping[str, np.ndarray], x: np.ndarray, states: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """What the formula of a cell reads at all steps: sums, old states and diagonal weights, by their names there."""
    old = {name: _before(values, cell.start.get(name, 0.0)) for name, values in states.items()}
    frame, last = cell.frame, old[cell.states[-1]]
    found = {f"old.{name}": values for name, values in old.items()}
    found |= {f"weight.{name}": row for name, row in zip(cell.diagonals, weights.get(cell.diagonal_name, ()))}
    units = last.shape[1]

    def columns(name: str, gates: tuple[int, ...], gate: int) -> np.ndarray | float:
        at = gates.index(gate) * units if gate in gates and name in weights else None
        return 0.0 if at is None else weights[name][..., at : at + units]

    def total(gate: int, read: np.ndarray) -> np.ndarray:
        kernel = columns("kernel", frame.input_gates, gate)
        recurrent = columns("recurrent_kernel", frame.recurrent_gates, gate)
        bias = columns("bias", frame.input_gates, gate) + columns("recurrent_bias", frame.state_gates, gate)
        products = np.zeros_like(read) if isinstance(recurrent, float) else read @ recurrent
        products = products if isinstance(kernel, float) else x @ kernel + products
        return _normalised(products, columns("gain", tuple(range(len(cell.gates))), gate)) + bias

    first = [gate for gate, name in enumerate(cell.gates) if name not in cell.second]
    found |= {f"sum.{cell.gates[gate]}": total(gate, last) for gate in first}
    if cell.graph.between is not None:
        seen = {f"seen.{name}": values for name, values in old.items()}
        (read,) = cell.graph.compute(found | seen, [cell.graph.between])
        found |= {f"sum.{name}": total(cell.gates.index(name), read) for name in cell.second}
    return found


def _normalised(sums: np.ndarray, gain: np.ndarray | float) -> np.ndarray:
    """Sums (steps, units) over the units of each step, if there is a gain (Ba, Kiros & Hinton 2016)."""
    if isinstance(gain, float):
        return sums
    apart = sums - sums.mean(axis=1, keepdims=True)
    return np.asarray(gain * apart / np.sqrt((apart**2).mean(axis=1, keepdims=True) + EPSILON))


def _before(values: np.ndarray, start: float) -> np.ndarray:
    """States before each step, as their distance from the start."""
    return np.concatenate([np.zeros_like(values[:1]), values[:-1] - start])


def _first_function(graph: Graph, name: str) -> int | None:
    for value, node in enumerate(graph.nodes):
        if node.operation in SQUASHES and any(graph.nodes[one].content == name for one in graph.ancestors(value)):
            return value
    return None
