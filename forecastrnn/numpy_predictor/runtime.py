"""A recurrent network in NumPy: the text with which a module that `export_numpy` writes begins."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

Array = np.ndarray
EPSILON = 1e-5  # added to the variance in layer normalisation

tanh, exp, log, sqrt, maximum, minimum = np.tanh, np.exp, np.log, np.sqrt, np.maximum, np.minimum


def sigmoid(x: Array) -> Array:
    """The logistic function."""
    return 0.5 + 0.5 * np.tanh(0.5 * x)


def relu(x: Array) -> Array:
    """X where it is positive, else 0."""
    return np.maximum(x, 0.0)


def positive(x: Array) -> Array:
    """1 where x is positive, else 0."""
    return (x > 0.0).astype(x.dtype)


class Cell(NamedTuple):
    """Names of the sums and states of a cell, and its formula: `step`, given values by name, returns new states.

    Gates of `second` read what `between` returns in place of the last state.
    """

    gates: tuple[str, ...]
    states: tuple[str, ...]
    diagonals: tuple[str, ...]
    second: tuple[str, ...]
    no_state: tuple[str, ...]
    no_input: tuple[str, ...]
    diagonal_name: str
    step: Callable[[Mapping[str, Array]], tuple[Array, ...]]
    between: Callable[[Mapping[str, Array]], tuple[Array, ...]] | None


class Direction:
    """A cell with the weights of one direction of a layer, cut into those of each gate."""

    def __init__(self, cell: Cell, weights: Mapping[str, Array]) -> None:
        self.cell, self.weights = cell, weights
        with_input = [gate for gate in cell.gates if gate not in cell.no_input]
        with_state = [gate for gate in cell.gates if gate not in cell.no_state]
        own = [gate for gate in with_state if gate not in cell.second]
        self.units = weights["kernel"].shape[1] // len(with_input)
        self.kernel, self.recurrent = self._cut("kernel", with_input), self._cut("recurrent_kernel", with_state)
        self.biases = [self._cut("bias", with_input), self._cut("recurrent_bias", own)]
        self.gain = self._cut("gain", list(cell.gates))
        self.diagonals = {f"weight.{name}": w for name, w in zip(cell.diagonals, weights.get(cell.diagonal_name, ()))}

    def _cut(self, name: str, gates: Sequence[str]) -> dict[str, Array]:
        """The columns of each gate in a parameter; nothing if there is no such parameter."""
        parts = np.split(self.weights[name], len(gates), axis=-1) if name in self.weights else []
        return dict(zip(gates, parts))

    def _sum(self, gate: str, by_input: Array | None, state: Array) -> Array:
        """The sum of a gate: products, normalised where there is a gain, and biases."""
        parts = [] if by_input is None else [by_input]
        if gate in self.recurrent:
            parts.append(state @ self.recurrent[gate])
        total = sum(parts[1:], parts[0])
        if self.gain:
            total = total - total.mean(axis=1, keepdims=True)
            total = total / np.sqrt((total**2).mean(axis=1, keepdims=True) + EPSILON) * self.gain[gate]
        return sum((bias[gate] for bias in self.biases if gate in bias), total)

    def run(self, x: Array, lengths: Array) -> tuple[Array, dict[str, Array]]:
        """x (n, time, inputs) -> outputs (n, time, units), 0 behind the end of a row, and the last states by name."""
        cell, (n, steps, _) = self.cell, x.shape
        by_input = {gate: x @ kernel for gate, kernel in self.kernel.items()}
        states = {name: np.zeros((n, self.units), x.dtype) for name in cell.states}
        outputs, last = np.zeros((n, steps, self.units), x.dtype), cell.states[-1]
        for t in range(steps):
            here = {gate: part[:, t] for gate, part in by_input.items()}
            on = (t < lengths)[:, None]
            for name, new in zip(cell.states, self.step(here, states)):
                states[name] = np.where(on, new, states[name])
            outputs[:, t] = np.where(on, states[last], 0)
        return outputs, states

    def step(self, by_input: Mapping[str, Array], states: Mapping[str, Array]) -> tuple[Array, ...]:
        """New states (n, units) of a step, from what gates read of the input and the last states."""
        cell, state = self.cell, states[self.cell.states[-1]]
        values = {f"old.{name}": value for name, value in states.items()} | self.diagonals
        values[f"seen.{cell.states[-1]}"] = state
        for gate in cell.gates:
            if gate not in cell.second:
                values[f"sum.{gate}"] = self._sum(gate, by_input.get(gate), state)
        if cell.between is not None:
            (mixed,) = cell.between(values)
            values |= {f"sum.{gate}": self._sum(gate, by_input.get(gate), mixed) for gate in cell.second}
        return cell.step(values)


def layers_of(weights: Mapping[str, Array], places: Sequence[Sequence[tuple[Cell, str]]]) -> list[list[Direction]]:
    """The directions of each layer; places: their cells, and how the names of their weights begin."""
    return [[Direction(cell, _below(weights, prefix)) for cell, prefix in layer] for layer in places]


def _below(weights: Mapping[str, Array], prefix: str) -> dict[str, Array]:
    own = {name.removeprefix(prefix): w for name, w in weights.items() if name.startswith(prefix)}
    return {name: w for name, w in own.items() if "." not in name}


def backwards(x: Array, lengths: Array) -> Array:
    """Each row of x (n, time, width) from its end to its beginning; what is behind the end stays there."""
    steps = np.arange(x.shape[1])
    order = np.where(steps < lengths[:, None], lengths[:, None] - 1 - steps, steps)
    return np.take_along_axis(x, order[:, :, None], axis=1)


def run_layers(layers: Sequence[Sequence[Direction]], x: Array, lengths: Array) -> tuple[Array, Array]:
    """Outputs (n, time, width) of the last of the layers, and its last states (n, width), over both directions."""
    ends = x[:, 0]
    for directions in layers:
        found = [directions[0].run(x, lengths)]
        for direction in directions[1:]:
            outputs, end = direction.run(backwards(x, lengths), lengths)
            found.append((backwards(outputs, lengths), end))
        last = directions[0].cell.states[-1]
        x = np.concatenate([outputs for outputs, _ in found], axis=-1)
        ends = np.concatenate([states[last] for _, states in found], axis=-1)
    return x, ends
