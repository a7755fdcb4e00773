"""Rows of series as series of their own: what was known at an earlier time."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace

import numpy as np

from forecastrnn.data.clock_changes import lateness
from forecastrnn.data.row_ranges import rows_between
from forecastrnn.data.series_input import SeriesSet
from forecastrnn.data.time_index import wall_of


def cut(read: SeriesSet, series: np.ndarray, begins: np.ndarray, ends: np.ndarray) -> SeriesSet:
    """The rows begins[i] to before ends[i] of all values, which are rows of series[i]; a series may come several times.

    Examples
    --------
    >>> import numpy as np
    >>> from forecastrnn.data.series import read_series
    >>> cut(read_series([1.0, 2.0, 3.0]), np.array([0, 0]), np.array([0, 1]), np.array([2, 3])).values
    array([1., 2., 2., 3.])
    """
    rows, offsets = rows_between(begins, ends)
    ordinals, clock = read.times(rows), read.axis.clock
    late = lateness(ordinals, wall_of(ordinals, clock), offsets, clock)
    axis = replace(read.axis.take(series), last=ordinals[offsets[1:] - 1], late=late)
    beside = read.covariates and read.covariates.take(rows)
    return SeriesSet(read.values[rows], offsets, axis.ids, axis, ordinals, beside, argument=read.argument)


def in_long_form(read: SeriesSet, id_col: Hashable, time_col: Hashable, target_col: Hashable) -> SeriesSet:
    """The same series, whose forecasts are written as a long frame; the names of a long input stay."""
    axis = read.axis
    if axis.form in ("long", "dated"):
        time_col, target_col = axis.time_name, axis.value_name
    id_col = axis.id_name if axis.form == "long" else id_col
    axis = replace(axis, form="long", id_name=id_col, time_name=time_col, value_name=target_col)
    return replace(read, axis=axis)
