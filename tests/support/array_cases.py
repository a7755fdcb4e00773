"""What the tests of bad arrays and calls share: small data, quick estimators."""

from __future__ import annotations

import numpy as np
import pandas as pd

from forecastrnn import RNNClassifier, RNNRegressor

N, STEPS = 12, 4
X = np.sin(np.arange(N * STEPS).reshape(N, STEPS))
Y = np.cos(X.sum(axis=1))
CUBE = np.stack([X, X**2], axis=2)


def regressor(**kwargs) -> RNNRegressor:
    return RNNRegressor(**{"hidden_layer_sizes": 3, "max_iter": 2, "random_state": 0, **kwargs})


def classifier(**kwargs) -> RNNClassifier:
    return RNNClassifier(**{"hidden_layer_sizes": 3, "max_iter": 2, "random_state": 0, **kwargs})


def with_value(value: object, dtype: object = float) -> np.ndarray:
    array = X.astype(dtype)
    array[5, 2] = value
    return array


def frame(**replaced: object) -> pd.DataFrame:
    return pd.DataFrame(X, columns=list("abcd")).assign(**replaced)
