"""What each class counts in the loss, as scikit-learn says it: by label, or the more the rarer it is."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real

import numpy as np

BALANCED = "balanced"


def class_weights(asked: object, classes: np.ndarray, codes: np.ndarray, weight: np.ndarray | None) -> np.ndarray:
    """Weights (n_classes,): a mapping by label, where 1 is for those that it leaves out, or "balanced".

    codes (n,) : the class of each row; weight (n,) : of the rows, or None. Balanced is n / (n_classes counts), a row of
    weight 2 counting twice. Raises ValueError or TypeError for weights that are none, and for a label that is no class,
    where a class has no weight.
    """
    if isinstance(asked, Mapping):
        return _by_label(asked, classes)
    counts = np.bincount(codes, weight, len(classes))
    there = counts > 0
    return np.where(there, counts.sum() / (there.sum() * np.where(there, counts, 1)), 1.0)


def _by_label(asked: Mapping, classes: np.ndarray) -> np.ndarray:
    labels = classes.tolist()
    for label, one in asked.items():
        if not isinstance(one, Real) or isinstance(one, bool | np.bool_):
            raise TypeError(f"class_weight[{label!r}] must be a number. Got {one!r:.80}, of type {type(one).__name__}.")
        if not np.isfinite(float(one)) or one < 0:
            raise ValueError(f"class_weight[{label!r}] must be a finite number >= 0. Got {one!r}.")
    odd = [label for label in asked if label not in labels]
    if odd and any(label not in asked for label in labels):  # else they are of classes that this y just has not
        known = ", ".join(map(repr, labels[:5])) + (", ..." if len(labels) > 5 else "")
        raise ValueError(f"class_weight has a weight for {odd[0]!r}, which is no class of y; classes are {known}.")
    return np.array([float(asked.get(label, 1.0)) for label in labels])
