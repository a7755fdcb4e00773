"""Layers that ONNX has an operator for: RNN, LSTM with or without peepholes, and both forms of the GRU."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from forecastrnn.networks.cell import Cell, Weights
from forecastrnn.networks.cells import GRU, LSTM, Elman
from forecastrnn.networks.frameworks.onnx_weights import ACTIVATIONS as READ_ACTIVATIONS
from forecastrnn.networks.frameworks.onnx_weights import ORDERS as READ_ORDERS
from forecastrnn.networks.frameworks.onnx_weights import PEEPHOLES as READ_PEEPHOLES
from forecastrnn.networks.frameworks.onnx_weights import rows_of
from forecastrnn.networks.network import Layer

# The tables by which weights are read, the other way round.
ACTIVATIONS = {ours: theirs.capitalize() for theirs, ours in READ_ACTIVATIONS.items()}
ORDERS = {kind: np.argsort(order).tolist() for kind, order in READ_ORDERS.items()}
PEEPHOLES = np.argsort(READ_PEEPHOLES).tolist()


class Operator(NamedTuple):
    """An operator, and its attributes beside direction and hidden_size."""

    name: str
    attributes: dict[str, Any]


def operator_of(layer: Layer) -> Operator | None:
    """The operator that computes a layer, None if there is none."""
    cell: Cell = layer.cell
    if layer.layer_norm:
        return None
    if type(cell) is LSTM:
        return Operator("LSTM", {})
    if type(cell) is GRU:
        return Operator("GRU", {"linear_before_reset": int(cell.reset_after)})
    if type(cell) is Elman:
        return Operator("RNN", {"activations": [ACTIVATIONS[cell.activation]] * len(layer.directions)})
    return None


def arrays_of(name: str, directions: Sequence[Weights]) -> list[np.ndarray | None]:
    """W, R, B and P of an operator, with its directions in front; None where there is no P."""
    order = ORDERS[name]
    kernels = [rows_of(own["kernel"].T, order) for own in directions]
    recurrent = [rows_of(own["recurrent_kernel"].T, order) for own in directions]
    biases = [np.append(rows_of(own["bias"], order), rows_of(_recurrent_bias(own), order)) for own in directions]
    peepholes = [own["peephole"][PEEPHOLES].reshape(-1) for own in directions if "peephole" in own]
    return [np.stack(kernels), np.stack(recurrent), np.stack(biases), np.stack(peepholes) if peepholes else None]


def _recurrent_bias(own: Weights) -> np.ndarray:
    return own["recurrent_bias"] if "recurrent_bias" in own else np.zeros_like(own["bias"])
