"""The cells that come with the package, each as its paper has it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from forecastrnn.formulas import relu, sigmoid, tanh
from forecastrnn.networks.cell import Cell
from forecastrnn.networks.gated_cells import CIFG, MGU, SLSTM, UGRNN
from forecastrnn.networks.light_cells import IndRNN, MinGRU, MinLSTM
from forecastrnn.networks.tracing.cell_graph import check_number

ACTIVATIONS = {"tanh": tanh, "relu": relu, "logistic": sigmoid}


@dataclass(frozen=True)
class Elman(Cell):
    """Simple recurrent cell: ``h = act(x W + h U + b)`` (Elman 1990).

    Parameters
    ----------
    activation : {"tanh", "relu", "logistic"}
        The nonlinearity.
    """

    activation: str = "tanh"
    gates = ("s",)

    def __post_init__(self) -> None:
        if self.activation not in ACTIVATIONS:
            raise ValueError(f"activation must be one of {list(ACTIVATIONS)}. Got {self.activation!r}.")

    def step(self, s):
        """The new h."""
        return ACTIVATIONS[self.activation](s)


@dataclass(frozen=True)
class LSTM(Cell):
    """Long short-term memory (Hochreiter & Schmidhuber 1997; forget gate: Gers et al. 2000).

    Parameters
    ----------
    peepholes : bool
        Let the gates see the cell state (Gers & Schmidhuber 2000): i and f the old one, o the new one. Their weights
        are the parameter `peephole` (3, units), in the order i, f, o.
    forget_bias : float
        First value of the forget gate's bias. 1 keeps memory open at the start (Jozefowicz et al. 2015).
    """

    peepholes: bool = False
    forget_bias: float = 1.0
    gates = ("i", "f", "g", "o")
    states = ("c", "h")
    diagonal_name = "peephole"

    def __post_init__(self) -> None:
        if not isinstance(self.peepholes, bool):
            raise ValueError(f"peepholes must be True or False. Got {self.peepholes!r}.")
        check_number("forget_bias", self.forget_bias)

    @property
    def diagonals(self) -> tuple[str, ...]:
        """The peepholes."""
        return ("p_i", "p_f", "p_o") if self.peepholes else ()

    @property
    def bias_start(self) -> Mapping[str, float]:
        """The forget gate begins open."""
        return {"f": self.forget_bias}

    def step(self, i, f, g, o, c, p_i=0.0, p_f=0.0, p_o=0.0):
        """The new c and h."""
        i, f, g = sigmoid(i + p_i * c), sigmoid(f + p_f * c), tanh(g)
        c = f * c + i * g
        return c, sigmoid(o + p_o * c) * tanh(c)


@dataclass(frozen=True)
class GRU(Cell):
    """Gated recurrent unit (Cho et al. 2014): ``h = (1 - z) * n + z * h_old``.

    Parameters
    ----------
    reset_after : bool
        True: the reset gate acts on the recurrent product, ``n = tanh(x Wn + bn + r * (h Un + dn))`` (the
        form of cuDNN and PyTorch). False: on the state, ``n = tanh(x Wn + bn + (r * h) Un)`` (the original).
    """

    reset_after: bool = True

    def __post_init__(self) -> None:
        if not isinstance(self.reset_after, bool):
            raise ValueError(f"reset_after must be True or False. Got {self.reset_after!r}.")

    @property
    def gates(self) -> tuple[str, ...]:
        """The gates; resetting after the product, its part of n is a sum of its own, m."""
        return ("r", "z", "n", "m") if self.reset_after else ("r", "z", "n")

    @property
    def second(self) -> tuple[str, ...]:
        """Before the product, the reset state is what n reads."""
        return () if self.reset_after else ("n",)

    @property
    def no_state(self) -> tuple[str, ...]:
        """After the product, n has its recurrent part in m."""
        return ("n",) if self.reset_after else ()

    @property
    def no_input(self) -> tuple[str, ...]:
        """The recurrent part of n."""
        return ("m",) if self.reset_after else ()

    @property
    def between(self) -> Callable | None:  # type: ignore[override]
        """What resets before the product."""
        return None if self.reset_after else self._reset

    def _reset(self, r, h):
        return sigmoid(r) * h

    def step(self, r, z, n, h, m=None):
        """The new h."""
        n = tanh(n if m is None else n + sigmoid(r) * m)
        return n + sigmoid(z) * (h - n)


# By name. A cell whose class is here can be chosen by name, and a file knows it by that of its class.
CELLS: dict[str, Cell] = {
    "rnn": Elman(),
    "lstm": LSTM(),
    "peephole_lstm": LSTM(peepholes=True),
    "gru": GRU(),
    "cifg": CIFG(),
    "mgu": MGU(),
    "ugrnn": UGRNN(),
    "slstm": SLSTM(),
    "mingru": MinGRU(),
    "minlstm": MinLSTM(),
    "indrnn": IndRNN(),
}


def as_cell(cell: object) -> Cell:
    """A cell from one of the names in `CELLS`, or a cell as it is."""
    if isinstance(cell, Cell):
        return cell
    if isinstance(cell, str) and cell in CELLS:
        return CELLS[cell]
    raise ValueError(f"cell must be {cell_choices()}. Got {cell!r:.80}.")


def cell_classes() -> dict[str, type[Cell]]:
    """The classes of `CELLS` by their names, as files call them: of two with one name the first."""
    found: dict[str, type[Cell]] = {}
    for cell in CELLS.values():
        found.setdefault(type(cell).__name__, type(cell))
    return found


def cell_choices() -> str:
    """What a cell may be, for messages."""
    names = ", ".join(repr(name) for name in sorted(CELLS))
    return f"a str among {{{names}}} or an instance of {', '.join(cell_classes())}"
