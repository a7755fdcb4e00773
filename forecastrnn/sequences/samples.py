"""What a network learns from: inputs, targets and weights that belong together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, Protocol, Self, TypeVar

import numpy as np


class Rows(Protocol):
    """Inputs or targets of some samples."""

    def take(self, rows: np.ndarray) -> Self:
        """Those of some of them."""


Inputs = TypeVar("Inputs", bound=Rows)
Wanted = TypeVar("Wanted", bound=Rows)


@dataclass(frozen=True)
class Samples(Generic[Inputs, Wanted]):
    """Inputs X, targets y, and the weight (n,) of each sample in the loss, if they differ."""

    X: Inputs
    y: Wanted
    weight: np.ndarray | None = None

    def take(self, rows: np.ndarray) -> Samples[Inputs, Wanted]:
        """Some of them."""
        return Samples(self.X.take(rows), self.y.take(rows), None if self.weight is None else self.weight[rows])

    def counted(self) -> Samples[Inputs, Wanted]:
        """Those whose weight is not 0, which leaves a sample out."""
        return self if self.weight is None or self.weight.all() else self.take(np.flatnonzero(self.weight))
