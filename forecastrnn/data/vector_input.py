"""Vector to sequence at the door: rows of X that are vectors, and the steps of the sequences that belong to them."""

from __future__ import annotations

import numpy as np

from forecastrnn.data.arrays import check_count, refuse_odd_types


def steps_of(y: object) -> int:
    """Steps of y (n, time) or (n, time, outputs), an array or a list of rows; raises for other shapes."""
    refuse_odd_types(y, "y")
    if isinstance(y, list | tuple) and y and all(isinstance(row, list | tuple) or np.ndim(row) > 0 for row in y):
        steps = max(len(row) for row in y)
    else:
        shape = np.asarray(y).shape
        steps = shape[1] if len(shape) in (2, 3) else 0
    if steps < 2:
        raise ValueError(
            "vector_input=True makes a sequence of each row of X: y must have shape (n, time) or (n, time, outputs), "
            f"with 2 steps or more. Got {np.asarray(y).shape if steps == 0 else f'{steps} step'}."
        )
    return int(steps)


def read_vectors(X: object) -> np.ndarray:
    """X (n, features), each row a vector; raises for another shape."""
    refuse_odd_types(X, "X")
    array = np.asarray(X)
    if array.ndim != 2:
        raise ValueError(
            f"vector_input=True reads each row of X as one vector: X must have shape (n, features). Got {array.shape}."
        )
    if 0 in array.shape:
        raise ValueError(f"Found array with 0 sample(s) or features (shape={array.shape}), at least 1 needed.")
    return array


def repeats_for(n_steps: object, fitted: int) -> int | None:
    """Steps of the sequences that vectors become: `n_steps`, or as many as in `fit`; None if that had sequences."""
    if n_steps is not None and not fitted:
        raise ValueError(
            f"n_steps={n_steps!r} needs a model fitted with vector_input=True: this one's sequences are as long as X."
        )
    return None if not fitted else fitted if n_steps is None else check_count(n_steps, "n_steps")
