"""Training programs of cells that are only declared, which the oracle does not know."""

from __future__ import annotations

from typing import Any

import numpy as np

from forecastrnn.networks.network import Layer, Network
from forecastrnn.training.sequence_task import TrainingData
from forecastrnn.training.stepping import BatchIndex, TrainingProgram


def declared_program(layers: tuple[Layer, ...], dtype: str, **options: Any) -> TrainingProgram:
    """Of random parameters and data, whose rows differ in length."""
    network, rng = Network(2, layers, 2), np.random.default_rng(1)
    x, y = (rng.standard_normal((12, 2)).astype(dtype) for _ in range(2))
    theta = rng.normal(scale=0.4, size=network.size).astype(dtype)
    return TrainingProgram(
        network, theta, None, TrainingData(x, y), steps=4, rows=3, loss="squared_error", last=2, lengths=True, seed=3,
        shards=1, **options,
    )  # fmt: skip


def declared_gradient(layers: tuple[Layer, ...], dtype: str, **options: Any) -> np.ndarray:
    """Loss and gradient of such a program."""
    program, starts = declared_program(layers, dtype, **options), np.array([[0, 4, 8]])
    index = BatchIndex(starts, starts, np.array([[0, 1, 2]]), np.array([[4, 3, 2]]))
    return np.append(program.run(index, 1, 1), program.grad)
