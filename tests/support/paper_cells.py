"""The cells of papers beside their names in naive_papers.py, and problems with them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from forecastrnn import CIFG, MGU, SLSTM, UGRNN, IndRNN, MinGRU, MinLSTM
from forecastrnn.networks.cell import Cell
from forecastrnn.networks.network import AnyNetwork, Layer
from support.naive_papers import NaiveLayer, State, Weights

Array = np.ndarray

CELLS: dict[str, tuple[Cell, str, dict]] = {
    "cifg": (CIFG(), "cifg", {}),
    "mgu": (MGU(), "mgu", {}),
    "ugrnn": (UGRNN(), "ugrnn", {}),
    "slstm": (SLSTM(), "slstm", {"forget": "sigmoid"}),
    "slstm_exp": (SLSTM("exp"), "slstm", {"forget": "exp"}),
    "mingru": (MinGRU(), "mingru", {}),
    "minlstm": (MinLSTM(), "minlstm", {}),
    "indrnn": (IndRNN(), "indrnn", {"activation": "relu"}),
    "indrnn_tanh": (IndRNN("tanh"), "indrnn", {"activation": "tanh"}),
}


def layer(name: str, units: int, bidirectional: bool = False) -> Layer:
    """A layer of the cell called `name`; behind its name "+norm", with layer normalisation."""
    cell, _, norm = name.partition("+")
    return Layer(CELLS[cell][0], units, bidirectional, norm == "norm")


@dataclass(frozen=True)
class Problem:
    """Layers, and inputs (n, T, I) with lengths (n,)."""

    layers: tuple[Layer, ...]
    x: Array
    lengths: Array

    @property
    def naive(self) -> list[NaiveLayer]:
        """The layers in the words of the oracle."""
        words = {cell: (name, options) for cell, name, options in CELLS.values()}
        return [
            NaiveLayer(name=words[one.cell][0], units=one.units, options=words[one.cell][1],
                       bidirectional=one.bidirectional)
            for one in self.layers
        ]  # fmt: skip


def draw(*layers: Layer, n: int = 5, T: int = 4, inputs: int = 3, ragged: bool = True, seed: int = 0) -> Problem:
    """A random problem."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, T + 1, n) if ragged else np.full(n, T)
    return Problem(layers, rng.standard_normal((n, T, inputs)), lengths)


def random_weights(one: Layer, inputs: int, rng: np.random.Generator) -> tuple[Weights, ...]:
    """Weights by direction: all normal with a standard deviation of 0.4, gains beside 1."""
    shapes = one.parameter_shapes(inputs)
    return tuple(
        {name: 0.4 * rng.standard_normal(shape) + (name == "gain") for name, shape in shapes.items()}
        for _ in one.directions
    )


def random_state(one: Layer, n: int, rng: np.random.Generator) -> State:
    """States from which a layer may start; an sLSTM's n is positive."""
    state = {name: rng.standard_normal((n, one.units)) for name in one.cell.states}
    return state | {"n": np.abs(state["n"]) + 0.5} if "n" in state else state


def named_weights(network: AnyNetwork, theta: Array, prefix: str = "") -> list[tuple[Weights, ...]]:
    """The weights of each layer by direction, from a flat vector; `prefix`: of a part of the network."""
    found: dict[tuple[int, bool], Weights] = {}
    for name, value in network.views(theta).items():
        if name.startswith(f"{prefix}layers."):
            number, *direction, own = name.removeprefix(f"{prefix}layers.").split(".")
            found.setdefault((int(number), bool(direction)), {})[own] = value
    count = 1 + max(number for number, _ in found)
    return [tuple(found[k, back] for back in (False, True) if (k, back) in found) for k in range(count)]


def flat(states: Any) -> list[Array]:
    """A layer's state as a list, in the order of its names."""
    return list(states) if isinstance(states, tuple) else [states]
