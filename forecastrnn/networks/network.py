"""A network: recurrent layers and a dense head, and where each parameter lies in the one flat vector."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.random import RandomState
from sklearn.utils import check_random_state

from forecastrnn.networks.cell import Cell, Weights
from forecastrnn.networks.initializers import draw_dense


@dataclass(frozen=True)
class Parameter:
    """A named stretch of the flat parameter vector; decay acts on matrices only."""

    name: str
    offset: int
    shape: tuple[int, ...]
    fixed_rows: int = 0  # at its end, which training leaves as they are

    @property
    def size(self) -> int:
        """Number of values."""
        return math.prod(self.shape)

    @property
    def is_matrix(self) -> bool:
        """Whether L2 and decay act on it: on kernels, not on biases, gains, peepholes and embeddings.

        The vector of a rare category has a gradient in few steps, but would decay in all of them.
        """
        return self.name.endswith(("kernel", "skip"))

    def view(self, theta: np.ndarray) -> np.ndarray:
        """The parameter inside the flat vector."""
        return theta[self.offset : self.offset + self.size].reshape(self.shape)


@dataclass(frozen=True)
class Layer:
    """One recurrent layer; bidirectional: a second set of weights reads the sequence backwards.

    layer_norm : the sums of each gate are normalised over its units.
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
        return shapes | {"gain": (len(self.cell.gates) * self.units,)} if self.layer_norm else shapes

    def init_weights(self, n_inputs: int, rng: RandomState, initializer: str) -> Weights:
        """First parameters of one direction; a gain begins at one."""
        weights = self.cell.init_weights(n_inputs, self.units, rng, initializer)
        return weights | {"gain": np.ones(len(self.cell.gates) * self.units)} if self.layer_norm else weights


@dataclass(frozen=True)
class Embedding:
    """Column `column` of the layers' inputs holds codes 0 .. size - 1, each of which is read as `dim` numbers.

    Code `size` stands for an unknown category: its numbers are the mean of the others. `frozen`: given, not learned.
    """

    column: int
    size: int
    dim: int
    frozen: bool = False


@dataclass(frozen=True)
class Ahead:
    """What outputs of so many `steps` read of the inputs of their own steps: output j is made with those of j rows on.

    numbers : so many first columns of the skip, with one weight each; categories : so many first embeddings, whose
    codes have a scalar each. Weights are the same for all steps, so that their number does not grow with these.
    """

    steps: int
    numbers: int
    categories: int = 0


class AnyNetwork(ABC):
    """What all networks have in common: parameters in one flat vector, and a part that reads and one that writes.

    The reader takes known inputs in; the writer has the head, and goes on from the reader's states. One plain network
    is both; where `hands_over`, they are two, and the writer begins with the reader's final states.
    """

    hands_over: ClassVar[bool] = False
    writer_offset = 0  # where the writer's parameters begin

    @property
    @abstractmethod
    def layout(self) -> dict[str, Parameter]:
        """Name -> place of each parameter, in order."""

    @property
    @abstractmethod
    def reader(self) -> Network:
        """The part that takes known inputs in."""

    @property
    @abstractmethod
    def writer(self) -> Network:
        """The part that puts outputs out."""

    @property
    def has_categories(self) -> bool:
        """Whether a part reads categories, so that `set_unknown` changes what it does."""
        return bool(self.reader.embeddings or self.writer.embeddings)

    @abstractmethod
    def init_theta(self, random_state: object, dtype: str, initializer: str = "glorot") -> np.ndarray:
        """First values of all parameters."""

    @abstractmethod
    def set_unknown(self, theta: np.ndarray) -> None:
        """Unknown categories read the mean of the known ones; theta (..., size)."""

    def reader_theta(self, theta: np.ndarray) -> np.ndarray:
        """The reader's part of a flat vector, a view."""
        return theta[: self.reader.size]

    def writer_theta(self, theta: np.ndarray) -> np.ndarray:
        """The writer's part of a flat vector, a view."""
        return theta[self.writer_offset : self.writer_offset + self.writer.size]

    @cached_property
    def size(self) -> int:
        """Number of parameters."""
        return sum(p.size for p in self.layout.values())

    def views(self, theta: np.ndarray) -> dict[str, np.ndarray]:
        """Named views of a flat vector."""
        return {name: p.view(theta) for name, p in self.layout.items()}


