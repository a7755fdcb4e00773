"""Rows that go on behind the end of series that are known: read, and checked to begin one step behind it."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from forecastrnn.data.clock_changes import lateness_behind
from forecastrnn.data.continuation import continue_times
from forecastrnn.data.frame_columns import Names, first_few
from forecastrnn.data.series_input import SeriesReader, SeriesSet, TimeAxis
from forecastrnn.data.time_index import ordinals_of, to_index

_SINGLE = ("series", "array", "dated")  # forms of one series, whatever its name
_FORMS = {
    "series": "a Series", "array": "a list or an array", "dated": "a frame of times and values", "wide": "a wide frame",
    "long": "a long frame", "multi_series": "a Series with a MultiIndex", "multi_frame": "a frame with a MultiIndex",
}  # fmt: skip


@dataclass(frozen=True)
class NewRows:
    """Rows behind the end of some series, as they were read.

    series (n,): which of those that are known; axis: of all of them, from the new ends on.
    """

    read: SeriesSet
    series: np.ndarray
    axis: TimeAxis


def read_new_rows(
    y: object, axis: TimeAxis, columns: Mapping[str, Hashable], *, missing: str = "raise", argument: str = "y_new",
    alias: str = "RNN",
) -> NewRows:  # fmt: skip
    """Check rows that go on from the ends of the series of an axis.

    Parameters
    ----------
    y : Series, DataFrame, list or ndarray
        In the form that the series had: some or all of them, a wide frame all of its columns.
    axis : TimeAxis
        Of the series.
    columns : mapping
        Names of the columns of a long frame, as `read_series` has them.
    missing : {"raise", "mask", "zero"}
        What NaN and absent rows mean, as in `read_series`.
    argument, alias : str
        As in `read_series`.

    Returns
    -------
    NewRows

    Raises
    ------
    TypeError, ValueError
        As `read_series` raises them; if the form is another one, a series is not known, or rows do not begin one step
        behind the end of their series.

    Examples
    --------
    >>> from forecastrnn.data.series import read_series
    >>> year = pd.Series(1.0, index=pd.date_range("2024-01-01", periods=12, freq="MS"))
    >>> axis = read_series(year[:11]).axis
    >>> new = read_new_rows(year[11:], axis, {})
    >>> new.read.values.tolist(), new.axis.after(np.array([1]))[0]
    ([1.0], Timestamp('2025-01-01 00:00:00'))
    """
    reader = SeriesReader(
        names=Names(**{"id_col": "unique_id", "time_col": "ds", "target_col": "y"} | dict(columns)), missing=missing,
        min_length=0, needs="it needs", argument=argument, freq=axis.clock, alias=alias,
    )  # fmt: skip
    read = reader.read(y)
    if read.axis.form != axis.form:
        raise ValueError(
            f"{argument} must have the form of the y of fit, {_FORMS[axis.form]}. Got {_FORMS[read.axis.form]}"
        )
    series = _series_of(read, axis, argument)
    if axis.form != "array":
        _check_begin(read, axis, series, argument)
    return NewRows(read, series, _moved(read, axis, series))


def _series_of(read: SeriesSet, axis: TimeAxis, argument: str) -> np.ndarray:
    """Which series the rows belong to."""
    if axis.form in _SINGLE:
        return np.zeros(1, np.int64)
    known, given = set(axis.ids), set(read.ids)
    if not given <= known:
        new = [name for name in read.ids if name not in known]
        were = "was" if len(new) == 1 else "were"
        raise ValueError(
            f"{argument}: series {first_few(new)} {were} not in fit. predict(y=...) forecasts series that fit has not "
            "seen; drop their rows here"
        )
    if axis.form == "wide" and len(given) < len(known):
        lacking = [name for name in axis.ids if name not in given]
        columns = "column" if len(lacking) == 1 else "columns"
        raise ValueError(
            f"{argument} lacks the {columns} {first_few(lacking)}: the series of a wide frame end together. Give NaN "
            "where nothing is known yet, with missing='mask', or fit a long frame, whose series may end apart"
        )
    return axis.position(read.ids)


def _check_begin(read: SeriesSet, axis: TimeAxis, series: np.ndarray, argument: str) -> None:
    """The first row of each series lies one step behind its end."""
    one = slice(0, 1 if axis.form in (*_SINGLE, "wide") else None)  # of series that share their times
    begins, expected = _begins(read, axis, series[one], np.arange(read.n_series)[one])
    wrong = np.asarray(begins != expected)
    if not wrong.any():
        return
    row = int(np.argmax(wrong))
    known, begin, next_one = int(series[row]), begins[row], expected[row]
    more = int(wrong.sum()) - 1
    others = f" ({more} more series {'does' if more == 1 else 'do'} not go on either)" if more else ""
    said = (
        f"series {axis.ids[known]!r} ends at {axis.clock.describe(int(axis.last[known]))}, {argument} begins at "
        f"{begin}; expected {next_one}{others}"
    )
    if begin < next_one:
        raise ValueError(f"{said}: rows that are known already cannot be given again, also if they are equal")
    raise ValueError(f"{said} (fill the gap with NaN rows and missing='mask', or predict(y=...))")


def _begins(read: SeriesSet, axis: TimeAxis, series: np.ndarray, rows: np.ndarray) -> tuple[pd.Index, pd.Index]:
    """When some of the series that were read begin, and when those of the axis go on."""
    ends = axis.take(series)
    return to_index(read.axis.clock, read.first[rows]), continue_times(ends.clock, ends.last, np.array([1]), ends.late)


def refuse_new_rows(read: SeriesSet, axis: TimeAxis, context: int, argument: str) -> None:
    """Refuse, as whole series, a few rows that only go on from known ones: fewer than `context` and one."""
    clocks = read.axis.clock, axis.clock
    alike = clocks[0].kind == clocks[1].kind and (clocks[0].tz is None) == (clocks[1].tz is None)
    if not alike or "array" in (read.axis.form, axis.form):
        return
    if {read.axis.form, axis.form} <= set(_SINGLE):
        places = {read.ids[0]: 0} if read.axis.value_name == axis.value_name else {}
    else:
        places = dict(zip(axis.ids, range(axis.n_series), strict=True))
    short = np.diff(read.offsets) <= context
    rows = np.array([row for row in np.flatnonzero(short).tolist() if read.ids[row] in places], np.int64)
    if not len(rows):
        return
    begins, expected = _begins(read, axis, np.array([places[read.ids[row]] for row in rows]), rows)
    new = np.flatnonzero(np.asarray(begins == expected))
    if len(new):
        row = int(rows[new[0]])
        count = int(np.diff(read.offsets)[row])
        raise ValueError(
            f"{argument}: series {read.ids[row]!r} has {count} rows, which begin right behind "
            f"the end of the series that is known, at {begins[new[0]]}: a forecast would rest on them alone. Take them "
            "in with update(y_new), or give the whole history with them at its end"
        )


def _moved(read: SeriesSet, axis: TimeAxis, series: np.ndarray) -> TimeAxis:
    """The axis with the new ends of some series."""
    last, late = axis.last.copy(), np.zeros(axis.n_series, np.int64) if axis.late is None else axis.late.copy()
    if axis.form == "array":
        last[series] += np.diff(read.offsets)
        return replace(axis, last=last)
    last[series] = ordinals_of(to_index(read.axis.clock, read.axis.last), axis.clock)
    late[series] = lateness_behind(last[series], axis.last[series], late[series], axis.clock)
    return replace(axis, last=last, late=late if late.any() else None)
