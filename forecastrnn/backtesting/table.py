"""The result of a backtest: forecasts in long form, each with its cutoff and what came."""

from __future__ import annotations

import numpy as np
import pandas as pd

from forecastrnn.backtesting.origins import Origins
from forecastrnn.data.series_input import SeriesSet
from forecastrnn.data.time_index import to_index

CUTOFF = "cutoff"


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


def ends_of(forecasts: pd.DataFrame, alias: str) -> list[str]:
    """What stands behind the alias in the names of its intervals and quantiles: "-lo-80", "_ql0.1"."""
    texts = [name for name in forecasts.columns if isinstance(name, str)]
    return [
        name.removeprefix(alias) for name in texts if name.startswith((f"{alias}-lo-", f"{alias}-hi-", f"{alias}_ql"))
    ]
