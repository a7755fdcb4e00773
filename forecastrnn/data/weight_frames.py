"""Weights of series as pandas: a row a series."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from forecastrnn.data.series_input import TimeAxis


def write_weights(axis: TimeAxis, names: Sequence[str], weights: np.ndarray) -> pd.DataFrame:
    """Weights (n_series, len(names)) as a frame whose index names the series as the input did.

    Examples
    --------
    >>> import numpy as np
    >>> from forecastrnn.data.series import read_series
    >>> write_weights(read_series([1.0, 2.0]).axis, ["network", "naive"], np.array([[0.75, 0.25]])).columns.tolist()
    ['network', 'naive']
    """
    levels = axis.id_name if isinstance(axis.id_name, list | tuple) else [axis.id_name]
    if axis.form == "wide" and len(levels) > 1:
        index: pd.Index = pd.MultiIndex.from_tuples(axis.ids, names=list(levels))
    else:
        index = axis.id_index.rename(levels[0])
    return pd.DataFrame(weights, index=index, columns=list(names))
