"""Validation of targets at the door: numbers and class labels."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from numbers import Real
from typing import cast

import numpy as np
from sklearn.exceptions import DataConversionWarning
from sklearn.utils import assert_all_finite, check_array
from sklearn.utils.multiclass import check_classification_targets

from forecastrnn.data.arrays import Sequences, refuse_odd_types


def _without_column(array: np.ndarray, stacklevel: int) -> np.ndarray:
    """A column vector as 1-D, with a warning; other arrays as they are."""
    if array.ndim != 2 or array.shape[1] != 1:
        return array
    warnings.warn(
        "A column-vector y was passed when a 1d array was expected. Please change the shape of y to "
        "(n_samples,), for example using ravel().",
        DataConversionWarning,
        stacklevel=stacklevel + 2,
    )
    return array[:, 0]


def read_numbers(y: object, stacklevel: int) -> np.ndarray:
    """Targets as float64; a column vector becomes 1-D with a warning, placed `stacklevel` callers up.

    Raises ValueError or TypeError for strings, dates, complex numbers, NaN, infinities and masked cells.
    """
    refuse_odd_types(y, "y")
    raw = np.asarray(y)
    texts = raw.dtype.kind == "O" and any(isinstance(v, str | bytes) for v in raw.ravel())
    if raw.dtype.kind in "USMm" or texts:
        raise ValueError(f"y must be numeric. Got values of type {'str' if texts else raw.dtype}.")
    if raw.dtype.kind == "c":
        raise ValueError("Complex data not supported: y must hold real numbers.")
    array = check_array(y, ensure_2d=False, allow_nd=True, dtype=np.float64, input_name="y")
    return _without_column(array, stacklevel)


def read_labels(y: object, stacklevel: int) -> np.ndarray:
    """Class labels as a 1-D array, all strings or all numbers; warns as `read_numbers` does.

    Raises ValueError or TypeError for None, NaN, mixed types and continuous values.
    """
    refuse_odd_types(y, "y")
    array = _uniform(y)
    check_classification_targets(array)
    array = _without_column(array, stacklevel)
    if array.ndim != 1:
        raise ValueError(f"y must be 1-D class labels. Got shape {array.shape}.")
    return array


def are_step_labels(y: object, X: Sequences) -> bool:
    """Whether y has a label for each step: an array (n, time), or a list of sequences of labels."""
    if hasattr(y, "ndim"):
        return y.ndim == 2 and np.asarray(y).shape[1] == X.steps > 1
    if not isinstance(y, list | tuple) or not y:
        return False
    rows = all(hasattr(row, "__len__") and not isinstance(row, str | bytes) for row in y)
    return rows and any(len(row) > 1 for row in y)


def read_step_labels(y: object, X: Sequences, stacklevel: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels of all valid steps, row by row, and which steps of (n, time) those are.

    Raises as `read_labels` does, and for a row of y that is not as long as that of X.
    """
    n, steps = X.n, X.steps
    lengths = np.full(n, steps) if X.lengths is None else X.lengths
    valid = np.arange(steps) < lengths[:, None]
    labels = cast(Sequence, y)
    if len(labels) != n:
        raise ValueError(f"y has {len(labels)} rows of labels, but X has {n} sequences.")
    if hasattr(y, "ndim"):
        rows = [np.asarray(y)[row, : lengths[row]] for row in range(n)]
    else:
        rows = [np.asarray(row) for row in labels]
    for number, (row, length) in enumerate(zip(rows, lengths, strict=True)):
        if row.shape != (length,):
            raise ValueError(
                f"y[{number}] must have a label for each of the {length} steps of X[{number}]. Got shape {row.shape}."
            )
    return read_labels(np.concatenate(rows), stacklevel), valid


def _uniform(y: object) -> np.ndarray:
    """Labels as an array of strings or of numbers; NumPy alone would turn [1, "a"] into strings."""
    array = np.asarray(y)
    if array.dtype.kind == "f":
        assert_all_finite(array, input_name="y")
    if array.dtype.kind not in "OU" or isinstance(y, np.ndarray) and array.dtype.kind == "U":
        return array
    labels = np.asarray(y, dtype=object)
    texts = [isinstance(label, str) for label in labels.ravel()]
    if all(texts):
        return array
    numbers = [isinstance(label, Real | np.bool_) and label == label for label in labels.ravel()]
    if not all(numbers):
        odd = next(label for label, is_text in zip(labels.ravel(), texts, strict=True) if not is_text)
        raise TypeError(f"y must be uniformly strings or numbers. Got mixed types, among them {odd!r}.")
    return np.array(labels.tolist())
