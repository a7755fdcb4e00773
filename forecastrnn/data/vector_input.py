"""Vector to sequence at the door: rows of X that are vectors, and the steps of the sequences that belong to them."""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.utils.validation import _check_feature_names

from forecastrnn.data.arrays import Sequences, check_count, read_lengths, refuse_odd_types
from forecastrnn.data.categorical_input import read_inputs


def steps_of(y: Any) -> int:
    """Steps of y (n, time) or (n, time, outputs), an array or a list of rows; raises for other shapes."""
    refuse_odd_types(y, "y")
    if isinstance(y, list | tuple) and y and all(isinstance(row, list | tuple) or np.ndim(row) > 0 for row in y):
        steps = max(len(row) for row in y)
    else:
        shape = np.shape(y)
        steps = shape[1] if len(shape) in (2, 3) else 0
    if steps < 2:
        raise ValueError(
            "vector_input=True makes a sequence of each row of X: y must have shape (n, time) or (n, time, outputs), "
            f"with 2 steps or more. Got {np.shape(y) if steps == 0 else f'{steps} step'}."
        )
    return int(steps)


def read_any(
    estimator: Any, X: Any, lengths: object, steps: int | None, *, reset: bool, goes_on: bool = False
) -> Sequences:  # fmt: skip
    """Sequences X as `read_inputs` reads them; with `steps`, X (n, features) as sequences of so many steps, all alike.

    Raises as `read_inputs` does, and for vectors X of another shape.
    """
    if steps is None:
        return read_inputs(estimator, X, lengths, reset=reset, goes_on=goes_on)
    refuse_odd_types(X, "X")
    array = np.asarray(X)
    if array.ndim != 2:
        raise ValueError(
            f"vector_input=True reads each row of X as one vector: X must have shape (n, features). Got {array.shape}."
        )
    if 0 in array.shape:
        raise ValueError(f"Found array with 0 sample(s) or features (shape={array.shape}), at least 1 needed.")
    reader = estimator if reset else copy(estimator)
    if not reset:
        _check_feature_names(estimator, X, reset=False)
        reader.__dict__.pop("feature_names_in_", None)  # the array behind X has none
    read = read_inputs(reader, array[:, None, :], None, reset=reset, goes_on=goes_on)
    if reset:
        _check_feature_names(estimator, X, reset=True)
    return replace(read, lengths=read_lengths(lengths, len(array), steps), repeats=steps)


def read_fitted(estimator: Any, X: Any, lengths: object, n_steps: object) -> Sequences:
    """X for a fitted estimator; `n_steps`: of the sequences that vectors become, None: as many as in `fit`."""
    repeats = estimator._fitted.repeats
    if n_steps is not None and not repeats:
        raise ValueError(
            f"n_steps={n_steps!r} needs a model fitted with vector_input=True: this one's sequences are as long as X."
        )
    steps = None if not repeats else repeats if n_steps is None else check_count(n_steps, "n_steps")
    return read_any(estimator, X, lengths, steps, reset=False)
