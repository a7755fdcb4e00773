"""Every form of forecasts, truth and past as a long frame: a column each for series, time, and values."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from forecastrnn.date_texts import read_dates
from forecastrnn.masks import refuse_masked
from forecastrnn.naming import is_name

Data: TypeAlias = pd.DataFrame | pd.Series | ArrayLike

CUTOFF, PATH = "cutoff", "path"
USUAL = {"id_col": "unique_id", "time_col": "ds", "target_col": "y"}


@dataclass(frozen=True)
class Names:
    """Columns of a long frame, and what data do not say: the only series, the only model, the first step of arrays."""

    id: Hashable
    time: Hashable
    target: Hashable
    series: Hashable
    model: Hashable = "RNN"
    begin: int = 0


def is_long(data: Data, names: Names) -> bool:
    """A frame with a column of ids or of times."""
    return isinstance(data, pd.DataFrame) and bool({names.id, names.time} & set(data.columns))


def levels_of_series(data: Data | None, names: Names) -> int:
    """Levels of the columns of a frame of which each column is a series; 0 for all else."""
    if not isinstance(data, pd.DataFrame) or isinstance(data.index, pd.MultiIndex) or is_long(data, names):
        return 0
    return data.columns.nlevels


def names_of(
    given: tuple[Data | None, ...], train: Data | None, columns: tuple[Hashable, Hashable, Hashable]
) -> Names:  # fmt: skip
    """Names for these data: the first Series that has a name names the only series; arrays begin behind `train`.

    columns : of ids, times and the target; None: as the data tell.
    """
    for argument, name in zip(("id_col", "time_col", "target_col"), columns, strict=True):
        if callable(name) or not is_name(name) or name is pd.NA:
            raise TypeError(f"{argument} must be the name of a column. Got {name!r:.80}")
    named = (data.name for data in (*given, train) if isinstance(data, pd.Series) and data.name is not None)
    begin = train.size if isinstance(train, np.ndarray) else len(train) if isinstance(train, list | tuple) else 0
    told = USUAL | next(filter(None, map(_told, given)), {})
    id, time, target = (told[key] if name is None else name for key, name in zip(USUAL, columns))
    return Names(id, time, target, series=next(named, target), begin=begin)


def _told(data: Data | None) -> dict[str, Hashable]:
    """What a frame of forecasts tells of its columns; nothing where they have been renamed since."""
    if not isinstance(data, pd.DataFrame):
        return {}
    columns = data.attrs.get("columns", {})
    return columns if {name for key, name in columns.items() if key != "target_col"} <= {*data.columns} else {}


def long_values(data: Data, names: Names, argument: str) -> pd.DataFrame:
    """Truth or past: ids, times, a cutoff if there is one, and the target."""
    return _dated(_values_of(data, names, argument), names, argument)


def _values_of(data: Data, names: Names, argument: str) -> pd.DataFrame:
    _refuse_twice(data, argument)
    if is_long(data, names):
        return _with_ids(_need(data, (names.time, names.target), names, argument), names)
    if not isinstance(data, pd.DataFrame):
        return _long_series(_series(data, argument, names), names, names.target)
    if not isinstance(data.index, pd.MultiIndex):
        return _stacked(data, names, names.target)
    column = data.columns[0] if data.shape[1] == 1 else names.target
    return _long_series(_need(data, (column,), names, argument)[column], names, names.target)


def long_forecasts(data: Data, names: Names, levels: int) -> pd.DataFrame:
    """Forecasts: ids, times, and a column for each model, interval, quantile; a column of paths says which.

    levels: of the columns of a wide frame that name its series, the next one names models; 0 for one series.
    """
    return _dated(_forecasts_of(data, names, levels), names, "forecasts")


def _forecasts_of(data: Data, names: Names, levels: int) -> pd.DataFrame:
    _refuse_twice(data, "forecasts")
    if is_long(data, names):
        return _with_ids(_need(data, (names.time,), names, "forecasts"), names)
    if not isinstance(data, pd.DataFrame):
        return _long_series(_series(data, "forecasts", names), names, names.model)
    if data.columns.names[-1] == PATH:
        return _stacked_paths(data, names)
    if isinstance(data.index, pd.MultiIndex):
        only = data.shape[1] == 1 and data.columns[0] == names.target
        return _from_index(data.set_axis([names.model], axis=1) if only else data, names)
    if data.columns.nlevels == levels:
        return _stacked(data, names, names.model)
    if data.columns.nlevels > 1:
        return _stacked_models(data, names)
    return _with(data, {names.id: [names.series] * len(data), names.time: data.index})


def _dated(data: pd.DataFrame, names: Names, argument: str) -> pd.DataFrame:
    """With dates that are texts, as in a file that was read, as times: as `fit` reads them."""
    found = {
        name: read_dates(pd.Index(data[name]), f"column {name!r} of {argument}")
        for name in (names.time, CUTOFF)
        if name in data.columns
    }
    changed = {name: index for name, index in found.items() if index.dtype != data[name].dtype}
    return _with(data, changed) if changed else data


def _refuse_twice(data: Data, argument: str) -> None:
    """Columns of one name."""
    if isinstance(data, pd.DataFrame) and not data.columns.is_unique:
        twice = data.columns[data.columns.duplicated()].tolist()
        raise ValueError(f"{argument} has duplicate column names: {twice[:5]}; keep one of each")


def _need(data: pd.DataFrame, wanted: tuple[Hashable, ...], names: Names, argument: str) -> pd.DataFrame:
    missing = [name for name in wanted if name not in data.columns]
    if missing:
        raise ValueError(f"{argument} has no column {missing[0]!r}; its columns are {list(data.columns)[:8]}")
    return data


def _with_ids(data: pd.DataFrame, names: Names) -> pd.DataFrame:
    """A long frame without ids is one series."""
    return data if names.id in data.columns else _with(data, {names.id: [names.series] * len(data)})


def _with(data: pd.DataFrame, columns: dict[Hashable, object]) -> pd.DataFrame:
    """A frame with more columns; the one given stays as it is."""
    found = data.copy(deep=False)
    for name, values in columns.items():
        found[name] = values
    return found


def _series(data: Data, argument: str, names: Names) -> pd.Series:
    """A Series as it is; lists and arrays of one dimension count from 0, behind those of `train` if that is one."""
    if isinstance(data, pd.Series):
        return data
    if not isinstance(data, list | tuple | np.ndarray):
        raise TypeError(
            f"{argument} must be a pandas Series or DataFrame, a list or an array. Got {type(data).__name__}"
        )
    refuse_masked(data, argument)
    nested = isinstance(data, list | tuple) and any(isinstance(value, list | tuple | np.ndarray) for value in data)
    values = np.empty((0, 0)) if nested else np.asarray(data)
    if values.dtype.names:
        raise TypeError(f"{argument} has fields, {values.dtype.names[:8]}; give one of them, or a pandas DataFrame")
    if values.ndim != 1:
        raise TypeError(f"{argument} has {values.ndim} dimensions; give a pandas DataFrame, so that rows are named")
    first = 0 if argument == "train" else names.begin
    dtype = object if values.dtype == object else None  # which pandas would look into for dates
    return pd.Series(values, dtype=dtype, index=pd.RangeIndex(first, first + len(values)))


def _long_series(data: pd.Series, names: Names, value: Hashable) -> pd.DataFrame:
    if isinstance(data.index, pd.MultiIndex):
        return _from_index(data.to_frame(value), names)
    values = data.reset_index(drop=True)
    return pd.DataFrame({names.id: [names.series] * len(data), names.time: data.index, value: values})


def _from_index(data: pd.DataFrame, names: Names) -> pd.DataFrame:
    """Series and times from a MultiIndex."""
    if data.index.nlevels != 2:
        raise ValueError(f"a MultiIndex must have two levels (series, time). Got {list(data.index.names)}")
    keys = {name: data.index.get_level_values(level) for level, name in enumerate((names.id, names.time))}
    return pd.DataFrame(keys | {name: data[name].to_numpy() for name in data.columns})


def _keys(data: pd.DataFrame, ids: pd.Index, names: Names) -> dict[Hashable, pd.Index]:
    """Ids and times of a frame's cells, a series behind the other."""
    return {names.id: ids.repeat(len(data)), names.time: data.index[np.tile(np.arange(len(data)), len(ids))]}


