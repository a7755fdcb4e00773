"""SktimeClassifier: `RNNClassifier` as a classifier of sktime."""

from __future__ import annotations

from typing import Any

import numpy as np
from sktime.classification.base import BaseClassifier

from forecastrnn.estimators.classifier import RNNClassifier
from forecastrnn.estimators.named_parameters import set_each
from forecastrnn.sktime_adapter.panels import PANELS, sequences_of
from forecastrnn.sktime_adapter.wrapped import ABOUT, QUICK_SEQUENCES, Tested, made


class SktimeClassifier(Tested, BaseClassifier):
    """Classifies the series of a panel with a recurrent network, in sktime.

    Series may have several channels, and differ in length; they have no missing values.

    Parameters
    ----------
    cell, hidden_layer_sizes, bidirectional, layer_norm, initializer, dropout, solver, learning_rate_init,
    early_stopping, batch_size, max_iter, shuffle, random_state, verbose, bucket_by_length, bptt, n_sampled_classes,
    categorical_features, embedding, standardize, device, n_jobs, dtype, class_weight
        As in `RNNClassifier`, with its defaults.

    Attributes
    ----------
    classifier_ : RNNClassifier
        The fitted one, with all its attributes and methods. There is none where all labels of `fit` are the same.

    Examples
    --------
    >>> import numpy as np
    >>> from forecastrnn.sktime_adapter import SktimeClassifier
    >>> X, y = np.sin(np.arange(240.0).reshape(12, 1, 20)), np.array(["a", "b"] * 6)
    >>> SktimeClassifier(hidden_layer_sizes=4, max_iter=3, random_state=0).fit(X, y).predict_proba(X).shape
    (12, 2)
    """

    _tags = {
        **ABOUT,
        "X_inner_mtype": PANELS,
        "y_inner_mtype": "numpy1D",
        "capability:multivariate": True,
        "capability:unequal_length": True,
        "capability:missing_values": False,
        "capability:multithreading": True,
        "capability:predict_proba": True,
        "capability:class_weight": True,
        "capability:categorical_in_X": False,
    }
    _tested_with = [
        QUICK_SEQUENCES,
        {**QUICK_SEQUENCES, "cell": "gru", "bidirectional": True, "class_weight": "balanced"},
    ]

    def __init__(
        self, *, cell="lstm", hidden_layer_sizes=(32,), bidirectional=False, layer_norm=False, initializer="glorot",
        dropout=0.0, solver="adam", learning_rate_init=None, early_stopping=False, batch_size="auto", max_iter=200,
        shuffle=True, random_state=None, verbose="auto", bucket_by_length=False, bptt=None, n_sampled_classes=None,
        categorical_features=None, embedding="auto", standardize=True, device="cpu", n_jobs=None, dtype="auto",
        class_weight=None,
    ):  # fmt: skip
        set_each(self, locals())
        super().__init__()

    def _fit(self, X: Any, y: np.ndarray) -> SktimeClassifier:
        self.classifier_ = made(RNNClassifier, self).fit(sequences_of(X), y)
        return self

    def _predict(self, X: Any) -> np.ndarray:
        return self.classifier_.predict(sequences_of(X))

    def _predict_proba(self, X: Any) -> np.ndarray:
        return self.classifier_.predict_proba(sequences_of(X))
