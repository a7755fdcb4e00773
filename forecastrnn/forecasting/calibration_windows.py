"""The windows that intervals are calibrated on: the last values of series, forecast from what lies before them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from forecastrnn.forecasting.calibration import SMALLEST
from forecastrnn.forecasting.conformal import Conformal
from forecastrnn.forecasting.model import Model
from forecastrnn.forecasting.preparation import Prepared

if TYPE_CHECKING:
    from forecastrnn.data.series import SeriesSet

FEW = 20  # series, below which the steps of all are put together
SHARE = 6  # a window is no longer than the median series over this
WINDOWS, MORE_WINDOWS, MOST_WINDOWS = 3, 12, 39  # of each series: of many, of few, and where each stands alone


@dataclass(frozen=True)
class Windows:
    """Where windows lie: `count` of `horizon` steps, `step` apart, the last at the end of each series.

    rows : the series that are long enough for them; pool : how their scores are put together.
    """

    horizon: int
    step: int
    count: int
    rows: np.ndarray
    pool: str

    @property
    def reach(self) -> int:
        """Values at the end of a series that lie in windows."""
        return self.horizon + (self.count - 1) * self.step


def lengths_of(read: SeriesSet) -> np.ndarray:
    """Values (n_series,) of each series from its first known one on."""
    known = np.flatnonzero(np.isfinite(read.values))
    first = known[np.searchsorted(known, read.offsets[:-1])]
    return read.offsets[1:] - first


def place_windows(lengths: np.ndarray, asked: Conformal, usual: int, least: int) -> Windows:
    """Windows in series of these lengths; `usual` steps where none are asked for, `least` values before all windows."""
    middle = int(np.median(lengths))
    horizon = asked.horizon or max(1, min(usual, middle // SHARE))
    many = _windows(lengths, asked, horizon, least, is_few=False)
    if len(many.rows) >= FEW and asked.pool != "series":
        return many
    return _windows(lengths, asked, horizon, least, is_few=True)


def _windows(lengths: np.ndarray, asked: Conformal, horizon: int, least: int, *, is_few: bool) -> Windows:
    """Those for few series or for many; as many as leave half of the median series before them."""
    step = asked.step_size or (1 if is_few else horizon)
    if asked.n_windows == "auto":
        most = MOST_WINDOWS if asked.pool == "series" else MORE_WINDOWS if is_few else WINDOWS
        count = int(np.clip((np.median(lengths) // 2 - horizon) // step + 1, 1, most))
    else:
        count = int(asked.n_windows)
    rows = np.flatnonzero(lengths >= horizon + (count - 1) * step + least)
    pool = asked.pool if asked.pool != "auto" else "steps" if is_few else "panel"
    return Windows(int(horizon), int(step), count, rows, pool)


def cut(read: SeriesSet, rows: np.ndarray, left_out: int) -> SeriesSet:
    """Some of the series, without their last `left_out` values."""
    begin = read.offsets[rows]
    lengths = read.offsets[rows + 1] - begin - left_out
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    at = np.arange(offsets[-1]) + np.repeat(begin - offsets[:-1], lengths)
    ids = tuple(read.ids[row] for row in rows)
    return replace(read, values=read.values[at], offsets=offsets, ids=ids, axis=read.axis.take(rows))


def errors_of(
    model: Model, read: SeriesSet, windows: Windows, linear: np.ndarray, device: str, static: object = None
) -> np.ndarray:
    """Errors (rows, count, horizon) of a model's forecasts of the windows, NaN where a value is missing.

    Of the logarithm, where a series is not linear (n_series,): bands are laid there.
    """
    rows, steps, found = windows.rows, np.arange(windows.horizon), []
    lin = linear[rows, None]
    for window in range(windows.count):  # one call each: memory stays that of a fit
        behind = windows.reach - window * windows.step
        tail, own = model.ends_of_others(cut(read, rows, behind), static)
        forecast = model.median(tail, own, windows.horizon, device)
        truth = read.values[(read.offsets[rows + 1] - behind)[:, None] + steps]
        found.append(in_space(truth, lin) - in_space(forecast, lin))
    return np.stack(found, axis=1)


def in_space(values: np.ndarray, linear: np.ndarray) -> np.ndarray:
    """Values where bands are laid: as they are, or their logarithms."""
    return np.where(linear, values, np.log(np.where(linear, 1.0, values)))


def seasonal_errors(read: SeriesSet, prepared: Prepared, season: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean change (n_series,) of each series over a season, of neighbours in a short one, and the least scale.

    In the space of its bands; a series that hardly changes has the least.
    """
    linear, count = prepared.linear, np.diff(read.offsets)
    z = in_space(read.values, np.repeat(linear, count))
    lag = np.where(count > season + 1, season, 1)
    place = np.arange(len(z)) - np.repeat(read.offsets[:-1], count)
    each = np.repeat(lag, count)
    change = np.abs(z - z[np.maximum(np.arange(len(z)) - each, 0)])
    there = np.isfinite(change) & (place >= each)
    total = np.add.reduceat(np.where(there, change, 0.0), read.offsets[:-1])
    known = np.add.reduceat(there.astype(float), read.offsets[:-1])
    least = SMALLEST * np.where(linear, prepared.level, 1.0)
    return np.maximum(total / np.maximum(known, 1.0), least), least
