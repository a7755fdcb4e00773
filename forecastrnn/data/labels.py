"""Labels of categories: texts or numbers, checked, sorted, and turned into codes."""

from __future__ import annotations

from collections.abc import Callable
from itertools import repeat
from typing import NoReturn

import numpy as np

_NUMBERS = (int, float, np.bool_, np.integer, np.floating)


def as_labels(values: np.ndarray, place: Callable[[int], str]) -> np.ndarray:
    """Labels (n,) that are all texts, or all finite numbers; `place` says where value k stands.

    Raises ValueError for missing values, TypeError for others that are neither, and for a mixture.
    """
    if values.dtype.kind in "biuU":
        return values
    if values.dtype.kind == "f":
        bad = np.flatnonzero(~np.isfinite(values))
        if len(bad):
            _refuse(values[bad[0]].item(), place(int(bad[0])))
        return values
    kinds = set(map(type, values.tolist()))
    if values.dtype.kind == "O" and all(issubclass(kind, str) for kind in kinds):
        return values
    if values.dtype.kind == "O" and all(issubclass(kind, _NUMBERS) for kind in kinds):
        numbers = np.array(values.tolist())
        if numbers.dtype.kind in "biuf":
            return as_labels(numbers, place)
    texts = any(issubclass(kind, str) for kind in kinds)
    good: type | tuple[type, ...] = str if texts else _NUMBERS
    odd = next((k for k, value in enumerate(values.tolist()) if not isinstance(value, good)), 0)
    _refuse(values[odd], place(odd), texts)


def _refuse(value: object, where: str, texts: bool = False) -> NoReturn:
    """Raise the error for a value that is no label."""
    missing = value is None or type(value).__name__ in ("NAType", "NaTType")
    if missing or isinstance(value, float) and not np.isfinite(value):
        what = "infinity" if isinstance(value, float) and np.isinf(value) else "NaN"
        raise ValueError(
            f"Input contains {what} among categories: {value!r} "
            f"{where}. Give missing values a category of their own, such as {'missing' if texts else -1!r}."
        )
    kind = "texts, as others there are" if texts else "texts or numbers"
    raise TypeError(f"categories must be {kind}. Got {value!r}, of type {type(value).__name__}, {where}.")


def are_texts(labels: np.ndarray) -> bool:
    """Whether labels are texts, not numbers."""
    return labels.dtype.kind in "OU"


def sorted_labels(labels: np.ndarray) -> np.ndarray:
    """Each label once, sorted."""
    if labels.dtype.kind != "O":
        return np.unique(labels)
    return np.array(sorted(set(map(str, labels.tolist()))), dtype=object)  # texts of NumPy among them


def codes_of(labels: np.ndarray, categories: np.ndarray) -> np.ndarray:
    """The number of each label among the sorted categories, as float64; len(categories) for those not among them."""
    n = len(categories)
    if are_texts(labels):
        numbers = dict(zip(categories.tolist(), range(n), strict=True))
        return np.fromiter(map(numbers.get, labels.tolist(), repeat(n)), np.float64, len(labels))
    at = np.minimum(np.searchsorted(categories, labels), n - 1)
    return np.where(categories[at] == labels, at, n).astype(np.float64)
