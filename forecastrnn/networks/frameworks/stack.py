"""What other frameworks' weights are read as: cells, their weights, and perhaps a dense layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from forecastrnn.networks.cell import Cell, Weights
from forecastrnn.networks.cells import GRU, LSTM, Elman, as_cell

Layer = Weights | tuple[Weights, Weights]
Dense = dict[str, np.ndarray]


class WeightsOf(NamedTuple):
    """Layers as `dynamic_rnn` takes them, and the dense layer behind them: kernel and bias, or None."""

    cells: list[Cell]
    weights: list[Layer]
    dense: Dense | None


def cell_of(gates: int, activation: str, *, resets_after: bool = True) -> Cell:
    """The cell that has so many gates: there is one of each number."""
    return {1: Elman(activation), 3: GRU(reset_after=resets_after), 4: LSTM()}[gates]


def gates_of(recurrent: np.ndarray) -> int | None:
    """Gates of a recurrent kernel (units, gates * units), None if it is none of these cells'."""
    units, columns = recurrent.shape
    return columns // units if units and columns in (units, 3 * units, 4 * units) else None


def as_array(value: Any, name: str) -> np.ndarray:
    """A tensor or an array of finite real numbers, float32 where that holds them, else float64."""
    if hasattr(value, "detach"):  # a tensor of PyTorch, wherever it lies
        value = value.detach().cpu()
        value = (value.double() if value.element_size() > 4 else value.float()).numpy()
    try:
        array = np.asarray(value)
    except ValueError:
        raise ValueError(f"{name} holds parts of different lengths, which make no array.") from None
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{name} must hold real numbers. Got dtype {array.dtype}.")
    array = np.ascontiguousarray(array, np.float64 if array.dtype.itemsize > 4 else np.float32)
    if not np.isfinite(array).all():
        raise ValueError(f"{name} contains NaN or infinity, first at {np.argwhere(~np.isfinite(array))[0].tolist()}.")
    return array


def sides(layer: Layer) -> tuple[Weights, ...]:
    """Its directions: one, or forward and backward."""
    return layer if isinstance(layer, tuple) else (layer,)


def width_of(layer: Layer) -> int:
    """Outputs of a layer in a step."""
    return sum(len(own["recurrent_kernel"]) for own in sides(layer))


def check_chain(weights: Sequence[Layer], dense: Dense | None, names: Sequence[str]) -> None:
    """Each layer reads what the one before it puts out; names: of the layers, for messages."""
    kernels = [(sides(layer)[0]["kernel"], name) for layer, name in zip(weights, names, strict=True)]
    kernels += [] if dense is None else [(dense["kernel"], "the dense layer")]
    for below, (kernel, name) in zip(weights, kernels[1:]):
        if len(kernel) != width_of(below):
            raise ValueError(
                f"{name} reads {len(kernel)} numbers a step, but the layer before it puts out {width_of(below)}. Give "
                "layers that stand one behind the other."
            )


def as_stack(cells: Any, weights: Any) -> tuple[list[Cell], list[Layer]]:
    """Cells and weights of layers, of one that stands alone too; ValueError where they do not go together."""
    many = isinstance(cells, list | tuple)
    stack = [as_cell(cell) for cell in (cells if many else [cells])]
    layers = weights if many else [weights]
    if not isinstance(layers, list | tuple) or len(layers) != len(stack) or not stack:
        raise ValueError(f"weights must be a list of {max(len(stack), 1)} entries, one a cell.")
    for number, (cell, layer) in enumerate(zip(stack, layers, strict=True)):
        needed = set(cell.parameter_shapes(1, 1))
        for own in sides(layer):
            if len(sides(layer)) > 2 or not isinstance(own, Mapping) or set(own) - {"gain"} != needed:
                raise ValueError(
                    f"weights of layer {number} must be a dict of {sorted(needed)}, or a pair of them (forward, "
                    "backward), as init_weights and dynamic_rnn have them."
                )
    return stack, [_read(layer, f"weights of layer {number}: ") for number, layer in enumerate(layers)]


def _read(layer: Layer, name: str) -> Layer:
    """A layer whose weights are arrays of finite numbers."""
    turned = [{key: as_array(value, f"{name}{key}") for key, value in own.items()} for own in sides(layer)]
    return (turned[0], turned[1]) if len(turned) == 2 else turned[0]


def refuse_others(cells: Sequence[Cell], weights: Sequence[Layer], framework: str, *, resets_before: bool) -> None:
    """Only cells that the framework has, with these numbers; resets_before : whether it has GRUs of this kind."""
    for number, (cell, layer) in enumerate(zip(cells, weights, strict=True)):
        known = cell in (Elman("tanh"), Elman("relu"), GRU(), GRU(reset_after=False)) or (
            type(cell) is LSTM and not cell.peepholes
        )
        if not known or (cell == GRU(reset_after=False) and not resets_before):
            raise ValueError(f"layer {number}: {framework} has no cell that computes {cell!r}.")
        if "gain" in sides(layer)[0]:
            raise ValueError(f"layer {number}: {framework} has no cell that is normalised inside, layer_norm=True.")


def scaled(
    found: WeightsOf, x: tuple[np.ndarray, np.ndarray] | None, y: tuple[np.ndarray, np.ndarray] | None
) -> WeightsOf:
    """Weights that read inputs and put out targets as they are, where `found` has both standardised: mean, scale."""
    first, dense = found.weights[0], found.dense
    if x is not None:
        turned = [_reading(own, *x) for own in sides(first)]
        first = (turned[0], turned[1]) if len(turned) == 2 else turned[0]
    if y is not None and dense is not None:
        dense = {"kernel": dense["kernel"] * y[1], "bias": dense["bias"] * y[1] + y[0]}
    return WeightsOf(found.cells, [first, *found.weights[1:]], dense)


def _reading(own: Mapping[str, np.ndarray], mean: np.ndarray, scale: np.ndarray) -> Weights:
    """A first layer for inputs that are not standardised."""
    kernel = own["kernel"] / scale[:, None]
    return dict(own) | {"kernel": kernel, "bias": own["bias"] - mean @ kernel}