@dataclass(frozen=True)
class Network(AnyNetwork):
    """Layers and head.

    The input row has `n_inputs` columns for the layers, behind `n_skip` columns that go to the head by a
    linear map of their own. With `n_outputs` 0 there is no head, and nothing reads those. The first layer reads the
    columns without an embedding, in their order, and then what each of `embeddings` has for the code in its column.
    """

    n_inputs: int
    layers: tuple[Layer, ...]
    n_outputs: int = 0
    n_skip: int = 0
    embeddings: tuple[Embedding, ...] = ()
    ahead: Ahead | None = field(default=None, metadata={"later": True})

    @property
    def reader(self) -> Network:
        """The part that takes known inputs in: all of it."""
        return self

    @property
    def writer(self) -> Network:
        """The part that puts outputs out: all of it."""
        return self

    @property
    def columns(self) -> int:
        """Columns of the input row."""
        return self.n_skip + self.n_inputs

    @property
    def beyond(self) -> int:
        """Rows of inputs behind the last step that outputs are made with."""
        return self.ahead.steps - 1 if self.ahead else 0

    def inputs_of(self, number: int) -> int:
        """Inputs of layer `number`."""
        return self.width if number == 0 else self.layers[number - 1].width

    @property
    def numeric(self) -> list[int]:
        """Columns of the layers' inputs that are numbers, not codes."""
        coded = {e.column for e in self.embeddings}
        return [column for column in range(self.n_inputs) if column not in coded]

    @property
    def width(self) -> int:
        """Numbers that the first layer reads in a step."""
        return self.n_inputs + sum(e.dim - 1 for e in self.embeddings)

    @cached_property
    def layout(self) -> dict[str, Parameter]:
        """Name -> place of each parameter, in order."""
        found: dict[str, Parameter] = {}
        offset = 0
        fixed = {vectors_of(k): e.size + 1 if e.frozen else 1 for k, e in enumerate(self.embeddings)}
        fixed |= {scalars_of(k): 1 for k in range(self.ahead.categories if self.ahead else 0)}
        for name, shape in self._shapes().items():
            found[name] = Parameter(name, offset, shape, fixed.get(name, 0))
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
        if self.n_skip and self.n_outputs:
            shapes["output.skip"] = (self.n_skip, self.n_outputs)
        shapes |= {vectors_of(k): (e.size + 1, e.dim) for k, e in enumerate(self.embeddings)}
        if self.ahead is not None:
            shapes |= {AHEAD: (self.ahead.numbers, 1)} if self.ahead.numbers else {}
            shapes |= {scalars_of(k): (self.embeddings[k].size + 1, 1) for k in range(self.ahead.categories)}
        return shapes

    def init_theta(self, random_state: object, dtype: str, initializer: str = "glorot") -> np.ndarray:
        """First values of all parameters; the skip, and what is read ahead, begin at zero."""
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
        for k, e in enumerate(self.embeddings):  # together of the variance of one standardised input
            views[vectors_of(k)][...] = rng.normal(scale=e.dim**-0.5, size=(e.size + 1, e.dim))
        self.set_unknown(theta)
        return theta

    def set_unknown(self, theta: np.ndarray) -> None:
        """Unknown categories read the mean of the known ones; theta (..., size)."""
        tables = [vectors_of(k) for k in range(len(self.embeddings))]
        for name in tables + [scalars_of(k) for k in range(self.ahead.categories if self.ahead else 0)]:
            p = self.layout[name]
            size, dim = p.shape[0] - 1, p.shape[1]
            flat = theta[..., p.offset : p.offset + p.size]
            known = flat[..., :-dim].reshape(*theta.shape[:-1], size, dim)
            flat[..., -dim:] = known.mean(axis=-2)

    def embedding_weights(self, theta: np.ndarray) -> list[np.ndarray]:
        """One view (size + 1, dim) an embedding, the last row for unknown categories."""
        return [self.layout[vectors_of(k)].view(theta) for k in range(len(self.embeddings))]

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


AHEAD = "ahead.kernel"


def scalars_of(number: int) -> str:
    """The name of what the categories of embedding `number` add to outputs ahead."""
    return f"ahead.{number}.scalars"


def vectors_of(number: int) -> str:
    """The name of the parameter of embedding `number`."""
    return f"embeddings.{number}.vectors"
