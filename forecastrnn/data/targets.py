"""Validation of targets at the door: numbers and class labels."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from numbers import Real
from typing import Any, cast

import numpy as np
from sklearn.exceptions import DataConversionWarning
from sklearn.utils.multiclass import type_of_target

from forecastrnn.data.arrays import Sequences, refuse_masks, refuse_odd_types
from forecastrnn.data.boxes import array_of, depth_of, is_sequence
from forecastrnn.data.numbers import floats_of, in_words, refuse_non_finite
from forecastrnn.data.padding import (
    equally_long,
    finite_rows,
    read_rows,
    rows_of,
    spread,
    stacked,
    without_padding,
)
from forecastrnn.masks import refuse_masked

_LEAVE_OUT = "A target is needed to learn from: leave that row out of X and y, or fill it."
_AXES = {1: ("in row {}",), 2: ("in row {}", "in column {}"), 3: ("in row {}", "at step {}", "in output {}")}


def refuse_other_number(sequences: int, targets: int) -> None:
    """Raise if there are not as many targets as sequences."""
    if sequences != targets:
        raise ValueError(
            f"X and y have inconsistent numbers of samples: X has {sequences} sequences, y is of {targets}. Give one "
            "target for each sequence."
        )


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


def read_numbers(y: object, X: Sequences, stacklevel: int, *, by_step: bool = False) -> np.ndarray:
    """Targets of X as float64; a column vector becomes 1-D with a warning, placed `stacklevel` callers up.

    A list with a target at each step of ragged sequences becomes (n, time, outputs), and what stands in padding is left
    out of the checks. `by_step`: of a model that has targets at each step, so that a list of (time,) is that.
    Raises ValueError or TypeError for strings, dates, complex numbers, NaN, infinities and masked cells.
    """
    refuse_odd_types(y, "y", masks=True)
    rows = rows_of(y, "y", always=by_step)
    if rows is not None:
        if _are_step_targets(rows, X, by_step):
            return _step_targets(rows, X)
        y = stacked(rows, "y")
        y = y[:, :, 0] if _are_flat(rows) else y
    y = _of_valid_steps(y, X)
    raw = np.asarray(y)
    _refuse_targets(raw)
    array = floats_of(y, "y").astype(np.float64, copy=False)
    refuse_non_finite(array, "y", in_words(_AXES.get(raw.ndim, ())), _LEAVE_OUT)
    return _without_column(array, stacklevel)


def _refuse_targets(raw: np.ndarray) -> None:
    """Raise for texts, dates and complex numbers, and where there is nothing."""
    texts = raw.dtype.kind == "O" and any(isinstance(v, str | bytes) for v in raw.ravel())
    if raw.dtype.kind in "USMm" or texts:
        kind = "str" if texts or raw.dtype.kind in "US" else raw.dtype
        raise ValueError(f"y must be numeric. Got values of type {kind}: turn them into numbers, or use RNNClassifier.")
    if raw.dtype.kind == "c":
        raise ValueError("Complex data not supported: y must hold real numbers. Give parts as two outputs.")
    if not raw.ndim or 0 in raw.shape:
        raise ValueError(
            f"y must have shape (n,), (n, outputs) or (n, k, outputs), an array with at least 1 of each. "
            f"Got {raw.shape}."
        )


def _are_flat(rows: Sequence) -> bool:
    return all(depth_of(row) == 1 for row in rows)


def _are_step_targets(rows: Sequence, X: Sequences, by_step: bool) -> bool:
    """Whether a list has targets for each step of X: (time, outputs), or (time,) where that cannot be (outputs,)."""
    if not equally_long(rows):
        return True
    sizes = np.array([len(row) for row in rows])
    fit = len(rows) == X.n and np.array_equal(sizes, _lengths_of(X))
    return fit and (by_step or not _are_flat(rows))


def _lengths_of(X: Sequences) -> np.ndarray:
    return np.full(X.n, X.steps) if X.lengths is None else X.lengths


def _step_targets(rows: Sequence, X: Sequences) -> np.ndarray:
    """Targets (n, time, outputs) of a list, zero past the ends; with vectors X (n, time) of a list of (time,).

    Raises ValueError for a row that is not as long as that of X.
    """
    lengths = _lengths_of(X)
    if len(rows) != X.n:
        raise ValueError(f"y has targets of {len(rows)} sequences, but X has {X.n} sequences: give one of each.")
    parts = read_rows(rows, "y")
    for number, (part, length) in enumerate(zip(parts, lengths, strict=True)):
        if len(part) != length:
            raise ValueError(
                f"y[{number}] must have a target for each of the {length} steps of X[{number}]. Got {len(part)}."
            )
    values = spread(finite_rows(parts, "y", _LEAVE_OUT).astype(np.float64, copy=False), lengths, X.steps)
    return values[:, :, 0] if X.repeats and _are_flat(rows) else values


def _of_valid_steps(y: object, X: Sequences) -> object:
    """y without what stands behind the ends of the rows of X, if it has a target at each step."""
    shape = np.asarray(y).shape
    if X.lengths is None or len(shape) not in ((2, 3) if X.repeats else (3,)) or shape[:2] != (X.n, X.steps):
        refuse_masks(y, "y")
        return y
    return without_padding(y, X.lengths, "y")


def read_labels(y: object, stacklevel: int, name: str = "y") -> np.ndarray:
    """Class labels as a 1-D array, all strings or all numbers; warns as `read_numbers` does.

    Raises ValueError or TypeError for None, NaN, mixed types and continuous values.
    """
    refuse_odd_types(y, name)
    array = _uniform(y, name)
    if array.ndim in (1, 2):
        _refuse_continuous(array, name)
        array = _without_column(array, stacklevel)
    if array.ndim != 1:
        flat = " y[:, :, 0] are one for each step." if array.shape[2:] == (1,) else ""
        raise ValueError(
            f"{name} must be 1-D class labels, one a sequence, or have a label for each step of X. Got shape "
            f"{array.shape}.{flat}"
        )
    return array


def _refuse_continuous(labels: np.ndarray, name: str) -> None:
    """Raise for labels that are none: numbers that are not whole, and other objects."""
    kind = type_of_target(labels, input_name=name, raise_unknown=True)
    if kind.startswith("continuous"):
        odd = labels.ravel()[np.argmax(labels.ravel() % 1 != 0)]
        raise ValueError(
            f"Unknown label type: {kind}. {name} must hold class labels, whole numbers or texts. Got {odd!r}. Cut "
            "numbers into classes first, or learn them by RNNRegressor."
        )


def are_step_labels(y: object, X: Sequences) -> bool:
    """Whether y has a label for each step: an array (n, time), or a list of sequences of labels."""
    if hasattr(y, "ndim"):
        return y.ndim == 2 and np.asarray(y).shape[1] == X.steps > 1
    if not isinstance(y, list | tuple) or not y:
        return False
    return all(map(is_sequence, y)) and any(len(row) > 1 for row in y)


def read_step_labels(y: object, X: Sequences, stacklevel: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels of all valid steps, row by row, and which steps of (n, time) those are.

    Raises as `read_labels` does, and for a row of y that is not as long as that of X.
    """
    lengths = _lengths_of(X)
    valid = np.arange(X.steps) < lengths[:, None]
    labels = cast(Sequence, y)
    if len(labels) != X.n:
        raise ValueError(f"y has {len(labels)} rows of labels, but X has {X.n} sequences: give one of each.")
    if hasattr(y, "ndim"):
        table = y if isinstance(y, np.ndarray) else np.asarray(y)
        rows = [row[:length] for row, length in zip(table, lengths, strict=True)]
    else:
        rows = list(labels)
    refuse_masked(rows, "y")
    rows = [array_of(row, f"y[{number}]") for number, row in enumerate(rows)]
    for number, (row, length) in enumerate(zip(rows, lengths, strict=True)):
        if row.shape != (length,):
            raise ValueError(
                f"y[{number}] must have a label for each of the {length} steps of X[{number}]. Got shape {row.shape}."
            )
    if len({row.dtype.kind in "OUS" for row in rows}) > 1:  # NumPy would turn numbers into texts
        rows = [row.astype(object) for row in rows]
    return read_labels(np.concatenate(rows), stacklevel), valid


