"""Scores of outputs: R^2 of numbers and accuracy of classes, over the steps that are no padding.

scikit-learn's metrics are imported when something is scored: that takes a tenth of a second, and most fits need none.
"""

from __future__ import annotations

import numpy as np

from forecastrnn.sequences.targets import Targets


def r2(truth: np.ndarray, guess: np.ndarray, weight: object = None) -> float:
    """R^2, in a unit (a power of two, so exact) in which squares cannot overflow."""
    from sklearn.metrics import r2_score

    unit = 2.0 ** (np.frexp(np.abs(truth).max())[1] - 1) if np.abs(truth).max() > 1e100 else 1.0
    return float(r2_score(truth / unit, guess / unit, sample_weight=weight))


def accuracy(truth: object, guess: np.ndarray, weight: object = None) -> float:
    """Share of the labels that are right, weighted."""
    from sklearn.metrics import accuracy_score

    return float(accuracy_score(truth, guess, sample_weight=weight))


def valid_steps(shape: tuple[int, ...], lengths: np.ndarray | None) -> np.ndarray:
    """Which of the steps (n, steps) are not behind the end of a row."""
    return np.ones(shape, bool) if lengths is None else np.arange(shape[1]) < lengths[:, None]


def r2_of_steps(
    truth: np.ndarray, guess: np.ndarray, valid: np.ndarray, sample_weight: np.ndarray | None
) -> float:  # fmt: skip
    """R^2 of numbers (n, steps, outputs) over the valid steps, with a weight (n,) of each sequence."""
    if sample_weight is None:
        return r2(truth[valid], guess[valid])
    weight = np.repeat(sample_weight[:, None], valid.shape[1], 1)
    return r2(truth[valid], guess[valid], weight[valid])


def r2_of_outputs(outputs: np.ndarray, y: Targets, lengths: np.ndarray | None) -> float:
    """R^2 of a network's outputs; of a single one minus its squared error."""
    truth, guess = y.values.reshape(-1, y.values.shape[2]), outputs.reshape(-1, outputs.shape[2])
    if lengths is not None and y.last == 0:
        valid = valid_steps(y.values.shape[:2], lengths).reshape(-1)
        truth, guess = truth[valid], guess[valid]
    return r2(truth, guess) if len(truth) > 1 else -float(np.square(truth - guess).mean())


def accuracy_of_outputs(outputs: np.ndarray, y: Targets, lengths: np.ndarray | None) -> float:
    """Share of the steps at which the largest output is that of the class."""
    found, codes = outputs.argmax(axis=2), y.values[:, :, 0]
    valid = valid_steps(codes.shape, lengths if y.last == 0 else None)
    return accuracy(codes[valid], found[valid])
