"""The last values of each series as they were given: what a picture of a forecast begins with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from forecastrnn.forecasting.moving import NewValues
from forecastrnn.forecasting.preparation import usual_context

if TYPE_CHECKING:
    from forecastrnn.data.series import SeriesSet

CONTEXTS = 2  # so many contexts are kept: four seasons


def recent_of(read: SeriesSet, context: int, season: int) -> np.ndarray:
    """The last values (n_series, 2 contexts) of each series; NaN where they are missing, or before it begins.

    Of short series, which networks read in shorter contexts, as many as of others, where they have so many.
    """
    longest = int(np.diff(read.offsets).max())
    count = max(CONTEXTS * context, min(CONTEXTS * usual_context(season), longest))
    at = read.offsets[1:, None] + np.arange(-count, 0)
    return np.where(at >= read.offsets[:-1, None], read.values[np.maximum(at, 0)], np.nan)


def recent_behind(recent: np.ndarray, new: NewValues) -> np.ndarray:
    """Those behind new values, which are of some or all series."""
    width = np.arange(recent.shape[1])
    count = np.minimum(new.counts, len(width))
    at = (new.offsets[1:] - count)[:, None] + width
    came = new.values[np.minimum(at, max(len(new.values) - 1, 0))] if len(new.values) else np.empty(at.shape)
    found = recent.copy()
    both = np.concatenate([recent[new.series], came], axis=1)
    found[new.series] = np.take_along_axis(both, width + count[:, None], axis=1)
    return found
