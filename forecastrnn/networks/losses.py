"""Losses by name: which kernel computes value and gradient, and what the outputs mean."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Loss:
    """A loss: its kernel, the kernel's variant, its `value` in NumPy (..., outputs) -> (...).

    `link` turns outputs into predictions.
    """

    kernel: str
    kind: int
    value: Callable[[np.ndarray, np.ndarray], np.ndarray]
    link: str = "identity"


def softmax(scores: np.ndarray) -> np.ndarray:
    """Probabilities from scores along the last axis."""
    e = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def _squared(out: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.square(out - y).mean(axis=-1)


def _absolute(out: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.abs(out - y).mean(axis=-1)


def _huber(out: np.ndarray, y: np.ndarray) -> np.ndarray:
    e = np.abs(out - y)
    return np.where(e <= 1.0, 0.5 * e * e, e - 0.5).mean(axis=-1)


def _cross_entropy(out: np.ndarray, y: np.ndarray) -> np.ndarray:
    top = out.max(axis=-1, keepdims=True)
    level = top[..., 0] + np.log(np.exp(out - top).sum(axis=-1))
    return level - np.take_along_axis(out, y.astype(np.intp), axis=-1)[..., 0]


LOSSES: dict[str, Loss] = {
    "squared_error": Loss("elementwise_loss", 0, _squared),
    "absolute_error": Loss("elementwise_loss", 1, _absolute),
    "huber": Loss("elementwise_loss", 2, _huber),
    "cross_entropy": Loss("cross_entropy", 0, _cross_entropy, link="softmax"),
}
