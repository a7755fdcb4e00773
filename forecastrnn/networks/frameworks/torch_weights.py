"""Weights of PyTorch's RNN, LSTM and GRU: matrices lie the other way round, and there are always two biases.

The gates have the same order as here: i, f, g, o of an LSTM, r, z, n of a GRU
(https://pytorch.org/docs/stable/generated/torch.nn.GRU.html).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
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

_NAME = re.compile(r"((?:.*\.)?)(weight_ih|weight_hh|weight_hr|bias_ih|bias_hh)_l(\d+)(_reverse)?")
Place = tuple[str, int]


def from_torch(state_dict: Mapping[str, Any], *, activation: str = "tanh") -> WeightsOf:
    """Weights of a `state_dict` with layers of `nn.RNN`, `nn.LSTM` or `nn.GRU`, for `dynamic_rnn`.

    Parameters
    ----------
    state_dict : mapping of str to tensor or array
        `module.state_dict()`, of such a module or of one that has it inside. Several modules are layers one behind the
        other, in the order of their names. Beside them there may be one dense layer (`nn.Linear`).
    activation : {"tanh", "relu"}
        The `nonlinearity` of `nn.RNN`, of which its weights say nothing.

    Returns
    -------
    WeightsOf
        A named tuple: `cells` and `weights` as `dynamic_rnn` takes them, and `dense`, a dict of kernel (units, outputs)
        and bias (outputs,), or None.

    Raises
    ------
    ValueError, TypeError
        For weights that are missing, left over, of a wrong shape or no numbers, and for an LSTM with projections.

    Examples
    --------
    >>> import numpy as np
    >>> from forecastrnn.functional import dynamic_rnn, from_torch
    >>> state = {"weight_ih_l0": np.ones((20, 3)), "weight_hh_l0": np.ones((20, 5))}  # bias=False
    >>> found = from_torch(state)
    >>> outputs, state = dynamic_rnn(found.cells, np.ones((2, 7, 3)), found.weights)
    >>> found.cells[0], outputs.shape
    (LSTM(peepholes=False, forget_bias=1.0), (2, 7, 5))
    """
    if not isinstance(state_dict, Mapping):
        raise TypeError(
            f"state_dict must be a mapping of names to tensors: module.state_dict(). Got {state_dict!r:.80}"
        )
    layers, rest = _by_layer(state_dict)
    if not layers:
        raise ValueError(f"state_dict has no weights of an RNN, LSTM or GRU. It has {_few(rest)}.")
    cells: list[Cell] = []
    weights: list[Layer] = []
    names = [f"{module}*_l{number}" for module, number in layers]
    for (module, number), directions in layers.items():
        read = [_read(directions[end], f"{module}{{}}_l{number}{end}", activation) for end in sorted(directions)]
        cells.append(read[0][0])
        weights.append((read[0][1], read[1][1]) if len(read) == 2 else read[0][1])
    found = WeightsOf(cells, weights, _dense(rest))
    check_chain(found.weights, found.dense, names)
    return found


def to_torch(
    cells: Any, weights: Any, dense: Dense | None = None, *, module: str = "",
    dense_module: str = "fc",
) -> dict[str, np.ndarray]:  # fmt: skip
    """Weights of layers as the `state_dict` of PyTorch's, as arrays: the way back from `from_torch`.

    Parameters
    ----------
    cells, weights
        As `dynamic_rnn` takes them, lists or of one layer. All layers have one kind of cell and one size, as a module
        of PyTorch has.
    dense : dict, optional
        Kernel (units, outputs) and bias (outputs,).
    module, dense_module : str
        Names of the module, and of the `nn.Linear`, in the module that has them; "" for one alone.

    Returns
    -------
    dict of str to ndarray
        `load_state_dict({name: torch.from_numpy(value) for name, value in found.items()})` takes it.

    Raises
    ------
    ValueError
        For cells and layers that no module of PyTorch has, and weights that are not those of the cells.

    Examples
    --------
    >>> from forecastrnn import GRU
    >>> from forecastrnn.functional import to_torch
    >>> sorted(to_torch([GRU()], [GRU().init_weights(3, 5, random_state=0)], module="gru"))
    ['gru.bias_hh_l0', 'gru.bias_ih_l0', 'gru.weight_hh_l0', 'gru.weight_ih_l0']
    """
    cells, weights = as_stack(cells, weights)
    refuse_others(cells, weights, "PyTorch", resets_before=False)
    kinds = {
        (type(cell), len(sides(layer)), len(sides(layer)[0]["recurrent_kernel"])) for cell, layer in zip(cells, weights)
    }
    if len(kinds) > 1:
        raise ValueError("the layers differ in cell, size or directions: in PyTorch they are modules of their own.")
    found: dict[str, np.ndarray] = {}
    for number, layer in enumerate(weights):
        for end, own in zip(("", "_reverse"), sides(layer)):
            place = f"_l{number}{end}"
            found |= {_joined(module, name + place): array for name, array in _write(own).items()}
    if dense is not None:
        own = {"weight": dense["kernel"].T, "bias": dense["bias"]}
        found |= {_joined(dense_module, name): np.array(array, order="C") for name, array in own.items()}
    return found


def _by_layer(
    state_dict: Mapping[str, Any],
) -> tuple[dict[Place, dict[str, dict[str, np.ndarray]]], dict[str, np.ndarray]]:  # fmt: skip
    """Arrays by module and layer, direction and name; and those of no recurrent layer."""
    layers: dict[Place, dict[str, dict[str, np.ndarray]]] = {}
    rest = {}
    for name, value in state_dict.items():
        place, array = _NAME.fullmatch(str(name)), as_array(value, str(name))
        if place is None:
            rest[str(name)] = array
            continue
        if place[2] == "weight_hr":
            raise ValueError(f"{name}: an LSTM with projections (proj_size) has no counterpart. Train one without.")
        layers.setdefault((place[1], int(place[3])), {}).setdefault(place[4] or "", {})[place[2]] = array
    modules = list(dict.fromkeys(module for module, _ in layers))
    for module in modules:
        numbers = {number for name, number in layers if name == module}
        if missing := sorted(set(range(max(numbers) + 1)) - numbers):
            raise ValueError(
                f"state_dict has no '{module}weight_ih_l{missing[0]}', but layers above it: give all of the module."
            )
    ordered = sorted(layers, key=lambda one: (modules.index(one[0]), one[1]))
    return {place: layers[place] for place in ordered}, rest


def _read(arrays: Mapping[str, np.ndarray], name: str, activation: str) -> tuple[Cell, Weights]:
    """The cell and weights of one direction; name: of its arrays, with a hole for which."""
    for needed in ("weight_ih", "weight_hh"):
        if needed not in arrays or arrays[needed].ndim != 2:
            raise ValueError(f"state_dict has no matrix {name.format(needed)!r}.")
    kernel, recurrent = arrays["weight_ih"].T, arrays["weight_hh"].T
    gates = gates_of(recurrent)
    if gates is None or kernel.shape[1] != recurrent.shape[1]:
        raise ValueError(
            f"{name.format('weight_ih')} and {name.format('weight_hh')} have shapes {kernel.T.shape} and "
            f"{recurrent.T.shape}: no RNN, GRU or LSTM has such, (gates * units, inputs) and (gates * units, units)."
        )
    columns = recurrent.shape[1]
    biases = [arrays.get(bias, np.zeros(columns, kernel.dtype)) for bias in ("bias_ih", "bias_hh")]
    for bias in biases:
        if bias.shape != (columns,):
            raise ValueError(f"a bias of {name.format('weight_ih')!r} must have shape ({columns},). Got {bias.shape}.")
    cell = cell_of(gates, activation)
    both = {"bias": biases[0], "recurrent_bias": biases[1]} if gates == 3 else {"bias": biases[0] + biases[1]}
    return cell, {"kernel": kernel, "recurrent_kernel": recurrent} | both


def _dense(rest: Mapping[str, np.ndarray]) -> Dense | None:
    """The one dense layer among what is left, if there is something."""
    if not rest:
        return None
    kernels = [name for name, array in rest.items() if array.ndim == 2 and name.endswith("weight")]
    bias = kernels[0].removesuffix("weight") + "bias" if kernels else ""
    if len(kernels) != 1 or set(rest) - {kernels[0], bias}:
        raise ValueError(
            f"state_dict has {_few(rest)} beside its recurrent layers: one dense layer, weight (outputs, units) and "
            "bias, can be read. Leave the rest out, or keep it in your own code."
        )
    kernel = rest[kernels[0]].T
    found = rest.get(bias, np.zeros(kernel.shape[1], kernel.dtype))
    if found.shape != (kernel.shape[1],):
        raise ValueError(f"{bias} must have shape ({kernel.shape[1]},). Got {found.shape}.")
    return {"kernel": kernel, "bias": found}


def _write(own: Weights) -> dict[str, np.ndarray]:
    """One direction, as PyTorch names and turns it."""
    second = own.get("recurrent_bias", np.zeros_like(own["bias"]))
    turned = {
        "weight_ih": own["kernel"].T,
        "weight_hh": own["recurrent_kernel"].T,
        "bias_ih": own["bias"],
        "bias_hh": second,
    }
    return {name: np.array(array, order="C") for name, array in turned.items()}


def _joined(module: str, name: str) -> str:
    return f"{module}.{name}" if module else name


def _few(names: Mapping[str, object]) -> str:
    shown = ", ".join(map(repr, list(names)[:4]))
    return f"{shown} and {len(names) - 4} more" if len(names) > 4 else shown or "nothing"
