"""Forecasting and sequence generation with recurrent neural networks, compiled by Numba."""

from forecastrnn.cells import GRU, LSTM, Elman
from forecastrnn.estimators import RNNClassifier, RNNRegressor
from forecastrnn.exceptions import TrainingDivergedError
from forecastrnn.forecaster import RNNForecaster

__version__ = "0.1.0"
__all__ = ["GRU", "LSTM", "Elman", "RNNClassifier", "RNNForecaster", "RNNRegressor", "TrainingDivergedError"]
