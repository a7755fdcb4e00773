"""Weights of ONNX's RNN, LSTM and GRU: matrices lie the other way round, gates in another order, with two biases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from forecastrnn.networks.cell import Cell, Weights
from forecastrnn.networks.cells import GRU, LSTM, Elman
from forecastrnn.networks.frameworks.onnx_graphs import Nodes, attributes_of, constants_of, loaded, nodes_of, said
from forecastrnn.networks.frameworks.stack import Dense, Layer, WeightsOf, as_array, check_chain

INPUTS = ("X", "W", "R", "B", "sequence_lens", "initial_h", "initial_c", "P")
ORDERS = {"RNN": (0,), "LSTM": (0, 2, 3, 1), "GRU": (1, 0, 2)}  # our gates among ONNX's: i o f c, and z r h
PEEPHOLES = (0, 2, 1)  # ours, i f o, among i o f
ACTIVATIONS = {"tanh": "tanh", "relu": "relu", "sigmoid": "logistic"}
DEFAULTS = {"RNN": ["Tanh"], "LSTM": ["Sigmoid", "Tanh", "Tanh"], "GRU": ["Sigmoid", "Tanh"]}


def from_onnx(model: Any, values: Mapping[str, Any] | None = None) -> WeightsOf:
    """Weights of the RNN, LSTM and GRU nodes of an ONNX model, one behind the other, for `dynamic_rnn`.

    Parameters
    ----------
    model : path, bytes, binary file or onnx.ModelProto
        The model. Beside the recurrent nodes, of all directions and layouts, it may have nodes that move numbers
        without changing them, one dense layer (Gemm, or MatMul and Add), and a Softmax or Sigmoid behind it, which is
        left out here.
    values : mapping of str to array, optional
        Weights that are inputs of the graph, by their names there.

    Returns
    -------
    WeightsOf
        A named tuple: `cells` and `weights` as `dynamic_rnn` takes them, and `dense`, a dict of kernel (units, outputs)
        and bias (outputs,), or None. A layer that reads backwards only is the second half of a bidirectional one here,
        whose first half has weights of zero and is read by nothing: `outputs[..., units:]` is its own.

    Raises
    ------
    ValueError, TypeError
        For nodes that compute something else, other activations, `clip`, `input_forget`, first states that are
        constants other than 0, layers that are no chain, and weights that are missing, of a wrong shape or no numbers.
    ImportError
        Without the package onnx.
    """
    return network_of(model, values)[0]


def network_of(model: Any, values: Mapping[str, Any] | None = None) -> tuple[WeightsOf, str]:
    """The weights, and the link behind the dense layer ("" for none)."""
    found = nodes_of(loaded(model), {name: np.asarray(value) for name, value in (values or {}).items()})
    cells: list[Cell] = []
    weights: list[Layer] = []
    unread = 0  # outputs of the layer before that are nothing's: those of a half with weights of zero
    for node in found.recurrent:
        cell, own = _layer(found, node)
        own = [side | {"kernel": _behind(unread, side["kernel"])} for side in own]
        backward = attributes_of(node).get("direction", "forward") == "reverse"
        unread = len(own[0]["recurrent_kernel"]) if backward else 0
        own = [{name: np.zeros_like(array) for name, array in own[0].items()}, *own] if backward else own
        cells.append(cell)
        weights.append((own[0], own[1]) if len(own) == 2 else own[0])
    dense = _dense(found) if found.dense else None
    if dense is not None:
        dense["kernel"] = _behind(unread, dense["kernel"])
    check_chain(weights, dense, [said(node) for node in found.recurrent])
    return WeightsOf(cells, weights, dense), found.link


def _behind(count: int, kernel: np.ndarray) -> np.ndarray:
    """A kernel that gives nothing for so many first inputs."""
    return np.concatenate([np.zeros((count, kernel.shape[1]), kernel.dtype), kernel])


def _layer(found: Nodes, node: Any) -> tuple[Cell, list[Weights]]:
    """The cell of a recurrent node, and weights of each direction."""
    attributes, kind = attributes_of(node), node.op_type
    given = dict(zip(INPUTS, constants_of(found, node)))
    names = dict(zip(INPUTS, node.input))
    w, r = (_array(given, names, name, node) for name in ("W", "R"))
    gates, directions = len(ORDERS[kind]), 2 if attributes.get("direction") == "bidirectional" else 1
    units = r.shape[-1]
    b = _array(given, names, "B", node) if names.get("B") else np.zeros((directions, 2 * gates * units), w.dtype)
    p = _array(given, names, "P", node) if names.get("P") else None
    _check_shapes(node, w, {"R": r, "B": b, "P": p}, directions, gates, units)
    for name in ("initial_h", "initial_c"):
        if given.get(name) is not None and np.any(given[name]):
            raise ValueError(f"{said(node)} has {name} other than 0; give it to `dynamic_rnn` as initial_state.")
    cell = _cell(node, attributes, directions, p is not None)
    return cell, [_weights(kind, cell, w[k], r[k], b[k], None if p is None else p[k]) for k in range(directions)]


def _array(given: Mapping[str, np.ndarray | None], names: Mapping[str, str], name: str, node: Any) -> np.ndarray:
    value = given.get(name)
    if value is None:
        raise ValueError(
            f"{name} of {said(node)} is no constant of the graph. "
            f"Give it as values={{{names.get(name, name)!r}: array}}."
        )
    return as_array(value, f"{name} of {said(node)}")


def _check_shapes(
    node: Any, w: np.ndarray, others: Mapping[str, np.ndarray | None], directions: int, gates: int, units: int
) -> None:  # fmt: skip
    inputs = w.shape[-1]
    shapes = {"W": (directions, gates * units, inputs), "R": (directions, gates * units, units),
              "B": (directions, 2 * gates * units), "P": (directions, 3 * units)}  # fmt: skip
    for name, array in {"W": w, **others}.items():
        if array is not None and array.shape != shapes[name]:
            raise ValueError(f"{name} of {said(node)} must have shape {shapes[name]}. Got {array.shape}.")


def _cell(node: Any, attributes: Mapping[str, Any], directions: int, peepholes: bool) -> Cell:
    """The cell that computes a node, from its attributes."""
    kind = node.op_type
    for name in ("clip", "input_forget"):
        if attributes.get(name):
            raise ValueError(f"{said(node)} has {name}={attributes[name]}, which no cell here has.")
    asked = [one.lower() for one in attributes.get("activations", DEFAULTS[kind] * directions)]
    first = asked[: len(DEFAULTS[kind])]
    usual = [one.lower() for one in DEFAULTS[kind]]
    if asked != first * directions or (first[0] not in ACTIVATIONS if kind == "RNN" else first != usual):
        raise ValueError(f"{said(node)} has the activations {attributes['activations']}, which no cell here has.")
    if kind == "RNN":
        return Elman(ACTIVATIONS[first[0]])
    return LSTM(peepholes) if kind == "LSTM" else GRU(bool(attributes.get("linear_before_reset", 0)))


def _weights(kind: str, cell: Cell, w: np.ndarray, r: np.ndarray, b: np.ndarray, p: np.ndarray | None) -> Weights:
    """One direction in our layout."""
    order = ORDERS[kind]
    by_input, by_state = (rows_of(part, order) for part in np.split(b, 2))
    found = {"kernel": rows_of(w, order).T.copy(), "recurrent_kernel": rows_of(r, order).T.copy()}
    if "recurrent_bias" in cell.parameter_shapes(1, 1):
        return found | {"bias": by_input, "recurrent_bias": by_state}
    found["bias"] = by_input + by_state
    return found if p is None else found | {"peephole": p.reshape(3, -1)[list(PEEPHOLES)]}


def rows_of(array: np.ndarray, order: Sequence[int]) -> np.ndarray:
    """Rows of gates in another order."""
    parts = np.split(array, len(order))
    return np.concatenate([parts[gate] for gate in order])


def _dense(found: Nodes) -> Dense:
    """Kernel and bias of the dense layer."""
    node, attributes = found.dense[0], attributes_of(found.dense[0])
    values = list(constants_of(found, node))
    if len(values) < 2 or values[1] is None or values[1].ndim != 2 or attributes.get("transA"):
        raise ValueError(f"{said(node)} is no dense layer: its second input must be a constant matrix.")
    kernel = as_array(values[1], f"the matrix of {said(node)}")
    kernel = kernel.T.copy() if attributes.get("transB") else kernel
    scales = attributes.get("alpha", 1.0), attributes.get("beta", 1.0)
    last = list(constants_of(found, found.dense[-1]))
    if len(found.dense) == 2 and all(one is None for one in last):
        raise ValueError(f"{said(found.dense[-1])} adds no constant, as the bias of a dense layer is.")
    if len(last) > 2 and node.input[2] and last[2] is None:
        raise ValueError(f"the bias of {said(node)} is no constant of the graph.")
    biases = [one for one in (last if len(found.dense) == 2 else last[2:]) if one is not None]
    bias = as_array(biases[0], f"the bias of {said(node)}") if biases else np.zeros(kernel.shape[1], kernel.dtype)
    if bias.size not in (1, kernel.shape[1]):
        raise ValueError(f"the bias of {said(node)} must have {kernel.shape[1]} numbers. Got shape {bias.shape}.")
    bias = np.broadcast_to(bias.reshape(-1), kernel.shape[1:])
    return {"kernel": (kernel * scales[0]).astype(kernel.dtype), "bias": (bias * scales[1]).astype(kernel.dtype)}
