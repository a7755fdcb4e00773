"""What the parameters of an RNNForecaster mean together, and what they ask of the series."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from forecastrnn.forecast_model import Model, Reading
from forecastrnn.forecasting import Settings
from forecastrnn.parameters import check_numbers, device_of, dropout_of, layers_of, refuse, rule_of
from forecastrnn.preparation import Prepared
from forecastrnn.threads import thread_count

if TYPE_CHECKING:
    from forecastrnn.forecaster import RNNForecaster
    from forecastrnn.series import SeriesSet

SHORTEST = 4  # observations of a series, at least, where context_length does not ask for more


def check_parameters(forecaster: RNNForecaster) -> None:
    """Refuse numbers and combinations that make no sense."""
    check_numbers(forecaster)
    layers_of(forecaster)
    if forecaster.early_stopping and not forecaster.global_model:
        raise ValueError("early_stopping=True needs global_model=True: local networks all take max_steps updates.")


def device_to_train(forecaster: RNNForecaster) -> str:
    """The device to train on; networks of single series are too small for a GPU."""
    if forecaster.global_model:
        return device_of(forecaster)
    if forecaster.device not in ("auto", "cpu"):
        raise ValueError(
            f'device="{forecaster.device}" needs global_model=True: with global_model=False each series has a small '
            'network of its own, and these are trained side by side on the CPU. Use device="cpu".'
        )
    return "cpu"


def horizon_of(forecaster: RNNForecaster) -> int:
    """Steps ahead that a network learns at once."""
    if forecaster.strategy == "recursive":
        return 1
    if forecaster.horizon is None:
        refuse(forecaster, "horizon", 'an int in the range [1, inf) with strategy="direct"')
    return int(forecaster.horizon)


def reading_of(forecaster: RNNForecaster, columns: dict[str, Any], other: bool = False) -> Reading:
    """How series are read, with the length that the parameters need; `other`: series to forecast only."""
    least, needs, horizon = SHORTEST, "forecasting needs", horizon_of(forecaster)
    context = forecaster.context_length
    if context is not None and context + 1 > least:
        least, needs = int(context) + 1, f"context_length={context} needs"
    if forecaster.strategy == "direct" and horizon + SHORTEST > least and not other:
        least, needs = horizon + SHORTEST, f"horizon={horizon} needs"
    return Reading(columns, forecaster.missing, least, needs)


def check_known(forecaster: RNNForecaster, prepared: Prepared, ids: tuple) -> None:
    """Steps learned at once must fit between the first known value and the end."""
    known, least = np.diff(prepared.starts) - prepared.pads, horizon_of(forecaster) + SHORTEST
    if forecaster.strategy == "direct" and known.min() < least:
        row = int(np.argmax(known < least))
        raise ValueError(
            f"y: series {ids[row]!r} has {known[row]} values from its first known one on, but horizon="
            f"{forecaster.horizon} needs at least {least}. Drop the series, or lower horizon."
        )


def settings_of(forecaster: RNNForecaster, with_lags: bool) -> Settings:
    """How members are trained."""
    batch = 64 if forecaster.global_model else 16
    batch = batch if forecaster.batch_size == "auto" else int(forecaster.batch_size)
    fraction = float(forecaster.validation_fraction) if forecaster.early_stopping else None
    return Settings(
        layers_of(forecaster), forecaster.initializer, forecaster.loss, rule_of(forecaster), batch,
        forecaster.max_steps, horizon_of(forecaster), int(forecaster.n_iter_no_change), fraction,
        thread_count(forecaster.n_jobs), bool(forecaster.verbose), forecaster.dtype, with_lags,
        not forecaster.global_model, dropout_of(forecaster),
    )  # fmt: skip


def check_same(old: Model | None, settings: Settings, n_members: int, season: int, read: SeriesSet) -> None:
    """A warm start needs the networks that there are."""
    if old is None:
        return
    was, now = old.settings, settings
    same = (was.layers, was.horizon, was.dtype, was.is_local, old.n_members)
    if same != (now.layers, now.horizon, now.dtype, now.is_local, n_members):
        raise ValueError(
            "warm_start=True: cell, hidden_layer_sizes, horizon, dtype, global_model and n_members must be as in "
            "the first fit."
        )
    if now.is_local and tuple(read.ids) != tuple(old.axis.ids):
        raise ValueError("warm_start=True with global_model=False: the series must be those of the first fit.")
    if season != old.tail.prepared.season:
        raise ValueError(f"warm_start=True: the season is {season}, but the first fit had {old.tail.prepared.season}.")
