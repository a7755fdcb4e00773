"""What a cell is: a formula and the names in it. Its parameters, derivatives and kernels follow from these."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from functools import lru_cache
from numbers import Integral

import numpy as np
from numpy.random import RandomState

from forecastrnn.networks.frame import Frame, frame_of
from forecastrnn.networks.initializers import INITIALIZERS, draw_gates
from forecastrnn.networks.tracing.cell_graph import CellGraph, check_number, is_name, is_number
from forecastrnn.networks.tracing.stages import Stages, stages_of
from forecastrnn.networks.tracing.trace import trace_cell
from forecastrnn.seeds import check_draws

Weights = dict[str, np.ndarray]
PARAMETERS = ("kernel", "recurrent_kernel", "bias", "recurrent_bias", "gain")
REMEMBERED = 256  # cells whose graphs are kept


class Cell:
    """A recurrent cell, declared by one formula; a subclass is a frozen dataclass, whose fields are its options.

    Each gate is a sum of products: of the inputs with its columns of the kernel, of the last state one step before
    with those of the recurrent kernel, and a bias. `step` makes the new states of these sums, of the old states and of
    the diagonal weights, for one unit, in mathematics: with `forecastrnn.formulas` and NumPy's functions of the same
    names. It asks for what it needs by name. There are no branches on values: see `forecastrnn.formulas.positive`.

    Attributes
    ----------
    gates : tuple of str
        Names of the sums; the columns of all parameters go by it.
    states : tuple of str, default=("h",)
        Names of the states. The last one is the output, and what products read.
    start : dict of str to float, default={}
        First values of states, where these are not 0; the last state begins at 0.
    diagonals : tuple of str, default=()
        Weights that are one number a unit, such as peepholes: rows of the parameter `diagonal`.
    second : tuple of str, default=()
        Gates whose product reads what the method `between` returns, in place of the last state. `between` may ask for
        the sums of the other gates, the last state and diagonal weights.
    no_state, no_input : tuple of str, default=()
        Gates without a product with the state, and without one with the inputs.
    bias_start : dict of str to float, default={}
        What is added to the first biases of gates, which else begin at 0 (or small, see `init_weights`).
    diagonal_start : dict of str to (float, float), default={}
        Bounds between which the first values of diagonal weights are drawn, uniformly; they else begin at 0.

    Raises
    ------
    TypeError
        Where no kernel can be made of a formula, as of a branch on a value; the message shows the line.
    ValueError
        Where formula and names do not fit, or the class is no frozen dataclass.

    Examples
    --------
    The update gate RNN (Collins, Sohl-Dickstein & Sussillo 2017):

    >>> from dataclasses import dataclass
    >>> from forecastrnn import Cell
    >>> from forecastrnn.formulas import sigmoid, tanh
    >>> @dataclass(frozen=True)
    ... class UpdateGate(Cell):
    ...     gates = ("g", "n")
    ...
    ...     def step(self, g, n, h):
    ...         g = sigmoid(g)
    ...         return g * h + (1.0 - g) * tanh(n)
    >>> UpdateGate().parameter_shapes(n_inputs=3, units=5)
    {'kernel': (3, 10), 'recurrent_kernel': (5, 10), 'bias': (10,)}
    """

    between: Callable | None = None
    diagonal_name = "diagonal"  # what the parameter of diagonal weights is called

    @property
    def gates(self) -> tuple[str, ...]:
        """Names of the sums."""
        raise TypeError(f"{type(self).__name__} declares no gates: set gates = (...), the names of its sums")

    @property
    def states(self) -> tuple[str, ...]:
        """Names of the states."""
        return ("h",)

    @property
    def start(self) -> Mapping[str, float]:
        """First values of states."""
        return {}

    @property
    def diagonals(self) -> tuple[str, ...]:
        """Names of weights that are one number a unit."""
        return ()

    @property
    def second(self) -> tuple[str, ...]:
        """Gates whose product reads what `between` returns."""
        return ()

    @property
    def no_state(self) -> tuple[str, ...]:
        """Gates without a product with the state."""
        return ()

    @property
    def no_input(self) -> tuple[str, ...]:
        """Gates without a product with the inputs."""
        return ()

    @property
    def bias_start(self) -> Mapping[str, float]:
        """What is added to the first biases of gates."""
        return {}

    @property
    def diagonal_start(self) -> Mapping[str, tuple[float, float]]:
        """Bounds of the first values of diagonal weights."""
        return {}

    def __post_init__(self) -> None:
        self.check()

    def check(self) -> None:
        """Raise what is wrong with the declaration."""
        _check_names(self)
        _check_starts(self)
        _ = self.graph, self.stages

    @property
    def step(self) -> Callable:
        """The formula: a method whose parameters name sums, old states and diagonals, and which returns new states."""
        raise TypeError(f"{type(self).__name__} declares no step, the formula of its new states")

    @property
    def graph(self) -> CellGraph:
        """One step as a graph; a state with a start is held as its distance from it, so that all begin at 0."""
        return _graph_of(_hashable(self))

    @property
    def stages(self) -> Stages:
        """Code of a step and of its derivative."""
        return _stages_of(self.graph)

    @property
    def frame(self) -> Frame:
        """How the sums lie side by side."""
        return frame_of(
            gates=self.gates, states=self.states, diagonals=self.diagonals, second=self.second, no_state=self.no_state,
            no_input=self.no_input,
        )  # fmt: skip

    @property
    def text(self) -> str:
        """The code that is made of the formula, for a step forward and back."""
        stages = self.stages
        return "\n\n".join(stage.text() for stage in (stages.between, stages.step) if stage is not None)

    def parameter_shapes(self, n_inputs: int, units: int) -> dict[str, tuple[int, ...]]:
        """Name -> shape of each parameter of a layer with `n_inputs` inputs and `units` units."""
        frame = self.frame
        columns = len(frame.input_gates) * units
        shapes: dict[str, tuple[int, ...]] = {"kernel": (n_inputs, columns)}
        if frame.recurrent_gates:
            shapes["recurrent_kernel"] = (units, len(frame.recurrent_gates) * units)
        shapes["bias"] = (columns,)
        if self.no_input:  # then the products have a bias each, as in cuDNN
            shapes["recurrent_bias"] = (len(frame.state_gates) * units,)
        return shapes | {self.diagonal_name: (len(self.diagonals), units)} if self.diagonals else shapes

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
        _check_widths(n_inputs=n_inputs, units=units)
        if initializer not in INITIALIZERS:
            raise ValueError(f"initializer must be one of {sorted(INITIALIZERS)}. Got {initializer!r}.")
        rng = check_draws(random_state)
        weights = draw_gates(self.parameter_shapes(n_inputs, units), units, rng, initializer)
        self._set_start(weights, units, rng)
        return weights

    def _set_start(self, weights: Weights, units: int, rng: RandomState) -> None:
        """Values that do not come from the initializer."""
        with_input = [self.gates[gate] for gate in self.frame.input_gates]
        for gate, value in self.bias_start.items():
            place = with_input.index(gate) * units
            weights["bias"][place : place + units] += value
        for row, name in enumerate(self.diagonals):
            if name in self.diagonal_start:
                weights[self.diagonal_name][row] = rng.uniform(*self.diagonal_start[name], units)


def _check_widths(**widths: object) -> None:
    for name, value in widths.items():
        if isinstance(value, bool) or not isinstance(value, Integral) or value < 1:
            raise ValueError(f"{name} must be an int >= 1. Got {value!r:.80}.")


def _check_names(cell: Cell) -> None:
    for word in ("gates", "states", "diagonals"):
        names = getattr(cell, word)
        if not isinstance(names, tuple):
            raise ValueError(f"{word} must be a tuple of names. Got {names!r}")
    if not is_name(cell.diagonal_name) or cell.diagonal_name in PARAMETERS:
        raise ValueError(f"diagonal_name must be a name, and none of {PARAMETERS}. Got {cell.diagonal_name!r}")


def _check_starts(cell: Cell) -> None:
    """First values are numbers, of what there is."""
    allowed = tuple(cell.gates[gate] for gate in cell.frame.input_gates)
    for gate, value in cell.bias_start.items():
        if gate not in allowed:
            raise ValueError(f"bias_start can have gates with a product of the inputs, {allowed!r}. Got {gate!r}")
        check_number(f"bias_start of {gate}", value)
    for name, bounds in cell.diagonal_start.items():
        if name not in cell.diagonals:
            raise ValueError(f"diagonal_start can have {cell.diagonals!r}. Got {name!r}")
        pair = isinstance(bounds, tuple) and len(bounds) == 2 and all(map(is_number, bounds))
        if not pair or bounds[0] > bounds[1]:
            raise ValueError(f"diagonal_start of {name} must be a pair of finite numbers, low and high. Got {bounds!r}")


def _hashable(cell: Cell) -> Cell:
    """The cell, by which its graph is remembered."""
    name = type(cell).__name__
    if not is_dataclass(cell) or not type(cell).__dataclass_params__.frozen:
        raise ValueError(f"a cell must be a frozen dataclass: write @dataclass(frozen=True) above class {name}")
    apart = [field.name for field in fields(cell) if not field.compare]
    if apart:
        raise ValueError(f"all options of a cell must be compared, as equal cells share kernels: {apart} of {name}")
    try:
        hash(cell)
    except TypeError:
        given = {field.name: type(getattr(cell, field.name)).__name__ for field in fields(cell)}
        raise ValueError(f"the options of a cell must be numbers, texts or tuples. Got {given} of {name}") from None
    return cell


def graph_of(cell: Cell) -> CellGraph:
    """The graph of a cell's formula, traced anew."""
    return trace_cell(
        step=cell.step, gates=cell.gates, states=cell.states, diagonals=cell.diagonals, between=cell.between,
        second=cell.second, start=cell.start,
    )  # fmt: skip


_graph_of = lru_cache(REMEMBERED)(graph_of)
_stages_of = lru_cache(REMEMBERED)(stages_of)
