"""Cells without a product of the state and a matrix: a unit sees its own past only, and a step costs little."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from forecastrnn.formulas import exp, relu, sigmoid, tanh
from forecastrnn.networks.cell import Cell
from forecastrnn.networks.gated_cells import Remembering


@dataclass(frozen=True)
class MinGRU(Remembering):
    """GRU whose gate and new value are made of the inputs alone (Feng et al. 2024, in its plain form).

    ``h = (1 - z) * h_old + z * n``, ``z = sigmoid(x Wz + bz)``, ``n = x Wn + bn``: a weighted average of the inputs'
    maps. (The paper's other form, for a scan in logarithms, makes n positive.) A layer alone cannot count or toggle;
    stack two or more.

    Parameters
    ----------
    forget_bias : float
        How far the state is kept at first: the bias of z begins at the negative of it. 0, as in the paper, keeps half.

    References
    ----------
    Feng, Tung, Ahmed, Bengio & Hajimirsadeghi (2024). Were RNNs all we needed? arXiv:2410.01201.

    Examples
    --------
    >>> from forecastrnn import MinGRU
    >>> MinGRU().parameter_shapes(n_inputs=3, units=5)
    {'kernel': (3, 10), 'bias': (10,)}
    """

    forget_bias: float = 0.0
    gates = ("z", "n")
    no_state = ("z", "n")

    @property
    def bias_start(self) -> Mapping[str, float]:
        """The gate lets new values in."""
        return {"z": -self.forget_bias}

    def step(self, z, n, h):
        """The new h."""
        return h + sigmoid(z) * (n - h)


@dataclass(frozen=True)
class MinLSTM(Remembering):
    """LSTM whose gates and new value are made of the inputs alone (Feng et al. 2024; the same paper as `MinGRU`'s).

    ``h = (f * h_old + i * n) / (f + i)``: both gates, the logistic function of their sums, are scaled to add up to 1,
    and n is a linear map of the inputs.

    Parameters
    ----------
    forget_bias : float
        First value of the forget gate's bias. The paper finds that a larger one speeds up training.

    Examples
    --------
    >>> from forecastrnn import MinLSTM
    >>> MinLSTM().parameter_shapes(n_inputs=3, units=5)
    {'kernel': (3, 15), 'bias': (15,)}
    """

    gates = ("f", "i", "n")
    no_state = ("f", "i", "n")

    def step(self, f, i, n, h):
        """The new h."""
        f, i = 1.0 + exp(-f), 1.0 + exp(-i)  # 1 / f and 1 / i, so that there is no 0 / 0 where both gates are shut
        return n + i / (f + i) * (h - n)


@dataclass(frozen=True)
class IndRNN(Cell):
    """Independently recurrent network (Li et al. 2018): ``h = act(x W + u * h_old + b)``, u one number a unit.

    What a unit remembers fades or grows as a power of its u, whatever the others do, so gradients over hundreds of
    steps are within reach. Units are mixed by the next layer: stack two or more.

    Parameters
    ----------
    activation : {"relu", "tanh"}
        The nonlinearity. With relu, as in the paper, states can last.

    Notes
    -----
    The weights u, the parameter `diagonal` (1, units), begin between 0 and 1, where units have memories of all lengths
    and none explodes.

    References
    ----------
    Li, Li, Cook, Zhu & Gao (2018). Independently recurrent neural network (IndRNN): Building a longer and deeper RNN.
    CVPR.

    Examples
    --------
    >>> from forecastrnn import IndRNN
    >>> IndRNN().parameter_shapes(n_inputs=3, units=5)
    {'kernel': (3, 5), 'bias': (5,), 'diagonal': (1, 5)}
    """

    activation: str = "relu"
    gates = ("s",)
    no_state = ("s",)
    diagonals = ("u",)
    diagonal_start = {"u": (0.0, 1.0)}

    def __post_init__(self) -> None:
        if self.activation not in ("relu", "tanh"):
            raise ValueError(f"activation must be one of ['relu', 'tanh']. Got {self.activation!r}.")

    def step(self, s, h, u):
        """The new h."""
        s = s + u * h
        return relu(s) if self.activation == "relu" else tanh(s)
