"""Forecasting and sequence generation with recurrent neural networks, compiled by Numba.

The public names are loaded when first used: importing the package alone costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from forecastrnn.cells import GRU, LSTM, Elman
    from forecastrnn.classifier import RNNClassifier
    from forecastrnn.exceptions import ModelFileError, TrainingDivergedError
    from forecastrnn.forecaster import RNNForecaster
    from forecastrnn.gradient_check import check_gradients
    from forecastrnn.persistence import load
    from forecastrnn.regressor import RNNRegressor
    from forecastrnn.seq2seq import RNNSeq2Seq

__version__ = "0.1.0"
__all__ = [
    "GRU",
    "LSTM",
    "Elman",
    "ModelFileError",
    "RNNClassifier",
    "RNNForecaster",
    "RNNRegressor",
    "RNNSeq2Seq",
    "TrainingDivergedError",
    "check_gradients",
    "load",
]

_HOMES = {
    "GRU": "cells",
    "LSTM": "cells",
    "Elman": "cells",
    "ModelFileError": "exceptions",
    "RNNClassifier": "classifier",
    "RNNForecaster": "forecaster",
    "RNNRegressor": "regressor",
    "RNNSeq2Seq": "seq2seq",
    "TrainingDivergedError": "exceptions",
    "load": "persistence",
    "check_gradients": "gradient_check",
}


def __getattr__(name: str) -> Any:
    """Load a public name from its module."""
    if name not in _HOMES:
        raise AttributeError(f"module 'forecastrnn' has no attribute {name!r}")
    value = getattr(import_module(f"forecastrnn.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
