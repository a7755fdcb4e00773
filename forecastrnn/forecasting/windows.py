"""The windows that members learn from, drawn at random, with what they have to predict there."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from forecastrnn.forecasting.inputs import SeriesInputs
from forecastrnn.forecasting.preparation import Prepared
from forecastrnn.forecasting.raw_values import targets_of
from forecastrnn.forecasting.settings import WINDOWS, Settings, update_count
from forecastrnn.networks.network import AnyNetwork
from forecastrnn.training.pair_task import PairData
from forecastrnn.training.sequence_task import TrainingData
from forecastrnn.training.window_batches import WindowBatches

EPOCH = 50  # updates between two looks at the loss
SPARSE = 4  # times the rows of its windows: where a series set has so many, those of a member are made by themselves
FEW, OF_FEW = 300, 16  # of fewer windows so many make a mini-batch: they overlap, and more of them say little more


def window_starts(prepared: Prepared, horizon: int, held: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First and last start of a training window in each series; the last `held` values are left for validation."""
    steps = prepared.context + prepared.ahead
    begin, end = prepared.starts[:-1] + prepared.pads, prepared.starts[1:] - held - (horizon - 1)
    lo = np.minimum(begin + prepared.period_of + prepared.ahead + 1, end)
    return lo - steps - 1, end - steps - 1


def with_usual_batch(prepared: Prepared, settings: Settings) -> Settings:
    """The settings with as many windows in a mini-batch as the series ask for: few of few, spread over all of them."""
    lo, hi = window_starts(prepared, settings.horizon, np.zeros(prepared.n_series, np.int64))
    if settings.is_local:
        return replace(settings, batch_size=OF_FEW)
    is_spread = bool((hi - lo + 1).sum() < FEW)
    return replace(settings, batch_size=OF_FEW if is_spread else WINDOWS, is_spread=is_spread)


def held_out(lengths: np.ndarray, fraction: float | None, horizon: int) -> np.ndarray:
    """Last values of each series that are left for validation; a window to learn from always remains."""
    if not fraction:
        return np.zeros(len(lengths), np.int64)
    return np.minimum(np.maximum(1, (lengths * fraction).astype(np.int64)), lengths - horizon + 1)


def batches_of(network: AnyNetwork, prepared: Prepared, settings: Settings, seed: int, before: int) -> WindowBatches:
    """Mini-batches of windows, from longer series more often; `before`: epochs of earlier fits."""
    held = held_out(prepared.known, settings.validation_fraction, settings.horizon)
    lo, hi = window_starts(prepared, settings.horizon, held)
    chance, updates = np.sqrt(np.maximum(hi - lo + 1, 1).astype(float)), update_count(prepared, settings)
    sides = prepared.context, prepared.ahead
    return WindowBatches(
        lo=lo, hi=hi, chance=chance / chance.sum(), batch=settings.batch_size, seed=seed,
        steps_an_epoch=min(EPOCH, updates), steps=sides if network.hands_over else sum(sides), total=updates,
        before=before, is_spread=settings.is_spread,
    )  # fmt: skip


def source_of(
    network: AnyNetwork, series: SeriesInputs, counts: np.ndarray, settings: Settings, beyond: int = 0
) -> TrainingData | PairData:
    """What is read and predicted at each time; targets are where a value `counts`.

    beyond : steps behind the end that windows may reach into, without targets.
    """
    if network.hands_over:
        return pair_source(series, counts, settings)
    return plain_source(series, counts, settings, beyond)


def drawn(
    network: AnyNetwork, series: SeriesInputs, settings: Settings, batches: WindowBatches
) -> tuple[TrainingData | PairData, WindowBatches]:
    """What a member reads, and its mini-batches; where these have few of all times, X is their windows alone."""
    steps, count = batches.steps, batches.total * batches.batch
    if (
        isinstance(steps, tuple)
        or network.writer.beyond
        or not series.can_be_few
        or SPARSE * count * steps > len(series.prepared.z)
    ):
        return source_of(network, series, series.prepared.observed, settings), batches
    rows = series.at(batches.all_starts()[:, None] + np.arange(steps))
    source = plain_source(series, series.prepared.observed, settings, rows=rows.reshape(-1, rows.shape[2]))
    return source, replace(batches, apart=True)


def plain_source(
    series: SeriesInputs, counts: np.ndarray, settings: Settings, beyond: int = 0, rows: np.ndarray | None = None
) -> TrainingData:
    """The targets are values, relative to the last one at each time; or as they are, with shifts and gains.

    rows : what is read, if not that of all times.
    """
    rows = series.rows if rows is None else rows
    z, likelihood, dtype = series.prepared.z, settings.likelihood, settings.dtype
    if likelihood is not None and settings.is_raw:
        targets = targets_of(series.prepared, counts, likelihood, settings.horizon - 1, beyond)
        return TrainingData(rows, targets.astype(dtype))
    y = np.pad(np.where(counts, z, np.nan), (0, beyond), constant_values=np.nan)
    return TrainingData(rows, y.astype(dtype), base=np.pad(z, (0, beyond)).astype(dtype))


def pair_source(series: SeriesInputs, counts: np.ndarray, settings: Settings) -> PairData:
    """Both sides read their inputs of a time; the targets are as those of `plain_source`, where the next one counts."""
    z, likelihood = series.prepared.z, settings.likelihood
    if likelihood is not None and settings.is_raw:
        targets = targets_of(series.prepared, counts, likelihood, 0, 0)
    else:
        targets = np.full((len(z), 1), np.nan)
        targets[:-1, 0] = np.where(counts[1:], np.diff(z), np.nan)
    return PairData(series.rows, series.of_decoder, targets.astype(settings.dtype))
