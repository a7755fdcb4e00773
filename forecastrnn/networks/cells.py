"""Recurrent cells: what their parameters are, and how these begin.

A cell is a small frozen dataclass; its formulas are in `formulas.py`, its kernels in the engines.
Columns go by gate: LSTM i, f, g, o; GRU r, z, n (PyTorch's orders).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from sklearn.utils import check_random_state

from forecastrnn.networks.initializers import INITIALIZERS, draw_gates

Weights = dict[str, np.ndarray]


class Cell:
    """What all cells share: shapes of the parameters, and their first values."""

    gates: ClassVar[tuple[str, ...]]
    states: ClassVar[tuple[str, ...]] = ("h",)

    def parameter_shapes(self, n_inputs: int, units: int) -> dict[str, tuple[int, ...]]:
        """Name -> shape of each parameter of a layer with `n_inputs` inputs and `units` units."""
        columns = len(self.gates) * units
        return {"kernel": (n_inputs, columns), "recurrent_kernel": (units, columns), "bias": (columns,)}

    @property
    def slots(self) -> tuple[str, ...]:
        """The sums that a step forms for each unit, which layer normalisation normalises one by one."""
        return self.gates

    def init_weights(
        self, n_inputs: int, units: int, random_state: object = None, initializer: str = "glorot"
    ) -> Weights:
        """Draw the parameters of one layer.

        Parameters
        ----------
        n_inputs, units : int
            Width of the input and of the state.
        random_state : int, RandomState or None
            Seed.
        initializer : {"glorot", "he", "orthogonal", "uniform"}
            "glorot" (Glorot & Bengio 2010) and "he" (He et al. 2015) draw the input kernel of each gate and
            make the recurrent one orthogonal (Saxe et al. 2014); "orthogonal" makes both so; "uniform" draws
            everything from U(-1/sqrt(units), 1/sqrt(units)), as PyTorch does.

        Returns
        -------
        dict of ndarray, float64

        Examples
        --------
        >>> from forecastrnn import LSTM
        >>> {name: w.shape for name, w in LSTM().init_weights(3, 5, random_state=0).items()}
        {'kernel': (3, 20), 'recurrent_kernel': (5, 20), 'bias': (20,)}
        """
        if initializer not in INITIALIZERS:
            raise ValueError(f"initializer must be one of {sorted(INITIALIZERS)}. Got {initializer!r}.")
        shapes = self.parameter_shapes(n_inputs, units)
        weights = draw_gates(shapes, units, check_random_state(random_state), initializer)
        self._set_start(weights, units)
        return weights

    def _set_start(self, weights: Weights, units: int) -> None:
        """Values that do not come from the initializer."""


@dataclass(frozen=True)
class Elman(Cell):
    """Simple recurrent cell: ``h = act(x W + h U + b)`` (Elman 1990).

    Parameters
    ----------
    activation : {"tanh", "relu", "logistic"}
        The nonlinearity.
    """

    activation: str = "tanh"
    gates: ClassVar[tuple[str, ...]] = ("h",)

    def __post_init__(self) -> None:
        if self.activation not in ("tanh", "relu", "logistic"):
            raise ValueError(f"activation must be one of ['tanh', 'relu', 'logistic']. Got {self.activation!r}.")


@dataclass(frozen=True)
class LSTM(Cell):
    """Long short-term memory (Hochreiter & Schmidhuber 1997; forget gate: Gers et al. 2000).

    Parameters
    ----------
    peepholes : bool
        Let the gates see the cell state (Gers & Schmidhuber 2000): i and f the old one, o the new one.
    forget_bias : float
        First value of the forget gate's bias. 1 keeps memory open at the start (Jozefowicz et al. 2015).
    """

    peepholes: bool = False
    forget_bias: float = 1.0
    gates: ClassVar[tuple[str, ...]] = ("i", "f", "g", "o")
    states: ClassVar[tuple[str, ...]] = ("c", "h")

    def __post_init__(self) -> None:
        if not isinstance(self.peepholes, bool):
            raise ValueError(f"peepholes must be True or False. Got {self.peepholes!r}.")
        if not np.isfinite(self.forget_bias):
            raise ValueError(f"forget_bias must be a finite number. Got {self.forget_bias!r}.")

    def parameter_shapes(self, n_inputs: int, units: int) -> dict[str, tuple[int, ...]]:
        """As in `Cell`; peepholes add ``peephole (3, units)`` in the order i, f, o."""
        shapes = super().parameter_shapes(n_inputs, units)
        return {**shapes, "peephole": (3, units)} if self.peepholes else shapes

    def _set_start(self, weights: Weights, units: int) -> None:
        weights["bias"][units : 2 * units] += self.forget_bias


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
    gates: ClassVar[tuple[str, ...]] = ("r", "z", "n")

    def __post_init__(self) -> None:
        if not isinstance(self.reset_after, bool):
            raise ValueError(f"reset_after must be True or False. Got {self.reset_after!r}.")

    def parameter_shapes(self, n_inputs: int, units: int) -> dict[str, tuple[int, ...]]:
        """As in `Cell`; resetting after adds ``recurrent_bias (3 * units,)``."""
        shapes = super().parameter_shapes(n_inputs, units)
        return {**shapes, "recurrent_bias": (3 * units,)} if self.reset_after else shapes

    @property
    def slots(self) -> tuple[str, ...]:
        """As in `Cell`; resetting after the product, its part of n is a sum of its own, m."""
        return (*self.gates, "m") if self.reset_after else self.gates


# By name. A cell whose class is here can be chosen by name or as an instance, and saved.
CELLS: dict[str, Cell] = {"rnn": Elman(), "lstm": LSTM(), "peephole_lstm": LSTM(peepholes=True), "gru": GRU()}


def as_cell(cell: object) -> Cell:
    """A cell from one of the names in `CELLS`, or a cell as it is."""
    if isinstance(cell, Cell):
        return cell
    if isinstance(cell, str) and cell in CELLS:
        return CELLS[cell]
    raise ValueError(f"cell must be {cell_choices()}. Got {cell!r}.")


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