def _stacked(data: pd.DataFrame, names: Names, value: Hashable) -> pd.DataFrame:
    return pd.DataFrame(_keys(data, _flat(data.columns), names) | {value: data.to_numpy().T.ravel()})


def _stacked_models(data: pd.DataFrame, names: Names) -> pd.DataFrame:
    """The last level of the columns names models; every series has the same ones."""
    model, series = data.columns.get_level_values(-1), _flat(data.columns.droplevel(-1))
    ids = series.unique()
    values: dict[Hashable, np.ndarray] = {}
    for name in model.unique():
        part = data.loc[:, model == name]
        if not series[model == name].equals(ids):
            raise ValueError(f"forecasts: not every series has a column {name!r}, or not in one order")
        values[name] = part.to_numpy().T.ravel()
    return pd.DataFrame(_keys(data, ids, names) | values)


def _stacked_paths(data: pd.DataFrame, names: Names) -> pd.DataFrame:
    """Columns `path`, or (series, path): a row for each path."""
    several = data.columns.nlevels > 1
    ids = _flat(data.columns.droplevel(-1)) if several else pd.Index([names.series] * data.shape[1])
    paths = data.columns.get_level_values(-1).to_numpy().repeat(len(data))
    return pd.DataFrame(_keys(data, ids, names) | {PATH: paths, names.model: data.to_numpy().T.ravel()})


def _flat(columns: pd.Index) -> pd.Index:
    """Names of several levels as tuples."""
    return columns.to_flat_index() if columns.nlevels > 1 else columns
