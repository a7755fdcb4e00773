"""Targets of sequences, numbers or labels of classes, in the shape in which a network learns them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forecastrnn.data.arrays import Sequences


@dataclass(frozen=True)
class Targets:
    """Targets (n, steps, outputs) in the unit of the input, and what the head reads: 1 the final state."""

    values: np.ndarray
    last: int
    ndim: int

    def take(self, rows: np.ndarray) -> Targets:
        """Those of some sequences."""
        return Targets(self.values[rows], self.last, self.ndim)


def number_targets(array: np.ndarray, X: Sequences) -> Targets:
    """From numbers (n,), (n, outputs) or (n, k, outputs); with vectors X (n, time) or (n, time, outputs)."""
    if X.repeats:
        return Targets(array.reshape(*array.shape[:2], -1), 0, array.ndim)
    if array.ndim < 3:
        values = array.reshape(len(array), 1, -1)
        return Targets(values, 1, array.ndim)
    steps = X.steps if X.lengths is None else int(X.lengths.min())
    if array.ndim > 3 or array.shape[1] > X.steps or 0 in array.shape:
        raise ValueError(
            f"y must have shape (n,), (n, outputs) or (n, k, outputs) with k at most {steps}. Got {array.shape}."
        )
    if array.shape[1] == X.steps:
        return Targets(array, 0, 3)
    if array.shape[1] > steps:
        raise ValueError(f"y has {array.shape[1]} steps, but the shortest sequence has {steps}.")
    return Targets(array, array.shape[1] if array.shape[1] > 1 else 1, 3)


def label_targets(labels: np.ndarray, valid: np.ndarray, classes: np.ndarray, by_step: bool) -> Targets:
    """Numbers of the classes of labels, which stand where `valid` (n, steps) says; `by_step`: there are several."""
    seen = np.isin(labels, classes)
    if not seen.all():
        known = ", ".join(map(repr, classes[:5].tolist())) + (", ..." if len(classes) > 5 else "")
        raise ValueError(
            f"y contains the previously unseen label {labels[~seen].tolist()[0]!r}; classes are {known}. Give all that "
            "will ever come as classes in the first call of partial_fit, or fit a new model."
        )
    codes = np.zeros(valid.shape)
    codes[valid] = np.searchsorted(classes, labels)
    return Targets(codes[:, :, None], 0 if by_step else 1, 2 if by_step else 1)
