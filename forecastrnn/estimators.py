"""RNNRegressor and RNNClassifier: recurrent networks over arrays, as scikit-learn estimators."""

from __future__ import annotations

from forecastrnn.classifier import RNNClassifier
from forecastrnn.regressor import RNNRegressor

__all__ = ["RNNClassifier", "RNNRegressor"]
