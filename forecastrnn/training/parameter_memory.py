"""Whether networks fit into memory, asked before their first parameter is drawn."""

from __future__ import annotations

import numpy as np

from forecastrnn.engine.memory import check_fits
from forecastrnn.networks.network import AnyNetwork
from forecastrnn.training.optimizers import Rule


def check_networks(network: AnyNetwork, dtype: str, rule: Rule, members: int = 1) -> None:
    """Refuse networks that would not fit: the parameters and moments of all, and the gradient of one."""
    count = network.size * (members * (1 + len(rule.moments)) + 1)
    many = f"n_members={members} networks" if members > 1 else "a network"
    check_fits(
        count * np.dtype(dtype).itemsize,
        f"{_largest(network)}: {many} of {network.size} parameters, with gradient and moments,",
        "Take fewer units" + (", or fewer members." if members > 1 else "."),
    )


def _largest(network: AnyNetwork) -> str:
    """The constructor's parameter that most parameters of a network are due to."""
    embedded = sum(p.size for name, p in network.layout.items() if "embeddings." in name)
    if 2 * embedded > network.size:
        return "embedding_dim"
    units = tuple(layer.units for layer in network.writer.layers)
    return f"hidden_layer_sizes={units[0] if len(units) == 1 else units}"
