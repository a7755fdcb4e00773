"""The settings of a training in a model file, with those of the inputs among them."""

from __future__ import annotations

from dataclasses import fields

import numpy as np

from forecastrnn.exceptions import ModelFileError
from forecastrnn.forecasting.input_layout import InputLayout
from forecastrnn.forecasting.settings import Settings
from forecastrnn.networks.likelihood import Likelihood
from forecastrnn.networks.losses import KNOWN_LOSSES
from forecastrnn.persistence import codec
from forecastrnn.persistence import fitted_records as kinds
from forecastrnn.persistence.codec import Part
from forecastrnn.persistence.plain_values import check_known, decode_fields
from forecastrnn.training.optimizers import SOLVERS

LAYOUT = [field.name for field in fields(InputLayout)][2:]  # all but season and second_lag lie among the settings


def read_settings(part: Part, word: str, raw: object) -> Settings:
    """Those that are possible, with a loss and an update rule that are known here."""
    own = {name: value for name, value in raw.items() if name not in LAYOUT} if isinstance(raw, dict) else raw
    settings: Settings = decode_fields(Settings, own)
    if settings.dtype not in kinds.REALS or not _are_possible(settings):
        raise ModelFileError("the settings of the training are not possible ones")
    check_known("loss", settings.loss, KNOWN_LOSSES)
    _check_options(settings)
    check_known("update rule", settings.rule.solver, SOLVERS)
    if not (np.isfinite(settings.rule.rates(0, 2, 2)).all() and np.isfinite(settings.rule.options()).all()):
        raise ModelFileError("the learning rates are not finite")
    kinds.check_dropout(settings.dropout)
    kinds.know_real(settings.dtype, part)
    return settings


def _are_possible(settings: Settings) -> bool:
    """Counts that can be, and embeddings of columns one behind the other."""
    steps, share = settings.max_steps or 0, settings.validation_fraction
    good = 1 <= settings.horizon <= codec.MOST and 1 <= settings.batch_size <= codec.LONGEST
    good = good and 0 <= steps <= codec.LONGEST
    good = good and settings.n_iter_no_change >= 1 and (share is None or 0.0 <= share < 1.0)
    return good and [e.column for e in settings.embeddings] == list(range(len(settings.embeddings)))


def _check_options(settings: Settings) -> None:
    """Those of a likelihood make one whose kernels can be."""
    try:
        loss = settings.any_loss
        found = loss.options if isinstance(loss, Likelihood) and loss.text else ()
    except (TypeError, ValueError, ArithmeticError, IndexError) as error:
        raise ModelFileError(f"the options of the loss are not possible: {str(error)[:80]}") from error
    if found != settings.loss_options:
        raise ModelFileError(f"the loss {settings.loss!r} has other options")
