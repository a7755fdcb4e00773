"""How far each row of data is from the end of its series, without reading more of them."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np
import pandas as pd

from forecastrnn.masks import refuse_masked


def series_of_rows(y: object, id_col: Hashable) -> np.ndarray:
    """A number (n_rows,) for the series of each row: by a column of ids, the first of two index levels, or one for all.

    Examples
    --------
    >>> series_of_rows(pd.DataFrame({"unique_id": ["b", "a", "b"], "y": 1.0}), "unique_id")
    array([0, 1, 0])
    """
    index = getattr(y, "index", None)
    if isinstance(y, pd.DataFrame) and id_col in y.columns:
        keys: Any = y[id_col]
    elif isinstance(index, pd.MultiIndex):
        keys = index.get_level_values(0)
    else:
        return np.zeros(len(y), np.int64)  # type: ignore[arg-type]
    return numbered(keys)


def numbered(keys: Any) -> np.ndarray:
    """Names (n_rows,) as numbers, in the order of their first rows."""
    refuse_masked(keys, "groups")
    return pd.factorize(pd.Index(keys))[0]


def rows_behind(series: np.ndarray) -> np.ndarray:
    """How many rows (n_rows,) of the same series come behind each."""
    order = np.argsort(series, kind="stable")
    counts = np.bincount(series)
    behind = np.empty(len(series), np.int64)
    behind[order] = np.cumsum(counts)[series[order]] - 1 - np.arange(len(series))
    return behind
