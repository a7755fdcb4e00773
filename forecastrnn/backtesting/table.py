"""The result of a backtest: forecasts in long form, each with its cutoff and what came."""

from __future__ import annotations

from collections.abc import Hashable, Iterable

import numpy as np
import pandas as pd

from forecastrnn.backtesting.windows import Origins
from forecastrnn.data.series_input import SeriesSet
from forecastrnn.data.time_index import to_index

CUTOFF = "cutoff"


def check_names(names: Iterable[Hashable]) -> None:
    """Refuse two columns of one name."""
    seen: set[Hashable] = set()
    for name in names:
        if name in seen:
            raise ValueError(
                f"cross_validation: two columns would be called {name!r}; rename that of y, or give another alias"
            )
        seen.add(name)


def table_of(read: SeriesSet, origins: Origins, steps: list[int], forecasts: pd.DataFrame) -> pd.DataFrame:
    """Columns of series, time, cutoff, what came, and forecasts; series by series, cutoff by cutoff.

    forecasts : of all origins, in their order.
    """
    order = np.lexsort((origins.window, origins.series))
    rows = (order[:, None] * len(steps) + np.arange(len(steps))).ravel()
    found = forecasts.take(rows).reset_index(drop=True)
    end = origins.end[order]
    cutoffs = to_index(read.axis.clock, read.times(end - 1)).repeat(len(steps))
    came = read.values[end[:, None] + np.array(steps) - 1].ravel()
    found.insert(2, CUTOFF, cutoffs)
    found.insert(3, read.axis.value_name, came)
    return found
