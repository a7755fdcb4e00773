"""A network: recurrent layers and a dense head, and where each parameter lies in the one flat vector."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.random import RandomState
from sklearn.utils import check_random_state

from forecastrnn.cells import Cell, Weights
from forecastrnn.initializers import draw_dense


@dataclass(frozen=True)
class Parameter:
    """A named stretch of the flat parameter vector; decay acts on matrices only."""

    name: str
    offset: int
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """Number of values."""
        return int(np.prod(self.shape))

    @property
    def is_matrix(self) -> bool:
        """Whether L2 and decay act on it: on kernels, not on biases, gains and peepholes."""
        return self.name.endswith(("kernel", "skip"))

    def view(self, theta: np.ndarray) -> np.ndarray:
        """The parameter inside the flat vector."""
        return theta[self.offset : self.offset + self.size].reshape(self.shape)


@dataclass(frozen=True)
class Layer:
    """One recurrent layer; bidirectional: a second set of weights reads the sequence backwards.

    layer_norm : the sums of each slot are normalised over its units (see `Cell.slots`).
    """

    cell: Cell
    units: int
    bidirectional: bool = False
    layer_norm: bool = False

    @property
    def directions(self) -> tuple[str, ...]:
        """Prefixes of the parameters of each direction."""
        return ("", "reverse.") if self.bidirectional else ("",)

    @property
    def width(self) -> int:
        """Outputs a step."""
        return self.units * len(self.directions)

    def parameter_shapes(self, n_inputs: int) -> dict[str, tuple[int, ...]]:
        """Name -> shape of each parameter of one direction."""
        shapes = self.cell.parameter_shapes(n_inputs, self.units)
        return shapes | {"gain": (len(self.cell.slots) * self.units,)} if self.layer_norm else shapes

    def init_weights(self, n_inputs: int, rng: RandomState, initializer: str) -> Weights:
        """First parameters of one direction; a gain begins at one."""
        weights = self.cell.init_weights(n_inputs, self.units, rng, initializer)
        return weights | {"gain": np.ones(len(self.cell.slots) * self.units)} if self.layer_norm else weights


@dataclass(frozen=True)
class Network:
    """Layers and head.

    The input row has `n_inputs` columns for the layers, behind `n_skip` columns that go to the head by a
    linear map of their own. With `n_outputs` 0 there is no head.
    """

    n_inputs: int
    layers: tuple[Layer, ...]
    n_outputs: int = 0
    n_skip: int = 0

    def inputs_of(self, number: int) -> int:
        """Inputs of layer `number`."""
        return self.n_inputs if number == 0 else self.layers[number - 1].width

    @cached_property
    def layout(self) -> dict[str, Parameter]:
        """Name -> place of each parameter, in order."""
        found: dict[str, Parameter] = {}
        offset = 0
        for name, shape in self._shapes().items():
            found[name] = Parameter(name, offset, shape)
            offset += found[name].size
        return found

    def _shapes(self) -> dict[str, tuple[int, ...]]:
        shapes: dict[str, tuple[int, ...]] = {}
        for number, layer in enumerate(self.layers):
            for prefix in layer.directions:
                own = layer.parameter_shapes(self.inputs_of(number))
                shapes |= {f"layers.{number}.{prefix}{name}": shape for name, shape in own.items()}
        if self.n_outputs:
            shapes["output.kernel"] = (self.layers[-1].width, self.n_outputs)
            shapes["output.bias"] = (self.n_outputs,)
        if self.n_skip:
            shapes["output.skip"] = (self.n_skip, self.n_outputs)
        return shapes

    @property
    def size(self) -> int:
        """Number of parameters."""
        return sum(p.size for p in self.layout.values())

    def views(self, theta: np.ndarray) -> dict[str, np.ndarray]:
        """Named views of a flat vector."""
        return {name: p.view(theta) for name, p in self.layout.items()}

    def init_theta(self, random_state: object, dtype: str, initializer: str = "glorot") -> np.ndarray:
        """First values of all parameters; the skip begins at zero."""
        rng = check_random_state(random_state)
        theta = np.zeros(self.size, dtype)
        views = self.views(theta)
        for number, layer in enumerate(self.layers):
            for prefix in layer.directions:
                drawn = layer.init_weights(self.inputs_of(number), rng, initializer)
                for name, values in drawn.items():
                    views[f"layers.{number}.{prefix}{name}"][...] = values
        if self.n_outputs:
            views["output.kernel"][...] = draw_dense(rng, self.layers[-1].width, self.n_outputs, initializer)
        return theta

    def layer_weights(self, theta: np.ndarray) -> list:
        """One dict of views a layer; a pair of them if it is bidirectional."""
        views = self.views(theta)
        found = []
        for number, layer in enumerate(self.layers):
            pair = []
            for prefix in layer.directions:
                names = layer.parameter_shapes(self.inputs_of(number))
                pair.append({name: views[f"layers.{number}.{prefix}{name}"] for name in names})
            found.append(tuple(pair) if layer.bidirectional else pair[0])
        return found
