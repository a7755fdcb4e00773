"""What networks hold in their states while they read a series."""

from __future__ import annotations

import numpy as np

from forecastrnn.forecasting.model import Model
from forecastrnn.networks.gate_values import gate_values
from forecastrnn.networks.network import Network
from forecastrnn.programs.inference import forward

Layers = list[dict[str, np.ndarray]]


def states_while_reading(model: Model, row: int, member: int) -> tuple[Layers, Layers]:
    """States and gates (steps, units) by name, of each layer, at each step of the context of a series.

    The last value, which a forecast begins with, is not among these. Each step is the end of a copy of the context that
    is so long: no program keeps what only a picture asks for.
    """
    reader, trained = model.network.reader, model.trained
    theta = trained.thetas[member, row if trained.is_local else 0]
    theta = theta[: model.network.writer_offset] if model.network.hands_over else theta
    inputs = model.tail.inputs[row]
    steps = len(inputs)
    copies = np.broadcast_to(inputs, (steps, *inputs.shape))
    found = forward(reader, theta, copies, lengths=np.arange(1, steps + 1)).states
    states = [directions[0] for directions in found]
    return states, _gates(reader, theta, inputs, states)


def _gates(network: Network, theta: np.ndarray, inputs: np.ndarray, states: Layers) -> Layers:
    below, found = _first_inputs(network, theta, inputs[:, network.n_skip :]), []
    for layer, weights, own in zip(network.layers, network.layer_weights(theta), states, strict=True):
        found.append(gate_values(layer.cell, weights, below, own))
        below = own[layer.cell.states[-1]].astype(float)
    return found


def _first_inputs(network: Network, theta: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """What the first layer reads (steps, width): numbers, and what embeddings have for codes."""
    tables = zip(network.embeddings, network.embedding_weights(theta), strict=True)
    coded = [table[columns[:, e.column].astype(int)] for e, table in tables]
    return np.concatenate([columns[:, network.numeric], *coded], axis=1).astype(float)
