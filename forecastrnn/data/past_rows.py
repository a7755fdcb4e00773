"""The last values of series as a long frame."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace

import numpy as np
import pandas as pd

from forecastrnn.data.frame_columns import Names
from forecastrnn.data.series_input import TimeAxis


def write_past(
    axis: TimeAxis, values: np.ndarray | None, id_col: Hashable, time_col: Hashable, target_col: Hashable
) -> pd.DataFrame:
    """Values (n_series, k) that end where their series end, from the first known one of each on; None: no rows.

    A long input keeps its names; the others have those that are given.

    Examples
    --------
    >>> import numpy as np
    >>> from forecastrnn.data.series import read_series
    >>> write_past(read_series([1.0, 2.0, 3.0]).axis, np.array([[np.nan, 2.0, 3.0]]), "id", "time", "value")
      id  time  value
    0  y     1    2.0
    1  y     2    3.0
    """
    if axis.form in ("long", "dated"):
        time_col, target_col = axis.time_name, axis.value_name
    id_col = axis.id_name if axis.form == "long" else Names.id_col if id_col is None else id_col
    values = np.empty((axis.n_series, 0)) if values is None else values
    n, k = values.shape
    times = replace(axis, form="long").after(np.arange(1 - k, 1)) if k else axis.after(np.arange(1, 2))[:0]
    ids = axis.id_index.repeat(k)
    begun = np.isfinite(values).cumsum(axis=1).reshape(-1) > 0
    found = pd.DataFrame({id_col: ids, time_col: times, target_col: values.reshape(-1)})
    return found[begun].reset_index(drop=True)
