"""A small network whose outputs of several times ahead read the inputs of their own times."""

from __future__ import annotations

import numpy as np

from forecastrnn.networks.cells import GRU
from forecastrnn.networks.network import Ahead, Embedding, Layer, Network

STEPS, AHEAD, SIZE, ROWS = 4, 3, 3, 40
EMBEDDINGS = (Embedding(4, SIZE, 2), Embedding(5, 2, 1))


def network(numbers: int, categories: int) -> Network:
    return Network(6, (Layer(GRU(), 3),), AHEAD, 4, EMBEDDINGS, Ahead(AHEAD, numbers, categories))


def problem(made: Network) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Parameters, rows and values, of which some are missing."""
    rng = np.random.default_rng(0)
    theta = 0.5 * rng.standard_normal(made.size)
    rows = rng.standard_normal((ROWS, made.columns))
    rows[:, 8], rows[:, 9] = rng.integers(0, SIZE + 1, ROWS), rng.integers(0, 2, ROWS)
    z = rng.standard_normal(ROWS)
    z[::7] = np.nan
    return theta, rows, z
