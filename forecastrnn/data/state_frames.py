"""States of a network over the times of a series, as a frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from forecastrnn.data.series_input import TimeAxis


def write_states(axis: TimeAxis, layers: Sequence[Mapping[str, np.ndarray]]) -> pd.DataFrame:
    """States (steps, units) by name of each layer, at the times before the last one of the series of the axis.

    Examples
    --------
    >>> import numpy as np
    >>> from forecastrnn.data.series import read_series
    >>> found = write_states(read_series([1.0, 2.0, 3.0]).axis, [{"h": np.zeros((2, 3))}])
    >>> found.index.tolist(), found.columns.tolist()
    ([0, 1], [(0, 'h', 0), (0, 'h', 1), (0, 'h', 2)])
    """
    columns = {
        (number, name, unit): values[:, unit]
        for number, states in enumerate(layers)
        for name, values in states.items()
        for unit in range(values.shape[1])
    }
    steps = len(next(iter(columns.values())))
    index = axis.after(np.arange(-steps, 0))
    names = ["layer", "name", "unit"]
    return pd.DataFrame(np.stack(list(columns.values()), 1), index, pd.MultiIndex.from_tuples(columns, names=names))
