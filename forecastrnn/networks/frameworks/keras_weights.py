"""Weights of Keras's SimpleRNN, LSTM and GRU: matrices lie as here, a GRU's gates have the order z, r, n.

Its two biases are one array of two rows, and one bias alone where it resets before
(https://keras.io/api/layers/recurrent_layers/gru/).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from forecastrnn.networks.cell import Cell, Weights
from forecastrnn.networks.frameworks.stack import (
    Dense,
    Layer,
    WeightsOf,
    as_array,
    as_stack,
    cell_of,
    check_chain,
    gates_of,
    refuse_others,
    sides,
)


def from_keras(weights: Sequence[Any], *, activation: str = "tanh", bidirectional: bool = False) -> WeightsOf:
    """Weights of layers of Keras, `SimpleRNN`, `LSTM` or `GRU`, for `dynamic_rnn`.

    Parameters
    ----------
    weights : list of arrays
        `model.get_weights()`, or those of a layer. Behind the recurrent layers there may be one dense layer.
    activation : {"tanh", "relu"}
        That of `SimpleRNN`, of which its weights say nothing. LSTM and GRU have those of Keras, tanh and sigmoid.
    bidirectional : bool
        Whether each layer is in a `Bidirectional`, whose outputs are concatenated.

    Returns
    -------
    WeightsOf
        A named tuple: `cells` and `weights` as `dynamic_rnn` takes them, and `dense`, a dict of kernel (units, outputs)
        and bias (outputs,), or None.

    Raises
    ------
    ValueError, TypeError
        For arrays whose shapes are not those of such layers one behind the other, or no numbers.

    Examples
    --------
    >>> import numpy as np
    >>> from forecastrnn.functional import dynamic_rnn, from_keras
    >>> found = from_keras([np.ones((3, 15)), np.ones((5, 15)), np.ones((2, 15))])
    >>> outputs, state = dynamic_rnn(found.cells, np.ones((2, 7, 3)), found.weights)
    >>> found.cells[0], outputs.shape
    (GRU(reset_after=True), (2, 7, 5))
    """
    if not isinstance(weights, (list, tuple)):
        raise TypeError(f"weights must be a list of arrays: model.get_weights(). Got {weights!r:.80}")
    arrays = [as_array(one, f"weights[{number}]") for number, one in enumerate(weights)]
    shapes = [array.shape for array in arrays]
    cells: list[Cell] = []
    layers: list[Layer] = []
    while read := _read(arrays, activation):
        cells.append(read[0])
        if not bidirectional:
            layers.append(read[1])
            continue
        backward = _read(arrays, activation)
        if backward is None or backward[1]["kernel"].shape != read[1]["kernel"].shape:
            raise ValueError(f"layer {len(layers)} has no second direction, but bidirectional=True. Shapes: {shapes}.")
        layers.append((read[1], backward[1]))
    dense = _dense(arrays)
    if not layers or arrays:
        raise ValueError(
            f"weights must be those of SimpleRNN, LSTM or GRU layers and perhaps one dense layer. Got shapes {shapes}."
        )
    check_chain(layers, dense, [f"recurrent layer {number}" for number in range(len(layers))])
    return WeightsOf(cells, layers, dense)


def to_keras(cells: Any, weights: Any, dense: Dense | None = None) -> list[np.ndarray]:
    """Weights of layers as a list of arrays that `set_weights` of Keras takes: the way back from `from_keras`.

    Parameters
    ----------
    cells, weights
        As `dynamic_rnn` takes them, lists or of one layer.
    dense : dict, optional
        Kernel (units, outputs) and bias (outputs,).

    Returns
    -------
    list of ndarray

    Raises
    ------
    ValueError
        For cells and layers that Keras has not, and weights that are not those of the cells.

    Examples
    --------
    >>> from forecastrnn import LSTM
    >>> from forecastrnn.functional import to_keras
    >>> [array.shape for array in to_keras([LSTM()], [LSTM().init_weights(3, 5, random_state=0)])]
    [(3, 20), (5, 20), (20,)]
    """
    cells, weights = as_stack(cells, weights)
    refuse_others(cells, weights, "Keras", resets_before=True)
    found = [array for layer in weights for own in sides(layer) for array in _write(own)]
    return found if dense is None else [*found, np.array(dense["kernel"]), np.array(dense["bias"])]


def _read(arrays: list[np.ndarray], activation: str) -> tuple[Cell, Weights] | None:
    """Take one direction of a recurrent layer from the front, if one stands there."""
    if len(arrays) < 2 or arrays[0].ndim != 2 or arrays[1].ndim != 2:
        return None
    kernel, recurrent = arrays[:2]
    gates, columns = gates_of(recurrent), recurrent.shape[1]
    if gates is None or kernel.shape[1] != columns:
        return None
    has_bias = len(arrays) > 2 and arrays[2].shape in ((columns,), *([(2, columns)] if gates == 3 else []))
    bias = arrays[2] if has_bias else np.zeros((2, columns) if gates == 3 else columns, kernel.dtype)
    del arrays[: 3 if has_bias else 2]
    found = {"kernel": kernel, "recurrent_kernel": recurrent}
    if gates != 3:
        return cell_of(gates, activation), found | {"bias": bias}
    found |= {"bias": bias[0], "recurrent_bias": bias[1]} if bias.ndim == 2 else {"bias": bias}
    turned = {name: _swapped(array) for name, array in found.items()}
    return cell_of(3, activation, resets_after=bias.ndim == 2), turned


def _dense(arrays: list[np.ndarray]) -> Dense | None:
    """Take a dense layer from the front, if one stands there."""
    if not arrays or arrays[0].ndim != 2:
        return None
    kernel = arrays.pop(0)
    has_bias = bool(arrays) and arrays[0].shape == (kernel.shape[1],)
    return {"kernel": kernel, "bias": arrays.pop(0) if has_bias else np.zeros(kernel.shape[1], kernel.dtype)}


def _write(own: Weights) -> list[np.ndarray]:
    """One direction, as Keras orders it."""
    kernel, recurrent, bias = own["kernel"], own["recurrent_kernel"], own["bias"]
    bias = np.stack([bias, own["recurrent_bias"]]) if "recurrent_bias" in own else bias
    is_gru = gates_of(recurrent) == 3
    return [_swapped(array) if is_gru else np.array(array) for array in (kernel, recurrent, bias)]


def _swapped(array: np.ndarray) -> np.ndarray:
    """Gates of a GRU (..., gates * units), the first two in each other's place."""
    first, second, last = np.split(array, 3, axis=-1)
    return np.concatenate([second, first, last], axis=-1)
