"""Sample paths as pandas: columns of paths, or a row for each time and path."""

from __future__ import annotations

import numpy as np
import pandas as pd

from forecastrnn.data.frame_columns import check_apart
from forecastrnn.data.horizon import is_time, last_of, read_horizon
from forecastrnn.data.series_input import TimeAxis

PATH = "path"


def write_paths(axis: TimeAxis, paths: np.ndarray, h: object, name: str) -> pd.DataFrame:
    """Futures as a frame on the index of their series continued.

    Parameters
    ----------
    axis : TimeAxis
        Of the series.
    paths : (n_paths, n_series, n_steps)
    h : int, sequence of int, or time
        As in `write_forecast`.
    name : str
        Of the column of values, where paths are rows.

    Returns
    -------
    DataFrame
        One series: a column for each path, 0 .. n - 1, called `path`. A wide frame: columns (series, path). All else,
        rows of series, time and path, with the names that the columns (or levels of the index) had.

    Examples
    --------
    >>> import numpy as np
    >>> from forecastrnn.data.series import read_series
    >>> write_paths(read_series([1.0, 2.0]).axis, np.array([[[3.0, 4.0]], [[5.0, 6.0]]]), 2, "RNN")
    path    0    1
    2     3.0  5.0
    3     4.0  6.0
    """
    steps, numbers = read_horizon(axis, h), np.arange(len(paths))
    if axis.form in ("series", "array"):
        index, columns = axis.after(steps).rename(axis.time_name), pd.Index(numbers, name=PATH)
        return pd.DataFrame(paths[:, 0].T, index=index, columns=columns)
    if axis.form == "wide":
        return _wide(axis, paths, steps)
    return _tidy(axis, paths, steps, h, name)


def _wide(axis: TimeAxis, paths: np.ndarray, steps: np.ndarray) -> pd.DataFrame:
    """Columns (series, path), the paths of a series beside each other."""
    count, levels = len(paths), len(axis.id_name)
    keys = [name if levels > 1 else (name,) for name in axis.ids]
    names = pd.MultiIndex.from_tuples([(*key, path) for key in keys for path in range(count)])
    values = paths.transpose(2, 1, 0).reshape(len(steps), -1)
    index = axis.after(steps).rename(axis.time_name)
    return pd.DataFrame(values, index=index, columns=names.set_names([*axis.id_name, PATH]))


def _tidy(axis: TimeAxis, paths: np.ndarray, steps: np.ndarray, h: object, name: str) -> pd.DataFrame:
    """A row for each series, time and path, in this order; up to a last time, where there is one."""
    count, times = len(paths), axis.after(steps)
    check_apart([*([] if axis.form == "dated" else [axis.id_name]), axis.time_name, PATH, name], "sample_paths")
    columns: dict = {axis.time_name: times.repeat(count)}
    if axis.form != "dated":
        ids = axis.id_index
        columns = {axis.id_name: ids.repeat(len(steps) * count)} | columns
    columns |= {PATH: np.tile(np.arange(count), len(times)), name: paths.transpose(1, 2, 0).reshape(-1)}
    out = pd.DataFrame(columns)
    if not is_time(h):
        return out
    there = np.asarray(times <= last_of(axis, h)).repeat(count)
    return out[there].reset_index(drop=True)
