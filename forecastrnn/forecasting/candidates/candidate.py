"""What a forecast without training is made of, whatever its formula: all series at once, in compiled code.

A candidate's state is one row of numbers a series, found once from its whole history (`begin`) and moved on value by
value (`behind`), so that a forecast (`ahead`) needs no history, a model file keeps little, and new values that come at
once or one by one lead to the same bits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from forecastrnn.data.row_ranges import rows_between


@dataclass(frozen=True, kw_only=True)
class KnownSeries:
    """Series end to end in values (total,), in their own unit, the gaps NaN; offsets (n_series + 1,) where each begins.

    Each begins and ends with a known value. season : in steps, 1 where there is none; periods (n_series,) : the longer
    season that was found in each, the season itself where none was.
    """

    values: np.ndarray
    offsets: np.ndarray
    season: int
    periods: np.ndarray

    @property
    def n_series(self) -> int:
        """Number of series."""
        return len(self.offsets) - 1

    def take(self, rows: np.ndarray) -> KnownSeries:
        """Some of them."""
        at, offsets = rows_between(self.offsets[rows], self.offsets[rows + 1])
        return replace(self, values=self.values[at], offsets=offsets, periods=self.periods[rows])


def _is_finite(states: np.ndarray) -> bool:
    """Enough where no number of a state is a place in it."""
    return bool(np.isfinite(states).all())


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A formula that forecasts series from their own history alone.

    name : as `candidates=` and `weights_` have it. prior : its share before anything is known, beside the others'.
    begin(series) : the states (n_series, width) behind the end of series. behind(states, values, offsets, rows) : new
    states, some rows of which have read values (total,) end to end, those of row rows[k] between offsets[k] and
    offsets[k + 1]; the states given stay as they are. ahead(states, h) : forecasts (n_series, h), in the unit of the
    series; NaN where it is none for a series, which then does without it. is_sound(states) : whether states, as a file
    may have them, are such that compiled code finds its way in them. of_means : it forecasts means, not medians.
    is_median : where it forecasts a series, forecasts are mixed by their weighted median: a mean is never exactly zero.
    is_usual : it is one of those that are mixed where nobody names any.
    """

    name: str
    prior: float
    begin: Callable[[KnownSeries], np.ndarray]
    behind: Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray], np.ndarray]
    ahead: Callable[[np.ndarray, int], np.ndarray]
    is_sound: Callable[[np.ndarray], bool] = _is_finite
    of_means: bool = False
    is_median: bool = False
    is_usual: bool = True
