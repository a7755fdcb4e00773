"""Frames that users have, by series: what a panel draws."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pandas as pd

from forecastrnn.data.caller_warnings import warn_caller
from forecastrnn.data.frame_columns import first_few
from forecastrnn.data.series import read_series
from forecastrnn.data.time_index import to_index
from forecastrnn.metrics.columns import Columns, read_columns
from forecastrnn.metrics.forms import CUTOFF, Data, Names, long_values
from forecastrnn.metrics.keys import of_one_kind
from forecastrnn.native_frames import as_pandas

Levels: TypeAlias = float | Sequence[float] | None

_TELLING = 3  # times that tell what a step is


@dataclass(frozen=True, kw_only=True)
class Fan:
    """What is drawn of one model: its column, and the columns of the ends of its bands, widest first."""

    model: Hashable
    bands: list[tuple[float, Hashable, Hashable]]  # level, lower, upper


def columns_of(forecasts: pd.DataFrame, names: Names) -> Columns:
    """What the columns of forecasts stand for."""
    return read_columns({name: dtype.kind for name, dtype in forecasts.dtypes.items()}, names, None)


def fan_of(columns: Columns, model: Hashable, level: Levels) -> Fan:
    """Bands of a model, those of `level` or all: intervals, and pairs of quantiles where it has no intervals."""
    found = {one: (ends["lo"], ends["hi"]) for (name, one), ends in columns.intervals.items() if name == model}
    pairs = {q: column for (name, q), column in columns.quantiles.items() if name == model}
    if not found:
        upper = {round(1 - q, 12): column for q, column in pairs.items()}
        found = {round(100 * (1 - 2 * q), 9): (pairs[q], upper[q]) for q in pairs if q < 0.5 and q in upper}
    wanted = list(found) if level is None else [float(one) for one in np.atleast_1d(level)]
    absent = [one for one in wanted if one not in found]
    if absent:
        has = f"levels are {sorted(found)}" if found else "forecasts have no intervals"
        raise ValueError(f"level={absent[0]:g} is not there: the {has}; predict(h, level=[{absent[0]:g}]) gives it")
    return Fan(model=model, bands=[(one, *found[one]) for one in sorted(wanted, reverse=True)])


def by_series(frame: pd.DataFrame | None, names: Names, ids: Sequence[Hashable]) -> dict[Hashable, pd.DataFrame]:
    """The rows of some series, by their times, in the order of these."""
    if frame is None or not len(frame):
        return {}
    some = frame[frame[names.id].isin(list(ids))]
    parts = some.groupby(names.id, sort=False, observed=True)
    return {name: part.set_index(names.time).sort_index() for name, part in parts}


def check_named(
    asked: Hashable | Sequence[Hashable], there: Sequence[Hashable], argument: str
) -> list[Hashable]:  # fmt: skip
    """Names, one alone or a list, which must be among those that are there."""
    wanted = list(asked) if isinstance(asked, list | np.ndarray | pd.Index | pd.Series) else [asked]
    unknown = [name for name in wanted if name not in there]
    if unknown or not wanted:
        said = f"there are no forecasts of {first_few(unknown)}" if unknown else "name at least one"
        raise ValueError(f"{argument}: {said}; there are those of {first_few(there)}")
    return wanted


def check_one_origin(forecasts: pd.DataFrame) -> None:
    """Refuse forecasts from several times, which lie over each other."""
    count = forecasts[CUTOFF].nunique() if CUTOFF in forecasts else 1
    if count > 1:
        raise ValueError(
            f"forecasts has {count} cutoffs: BacktestDisplay draws them together, or choose one, as in "
            "forecasts[forecasts['cutoff'] == forecasts['cutoff'].max()]"
        )


def values_beside(data: Data, forecasts: pd.DataFrame, names: Names, argument: str) -> pd.DataFrame:
    """The past, or what came, as a long frame, whose times are in the zone of those of forecasts.

    Raises TypeError where they are of another kind, as counted ones beside dates.
    """
    found = long_values(as_pandas(data, argument)[0], names, argument)[[names.id, names.time, names.target]]
    times = {f"column {names.time!r} of {one}": frame[names.time] for one, frame in
             {"forecasts": forecasts, argument: found}.items() if len(frame)}  # fmt: skip
    if len(times) == 2:
        of_one_kind(times)
    zone = getattr(forecasts[names.time].dtype, "tz", None)
    if zone is None or not len(found):
        return found
    found = found.copy()
    found[names.time] = found[names.time].dt.tz_convert(zone)
    return found


def warn_of_none(came: pd.DataFrame, forecasts: pd.DataFrame, names: Names) -> None:
    """Warn where what came has no row of a series and time of the forecasts."""
    if len(came) and not len(came.merge(forecasts[[names.id, names.time]], on=[names.id, names.time])):
        times = forecasts[names.time]
        warn_caller(
            f"truth has no row of the series and times of the forecasts, {times.min()} .. {times.max()}: none is drawn"
        )


def with_gaps(part: pd.DataFrame, target: Hashable) -> pd.Series:
    """Values by time of one series; NaN where a row is absent between two others."""
    values = part[target]
    if len(values) < _TELLING:
        return values
    read = read_series(values.rename("y"), missing="mask", min_length=0, argument="history")
    times = to_index(read.axis.clock, read.times(np.arange(len(read.values))))
    return pd.Series(read.values, index=times.rename(values.index.name), name=target)


def mean_changes(values: pd.DataFrame, names: Names) -> pd.Series:
    """Mean absolute change of each series from one row to the next, by which errors compare."""
    change = values.groupby(names.id, sort=False)[names.target].diff().abs()
    return change.groupby(values[names.id], sort=False).mean()


def largest_errors_first(
    forecasts: pd.DataFrame, model: Hashable, truth: pd.DataFrame, history: pd.DataFrame | None, names: Names
) -> list[Hashable]:
    """Names of all series, those first whose mean error is most of their mean change from step to step."""
    both = forecasts.merge(truth, on=[names.id, names.time], suffixes=("", " that came"))
    came = both[f"{names.target} that came" if names.target in forecasts else names.target]
    errors = (came - both[model]).abs().groupby(both[names.id], sort=False).mean()
    known = truth if history is None or not len(history) else history
    ratio = (errors / mean_changes(known, names).reindex(errors.index)).replace([np.inf, -np.inf], np.nan)
    first = ratio.sort_values(ascending=False, kind="stable", na_position="last").index
    every = pd.Index(forecasts[names.id].unique())
    return [*first, *every.difference(first, sort=False)]
