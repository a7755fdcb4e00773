"""Cells as their papers write them: gates (sums of products), states, and one formula for a step of one unit.

`second` names the gates whose products read what `between` returns, in place of the state.
"""

from __future__ import annotations

from dataclasses import dataclass

from forecastrnn.formulas import exp, fixed, log_sigmoid, maximum, minimum, relu, sigmoid, tanh
from forecastrnn.networks.cell import Cell
from forecastrnn.networks.tracing.cell_graph import CellGraph


class FormulaCell(Cell):
    """What a declaration holds."""

    def traced(self) -> CellGraph:
        return self.graph


@dataclass(frozen=True)
class Elman(FormulaCell):
    """Elman (1990)."""

    activation: str = "tanh"
    gates = ("s",)

    def step(self, s):
        return {"tanh": tanh, "relu": relu, "logistic": sigmoid}[self.activation](s)


@dataclass(frozen=True)
class LSTM(FormulaCell):
    """Hochreiter & Schmidhuber (1997), with the forget gate of Gers et al. (2000)."""

    gates = ("i", "f", "g", "o")
    states = ("c", "h")

    def step(self, i, f, g, o, c):
        i, f, g, o = sigmoid(i), sigmoid(f), tanh(g), sigmoid(o)
        c = f * c + i * g
        return c, o * tanh(c)


@dataclass(frozen=True)
class PeepholeLSTM(LSTM):
    """Gers & Schmidhuber (2000): i and f see the old cell state, o the new one."""

    diagonals = ("p_i", "p_f", "p_o")

    def step(self, i, f, g, o, c, p_i, p_f, p_o):
        i, f, g = sigmoid(i + p_i * c), sigmoid(f + p_f * c), tanh(g)
        c = f * c + i * g
        return c, sigmoid(o + p_o * c) * tanh(c)


@dataclass(frozen=True)
class CIFG(FormulaCell):
    """Coupled input and forget gate (Greff et al. 2017); c may be clipped, as by Sak et al. (2014)."""

    clip: float = 0.0
    gates = ("f", "g", "o")
    states = ("c", "h")

    def step(self, f, g, o, c):
        f = sigmoid(f)
        c = f * c + (1.0 - f) * tanh(g)
        if self.clip:
            c = maximum(minimum(c, self.clip), -self.clip)
        return c, sigmoid(o) * tanh(c)


@dataclass(frozen=True)
class GRU(FormulaCell):
    """Cho et al. (2014), in cuDNN's form: r acts on m, the recurrent part of the sum of n."""

    gates = ("r", "z", "n", "m")
    no_state = ("n",)
    no_input = ("m",)

    def step(self, r, z, n, m, h):
        n = tanh(n + sigmoid(r) * m)
        return n + sigmoid(z) * (h - n)


@dataclass(frozen=True)
class GRUBefore(FormulaCell):
    """Cho et al. (2014), as written there: r acts on the state, before the product."""

    gates = ("r", "z", "n")
    second = ("n",)

    def between(self, r, h):
        return sigmoid(r) * h

    def step(self, z, n, h):
        n = tanh(n)
        return n + sigmoid(z) * (h - n)


@dataclass(frozen=True)
class MGU(FormulaCell):
    """Minimal gated unit (Zhou et al. 2016): one gate, before the product and after it."""

    gates = ("f", "n")
    second = ("n",)

    def between(self, f, h):
        return sigmoid(f) * h

    def step(self, f, n, h):
        f = sigmoid(f)
        return (1.0 - f) * h + f * tanh(n)


@dataclass(frozen=True)
class MinGRU(FormulaCell):
    """Feng et al. (2024): both sums are of the inputs alone."""

    gates = ("z", "n")
    no_state = ("z", "n")

    def step(self, z, n, h):
        z = sigmoid(z)
        return (1.0 - z) * h + z * n


@dataclass(frozen=True)
class MinLSTM(FormulaCell):
    """Feng et al. (2024): all sums are of the inputs alone, and both gates add up to 1."""

    gates = ("f", "i", "n")
    no_state = ("f", "i", "n")

    def step(self, f, i, n, h):
        f, i = sigmoid(f), sigmoid(i)
        return f / (f + i) * h + i / (f + i) * n


@dataclass(frozen=True)
class SLSTM(FormulaCell):
    """xLSTM's scalar cell (Beck et al. 2024): exponential gates, m keeps them in range, n counts what c holds."""

    forget: str = "exp"
    gates = ("i", "f", "z", "o")
    states = ("c", "n", "m", "h")

    def step(self, i, f, z, o, c, n, m):
        f = f if self.forget == "exp" else log_sigmoid(f)
        m, old = fixed(maximum(f + m, i)), fixed(m)  # h does not feel m
        i, f = exp(i - m), exp(f + old - m)
        c = f * c + i * tanh(z)
        n = f * n + i
        return c, n, m, sigmoid(o) * (c / n)


@dataclass(frozen=True)
class UGRNN(FormulaCell):
    """Update gate (Collins, Sohl-Dickstein & Sussillo 2017)."""

    gates = ("g", "n")

    def step(self, g, n, h):
        g = sigmoid(g)
        return g * h + (1.0 - g) * tanh(n)


@dataclass(frozen=True)
class IndRNN(FormulaCell):
    """Li et al. (2018): a unit sees its own old state only."""

    gates = ("s",)
    no_state = ("s",)
    diagonals = ("u",)

    def step(self, s, h, u):
        return relu(s + u * h)


@dataclass(frozen=True)
class SixGates(FormulaCell):
    """No paper's: more gates than a tile holds, and a value that is used in many ways."""

    gates = ("a", "b", "c", "d", "e", "f")
    states = ("k", "h")
    diagonals = ("p", "q")

    def step(self, a, b, c, d, e, f, k, p, q, h):
        mixed = sigmoid(a + p * k) * tanh(b) + sigmoid(c) * tanh(d) + exp(-(e * e))
        k = mixed / (1.0 + mixed * mixed) + q * h
        return k, sigmoid(f * mixed) * tanh(k)


@dataclass(frozen=True)
class SharedBetween(FormulaCell):
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


CELLS: dict[str, FormulaCell] = {
    "elman": Elman(),
    "elman_relu": Elman("relu"),
    "elman_logistic": Elman("logistic"),
    "lstm": LSTM(),
    "peephole_lstm": PeepholeLSTM(),
    "cifg": CIFG(),
    "cifg_clipped": CIFG(clip=0.3),
    "gru": GRU(),
    "gru_before": GRUBefore(),
    "mgu": MGU(),
    "min_gru": MinGRU(),
    "min_lstm": MinLSTM(),
    "slstm": SLSTM(),
    "slstm_sigmoid": SLSTM("sigmoid"),
    "ugrnn": UGRNN(),
    "indrnn": IndRNN(),
    "six_gates": SixGates(),
    "shared_between": SharedBetween(),
}
