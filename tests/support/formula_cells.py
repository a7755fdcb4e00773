"""Cells by their formula: those of the package, and others of no paper that ask more of tracing and loops."""

from __future__ import annotations

from dataclasses import dataclass

from forecastrnn import CIFG, GRU, LSTM, MGU, SLSTM, UGRNN, Cell, Elman, IndRNN, MinGRU, MinLSTM
from forecastrnn.formulas import exp, maximum, minimum, sigmoid, tanh


@dataclass(frozen=True)
class Clipped(Cell):
    """A CIFG whose c is clipped, as that of Sak et al. (2014)."""

    clip: float = 0.3
    gates = ("f", "g", "o")
    states = ("c", "h")

    def step(self, f, g, o, c):
        f = sigmoid(f)
        c = f * c + (1.0 - f) * tanh(g)
        c = maximum(minimum(c, self.clip), -self.clip)
        return c, sigmoid(o) * tanh(c)


@dataclass(frozen=True)
class SixGates(Cell):
    """No paper's: more gates than a tile holds, and a value that is used in many ways."""

    gates = ("a", "b", "c", "d", "e", "f")
    states = ("k", "h")
    diagonals = ("p", "q")

    def step(self, a, b, c, d, e, f, k, p, q, h):
        mixed = sigmoid(a + p * k) * tanh(b) + sigmoid(c) * tanh(d) + exp(-(e * e))
        k = mixed / (1.0 + mixed * mixed) + q * h
        return k, sigmoid(f * mixed) * tanh(k)


@dataclass(frozen=True)
class SharedBetween(Cell):
    """No paper's: two gates and a diagonal weight in both stages, and a value that both compute."""

    gates = ("r", "z", "n", "o")
    states = ("c", "h")
    second = ("n",)
    diagonals = ("p",)

    def between(self, r, z, h, p):
        return sigmoid(r) * h + tanh(z + p * h) * exp(-(r * r))

    def step(self, r, z, n, o, c, h, p):
        c = sigmoid(r) * c + sigmoid(z) * tanh(n + p * h)
        return c, sigmoid(o) * tanh(c)


CELLS: dict[str, Cell] = {
    "elman": Elman(),
    "elman_relu": Elman("relu"),
    "elman_logistic": Elman("logistic"),
    "lstm": LSTM(),
    "peephole_lstm": LSTM(peepholes=True),
    "cifg": CIFG(),
    "cifg_clipped": Clipped(),
    "gru": GRU(),
    "gru_before": GRU(reset_after=False),
    "mgu": MGU(),
    "min_gru": MinGRU(),
    "min_lstm": MinLSTM(),
    "slstm": SLSTM("exp"),
    "slstm_sigmoid": SLSTM(),
    "ugrnn": UGRNN(),
    "indrnn": IndRNN(),
    "six_gates": SixGates(),
    "shared_between": SharedBetween(),
}
