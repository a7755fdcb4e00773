"""How far to forecast: a number of steps, some of them, or all up to a time."""

from __future__ import annotations

import datetime
import re
from collections.abc import Sized
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from forecastrnn.data.arrays import LARGEST
from forecastrnn.data.continuation import check_reach, pace_of
from forecastrnn.data.time_index import Clock, to_index
from forecastrnn.masks import refuse_masked
from forecastrnn.naming import is_name

if TYPE_CHECKING:
    from forecastrnn.data.series_input import TimeAxis

_MAX_VALUES = 2**30  # forecasts in one column: 8 GiB
_MAX_LISTED = 2**20  # steps named one by one
_DATE = re.compile(r"\d{4}(\d{4}|Q[1-4]|-\d\d?.*)?")


def is_time(h: object) -> bool:
    """Whether a horizon is a last time: a date as text, or a time of any kind."""
    return isinstance(h, datetime.date | np.datetime64 | pd.Period) or isinstance(h, str) and bool(_DATE.fullmatch(h))


def read_horizon(axis: TimeAxis, h: Any) -> np.ndarray:
    """Check the steps to forecast, before anything is allocated for them.

    Parameters
    ----------
    axis : TimeAxis
        Of the series to forecast.
    h : int, sequence of int, or time
        The number of steps; the steps wanted, in any order; or a last time, a text such as "2025-12", a Timestamp or a
        Period: all steps up to it, its end included.

    Returns
    -------
    ndarray of shape (n_steps,), int64
        The steps in increasing order, the first after the last known time being 1.

    Raises
    ------
    ValueError
        If `h` is empty, repeats a step, holds something other than integers >= 1, is too large for
        the index or for memory, or is a time that no series lies before.
    TypeError
        If `h` is a time, and the series have none, or only one of both has a time zone.

    Examples
    --------
    >>> from forecastrnn.data.series import read_series
    >>> read_horizon(read_series([1.0, 2.0]).axis, [4, 2])
    array([2, 4])
    """
    if is_time(h):
        return np.arange(1, _steps_until(axis, h) + 1)
    refuse_masked(h, "h")
    single = isinstance(h, int | np.integer) and not isinstance(h, bool)
    listed = isinstance(h, list | tuple | range | np.ndarray) and getattr(h, "ndim", 1) == 1
    if listed and len(h) > _MAX_LISTED:
        raise ValueError(f"h is too large a list, of {len(h)} steps; give the number of steps instead")
    chosen = list(h) if listed else [h]
    for step in chosen:
        if not isinstance(step, int | np.integer) or isinstance(step, bool | np.timedelta64) or step < 1:
            raise ValueError(f"h must be an integer >= 1, a list of such steps, or a last time. Got {_shown(step)}")
    if not chosen or len(set(chosen)) < len(chosen):
        raise ValueError(f"h must name at least one step and none twice. Got {h!r}")
    furthest = int(max(chosen))
    _check_size(axis, furthest, f"h={furthest}")
    return np.arange(1, furthest + 1) if single else np.sort(np.array(chosen, dtype=np.int64))


def _shown(h: object) -> str:
    """What was given as h; values that came in its place are taken for a history."""
    if isinstance(h, str | bytes) or not isinstance(h, Sized) or getattr(h, "shape", None) == ():
        return f"{h!r:.80}"
    return (
        f"a {type(h).__name__} of length {len(h)}. Series to forecast from go to y: predict(h, y=...); searches score "
        "their forecasts by forecastrnn.model_selection.ForecastScore"
    )


def _check_size(axis: TimeAxis, furthest: int, what: str) -> None:
    if furthest >= LARGEST:
        raise ValueError(f"h is too large: a number of {furthest.bit_length()} bits")
    if furthest * axis.n_series > _MAX_VALUES:
        size = 8.0 * furthest * axis.n_series / 2**30
        raise ValueError(f"{what} is too large: {axis.n_series} series would need {size:.3g} GiB")
    check_reach(axis.clock, int(axis.last.max()), furthest)


def last_of(axis: TimeAxis, h: object) -> pd.Timestamp | pd.Period:
    """A last time as one of the index of the series: a text or a Period is its end, a time without zone is local."""
    clock = axis.clock
    if clock.kind == "integer":
        raise TypeError(f"h={h!r} is a time, but the series have none: give the number of steps")
    try:
        whole = isinstance(h, str | pd.Period) or type(h) is datetime.date
        end = pd.Period(h if isinstance(h, pd.Period) else str(h)).end_time if whole else pd.Timestamp(h)
    except ValueError as error:
        raise ValueError(f"h={h!r} is no date that pandas can read: {error}") from error
    if end is pd.NaT:
        raise ValueError("h is NaT (no time)")
    if clock.kind == "period":
        return pd.Period(end.tz_localize(None), freq=clock.freq)
    if end.tzinfo is not None and clock.tz is None:
        raise TypeError(f"h={h!r} has a time zone, but the times of the series have none: use tz_localize(None)")
    if clock.tz is None:
        return end
    try:
        if end.tzinfo is not None:
            return end.tz_convert(clock.tz)
        return end.tz_localize(clock.tz, nonexistent="shift_forward", ambiguous=False)
    except (NotImplementedError, OverflowError, ValueError) as error:
        raise ValueError(f"h={h!r} is too late for the time zone {clock.tz}: give the number of steps") from error


def _steps_until(axis: TimeAxis, h: object) -> int:
    """Steps of the series that ends first up to a time."""
    last, first = last_of(axis, h), axis.take([int(np.argmin(axis.last))])
    begin = to_index(axis.clock, first.last)[0]
    most = int(_days_between(begin, last, axis.clock) / pace_of(axis.clock) * 1.5) + 10  # paces are means
    _check_size(axis, most, f"h={h!r}")
    count = int((first.after(np.arange(1, most + 1)) <= last).sum()) if last > begin else 0
    if count == 0:
        raise ValueError(
            f"h={h!r} is not behind the series, which go on from {begin} with steps of {axis.clock.freqstr}"
        )
    return count


def _days_between(begin: pd.Timestamp | pd.Period, last: pd.Timestamp | pd.Period, clock: Clock) -> float:
    """Days between two times of one index, 0 if they are the other way round."""
    if clock.kind == "period":
        begin, last = begin.start_time, last.start_time
    return max((last - begin) / pd.Timedelta("1D"), 0.0)


def ids_of(ids: object) -> list:
    """Names of series, each once: a list of them, or one alone."""
    refuse_masked(ids, "ids")
    names = ids.tolist() if isinstance(ids, np.ndarray | pd.Index | pd.Series) else ids
    names = names if isinstance(names, list) else [names]
    if not all(map(is_name, names)):
        raise TypeError(f"ids must be the name of a series, or a list of names. Got {ids!r}")
    twice = [name for name in names if names.count(name) > 1]
    if not names or twice:
        raise ValueError(f"ids must name at least one series and none twice. Got {twice[0] if twice else ids!r}")
    return names
