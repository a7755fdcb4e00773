"""When means of older history are inputs by default: where histories are long.

In backtests four blocks as long as the context made the forecasts of long histories better, hourly and daily panels as
well as single weekly series. On short ones most blocks reach back beyond the beginning, and forecasts were worse.
"""

from __future__ import annotations

import numpy as np

from forecastrnn.forecasting.preparation import Prepared
from forecastrnn.forecasting.settings import MANY

BLOCKS = 4
LONG = 1_000  # values of the median series, from which on a set of few is
WHOLE = 8  # contexts in the shortest series, at least: the blocks are known in most of its windows
SHORTEST = 24  # values of a block, at least: a shorter context has no more history in it


def usual_older_means(prepared: Prepared) -> tuple[int, ...]:
    """Length and count of the blocks that networks of such series read; (): none."""
    known, length = prepared.known, max(prepared.context, SHORTEST)
    is_long = known.sum() >= MANY or np.median(known) >= LONG
    return (length, BLOCKS) if is_long and known.min() >= WHOLE * length else ()
