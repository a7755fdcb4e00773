"""Mean and spread of columns, weighted, and back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

BLOCK = 2**18  # values


@dataclass(frozen=True)
class ArrayScaler:
    """Columns to mean 0 and variance 1: mean_ and scale_ (columns,), float64; a constant column has scale 1."""

    mean_: np.ndarray
    scale_: np.ndarray

    @classmethod
    def fit(cls, X: np.ndarray, weight: np.ndarray | None = None) -> ArrayScaler:
        """From X (rows, columns); rows of weight 0 do not count. Values up to 1e300 do not overflow."""
        X = np.asarray(X)
        X = X if X.dtype.kind == "f" else X.astype(np.float64)
        used = np.ones(len(X)) if weight is None else np.asarray(weight, np.float64)
        rows = used > 0
        used = used[rows] / used.sum()
        X = X if rows.all() and X.flags.c_contiguous else X[rows]
        size = np.maximum(X.max(axis=0), -X.min(axis=0)).astype(np.float64)
        size[size == 0] = 1.0
        unit = X / size  # float64, of order 1, so that squares neither overflow nor vanish; no other copy is made of X
        mean = used @ unit
        unit -= mean
        spread = np.sqrt(used @ np.square(unit, out=unit))
        constant = spread <= 1e-14 * np.maximum(np.abs(mean), 1e-300)
        return cls(mean * size, np.where(constant, 1.0, spread * size))

    def transform(self, X: np.ndarray) -> np.ndarray:
        """X (rows, columns) in units of the spread."""
        return _in_blocks(X, lambda rows: (rows - self.mean_) / self.scale_)

    def inverse(self, Z: np.ndarray) -> np.ndarray:
        """Back to the original unit."""
        return _in_blocks(Z, lambda rows: rows * self.scale_ + self.mean_)


def _in_blocks(values: np.ndarray, formula: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """A formula of some rows at a time: what is between takes little memory, and Ctrl-C is heard between two blocks."""
    step = max(1, BLOCK // max(values.shape[1], 1))
    if len(values) <= step:
        return formula(values)
    out = np.empty(values.shape)
    for at in range(0, len(values), step):
        out[at : at + step] = formula(values[at : at + step])
    return out
