"""The bare recurrence: arrays in, outputs and final state out."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from forecastrnn.data.arrays import read_lengths
from forecastrnn.masks import refuse_masked
from forecastrnn.networks.cell import Cell
from forecastrnn.networks.cells import as_cell
from forecastrnn.networks.frameworks.keras_weights import from_keras, to_keras
from forecastrnn.networks.frameworks.onnx_weights import from_onnx
from forecastrnn.networks.frameworks.torch_weights import from_torch, to_torch
from forecastrnn.networks.network import Layer, Network
from forecastrnn.programs.inference import State, forward

__all__ = ["LSTMState", "dynamic_rnn", "from_keras", "from_onnx", "from_torch", "static_rnn", "to_keras", "to_torch"]

LSTMState = namedtuple("LSTMState", ["c", "h"])


def dynamic_rnn(
    cells: Any, X: np.ndarray, weights: Any, *, initial_state: Any = None, lengths: np.ndarray | None = None,
    time_major: bool = False,
) -> tuple[np.ndarray, Any]:  # fmt: skip
    """Run one recurrent layer, or a stack of them, over a batch of sequences.

    Parameters
    ----------
    cells : cell, str or list
        A cell or its name; a list of them for a stack.
    X : array of shape (n, time, inputs), or (time, n, inputs) with `time_major`
        The sequences. float32 stays float32, everything else is computed in float64.
    weights : dict, or list of dicts
        As `cell.init_weights` gives it; a pair of dicts makes a layer bidirectional. With one more array, `gain`, the
        layer's sums are normalised, as `layer_norm` of `RNNRegressor` says: (units,) for an Elman layer, (4 * units,)
        for an LSTM and a GRU that resets after, (3 * units,) for one that resets before; training begins with ones.
    initial_state : array (n, units), pair (c, h), or list, default zero, or where the cell's states start
        The state before the first step, in the form in which `state` comes back.
    lengths : array of int (n,), optional
        Valid steps of each sequence: outputs past the end are exactly zero, and the final state is that of the
        last valid step.
    time_major : bool
        Time first, in X and in the outputs.

    Returns
    -------
    outputs : ndarray (n, time, units) of the last layer
    state : ndarray h (n, units), the named pair (c, h) of an LSTM, or a named tuple of the states of another cell
        A list of them for a list of cells; a pair (forward, backward) of them for a bidirectional layer.

    Raises
    ------
    ValueError
        For shapes that do not fit, non-finite numbers, those of the outputs too, and lengths outside 1 .. time.

    Examples
    --------
    >>> import numpy as np
    >>> from forecastrnn import GRU
    >>> from forecastrnn.functional import dynamic_rnn
    >>> X = np.zeros((4, 10, 3))
    >>> outputs, state = dynamic_rnn("gru", X, GRU().init_weights(3, 5, random_state=0))
    >>> outputs.shape, bool((outputs[:, -1] == state).all())
    ((4, 10, 5), True)
    """
    many = isinstance(cells, (list, tuple))
    if many and not cells:
        raise ValueError("cells must be a cell, its name, or a non-empty list of them. Got an empty list.")
    stack = [as_cell(cell) for cell in (cells if many else [cells])]
    X = _check_input(X, time_major)
    groups = _check_weights(stack, weights if many else [weights], X.shape[2])
    network, theta = _network(stack, groups, X)
    lengths = read_lengths(lengths, len(X), X.shape[1], each="sequence")
    state = None if initial_state is None else _read_state(network, initial_state if many else [initial_state], X)
    result = forward(network, theta, X, lengths=lengths, state=state)
    _refuse_non_finite(result.outputs)
    outputs = np.ascontiguousarray(result.outputs.transpose(1, 0, 2)) if time_major else result.outputs
    states = [_show_layer(layer, values) for layer, values in zip(network.layers, result.states, strict=True)]
    return outputs, states if many else states[0]


def static_rnn(
    cells: Any, X: Sequence[np.ndarray], weights: Any, *, initial_state: Any = None, lengths: np.ndarray | None = None
) -> tuple[list[np.ndarray], Any]:
    """Run a recurrent layer over a list of time steps; the numbers are those of `dynamic_rnn`.

    Parameters
    ----------
    cells, weights, initial_state, lengths
        As in `dynamic_rnn`.
    X : list of arrays (n, inputs)
        One array a step.

    Returns
    -------
    outputs : list of ndarray (n, units), one a step
    state : as in `dynamic_rnn`

    Raises
    ------
    ValueError
        As in `dynamic_rnn`, and for an empty list or steps of different shapes.

    Examples
    --------
    >>> import numpy as np
    >>> from forecastrnn import Elman
    >>> from forecastrnn.functional import static_rnn
    >>> steps = [np.zeros((4, 3)), np.ones((4, 3))]
    >>> outputs, state = static_rnn("rnn", steps, Elman().init_weights(3, 5, random_state=0))
    >>> len(outputs), outputs[0].shape
    (2, (4, 5))
    """
    if not isinstance(X, (list, tuple)) or not X:
        raise ValueError("X must be a non-empty list of arrays (n, inputs), one a time step.")
    refuse_masked(X, "X")
    steps = [_numbers(x, f"X[{number}]") for number, x in enumerate(X)]
    for number, x in enumerate(steps):
        if x.shape != steps[0].shape or x.ndim != 2:
            raise ValueError(
                f"X[{number}] has shape {x.shape}, but X[0] has {steps[0].shape}; all must be (n, inputs)."
            )
    outputs, state = dynamic_rnn(
        cells, np.stack(steps), weights, initial_state=initial_state, lengths=lengths, time_major=True
    )
    return list(outputs), state


def _check_input(X: object, time_major: bool) -> np.ndarray:
    refuse_masked(X, "X")
    array = _numbers(X, "X")
    if array.ndim != 3:
        raise ValueError(f"X must have shape (n, time, inputs), 3 dimensions. Got shape {array.shape}.")
    if 0 in array.shape:
        raise ValueError(f"X must not be empty. Got shape {array.shape}.")
    array = array.astype(np.float32 if array.dtype == np.float32 else np.float64)
    if not np.isfinite(array).all():
        where = np.argwhere(~np.isfinite(array))[0].tolist()
        raise ValueError(f"X contains NaN or infinity, first at index {where}.")
    return np.ascontiguousarray(array.transpose(1, 0, 2)) if time_major else array


def _refuse_non_finite(outputs: np.ndarray) -> None:
    """Raise for outputs (n, time, units) that are none."""
    if not np.isfinite(outputs).all():
        row, step = np.argwhere(~np.isfinite(outputs).all(axis=2))[0].tolist()
        raise ValueError(
            f"the outputs are no finite numbers, first those of sequence {row} at step {step}: the cells have no "
            "bounds (relu), or X, weights and state are too large. Scale them."
        )


def _numbers(values: object, name: str) -> np.ndarray:
    """Real numbers as an array; NaN and infinities are looked for elsewhere."""
    try:
        array = np.asarray(values)
    except ValueError:
        raise ValueError(
            f"{name} holds parts of different lengths, which make no array: give one of one shape."
        ) from None
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{name} must hold real numbers. Got dtype {array.dtype}.")
    return array


def _check_weights(stack: list[Cell], weights: Sequence, n_inputs: int) -> list[tuple[dict, ...]]:
    """Weights as tuples of one or two dicts a layer, each of the right shapes."""
    refuse_masked(weights, "weights")
    if not isinstance(weights, (list, tuple)) or len(weights) != len(stack):
        raise ValueError(f"weights must be a list of {len(stack)} entries, one a cell.")
    groups = []
    for number, (cell, entry) in enumerate(zip(stack, weights, strict=True)):
        group = entry if isinstance(entry, tuple) else (entry,)
        if not 1 <= len(group) <= 2 or not all(isinstance(own, dict) for own in group):
            raise ValueError(f"weights of layer {number} must be a dict, or a pair of dicts (forward, backward).")
        layer = _layer_of(cell, group, number)
        for own in group:
            _check_shapes(own, layer.parameter_shapes(n_inputs), number)
        groups.append(group)
        n_inputs = layer.width
    return groups


def _layer_of(cell: Cell, group: tuple[dict, ...], number: int) -> Layer:
    """The layer that has such weights; how many units, a matrix says."""
    normed = "gain" in group[0]
    shapes = Layer(cell, 1, layer_norm=normed).parameter_shapes(1)
    name, rows = ("recurrent_kernel", "units") if "recurrent_kernel" in shapes else ("kernel", "inputs")
    if name not in group[0]:
        _check_shapes(group[0], shapes, number)
    shape = np.shape(group[0][name])
    if len(shape) != 2:
        raise ValueError(f"weights of layer {number} must have a {name} ({rows}, gates * units).")
    units = shape[0] if name == "recurrent_kernel" else shape[1] // shapes[name][1]
    return Layer(cell, units, len(group) == 2, normed)


def _check_shapes(own: dict, shapes: dict[str, tuple[int, ...]], number: int) -> None:
    if set(own) != set(shapes):
        raise ValueError(f"weights of layer {number} must have the keys {sorted(shapes)}. Got {sorted(own)}.")
    for name, shape in shapes.items():
        array = _numbers(own[name], f"weights of layer {number}: {name}")
        if array.shape != shape:
            raise ValueError(f"weights of layer {number}: {name} must have shape {shape}. Got {array.shape}.")
        if not np.isfinite(array).all():
            raise ValueError(f"weights of layer {number}: {name} contains NaN or infinity.")


def _network(stack: list[Cell], groups: list[tuple[dict, ...]], X: np.ndarray) -> tuple[Network, np.ndarray]:
    layers = [_layer_of(cell, group, number) for number, (cell, group) in enumerate(zip(stack, groups, strict=True))]
    network = Network(X.shape[2], tuple(layers))
    theta = np.empty(network.size, X.dtype)
    views = network.views(theta)
    for number, (layer, group) in enumerate(zip(layers, groups, strict=True)):
        for prefix, own in zip(layer.directions, group, strict=True):
            for name, values in own.items():
                with np.errstate(over="ignore"):
                    views[f"layers.{number}.{prefix}{name}"][...] = values
    if not np.isfinite(theta).all():
        raise ValueError("weights are too large for float32, in which X is: give X as float64.")
    return network, theta


def _read_state(network: Network, given: Sequence, X: np.ndarray) -> State:
    """The initial state as the engine wants it: layer, direction, name."""
    refuse_masked(given, "initial_state")
    if not isinstance(given, (list, tuple)) or len(given) != len(network.layers):
        raise ValueError(f"initial_state must be a list of {len(network.layers)} states, one a layer.")
    for number, (layer, entry) in enumerate(zip(network.layers, given, strict=True)):
        if layer.bidirectional and (not isinstance(entry, (list, tuple)) or len(entry) != 2):
            raise ValueError(f"initial_state of layer {number} must be a pair (forward, backward).")
    return [
        [
            _read_direction(layer, value, number, X)
            for value in (entry if layer.bidirectional else (entry,))
        ]
        for number, (layer, entry) in enumerate(zip(network.layers, given, strict=True))
    ]  # fmt: skip


def _read_direction(layer: Layer, value: Any, number: int, X: np.ndarray) -> dict[str, np.ndarray]:
    names, start = layer.cell.states, layer.cell.start
    values = value if len(names) > 1 else (value,)
    if not isinstance(values, list | tuple | np.ndarray) or len(values) != len(names):
        kind = "pair" if len(names) == 2 else "tuple"
        raise ValueError(f"initial_state of layer {number} must be the {kind} ({', '.join(names)}).")
    arrays = {}
    for name, given in zip(names, values, strict=True):
        with np.errstate(over="ignore"):
            array = _numbers(given, f"initial_state of layer {number}: {name}").astype(X.dtype)
        arrays[name] = array
        if array.shape != (len(X), layer.units):
            raise ValueError(
                f"initial_state of layer {number}: {name} must have shape {(len(X), layer.units)}. Got {array.shape}."
            )
        if not np.isfinite(array).all():
            raise ValueError(f"initial_state of layer {number}: {name} contains NaN or infinity.")
    return {name: array - start[name] if name in start else array for name, array in arrays.items()}  # as inside


def _show_layer(layer: Layer, values: list[dict[str, np.ndarray]]) -> Any:
    shown = [_shown(layer.cell, own) for own in values]
    return tuple(shown) if layer.bidirectional else shown[0]


def _shown(cell: Cell, values: dict[str, np.ndarray]) -> Any:
    """The states of a direction, which inside are counted from where they start."""
    arrays = [value + cell.start[name] if name in cell.start else value for name, value in values.items()]
    return arrays[0] if len(arrays) == 1 else state_type(cell.states)(*arrays)


@lru_cache
def state_type(names: tuple[str, ...]) -> Any:
    """A named tuple of a cell's states."""
    return LSTMState if names == LSTMState._fields else namedtuple("State", names, rename=True)
