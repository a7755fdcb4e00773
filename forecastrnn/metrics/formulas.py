"""The formulas, each once: of rows in groups, (n_groups,)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from forecastrnn.metrics.rows import Rows, ratio

Formula = Callable[[Rows], np.ndarray]


def mae(rows: Rows) -> np.ndarray:
    """Mean absolute error."""
    return rows.mean(np.abs(rows.error))


def mse(rows: Rows) -> np.ndarray:
    """Mean squared error."""
    return rows.mean(rows.error**2)


def rmse(rows: Rows) -> np.ndarray:
    """Root of the mean squared error."""
    return np.sqrt(mse(rows))


def bias(rows: Rows) -> np.ndarray:
    """Mean of forecast less truth."""
    return rows.mean(-rows.error)


def mape(rows: Rows) -> np.ndarray:
    """Mean absolute error in percent of each value; a value of 0 makes its group NaN."""
    return 100.0 * rows.mean(ratio(np.abs(rows.error), np.abs(rows.y)))


def smape(rows: Rows) -> np.ndarray:
    """Mean absolute error in percent of the mean size of truth and forecast; 0 / 0 is 0."""
    size = np.abs(rows.y) + np.abs(rows.forecast)
    return 200.0 * rows.mean(np.abs(rows.error) / np.where(size == 0.0, 1.0, size))


def wape(rows: Rows) -> np.ndarray:
    """Sum of absolute errors in percent of the sum of absolute values."""
    return 100.0 * rows.mean(np.abs(rows.error), over=np.abs(rows.y))


def mase(rows: Rows) -> np.ndarray:
    """Mean absolute error over that of the seasonal naive forecast in the past."""
    return rows.scaled_mean(np.abs(rows.error), rows.scale)


def rmsse(rows: Rows) -> np.ndarray:
    """Root of the mean squared error over that of the seasonal naive forecast in the past."""
    return np.sqrt(rows.scaled_mean(rows.error**2, rows.squared_scale))


def owa(smape: np.ndarray, mase: np.ndarray, simple_smape: np.ndarray, simple_mase: np.ndarray) -> np.ndarray:
    """Both measures over those of the benchmark, and the mean; not of rows but of scores, of one group or means."""
    return 0.5 * (ratio(smape, simple_smape) + ratio(mase, simple_mase))


PARTS = (smape, mase)  # of `owa`


def relative_mae(rows: Rows) -> np.ndarray:
    """Sum of absolute errors over that of the benchmark."""
    return rows.mean(np.abs(rows.error), over=np.abs(rows.y - rows.benchmark))


def _pinballs(rows: Rows) -> np.ndarray:
    """Loss of each row, the mean over its quantiles."""
    error = rows.y[:, None] - rows.by_quantile
    return np.maximum(rows.quantiles * error, (rows.quantiles - 1.0) * error).mean(axis=1)


def pinball(rows: Rows) -> np.ndarray:
    """Mean pinball loss over rows and quantiles."""
    return rows.mean(_pinballs(rows))


def wql(rows: Rows) -> np.ndarray:
    """Twice the sum of pinball losses over the sum of absolute values, the mean over quantiles."""
    return 2.0 * rows.mean(_pinballs(rows), over=np.abs(rows.y))


def crps(rows: Rows) -> np.ndarray:
    """Mean distance of truth and paths, less half the mean distance of two paths."""
    n = len(rows.paths)
    distance = np.abs(rows.paths - rows.y).mean(axis=0)
    if n == 1:
        return rows.mean(distance)
    rank = 2.0 * np.arange(n) - (n - 1.0)  # the sum over pairs of |x - x'| is that of rank * x, x sorted
    return rows.mean(distance - rank @ np.sort(rows.paths, axis=0) / (n * (n - 1.0)))


def _interval_scores(rows: Rows) -> np.ndarray:
    outside = np.maximum(rows.lower - rows.y, 0.0) + np.maximum(rows.y - rows.upper, 0.0)
    return rows.upper - rows.lower + 200.0 / (100.0 - rows.level) * outside


def interval_score(rows: Rows) -> np.ndarray:
    """Mean width, and a fine for what lies outside."""
    return rows.mean(_interval_scores(rows))


def msis(rows: Rows) -> np.ndarray:
    """Interval score over the mean absolute error of the seasonal naive forecast in the past."""
    return rows.scaled_mean(_interval_scores(rows), rows.scale)


def coverage(rows: Rows) -> np.ndarray:
    """Percent of values inside the interval, its ends included."""
    return 100.0 * rows.mean(((rows.lower <= rows.y) & (rows.y <= rows.upper)).astype(np.float64))


def width(rows: Rows) -> np.ndarray:
    """Mean width of the interval."""
    return rows.mean(rows.upper - rows.lower)


def scaled_width(rows: Rows) -> np.ndarray:
    """Width over the mean absolute error of the seasonal naive forecast in the past."""
    return rows.scaled_mean(rows.upper - rows.lower, rows.scale)


@dataclass(frozen=True)
class Metric:
    """A formula, the forecasts that it reads, and whether it needs the past or a benchmark."""

    formula: Formula
    reads: str = "points"  # "points", "interval", "quantiles" or "paths"
    scaled: bool = False
    against: bool = False


METRICS = {
    "mae": Metric(mae),
    "mse": Metric(mse),
    "rmse": Metric(rmse),
    "bias": Metric(bias),
    "mape": Metric(mape),
    "smape": Metric(smape),
    "wape": Metric(wape),
    "nd": Metric(wape),
    "mase": Metric(mase, scaled=True),
    "rmsse": Metric(rmsse, scaled=True),
    "owa": Metric(mase, scaled=True, against=True),  # made of the means of sMAPE and MASE, see `evaluate`
    "relative_mae": Metric(relative_mae, against=True),
    "pinball": Metric(pinball, "quantiles"),
    "wql": Metric(wql, "quantiles"),
    "crps": Metric(crps, "paths"),
    "interval_score": Metric(interval_score, "interval"),
    "msis": Metric(msis, "interval", scaled=True),
    "coverage": Metric(coverage, "interval"),
    "width": Metric(width, "interval"),
    "scaled_width": Metric(scaled_width, "interval", scaled=True),
}
