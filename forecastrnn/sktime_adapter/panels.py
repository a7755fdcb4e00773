"""Panels of sktime as sequences of forecastrnn, whose last dimension is that of channels."""

from __future__ import annotations

import numpy as np
import pandas as pd

PANELS = ["df-list", "numpy3D"]  # what else there is, sktime turns into the first: its rows may differ in length


def sequences_of(X: np.ndarray | list[pd.DataFrame]) -> np.ndarray | list[np.ndarray]:
    """An array (instance, time, channel), or, where lengths differ, a list of arrays (time, channel)."""
    if isinstance(X, np.ndarray):
        return np.ascontiguousarray(X.transpose(0, 2, 1))
    found = [frame.to_numpy() for frame in X]
    return np.stack(found) if len({len(one) for one in found}) == 1 else found