def without_label(labels: np.ndarray, valid: np.ndarray, classes: np.ndarray) -> np.ma.MaskedArray:
    """Labels (n, time) masked where there is no step; what stands below the mask is no label, where there is such."""
    return np.ma.MaskedArray(np.where(valid, labels, no_label(classes)).astype(labels.dtype), mask=~valid)


def without_value(values: np.ndarray, valid: np.ndarray) -> np.ma.MaskedArray:
    """Numbers (n, time) or (n, time, outputs) masked where there is no step, with NaN below the mask."""
    there = np.broadcast_to(valid.reshape(*valid.shape, *(1,) * (values.ndim - 2)), values.shape)
    below = np.where(there, values, np.nan).astype(values.dtype, copy=False)
    return np.ma.MaskedArray(below, mask=~there, fill_value=np.nan)


def no_label(classes: np.ndarray) -> Any:
    """A value of the type of classes that is none of them; booleans have none."""
    if classes.dtype.kind not in "iu":
        return {"f": np.nan, "O": None, "U": ""}.get(classes.dtype.kind, False)
    limits = np.iinfo(classes.dtype)
    least, most = int(classes.min()), int(classes.max())
    tried = (-1, least - 1, most + 1, *range(least, least + len(classes)))
    return next((k for k in tried if limits.min <= k <= limits.max and k not in classes), 0)


def _uniform(y: object, name: str) -> np.ndarray:
    """Labels as an array of strings or of numbers; NumPy alone would turn [1, "a"] into strings."""
    try:
        array = np.asarray(y)
    except ValueError as error:
        raise ValueError(
            f"{name} holds parts of different lengths or kinds, which are no labels. Give one label for each sequence, "
            "or one for each of its steps."
        ) from error
    if array.dtype.kind == "f":
        cure = _LEAVE_OUT if name == "y" else "Give labels alone."
        refuse_non_finite(array, name, in_words(_AXES.get(array.ndim, ())), cure)
    if array.dtype.kind not in "OU" or isinstance(y, np.ndarray) and array.dtype.kind == "U":
        return array
    labels = np.asarray(y, dtype=object)
    texts = [isinstance(label, str) for label in labels.ravel()]
    if all(texts):
        return array
    numbers = [isinstance(label, Real | np.bool_) and label == label for label in labels.ravel()]
    if not all(numbers):
        odd = next(label for label, is_text in zip(labels.ravel(), texts, strict=True) if not is_text)
        what = "mixed types, among them" if any(texts) or any(numbers) else f"labels of {type(odd).__name__}, as"
        raise TypeError(f"{name} must be uniformly strings or numbers. Got {what} {odd!r}.")
    return np.array(labels.tolist())
