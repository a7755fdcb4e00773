"""Cells as users write them, in a file of their own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forecastrnn import Cell
from forecastrnn.formulas import exp, sigmoid, tanh


@dataclass(frozen=True)
class Memory(Cell):
    """The package's LSTM, under another name."""

    gates = ("i", "f", "g", "o")
    states = ("c", "h")
    bias_start = {"f": 1.0}

    def step(self, i, f, g, o, c):
        i, f, g = sigmoid(i), sigmoid(f), np.tanh(g)
        c = f * c + i * g
        return c, sigmoid(o) * np.tanh(c)


@dataclass(frozen=True)
class Counted(Cell):
    """A state that begins at 1, weights of a unit's own, and one gate of each kind."""

    scale: float = 2.0
    gates = ("both", "late", "state", "inputs")
    states = ("n", "h")
    start = {"n": 1.0}
    diagonals = ("p", "q")
    second = ("late",)
    no_state = ("inputs",)
    no_input = ("state",)
    bias_start = {"inputs": 3.0}
    diagonal_start = {"q": (0.5, 1.0)}

    def between(self, both, h):
        return sigmoid(both) * h

    def step(self, both, late, state, inputs, n, p, q):
        n = exp(-n * n) + p * tanh(late) * self.scale
        return n, tanh(both) * tanh(state) + q * n * tanh(inputs)
