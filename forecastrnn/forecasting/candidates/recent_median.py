"""The median of the last values of a series that is often zero, also rounded to a whole number.

Such demand comes now and then: most of its values are forecast exactly by zero, as no mean is.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from forecastrnn.engine.cpu.last_season import RING
from forecastrnn.forecasting.candidates.candidate import Candidate, KnownSeries
from forecastrnn.forecasting.candidates.season_ago import rings_are_sound, rings_behind, rings_of

SHORTEST = 24  # of the values that count, in whole seasons, two at least
ZEROS = 0.3  # share of values from which on a series is intermittent: more than two days of each week


def intermittent(series: KnownSeries) -> np.ndarray:
    """Which series (n_series,) are zero in so many of their values."""
    zeros = np.add.reduceat((series.values == 0.0).astype(float), series.offsets[:-1])
    known = np.add.reduceat(np.isfinite(series.values).astype(float), series.offsets[:-1])
    return zeros >= ZEROS * known


def _begin(series: KnownSeries) -> np.ndarray:
    """Rings of the last values; series of other kinds have none."""
    seasons = max(2, -(-SHORTEST // series.season))
    width = np.minimum(seasons * series.season, np.diff(series.offsets))
    return rings_of(series, np.where(intermittent(series), width, 0))


def _medians(states: np.ndarray, h: int) -> np.ndarray:
    values = np.sort(states[:, RING:], axis=1)  # NaN comes last
    count, rows = np.isfinite(values).sum(axis=1), np.arange(len(values))
    middle = 0.5 * values[rows, np.maximum(count - 1, 0) // 2] + 0.5 * values[rows, np.minimum(count // 2, count)]
    return np.repeat(np.where(states[:, 0] > 0, middle, np.nan)[:, None], h, axis=1)


RECENT_MEDIAN = Candidate(
    name="recent_median", prior=0.05, begin=_begin, behind=rings_behind, ahead=_medians, is_sound=rings_are_sound,
    is_median=True,
)  # fmt: skip
RECENT_MEDIAN_ROUNDED = replace(  # counts are whole: a median between two of them is never met
    RECENT_MEDIAN, name="recent_median_rounded", prior=0.6, ahead=lambda states, h: np.rint(_medians(states, h))
)
