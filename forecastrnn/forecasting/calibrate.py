"""From a fitted model and its series to calibrated intervals."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from forecastrnn.exceptions import TrainingDivergedError
from forecastrnn.forecasting.adaptive import Adaptive, check_memory
from forecastrnn.forecasting.calibration import (
    Calibration,
    Intervals,
    Spread,
    calibrated,
    coverage_of,
    scales_of,
    window_weight,
)
from forecastrnn.forecasting.calibration_windows import (
    DRAWS,
    Windows,
    check_windows,
    compared_with_naive,
    errors_of,
    lengths_of,
    place_windows,
    seasonal_errors,
    values_in_space,
)
from forecastrnn.forecasting.conformal import ConformalPlan
from forecastrnn.forecasting.drawn_places import FURTHEST
from forecastrnn.forecasting.earlier_networks import NetworksBefore, is_held_out
from forecastrnn.forecasting.fences import UNKNOWN, ends_of_range
from forecastrnn.forecasting.model import Model
from forecastrnn.forecasting.preparation import Prepared

if TYPE_CHECKING:
    from forecastrnn.data.series import SeriesSet

FEW = 4  # windows of a series that fit has not had: they tell its scale alone, and each is a forecast more


def calibrate(
    model: Model, read: SeriesSet, asked: ConformalPlan, least: int, device: str, before: NetworksBefore
) -> Intervals:
    """Intervals of the series of a fit; before : networks trained on shorter ones, for windows held out.

    least : values that a series needs before its windows.
    """
    most = model.settings.horizon if model.strategy == "direct" else None
    windows = place_windows(lengths_of(read), asked, most or model.tail.prepared.ahead, least, most)
    if not windows.there.any():
        return Intervals("conformal", why=_too_short(read, windows, least))
    check_windows(windows)
    if asked.adaptive:
        check_memory(read.n_series, windows.horizon)
    held_out = is_held_out(asked.held_out, model, read.n_series)
    try:
        if held_out:
            by = before(windows.reach, asked.members).mixed_as(model)
        else:
            by, windows = _affordable(model, windows)
    except TrainingDivergedError as error:
        return Intervals("conformal", why=f"the training for it, on shorter series, failed: {str(error).rstrip('.')}")
    prepared = model.tail.prepared
    errors = errors_of(by, read, windows, prepared.linear, device)
    if not np.isfinite(errors).any():
        return Intervals("conformal", why="all values in the windows that would calibrate it are missing")
    is_scored = model.settings.likelihood is not None
    whole, smallest = seasonal_errors(read, prepared, is_scored=is_scored)
    found = calibrated(
        errors, whole, smallest, windows.starts, by_series=asked.pool == "series", symmetric=asked.symmetric,
        rising=not is_scored,
    )  # fmt: skip
    beside = None if is_scored else compared_with_naive(read, prepared, windows, errors, (whole, smallest))
    usual = _excess_by_plan(model)
    low, high, excess = _range_of(read, prepared, windows.horizon, usual, is_scored=is_scored)
    spread = Spread(scale=found.spread.scale, low=low, high=high)
    coverage = coverage_of(errors, whole, smallest, found, rising=not is_scored)
    adaptive = Adaptive.begun(asked.gamma, found.table, read.n_series, found.horizon) if asked.adaptive else None
    vectors = found.vectors if model.strategy == "direct" else None  # others feed draws back
    found = replace(
        found, spread=spread, excess=excess, coverage=coverage, adaptive=adaptive, vectors=vectors, compared=beside,
        held_out=held_out,
    )  # fmt: skip
    return Intervals("conformal", found)


def _excess_by_plan(model: Model) -> np.ndarray | None:
    """With covariates that are known ahead a plan may lead where the series never were; None: they tell it."""
    planned = any(column.role == "known" and column.kind != "plain" for column in model.covariates)
    return np.full(2, UNKNOWN) if planned else None


def _range_of(
    read: SeriesSet, prepared: Prepared, horizon: int, excess: np.ndarray | None = None, *, is_scored: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ends that intervals of each series may have, and the excess; scores of a likelihood have none but their own."""
    if is_scored:
        return np.full(read.n_series, -FURTHEST), np.full(read.n_series, FURTHEST), np.zeros(2)
    return ends_of_range(values_in_space(read, prepared.linear), read.offsets, horizon, excess)


def _affordable(model: Model, windows: Windows) -> tuple[Model, Windows]:
    """As many members, and if one is too many as many series, as take a third of the time of the fit at most.

    A step of an update costs three of a forecast: forward, backward, and the gradient of the weights.
    """
    trained, p, there = model.trained, model.tail.prepared, windows.there
    if trained.is_local:
        return model, windows
    budget = trained.updates * model.settings.batch_size * (p.context + p.ahead) * model.n_members
    need = int(there.sum()) * (p.context + windows.horizon)
    members = int(np.clip(budget // max(need, 1), 1, model.n_members))
    if model.settings.likelihood is not None:  # draws come from all members
        members, need = model.n_members, need * DRAWS
    some = np.arange(len(there)) % -(-need // max(budget, 1)) == 0
    by = replace(model, trained=replace(trained, thetas=trained.thetas[:members]))
    return by, replace(windows, there=there & some[:, None])


def _too_short(read: SeriesSet, windows: Windows, least: int) -> str:
    lengths = lengths_of(read)
    longest = int(np.argmax(lengths))
    return (
        f"even the longest series, {read.ids[longest]!r}, has {lengths[longest]} values, and a window that begins "
        f"{windows.starts[-1]} before the end needs {windows.starts[-1] + least}"
    )


def spread_of_others(
    model: Model, found: Calibration, read: SeriesSet, prepared: Prepared, device: str, static: object = None
) -> Spread:
    """That of series that fit has not had, by forecasts of their last windows."""
    is_scored = model.settings.likelihood is not None
    whole, least = seasonal_errors(read, prepared, is_scored=is_scored)
    starts, free = found.starts[:: -(-len(found.starts) // FEW)], lengths_of(read) - model.reading.least
    windows = Windows(found.horizon, starts, starts <= free[:, None])
    errors = errors_of(model, read, windows, prepared.linear, device, static) / found.growth
    weight = window_weight(starts, found.horizon)
    low, high, _ = _range_of(read, prepared, found.horizon, found.excess, is_scored=is_scored)
    return Spread(scale=scales_of(errors, whole * found.usual, least, weight), low=low, high=high)
