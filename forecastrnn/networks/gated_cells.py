"""Cells whose gates decide what stays in memory: relatives of the LSTM and the GRU with fewer or other gates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from forecastrnn.formulas import exp, fixed, log, maximum, sigmoid, tanh
from forecastrnn.networks.cell import Cell
from forecastrnn.networks.tracing.cell_graph import check_number


@dataclass(frozen=True)
class Remembering(Cell):
    """A cell with a gate f that keeps what it remembers, and an option for how much it keeps at first."""

    forget_bias: float = 1.0

    def __post_init__(self) -> None:
        check_number("forget_bias", self.forget_bias)

    @property
    def bias_start(self) -> Mapping[str, float]:
        """How far the gate begins open."""
        return {"f": self.forget_bias}


@dataclass(frozen=True)
class CIFG(Remembering):
    """LSTM with one gate for both memory and input, a quarter smaller (Greff et al. 2017, "coupled input and forget").

    ``c = f * c_old + (1 - f) * tanh(g)``, ``h = o * tanh(c)``, with the gates f and o the logistic function of their
    sums. The memory c is an average of what came in, so it stays within -1 .. 1.

    Parameters
    ----------
    forget_bias : float
        First value of the forget gate's bias. 1 keeps memory open at the start (Jozefowicz et al. 2015).

    References
    ----------
    Greff, Srivastava, Koutník, Steunebrink & Schmidhuber (2017). LSTM: A search space odyssey. IEEE Transactions on
    Neural Networks and Learning Systems 28(10).

    Examples
    --------
    >>> from forecastrnn import CIFG
    >>> CIFG().parameter_shapes(n_inputs=3, units=5)
    {'kernel': (3, 15), 'recurrent_kernel': (5, 15), 'bias': (15,)}
    """

    gates = ("f", "g", "o")
    states = ("c", "h")

    def step(self, f, g, o, c):
        """The new c and h."""
        g = tanh(g)
        c = g + sigmoid(f) * (c - g)
        return c, sigmoid(o) * tanh(c)


@dataclass(frozen=True)
class MGU(Remembering):
    """Minimal gated unit (Zhou et al. 2016): a GRU whose one gate both resets and updates, two thirds of its size.

    ``h = (1 - f) * h_old + f * tanh(x Wn + (f * h_old) Un + bn)``; the gate f is the logistic function of its sum.

    Parameters
    ----------
    forget_bias : float
        How far the state is kept at first: the gate's bias begins at the negative of it, because here f lets new
        values in. 0, as in the paper, keeps half of it.

    References
    ----------
    Zhou, Wu, Zhang & Zhou (2016). Minimal gated unit for recurrent neural networks. International Journal of
    Automation and Computing 13.

    Examples
    --------
    >>> from forecastrnn import MGU
    >>> MGU().parameter_shapes(n_inputs=3, units=5)
    {'kernel': (3, 10), 'recurrent_kernel': (5, 10), 'bias': (10,)}
    """

    forget_bias: float = 0.0
    gates = ("f", "n")
    second = ("n",)

    @property
    def bias_start(self) -> Mapping[str, float]:
        """The gate lets new values in."""
        return {"f": -self.forget_bias}

    def between(self, f, h):
        """The state that n reads."""
        return sigmoid(f) * h

    def step(self, f, n, h):
        """The new h."""
        return h + sigmoid(f) * (tanh(n) - h)


@dataclass(frozen=True)
class UGRNN(Remembering):
    """Update gate RNN (Collins, Sohl-Dickstein & Sussillo 2017): an Elman cell with one gate, half an LSTM's size.

    ``h = f * h_old + (1 - f) * tanh(n)``; the gate f (g in the paper) is the logistic function of its sum.

    Parameters
    ----------
    forget_bias : float
        First value of the gate's bias. 1, as in TensorFlow's cell, keeps most of the state at first.

    References
    ----------
    Collins, Sohl-Dickstein & Sussillo (2017). Capacity and trainability in recurrent neural networks. ICLR.

    Examples
    --------
    >>> from forecastrnn import UGRNN
    >>> UGRNN().parameter_shapes(n_inputs=3, units=5)
    {'kernel': (3, 10), 'recurrent_kernel': (5, 10), 'bias': (10,)}
    """

    gates = ("f", "n")

    def step(self, f, n, h):
        """The new h."""
        n = tanh(n)
        return n + sigmoid(f) * (h - n)


@dataclass(frozen=True)
class SLSTM(Cell):
    """The scalar cell of xLSTM (Beck et al. 2024): an LSTM whose input gate is an exponential.

    ``c = f * c_old + i * tanh(z)``, ``n = f * n_old + i``, ``h = o * c / n``, where i is exp of its sum: what comes in
    may outweigh all that is remembered, as no gate between 0 and 1 can. n is what all weights add up to. As these
    may be huge, c and n are held divided by exp(m), ``m = max(log(f) + m_old, log(i))``, which changes no h.

    Parameters
    ----------
    forget : {"sigmoid", "exp"}
        What the forget gate makes of its sum; the paper has both. "sigmoid" is what its authors' code has. With "exp"
        what is remembered may also gain weight.
    forget_bias : float, optional
        First value of the forget gate's bias. If not given, 3 for "sigmoid", which keeps 95% of the memory a step, and
        0 for "exp", which keeps all of it.

    References
    ----------
    Beck, Pöppel, Spanring, Auer, Prudnikova, Kopp, Klambauer, Brandstetter & Hochreiter (2024). xLSTM: Extended long
    short-term memory. NeurIPS. Equations 8 to 17.

    Examples
    --------
    >>> from forecastrnn import SLSTM
    >>> SLSTM().gates, SLSTM("exp").states
    (('i', 'f', 'z', 'o'), ('c', 'n', 'm', 'h'))
    """

    forget: str = "sigmoid"
    forget_bias: float | None = None
    gates = ("i", "f", "z", "o")
    states = ("c", "n", "m", "h")

    def __post_init__(self) -> None:
        if self.forget_bias is not None:
            check_number("forget_bias", self.forget_bias)
        if self.forget not in ("sigmoid", "exp"):
            raise ValueError(f"forget must be one of ['sigmoid', 'exp']. Got {self.forget!r}.")

    @property
    def bias_start(self) -> Mapping[str, float]:
        """Most of the memory is kept at first."""
        usual = 3.0 if self.forget == "sigmoid" else 0.0
        return {"f": usual if self.forget_bias is None else self.forget_bias}

    def step(self, i, f, z, o, c, n, m):
        """The new c, n, m and h."""
        exponential, old = self.forget == "exp", m
        m = fixed(maximum((f if exponential else log(sigmoid(f))) + m, i))  # no h feels m: it needs no derivative
        scaled = fixed(old) - m
        f = exp(f + scaled) if exponential else sigmoid(f) * exp(scaled)
        i = exp(i - m)
        c, n = f * c + i * tanh(z), f * n + i
        return c, n, m, sigmoid(o) * (c / n)
