"""The rows of covariates that a forecast needs, for a caller to fill in."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from forecastrnn.data.covariate_ahead import needed_until, wanted_behind
from forecastrnn.data.covariate_tables import CovariateTable
from forecastrnn.data.covariate_values import Covariate
from forecastrnn.data.series_input import TimeAxis


def write_future(
    axis: TimeAxis, h: object, steps: int, known: Sequence[Covariate], table: CovariateTable | None
) -> pd.DataFrame:
    """A frame with the index, or the columns of ids and times, of a forecast, and a column for each covariate.

    Parameters
    ----------
    axis : TimeAxis
        Of the series.
    h : int, sequence of int, or time
        How far to forecast; steps : the last step of it. Of series that end later than others fewer lie before a time.
    known : sequence of Covariate
        The columns. In a wide frame one that is not shared becomes one for each series: (series, covariate).
    table : CovariateTable or None
        What is known already; other values are missing.

    Examples
    --------
    >>> from forecastrnn.data.series import read_series
    >>> axis = read_series(pd.Series([3.0, 4.0], index=pd.date_range("2024-01-31", periods=2, freq="ME"))).axis
    >>> write_future(axis, 2, 2, [Covariate("price", "known", "number")], None)
                price
    2024-03-31    NaN
    2024-04-30    NaN
    """
    wanted = wanted_behind(axis, steps)
    rows = np.full(len(wanted.ordinals), -1) if table is None else table.keys.find(wanted.series, wanted.ordinals)
    values = {one.name: _values(one, table, rows) for one in known}
    times = axis.after(np.arange(1, steps + 1))
    if axis.form == "wide":
        return _wide(axis, times, known, values)
    if axis.form == "dated":
        return pd.DataFrame({axis.time_name: times} | values)
    if axis.form in ("series", "array"):
        index = times.rename(axis.time_name)
        return pd.DataFrame({name: each.array for name, each in values.items()}, index=index)
    ids = axis.id_index.repeat(steps)
    there = needed_until(axis, h, wanted)
    if axis.form == "long":
        whole = pd.DataFrame({axis.id_name: ids, axis.time_name: times} | values)
        return whole[there].reset_index(drop=True)
    index = pd.MultiIndex.from_arrays([ids, times], names=[axis.id_name, axis.time_name])
    return pd.DataFrame({name: each.array for name, each in values.items()}, index=index)[there]


def _values(one: Covariate, table: CovariateTable | None, rows: np.ndarray) -> pd.Series:
    """A column (n,), as far as a table has it."""
    if table is not None and one.name in table.columns:
        column = table.values[one.name].reset_index(drop=True)
        found = column.iloc[rows] if rows.min(initial=0) >= 0 else column.reindex(rows)
        return found.reset_index(drop=True)
    texts = one.kind == "category" and isinstance(one.categories[0], str)
    return pd.Series([None if texts else np.nan] * len(rows), dtype="str" if texts else float)


def _wide(axis: TimeAxis, times: pd.Index, known: Sequence[Covariate], values: dict) -> pd.DataFrame:
    """Plain columns where all are for all series, else those of each series beside each other."""
    index, h = times.rename(axis.time_name), len(times)
    if all(one.shared for one in known):
        return pd.DataFrame({name: each[:h].array for name, each in values.items()}, index=index)
    keys = [name if isinstance(name, tuple) and len(axis.id_name) > 1 else (name,) for name in axis.ids]
    columns = {
        (*key, name): each[row * h : (row + 1) * h].array
        for row, key in enumerate(keys)
        for name, each in values.items()
    }
    names = pd.MultiIndex.from_tuples(columns, names=[*axis.id_name, None])
    return pd.DataFrame(dict(enumerate(columns.values())), index=index).set_axis(names, axis=1)
