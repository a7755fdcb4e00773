"""Weights of rows at the door: one number that is not negative for each, or one for all."""

from __future__ import annotations

import numpy as np

from forecastrnn.data.arrays import refuse_odd_types
from forecastrnn.data.numbers import floats_of, in_words, refuse_non_finite, refuse_non_numbers

ROWS = in_words(("at index {}",))


def read_sample_weight(given: object, n: int) -> np.ndarray:
    """Weights (n,) in float64, of which one at least is not 0; ValueError or TypeError for what are none."""
    refuse_odd_types(given, "sample_weight")
    refuse_non_numbers(given, "sample_weight")
    weight = np.array(floats_of(given, "sample_weight"), np.float64)
    if weight.shape not in ((), (n,)):
        raise ValueError(
            f"sample_weight must have one weight for each of the {n} rows of X, shape ({n},). Got shape {weight.shape}."
        )
    weight = np.full(n, weight) if weight.ndim == 0 else weight
    refuse_non_finite(weight, "sample_weight", ROWS, "Give a weight to each row; 0 leaves it out.")
    if (weight < 0).any():
        where = int(np.argmax(weight < 0))
        raise ValueError(
            f"sample_weight must not be negative. Got {weight[where]:g} at index {where}; 0 leaves a row out."
        )
    if not weight.any():
        raise ValueError("sample_weight must have at least one non-zero value, all are zero.")
    return weight
