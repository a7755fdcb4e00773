"""Forecasting and sequence generation with recurrent neural networks, compiled by Numba.

The public names are loaded when first used: importing the package alone costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from forecastrnn._version import __version__ as __version__

if TYPE_CHECKING:
    from forecastrnn.estimators.classifier import RNNClassifier
    from forecastrnn.estimators.forecaster import RNNForecaster
    from forecastrnn.estimators.loading import load
    from forecastrnn.estimators.regressor import RNNRegressor
    from forecastrnn.estimators.seq2seq import RNNSeq2Seq
    from forecastrnn.exceptions import ModelFileError, TrainingDivergedError
    from forecastrnn.networks.cell import Cell
    from forecastrnn.networks.cells import GRU, LSTM, Elman
    from forecastrnn.training.gradient_check import check_gradients

__all__ = [
    "GRU",
    "LSTM",
    "Cell",
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
    "Cell": "networks.cell",
    "GRU": "networks.cells",
    "LSTM": "networks.cells",
    "Elman": "networks.cells",
    "ModelFileError": "exceptions",
    "RNNClassifier": "estimators.classifier",
    "RNNForecaster": "estimators.forecaster",
    "RNNRegressor": "estimators.regressor",
    "RNNSeq2Seq": "estimators.seq2seq",
    "TrainingDivergedError": "exceptions",
    "load": "estimators.loading",
    "check_gradients": "training.gradient_check",
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
