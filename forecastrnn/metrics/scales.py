"""What errors are divided by: how far the seasonal naive forecast was off in the past."""

from __future__ import annotations

import numpy as np

from forecastrnn.metrics.rows import ratio


def seasonal_errors(
    values: np.ndarray, series: np.ndarray, season: int, spans: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Mean absolute and mean squared change over a season, of each span of rows.

    values, series: (n,), each series in the order of time; spans: (n_spans, 2), first row and the one behind the last,
    within a series. Changes from or to NaN are left out; NaN (n_spans,) where there is none.
    """
    change = np.full(len(values), np.nan)
    change[season:] = np.where(series[season:] == series[:-season], values[season:] - values[:-season], np.nan)
    known = np.isfinite(change)
    change = np.where(known, change, 0.0)
    count = _sums(known.astype(np.float64), spans)
    return ratio(_sums(np.abs(change), spans), count), ratio(_sums(change**2, spans), count)


def _sums(values: np.ndarray, spans: np.ndarray) -> np.ndarray:
    """Sum of each span, without those before it: no digits are lost to larger series."""
    if not len(spans):
        return np.empty(0)
    found = np.add.reduceat(np.append(values, 0.0), spans.ravel())[::2]
    return np.where(spans[:, 0] < spans[:, 1], found, 0.0)
