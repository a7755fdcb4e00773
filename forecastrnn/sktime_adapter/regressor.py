"""SktimeRegressor: `RNNRegressor` as a regressor of sktime."""

from __future__ import annotations

from typing import Any

import numpy as np
from sktime.regression.base import BaseRegressor

from forecastrnn.estimators.named_parameters import set_each
from forecastrnn.estimators.regressor import RNNRegressor
from forecastrnn.sktime_adapter.panels import PANELS, sequences_of
from forecastrnn.sktime_adapter.wrapped import ABOUT, QUICK_SEQUENCES, Tested, made


class SktimeRegressor(Tested, BaseRegressor):
    """Predicts a number, or several, of each series of a panel with a recurrent network, in sktime.

    Series may have several channels, and differ in length; they have no missing values.

    Parameters
    ----------
    cell, hidden_layer_sizes, bidirectional, layer_norm, initializer, dropout, loss, solver, learning_rate_init,
    early_stopping, batch_size, max_iter, shuffle, random_state, verbose, bucket_by_length, bptt, categorical_features,
    embedding, standardize, device, n_jobs, dtype
        As in `RNNRegressor`, with its defaults.

    Attributes
    ----------
    regressor_ : RNNRegressor
        The fitted one, with all its attributes and methods.

    Examples
    --------
    >>> import numpy as np
    >>> from forecastrnn.sktime_adapter import SktimeRegressor
    >>> X, y = np.sin(np.arange(240.0).reshape(12, 1, 20)), np.arange(12.0)
    >>> SktimeRegressor(hidden_layer_sizes=4, max_iter=3, random_state=0).fit(X, y).predict(X).shape
    (12,)
    """

    _tags = {
        **ABOUT,
        "X_inner_mtype": PANELS,
        "y_inner_mtype": "numpy2D",
        "capability:multivariate": True,
        "capability:multioutput": True,
        "capability:unequal_length": True,
        "capability:missing_values": False,
        "capability:multithreading": True,
        "capability:categorical_in_X": False,
    }
    _tested_with = [QUICK_SEQUENCES, {**QUICK_SEQUENCES, "cell": "gru", "loss": "huber"}]

    def __init__(
        self, *, cell="lstm", hidden_layer_sizes=(32,), bidirectional=False, layer_norm=False, initializer="glorot",
        dropout=0.0, loss="squared_error", solver="adam", learning_rate_init=None, early_stopping=False,
        batch_size="auto", max_iter=200, shuffle=True, random_state=None, verbose="auto", bucket_by_length=False,
        bptt=None, categorical_features=None, embedding="auto", standardize=True, device="cpu", n_jobs=None,
        dtype="auto",
    ):  # fmt: skip
        set_each(self, locals())
        super().__init__()

    def _fit(self, X: Any, y: np.ndarray) -> SktimeRegressor:
        self.regressor_ = made(RNNRegressor, self).fit(sequences_of(X), y[:, 0] if y.shape[1] == 1 else y)
        return self

    def _predict(self, X: Any) -> np.ndarray:
        return self.regressor_.predict(sequences_of(X))
