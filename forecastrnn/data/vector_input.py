"""Vector to sequence at the door: rows of X that are vectors, and the steps of the sequences that belong to them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np

from forecastrnn.data.arrays import check_count, refuse_empty, refuse_odd_types
from forecastrnn.data.boxes import are_rows, unboxed


def steps_of(y: object) -> int:
    """Steps of y (n, time) or (n, time, outputs), an array, a list of rows or a column of them; raises for others."""
    refuse_odd_types(y, "y", masks=True)
    rows = _rows(y)
    shape = np.asarray(y).shape if rows is None else ()
    steps = max(map(len, rows)) if rows else shape[1] if len(shape) in (2, 3) else 0
    if steps < 2:
        raise ValueError(
            "vector_input=True makes a sequence of each row of X: y must have shape (n, time) or (n, time, outputs), "
            f"with 2 steps or more. Got {shape if steps == 0 else f'{steps} step'}."
        )
    return int(steps)


def lengths_of(y: object) -> np.ndarray | None:
    """Steps of each sequence of a list whose sequences differ in length; None for others."""
    lengths = np.array(list(map(len, _rows(y) or ())), np.int64)
    return lengths if len(set(lengths.tolist())) > 1 else None


def _rows(y: object) -> list | None:
    """The sequences of a list or of boxes; None for arrays."""
    boxes = unboxed(y, "y")
    return boxes if boxes is not None else list(cast(Sequence, y)) if are_rows(y, "y") else None


def read_vectors(X: object) -> np.ndarray:
    """X (n, features), each row a vector; raises for another shape."""
    refuse_odd_types(X, "X")
    boxes = unboxed(X, "X")
    try:
        array = np.asarray(X if boxes is None else boxes)
        got = str(array.shape)
    except ValueError:
        array, got = np.empty(0), "rows of different lengths"
    if array.ndim != 2:
        raise ValueError(
            "vector_input=True reads each row of X as one vector: X must have shape (n, features), with as many "
            f"features in each row. Got {got}."
        )
    refuse_empty(array.shape, "X")
    return array


def repeats_for(n_steps: object, fitted: int) -> int | None:
    """Steps of the sequences that vectors become: `n_steps`, or as many as in `fit`; None if that had sequences."""
    if n_steps is not None and not fitted:
        raise ValueError(
            f"n_steps={n_steps!r} needs a model fitted with vector_input=True: this one's sequences are as long as X."
        )
    return None if not fitted else fitted if n_steps is None else check_count(n_steps, "n_steps")
