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
    from forecastrnn.estimators.groups.calendars import Calendar, Holidays
    from forecastrnn.estimators.groups.checkpoints import Checkpoint
    from forecastrnn.estimators.groups.intervals import Conformal
    from forecastrnn.estimators.groups.losses import (
        Gaussian,
        Laplace,
        NegativeBinomial,
        Poisson,
        Quantiles,
        StudentT,
        Tweedie,
    )
    from forecastrnn.estimators.groups.options import Beam, Dropout, EarlyStopping, Embedding, Truncated
    from forecastrnn.estimators.groups.schedules import Cosine, InvScaling, OneCycle, Steps
    from forecastrnn.estimators.groups.solvers import SGD, Adam, AdamW, RMSprop, UpdateRule
    from forecastrnn.estimators.groups.strategies import Direct, Recursive, Seq2Seq
    from forecastrnn.estimators.loading import load
    from forecastrnn.estimators.regressor import RNNRegressor
    from forecastrnn.estimators.seq2seq import RNNSeq2Seq
    from forecastrnn.exceptions import ModelFileError, TrainingDivergedError
    from forecastrnn.networks.cell import Cell
    from forecastrnn.networks.cells import GRU, LSTM, Elman
    from forecastrnn.networks.gated_cells import CIFG, MGU, SLSTM, UGRNN
    from forecastrnn.networks.light_cells import IndRNN, MinGRU, MinLSTM
    from forecastrnn.networks.likelihood import Likelihood
    from forecastrnn.training.gradient_check import check_gradients

__all__ = [
    "CIFG",
    "GRU",
    "LSTM",
    "MGU",
    "SGD",
    "SLSTM",
    "UGRNN",
    "Adam",
    "AdamW",
    "Beam",
    "Calendar",
    "Cell",
    "Checkpoint",
    "Conformal",
    "Cosine",
    "Direct",
    "Dropout",
    "EarlyStopping",
    "Elman",
    "Embedding",
    "Gaussian",
    "Holidays",
    "IndRNN",
    "InvScaling",
    "Laplace",
    "Likelihood",
    "MinGRU",
    "MinLSTM",
    "ModelFileError",
    "NegativeBinomial",
    "OneCycle",
    "Poisson",
    "Quantiles",
    "RMSprop",
    "RNNClassifier",
    "RNNForecaster",
    "RNNRegressor",
    "RNNSeq2Seq",
    "Recursive",
    "Seq2Seq",
    "Steps",
    "StudentT",
    "TrainingDivergedError",
    "Truncated",
    "Tweedie",
    "UpdateRule",
    "check_gradients",
    "load",
]

_HOMES = {
    "CIFG": "networks.gated_cells",
    "GRU": "networks.cells",
    "LSTM": "networks.cells",
    "MGU": "networks.gated_cells",
    "SGD": "estimators.groups.solvers",
    "SLSTM": "networks.gated_cells",
    "UGRNN": "networks.gated_cells",
    "Adam": "estimators.groups.solvers",
    "AdamW": "estimators.groups.solvers",
    "Beam": "estimators.groups.options",
    "Calendar": "estimators.groups.calendars",
    "Cell": "networks.cell",
    "Checkpoint": "estimators.groups.checkpoints",
    "Conformal": "estimators.groups.intervals",
    "Cosine": "estimators.groups.schedules",
    "Direct": "estimators.groups.strategies",
    "Dropout": "estimators.groups.options",
    "EarlyStopping": "estimators.groups.options",
    "Elman": "networks.cells",
    "Embedding": "estimators.groups.options",
    "Gaussian": "estimators.groups.losses",
    "Holidays": "estimators.groups.calendars",
    "IndRNN": "networks.light_cells",
    "InvScaling": "estimators.groups.schedules",
    "Laplace": "estimators.groups.losses",
    "Likelihood": "networks.likelihood",
    "MinGRU": "networks.light_cells",
    "MinLSTM": "networks.light_cells",
    "ModelFileError": "exceptions",
    "NegativeBinomial": "estimators.groups.losses",
    "OneCycle": "estimators.groups.schedules",
    "Poisson": "estimators.groups.losses",
    "Quantiles": "estimators.groups.losses",
    "RMSprop": "estimators.groups.solvers",
    "RNNClassifier": "estimators.classifier",
    "RNNForecaster": "estimators.forecaster",
    "RNNRegressor": "estimators.regressor",
    "RNNSeq2Seq": "estimators.seq2seq",
    "Recursive": "estimators.groups.strategies",
    "Seq2Seq": "estimators.groups.strategies",
    "Steps": "estimators.groups.schedules",
    "StudentT": "estimators.groups.losses",
    "TrainingDivergedError": "exceptions",
    "Truncated": "estimators.groups.options",
    "Tweedie": "estimators.groups.losses",
    "UpdateRule": "estimators.groups.solvers",
    "check_gradients": "training.gradient_check",
    "load": "estimators.loading",
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
