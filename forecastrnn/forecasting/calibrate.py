"""From a fitted model and its series to calibrated intervals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from forecastrnn.exceptions import TrainingDivergedError
from forecastrnn.forecasting.calibration import Calibration, Intervals, calibrated, covered_by, scales_of, sizes_of
from forecastrnn.forecasting.calibration_windows import (
    Windows,
    cut,
    errors_of,
    lengths_of,
    place_windows,
    seasonal_errors,
)  # fmt: skip
from forecastrnn.forecasting.conformal import Conformal
from forecastrnn.forecasting.model import Model
from forecastrnn.forecasting.preparation import Prepared

if TYPE_CHECKING:
    from forecastrnn.data.series import SeriesSet

MANY = 50  # series from which on a global network may forecast windows that it has learned


def calibrate(
    model: Model, read: SeriesSet, asked: Conformal, least: int, device: str, train: Callable[[SeriesSet], Model]
) -> Intervals:
    """Intervals of the series of a fit; train(series) trains networks on shorter ones, for windows held out.

    least : values that a series needs before its windows.
    """
    usual = model.settings.horizon if model.strategy == "direct" else model.tail.prepared.ahead
    windows = place_windows(lengths_of(read), asked, usual, least)
    if not len(windows.rows):
        return Intervals("conformal", why=_too_short(read, windows, least))
    held_out = _is_held_out(asked, model, read.n_series)
    try:
        by = train(cut(read, windows.rows, windows.reach)) if held_out else model
    except TrainingDivergedError as error:
        return Intervals("conformal", why=f"the training for it, on shorter series, failed: {error}")
    prepared = model.tail.prepared
    errors = errors_of(by, read, windows, prepared.linear, device)
    return _intervals(errors, windows, seasonal_errors(read, prepared, prepared.layout.season), asked)


def _is_held_out(asked: Conformal, model: Model, n_series: int) -> bool:
    if asked.held_out == "auto":
        return model.trained.is_local or n_series < MANY
    return bool(asked.held_out)


def _intervals(
    errors: np.ndarray, windows: Windows, seasonal: tuple[np.ndarray, np.ndarray], asked: Conformal
) -> Intervals:
    """What errors say of all series; those that are too short for windows have a scale of their seasonal errors."""
    if not np.isfinite(errors).any():
        return Intervals("conformal", why="all values in the windows that would calibrate it are missing")
    (whole, least), rows = seasonal, windows.rows
    how = partial(
        calibrated, seasonal=whole[rows], least=least[rows], pool=windows.pool, symmetric=asked.symmetric,
        step_size=windows.step,
    )  # fmt: skip
    found = how(errors)
    scale = np.maximum(whole * found.usual, least)
    scale[rows] = found.scale
    coverage = found.coverage
    if windows.count > 1 and np.isfinite(errors[:, :-1]).any() and np.isfinite(errors[:, -1]).any():
        coverage = covered_by(how(errors[:, :-1]), errors[:, -1])
    return Intervals("conformal", replace(found.for_all(rows, scale), coverage=coverage))


def _too_short(read: SeriesSet, windows: Windows, least: int) -> str:
    lengths = lengths_of(read)
    longest = int(np.argmax(lengths))
    return (
        f"even the longest series, {read.ids[longest]!r}, has {lengths[longest]} values, and {windows.count} windows "
        f"of {windows.horizon} steps need {windows.reach + least}"
    )


def scales_of_others(
    model: Model, found: Calibration, read: SeriesSet, prepared: Prepared, device: str, static: object = None
) -> np.ndarray:
    """Scales (n_series,) of series that fit has not had, by forecasts of their last windows."""
    whole, least = seasonal_errors(read, prepared, prepared.layout.season)
    prior, lengths = np.maximum(whole * found.usual, least), lengths_of(read)
    windows = Windows(found.horizon, found.step_size, found.n_windows, np.arange(0), "")
    rows = np.flatnonzero(lengths >= windows.reach + model.reading.least)
    if not len(rows):
        return prior
    windows = replace(windows, rows=rows)
    sizes = sizes_of(errors_of(model, read, windows, prepared.linear, device, static))
    scale = prior.copy()
    scale[rows] = scales_of(sizes, prior[rows], least[rows])
    return scale
