"""What a loss asks for: in the constructor, and of the values of series."""

from __future__ import annotations

from numbers import Real
from typing import TYPE_CHECKING

import numpy as np

from forecastrnn.estimators.groups.losses import LossGroup, Quantiles, opened_loss
from forecastrnn.estimators.named_parameters import NamedParameters, refuse
from forecastrnn.forecasting.settings import Settings
from forecastrnn.naming import counted

if TYPE_CHECKING:
    from forecastrnn.data.series import SeriesSet


def loss_of(forecaster: NamedParameters) -> tuple[str, tuple[float, ...]]:
    """The name of the loss and the options of its likelihood, checked."""
    asked = opened_loss(forecaster.loss)
    if not isinstance(asked, LossGroup):
        return str(asked), ()
    if isinstance(asked, Quantiles):
        _check_levels(forecaster, asked)
    if asked.loss in ("poisson", "negative_binomial", "tweedie") and forecaster.long_run_mean is False:
        raise ValueError(f"long_run_mean=False: loss={asked.loss!r} rests on the mean of all values; use 'auto'.")
    return asked.loss, asked.options


def _check_levels(forecaster: NamedParameters, asked: Quantiles) -> None:
    levels = list(asked.levels)
    good = all(isinstance(one, Real) and 0.0 < float(one) < 1.0 for one in levels) and len(levels) > 1
    if not good or (np.diff(levels) <= 0.0).any() or not levels[0] <= 0.5 <= levels[-1]:
        refuse(forecaster, "loss__levels", "at least two rising numbers in (0, 1), from 0.5 or less to 0.5 or more")


def check_values(settings: Settings, read: SeriesSet, argument: str = "y") -> None:
    """Refuse values that a loss cannot be of: those that are no counts, or below 0."""
    likelihood = settings.likelihood
    if likelihood is None or likelihood.is_scaled:
        return
    wrong = np.flatnonzero(~likelihood.takes(read.values))
    if len(wrong):
        row = int(wrong[0])
        name, time = read.describe(row)
        many = counted(len(wrong), "such value")
        raise ValueError(
            f"{argument}: series {name!r} has {read.values[row]:g} at {time} ({many}), and "
            f"loss={settings.loss!r} is of values that are each {likelihood.what}. Correct them, or use a loss of real "
            "values, such as 'absolute_error'"
        )
