"""Forecasting and sequence generation with recurrent neural networks, compiled by Numba."""

from forecastrnn.cells import GRU, LSTM, Elman

__version__ = "0.1.0"
__all__ = ["GRU", "LSTM", "Elman"]
