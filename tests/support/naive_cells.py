"""A layer of any declared cell in plain NumPy loops: sums of products by name, and the formula on arrays.

It takes nothing of the package but the declaration: names, and the formula itself.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray
EPSILON = 1e-5


def columns(gates: list[str], units: int) -> dict[str, slice]:
    """Where each gate's columns lie."""
    return {gate: slice(k * units, (k + 1) * units) for k, gate in enumerate(gates)}


def called(formula: Callable, values: dict[str, Array]) -> tuple[Array, ...]:
    asked = [name for name in inspect.signature(formula).parameters if name in values]
    result = formula(**{name: values[name] for name in asked})
    return result if isinstance(result, tuple) else (result,)


class NaiveLayer:
    """One direction of a layer with its weights."""

    def __init__(self, cell: Any, weights: dict[str, Array], units: int) -> None:
        self.cell, self.w = cell, weights
        with_state = [gate for gate in cell.gates if gate not in cell.no_state]
        own = [gate for gate in with_state if gate not in cell.second]
        with_input = [gate for gate in cell.gates if gate not in cell.no_input]
        self.places = {
            "kernel": columns(with_input, units), "recurrent_kernel": columns(with_state, units),
            "bias": columns(with_input, units), "recurrent_bias": columns(own, units),
            "gain": columns(list(cell.gates), units),
        }  # fmt: skip
        self.diagonals = dict(zip(cell.diagonals, weights.get(cell.diagonal_name, ())))

    def part(self, name: str, gate: str) -> Array | float:
        """A gate's part of a parameter; 0 where there is none."""
        if name not in self.w or gate not in self.places[name]:
            return 0.0
        return self.w[name][..., self.places[name][gate]]

    def sums(self, gates: list[str], x: Array, seen: Array) -> dict[str, Array]:
        """Of one step, normalised over the units where the weights have a gain."""
        found = {}
        for gate in gates:
            total = 0.0
            for name, operand in (("kernel", x), ("recurrent_kernel", seen)):
                weights = self.part(name, gate)
                total = total + (operand @ weights if np.ndim(weights) else 0.0)
            if "gain" in self.w:
                total = total - total.mean(1, keepdims=True)
                scale = np.sqrt((total**2).mean(1, keepdims=True) + EPSILON)
                total = total / scale * self.part("gain", gate)
            found[gate] = total + self.part("bias", gate) + self.part("recurrent_bias", gate)
        return found

    def step(self, x: Array, states: dict[str, Array], mask: Array | float = 1.0) -> dict[str, Array]:
        """The new states."""
        cell, last = self.cell, self.cell.states[-1]
        seen = states[last] * mask
        sums = self.sums([gate for gate in cell.gates if gate not in cell.second], x, seen)
        if cell.second:
            (mixed,) = called(cell.between, {**sums, **self.diagonals, last: seen})
            sums |= self.sums(list(cell.second), x, mixed)
        return dict(zip(cell.states, called(cell.step, {**sums, **self.diagonals, **states})))


def run(
    cell: Any, weights: dict[str, Array], x: Array, lengths: Array, start: dict[str, Array]
) -> tuple[Array, dict[str, Array]]:
    """Outputs (n, T, units), zero past each row's end, and each row's states at its end."""
    n, T, _ = x.shape
    states = {name: value.copy() for name, value in start.items()}
    units = states[cell.states[-1]].shape[1]
    layer, outputs = NaiveLayer(cell, weights, units), np.zeros((n, T, units))
    for t in range(T):
        new, on = layer.step(x[:, t], states), lengths > t
        for name, value in new.items():
            states[name] = np.where(on[:, None], value, states[name])
        outputs[on, t] = states[cell.states[-1]][on]
    return outputs, states
