"""A matrix on the device: where it begins, and the distances between its numbers."""

from __future__ import annotations

from dataclasses import dataclass

from forecastrnn.engine.cuda.build import Spot


@dataclass(frozen=True)
class Matrix:
    """A batch of matrices: where the first begins, numbers from row to row, from column to column, and to the next."""

    spot: Spot
    row: int
    column: int = 1
    batch: int = 0
