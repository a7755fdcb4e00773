"""The estimators: parameters checked, data read at the door, what was learned published as scikit-learn has it."""

from __future__ import annotations

from forecastrnn.estimators.classifier import RNNClassifier
from forecastrnn.estimators.regressor import RNNRegressor

__all__ = ["RNNClassifier", "RNNRegressor"]
