"""A network in training: its parameters, the state of the update rule, and what came of it."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, field

import numpy as np

from forecastrnn.engine.resident import Fetch
from forecastrnn.training.optimizers import OptimizerState

LARGE = {"float32": 1e18, "float64": 1e150}  # of parameters, so that products of two are finite


def within_reach(dtype: np.dtype | str) -> tuple[float, float]:
    """How far the parameters of a network may go."""
    most = LARGE[np.dtype(dtype).name]
    return -most, most


@dataclass
class Progress:
    """Parameters, optimizer and history: all that training changes."""

    theta: np.ndarray
    optimizer: OptimizerState
    _: KW_ONLY
    loss_curve: list[float] = field(default_factory=list)
    validation_scores: list[float] = field(default_factory=list)
    best_iter: int = 0
    stopped: bool = False

    def __post_init__(self) -> None:
        self.fetch: Fetch | None = None  # brings parameters and moments from a GPU, while that trains

    def copy(self) -> Progress:
        """So that a failed fit leaves the original as it was."""
        if self.fetch is not None:
            self.fetch()
        return Progress(
            self.theta.copy(), self.optimizer.copy(), loss_curve=list(self.loss_curve),
            validation_scores=list(self.validation_scores), best_iter=self.best_iter,
        )  # fmt: skip
