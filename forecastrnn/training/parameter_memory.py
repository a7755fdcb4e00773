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
    largest, cure = _largest(network)
    check_fits(
        count * np.dtype(dtype).itemsize,
        f"{largest}: {many} of {network.size} parameters, with gradient and moments,",
        cure + (", or fewer members." if members > 1 else "."),
    )


def _largest(network: AnyNetwork) -> tuple[str, str]:
    """The constructor's parameter that most parameters of a network are due to, and what to do about it."""
    tables = [p for name, p in network.layout.items() if "embeddings." in name]
    units = tuple(layer.units for layer in network.writer.layers)
    longest = max((p.shape[1] for p in tables), default=0)  # layers have weights for each of their numbers, too
    if 2 * sum(p.size for p in tables) > network.size or longest > max(units):
        return f"embedding_dim={longest}", "Take shorter vectors"
    return f"hidden_layer_sizes={units[0] if len(units) == 1 else units}", "Take fewer units"
