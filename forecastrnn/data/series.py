"""pandas to arrays and back: series, wide frames and long panels, read once at the door.

Whatever comes in becomes one float64 array with all series end to end, and a small `TimeAxis` from which
forecasts are written in the form of the input.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping

import numpy as np
import pandas as pd

from forecastrnn.data.caller_warnings import warn_caller
from forecastrnn.data.continuation import pace_of
from forecastrnn.data.frame_columns import Names, check_apart
from forecastrnn.data.frequency import season_of_offset
from forecastrnn.data.horizon import ids_of, is_time, last_of, read_horizon
from forecastrnn.data.series_input import SeriesReader, SeriesSet, TimeAxis
from forecastrnn.data.time_index import Clock

__all__ = [
    "SeriesSet",
    "TimeAxis",
    "check_step",
    "ids_of",
    "is_time",
    "read_horizon",
    "read_series",
    "refuse_other_step",
    "season_of",
    "write_forecast",
]

_SAME_PACE = 0.1  # months have 28 days or 31, a week of business days a holiday or none


def read_series(
    y: object, *, id_col: Hashable = "unique_id", time_col: Hashable = "ds", target_col: Hashable = "y",
    missing: str = "raise", min_length: int = 1, needs: str = "forecasting needs", argument: str = "y",
    freq: object = None, usual: Clock | None = None, alias: str = "RNN",
) -> SeriesSet:  # fmt: skip
    """Check one or many series and put them end to end.

    Parameters
    ----------
    y : Series, DataFrame, list or ndarray of shape (time,)
        One series; a wide frame, each column a series; a long frame with the columns `id_col`, `time_col`
        and `target_col` (a frame with one of the first two, or with a column that is not numeric, is taken
        as long); a frame of one series, with a column of times and one of values and no other; or a Series or
        one-column frame with a MultiIndex (series, time). Lists and arrays count their steps from 0. Times may be
        texts, where all are dates in one way only. Never changed.
    id_col, time_col, target_col : hashable, default="unique_id", "ds", "y"
        Columns of a long frame; id_col=None: the frame is one series, whatever other columns it has.
    missing : {"raise", "mask", "zero"}, default="raise"
        Whether NaN is an error, is kept, or is 0; and whether rows that are absent between two others are an error,
        rows of NaN, or rows of 0. A series of nothing but NaN is an error, unless it is one of zeros.
    min_length : int, default=1
        Least number of rows of a series, with the absent ones; 0: it may also be one of nothing but NaN.
    needs : str, default="forecasting needs"
        Who asks for `min_length`, for the message: "context_length needs".
    argument : str, default="y"
        What the caller calls `y`, for messages.
    freq : str, pandas offset or int, optional
        The step of the times (an int for integers), where the times do not tell or tell another; lists and arrays
        have none.
    usual : Clock, optional
        Of series read before: where the times allow it, these have the same step.
    alias : str, default="RNN"
        The name that forecasts will have: no column of ids or times may be called so.

    Returns
    -------
    SeriesSet
        Series in the order of the columns, or of their first rows.

    Raises
    ------
    TypeError
        If `y` has another type, its index or time column is not one of times, or its values are not
        numbers.
    ValueError
        If a series is too short or holds infinity or NaN that is not allowed, if times are missing, repeated,
        unsorted or without one constant step, or if a column is missing.

    Examples
    --------
    >>> import pandas as pd
    >>> sales = pd.Series([3.0, 4.0, 5.0], index=pd.date_range("2024-01-01", periods=3, freq="MS"))
    >>> found = read_series(sales.rename("sales"))
    >>> found.ids, found.offsets.tolist(), found.axis.clock.freqstr
    (('sales',), [0, 3], 'MS')
    """
    if missing not in ("raise", "mask", "zero"):
        raise ValueError(f"missing must be 'raise', 'mask' or 'zero'. Got {missing!r}")
    names = Names(id_col, time_col, target_col)
    names.check()
    reader = SeriesReader(
        names=names, missing=missing, min_length=min_length, needs=needs, argument=argument, freq=freq, usual=usual,
        alias=alias,
    )  # fmt: skip
    return reader.read(y)


def write_forecast(axis: TimeAxis, columns: Mapping[str, np.ndarray], h: object) -> pd.Series | pd.DataFrame:
    """Forecasts in the form of the input, on its index continued.

    Parameters
    ----------
    axis : TimeAxis
        Of the series that were forecast.
    columns : mapping of str to ndarray of shape (n_series, n_steps)
        For example "RNN", "RNN-lo-80", "RNN-hi-80".
    h : int, sequence of int, or time
        As in `read_horizon`, in increasing order of steps. Of series that end later than others fewer steps lie before
        a last time, perhaps none.

    Returns
    -------
    Series or DataFrame
        A series gives a Series named as it was (several columns: a frame with those columns); a frame of one
        series one with its column of times; a wide frame a wide frame with its columns (several: a MultiIndex
        of series and column); a long frame a long frame; a MultiIndex the same MultiIndex.

    Raises
    ------
    ValueError
        If `h` is not possible, or an array has another shape.

    Examples
    --------
    >>> import numpy as np
    >>> write_forecast(read_series([1.0, 2.0]).axis, {"RNN": np.array([[3.0, 4.0]])}, 2)
    2    3.0
    3    4.0
    dtype: float64
    """
    steps = read_horizon(axis, h)
    for name, values in columns.items():
        if np.shape(values) != (axis.n_series, len(steps)):
            raise ValueError(
                f"columns[{name!r}] must have shape ({axis.n_series}, {len(steps)}). Got {np.shape(values)}"
            )
    if axis.form in ("dated", "long"):
        check_apart([*([axis.id_name] if axis.form == "long" else []), axis.time_name, *columns])
    if axis.form == "dated":
        return pd.DataFrame({axis.time_name: axis.after(steps)} | {name: each[0] for name, each in columns.items()})
    if axis.form in ("series", "array"):
        index = axis.after(steps).rename(axis.time_name)
        if len(columns) == 1:
            return pd.Series(next(iter(columns.values()))[0], index=index, name=axis.value_name)
        return pd.DataFrame({name: values[0] for name, values in columns.items()}, index=index)
    if axis.form == "wide":
        return _write_wide(axis, columns, steps)
    out = _write_panel(axis, columns, steps)
    if not is_time(h):
        return out
    there = np.asarray(axis.after(steps) <= last_of(axis, h))
    return out[there].reset_index(drop=True) if axis.form == "long" else out[there]


def _write_wide(axis: TimeAxis, columns: Mapping[str, np.ndarray], steps: np.ndarray) -> pd.DataFrame:
    index = axis.after(steps).rename(axis.time_name)
    names = list(axis.id_name)
    if len(columns) == 1:
        values = next(iter(columns.values())).T
        if len(names) > 1:
            return pd.DataFrame(values, index=index, columns=pd.MultiIndex.from_tuples(axis.ids, names=names))
        return pd.DataFrame(values, index=index, columns=pd.Index(axis.ids, dtype=axis.id_dtype, name=names[0]))
    keys = [name if len(names) > 1 else (name,) for name in axis.ids]
    labels = [(*key, column) for key in keys for column in columns]
    values = np.stack(list(columns.values()), axis=1).reshape(len(labels), len(steps)).T
    return pd.DataFrame(values, index=index, columns=pd.MultiIndex.from_tuples(labels, names=[*names, None]))


def _write_panel(axis: TimeAxis, columns: Mapping[str, np.ndarray], steps: np.ndarray) -> pd.Series | pd.DataFrame:
    times = axis.after(steps)
    ids = axis.id_index.repeat(len(steps))
    flat = {name: np.reshape(values, -1) for name, values in columns.items()}
    if axis.form == "long":
        return pd.DataFrame({axis.id_name: ids, axis.time_name: times} | flat)
    index = pd.MultiIndex.from_arrays([ids, times], names=[axis.id_name, axis.time_name])
    if len(columns) > 1:
        return pd.DataFrame(flat, index=index)
    only = pd.Series(next(iter(flat.values())), index=index, name=axis.value_name)
    return only if axis.form == "multi_series" else only.to_frame(axis.value_name)


def columns_of(axis: TimeAxis) -> dict[str, dict[str, Hashable]]:
    """What a frame of forecasts tells `evaluate` of its columns, for its `attrs`; nothing where it has none of times.

    Examples
    --------
    >>> import pandas as pd
    >>> days = pd.date_range("2024", periods=2)
    >>> columns_of(read_series(pd.DataFrame({"day": days, "sales": [1.0, 2.0]})).axis)
    {'columns': {'time_col': 'day', 'target_col': 'sales'}}
    """
    if axis.form not in ("long", "dated"):
        return {}
    ids = {"id_col": axis.id_name} if axis.form == "long" else {}
    return {"columns": ids | {"time_col": axis.time_name, "target_col": axis.value_name}}


def season_of(axis: TimeAxis) -> int:
    """Season length in steps, guessed from the frequency.

    Hours 24 (any even part of a day: as many as a day has, so minutes 1440), seconds 60, days 7, business
    days 5 (of a working week, as many as it has), weeks 52, months 12, quarters 4; years, integers and others 1.

    Examples
    --------
    >>> import pandas as pd
    >>> axis = read_series(pd.Series(1.0, index=pd.date_range("2024", periods=9, freq="30min"))).axis
    >>> season_of(axis)
    48
    """
    clock = axis.clock
    if clock.kind == "integer":
        return 1
    return season_of_offset(clock.freq, clock.step if clock.kind == "period" else clock.freq.n)


def check_step(axis: TimeAxis, fitted: TimeAxis, argument: str = "y of predict") -> None:
    """Warn where series have other steps than those that a model was fitted on; plain numbers may stand for any.

    Examples
    --------
    >>> import pandas as pd
    >>> days, hours = (read_series(pd.Series(1.0, index=pd.date_range("2024", periods=9, freq=f))).axis for f in "Dh")
    >>> check_step(days, days)
    """
    if told := _other_step(axis, fitted, argument):
        warn_caller(
            f"{told}, whose season it goes on with: resample y to that, or give to_numpy() if the steps are meant to "
            "count alike"
        )


def refuse_other_step(axis: TimeAxis, fitted: TimeAxis, argument: str) -> None:
    """Refuse series of other steps than those that a model was fitted on."""
    if told := _other_step(axis, fitted, argument):
        raise ValueError(f"{told}: resample y to that")


def _other_step(axis: TimeAxis, fitted: TimeAxis, argument: str) -> str:
    """What to say of series whose steps are others than those of a fit; nothing if they are not."""
    clocks = (axis.clock, fitted.clock)
    if "array" in (axis.form, fitted.form) or len({clock.kind == "integer" for clock in clocks}) == 2:
        return ""
    pace, before = map(pace_of, clocks)
    if abs(pace / before - 1) <= _SAME_PACE:
        return ""
    name, known = (f"{clock.freqstr} (season {season_of(one)})" for clock, one in zip(clocks, (axis, fitted)))
    return f"{argument} has steps of {name}, but the model was fitted on steps of {known}"
