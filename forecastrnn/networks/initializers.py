"""First values of parameters, gate by gate."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.random import RandomState

from forecastrnn.networks.draws import drawn

PANEL = 256  # columns that are made orthogonal in one call, where there are more than two panels of them


def glorot_uniform(rng: RandomState, rows: int, columns: int) -> np.ndarray:
    """U(-a, a) with a = sqrt(6 / (rows + columns)) (Glorot & Bengio 2010)."""
    limit = np.sqrt(6.0 / max(rows + columns, 1))
    return drawn(partial(rng.uniform, -limit, limit), (rows, columns))


def he_normal(rng: RandomState, rows: int, columns: int) -> np.ndarray:
    """N(0, 2 / rows) (He et al. 2015)."""
    return drawn(partial(rng.normal, 0.0, np.sqrt(2.0 / max(rows, 1))), (rows, columns))


def orthogonal(rng: RandomState, rows: int, columns: int) -> np.ndarray:
    """Orthonormal rows or columns, whichever are fewer (Saxe et al. 2014)."""
    if rows == 0:
        return np.zeros((0, columns))
    first = drawn(rng.normal, (max(rows, columns), min(rows, columns)))
    q = orthonormal(first) if first.shape[1] <= 2 * PANEL else _by_panels(first)
    return q if rows >= columns else q.T


def orthonormal(columns: np.ndarray) -> np.ndarray:
    """Orthonormal columns that span the same, each on the side on which the given one lies."""
    q, r = np.linalg.qr(columns)
    return q * np.sign(np.diag(r))


def _by_panels(columns: np.ndarray) -> np.ndarray:
    """The same to rounding, in place, in many short calls: each panel has those before it taken off, twice."""
    for begin in range(0, columns.shape[1], PANEL):
        panel = columns[:, begin : begin + PANEL]
        for before in 2 * list(range(0, begin, PANEL)):
            known = columns[:, before : before + PANEL]
            panel -= known @ (known.T @ panel)
        panel[...] = orthonormal(panel)
    return columns


INITIALIZERS: dict[str, Callable[[RandomState, int, int], np.ndarray] | None] = {
    "glorot": glorot_uniform,
    "he": he_normal,
    "orthogonal": orthogonal,
    "uniform": None,
}


def draw_gates(
    shapes: dict[str, tuple[int, ...]], units: int, rng: RandomState, initializer: str
) -> dict[str, np.ndarray]:
    """Parameters of one layer: kernels drawn for each gate by itself, recurrent ones orthogonal, biases zero."""
    draw = INITIALIZERS[initializer]
    if draw is None:
        limit = 1.0 / np.sqrt(units)
        return {name: drawn(partial(rng.uniform, -limit, limit), shape) for name, shape in shapes.items()}
    weights = {name: np.zeros(shape) for name, shape in shapes.items()}
    for name in ("kernel", "recurrent_kernel"):
        if name not in shapes:
            continue
        rule = orthogonal if name == "recurrent_kernel" else draw
        rows, columns = shapes[name]
        blocks = [rule(rng, rows, units) for _ in range(columns // units)]
        weights[name] = np.concatenate(blocks, axis=1)
    return weights


def draw_dense(rng: RandomState, rows: int, columns: int, initializer: str) -> np.ndarray:
    """Kernel of a dense layer."""
    draw = INITIALIZERS[initializer]
    if draw is None:
        limit = 1.0 / np.sqrt(max(rows, 1))
        return drawn(partial(rng.uniform, -limit, limit), (rows, columns))
    return draw(rng, rows, columns)
