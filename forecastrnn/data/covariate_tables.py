"""Frames of covariates in every form that series have: their columns, and the series and time of each row."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import NoReturn

import numpy as np
import pandas as pd

from forecastrnn.data.covariate_keys import Keys, times_as
from forecastrnn.data.frame_columns import Names, first_few
from forecastrnn.data.series_input import TimeAxis
from forecastrnn.naming import counted, looked_up

SINGLE = ("series", "array", "dated")  # forms of one series, whatever its name


@dataclass(frozen=True, eq=False, kw_only=True)
class CovariateTable:
    """Rows of covariates as they were given.

    argument : what the caller calls it; values : its columns, without those of ids and times; ordinals (rows,) : times;
    names : of the series that are there, and owners (rows,) : the place of each row's among these, None where rows are
    for all; keys : by which rows are found.
    """

    argument: str
    values: pd.DataFrame
    ordinals: np.ndarray
    owners: np.ndarray | None
    names: tuple
    keys: Keys

    @property
    def columns(self) -> list:
        """Names of the columns."""
        return self.values.columns.tolist()

    @property
    def is_shared(self) -> bool:
        """Whether a row is for all series."""
        return self.owners is None

    def nearest(self, name: Hashable, ordinal: int, axis: TimeAxis) -> str:
        """For a message, what row there is instead of that of a series and time."""
        own = np.ones(len(self.ordinals), bool)
        if self.owners is not None and name not in self.names and axis.form not in SINGLE:
            return f"; it has no row of that series, but of {first_few(self.names)}"
        if self.owners is not None and name in self.names:
            own = self.owners == self.names.index(name)
        rows = np.flatnonzero(own)
        if not len(rows):
            return ""
        row = int(rows[np.argmin(np.abs(self.ordinals[rows] - ordinal))])
        return f"; the nearest row that it has is that at {axis.clock.describe(int(self.ordinals[row]))}"


def read_table(given: object, axis: TimeAxis, names: Names, argument: str) -> CovariateTable:
    """The rows of a frame or Series, which are those of the series of an axis.

    Raises TypeError for anything else and for times that cannot be compared, ValueError for repeated rows or columns.
    """
    frame = _as_frame(given, argument)
    if not frame.columns.is_unique:
        repeated = frame.columns[frame.columns.duplicated()]
        raise ValueError(f"{argument} has duplicate column names: {first_few(repeated)}")
    if frame.columns.nlevels > 1:
        return _of_wide(frame, axis, argument)
    ids, times = _key_columns(frame, axis, names)
    if isinstance(frame.index, pd.MultiIndex) and ids not in frame.columns:
        return _of_levels(frame, axis, names, argument)
    apart = [name for name in (ids, times) if name is not None and name in frame.columns]  # NaT and None are one there
    index = pd.Index(frame[times]) if times in apart else frame.index
    if times not in apart and pd.api.types.is_integer_dtype(index.dtype) and axis.clock.kind != "integer":
        raise TypeError(
            f"{argument} has no times: put them into its index, or into a column {times!r}, as they are called in y; "
            f"its columns are {first_few(frame.columns)}"
        )
    label = f"column {times!r} of {argument}" if times in apart else f"the index of {argument}"
    owners = _owners_of(pd.Index(frame[ids], tupleize_cols=False), argument) if ids in apart else None
    values = frame.drop(columns=apart) if apart else frame
    return _table(values, axis, argument, index=index, label=label, owners=owners, id_col=names.id_col)


def _as_frame(given: object, argument: str) -> pd.DataFrame:
    if isinstance(given, pd.DataFrame):
        return given
    if not isinstance(given, pd.Series):
        _refuse_box(given, argument)
    if given.name is None:
        raise ValueError(f"{argument} is a Series without a name: give it one, such as rename('price')")
    return given.to_frame()


def _refuse_box(given: object, argument: str) -> NoReturn:
    """Say what to give instead of what has no times."""
    if callable(given):
        raise TypeError(f"{argument} is a function, which cross_validation alone calls: give the frame of this call")
    if isinstance(given, str | list | tuple) and all(isinstance(name, str) for name in given):
        raise TypeError(
            f"{argument} names columns of y, as in fit; here it needs rows of times that y has not: give a DataFrame "
            f"with a row for each, as make_future_frame(h) lists them. Got {given!r}"
        )
    raise TypeError(
        f"{argument} must be a pandas DataFrame or Series: give pandas, so that rows can be matched by time. Got "
        f"{type(given).__name__}"
    )


def _key_columns(frame: pd.DataFrame, axis: TimeAxis, names: Names) -> tuple[Hashable, Hashable]:
    """Columns that hold ids and times: called as in y, or as the caller said."""
    ids = axis.id_name if axis.form == "long" and axis.id_name in frame.columns else names.id_col
    times = axis.time_name if axis.time_name in frame.columns else names.time_col
    return ids, times


def _of_levels(frame: pd.DataFrame, axis: TimeAxis, names: Names, argument: str) -> CovariateTable:
    """Rows with an index of two levels, series and times, in this order unless their names say another."""
    index = frame.index
    if index.nlevels != 2:
        raise ValueError(f"the MultiIndex of {argument} must have two levels (series, time). Got {list(index.names)}")
    swapped = index.names[0] in (axis.time_name, names.time_col) and index.names[0] is not None
    times = index.get_level_values(0 if swapped else 1)
    label = f"level {times.name!r} of the index of {argument}"
    owners = _owners_of(index.get_level_values(1 if swapped else 0), argument)
    return _table(frame, axis, argument, index=times, label=label, owners=owners, id_col=names.id_col)


def _of_wide(frame: pd.DataFrame, axis: TimeAxis, argument: str) -> CovariateTable:
    """Columns (series, covariate): a column for each covariate, series by series."""
    levels = frame.columns.nlevels - 1
    if axis.form != "wide" or levels != len(axis.id_name):
        raise ValueError(
            f"{argument} has columns of {levels + 1} levels, (series, covariate), which are for a wide frame y with "
            f"columns of {levels}; of other series give rows of series and time"
        )
    found = [(label[0] if levels == 1 else label[:-1], label[-1]) for label in frame.columns]
    ids, names = list(dict.fromkeys(name for name, _ in found)), list(dict.fromkeys(name for _, name in found))
    if len(found) < len(ids) * len(names):
        absent = next((one, name) for one in ids for name in names if (one, name) not in set(found))
        raise ValueError(f"{argument} has no column {absent}: give each covariate for each series")
    at = {label: place for place, label in enumerate(found)}
    stacked = {name: _stacked(frame, [at[one, name] for one in ids]) for name in names}
    index = frame.index.append([frame.index] * (len(ids) - 1))
    owners, label = (np.arange(len(ids)).repeat(len(frame)), tuple(ids)), f"the index of {argument}"
    return _table(pd.DataFrame(stacked), axis, argument, index=index, label=label, owners=owners, id_col=None)


def _stacked(frame: pd.DataFrame, places: list[int]) -> pd.Series | np.ndarray:
    """Columns one behind the other."""
    own = frame.iloc[:, places]
    if all(isinstance(dtype, np.dtype) for dtype in own.dtypes.unique()):
        return own.to_numpy().ravel(order="F")
    return pd.concat([own.iloc[:, place] for place in range(len(places))], ignore_index=True)


def _table(
    values: pd.DataFrame, axis: TimeAxis, argument: str, *, index: pd.Index, label: str,
    owners: tuple[np.ndarray, tuple] | None, id_col: Hashable,
) -> CovariateTable:  # fmt: skip
    """Rows with these times, which belong to series by their places among names, or to all of them."""
    if not values.shape[1]:
        raise ValueError(f"{argument} has no column of covariates")
    ordinals, used = times_as(index, axis.clock, label, argument)
    own, names = (None, ()) if owners is None else owners
    series = None if own is None else _among(names, axis)[own]
    if series is not None:
        used &= series >= 0
    found = Keys.of(ordinals, series, used)
    repeated = found.repeated()
    if len(repeated):
        row = int(repeated[0])
        of = f"series {axis.ids[series[row]]!r} at " if series is not None else ""
        lacks = f": or does {argument} lack the column {id_col!r}?" if series is None and axis.n_series > 1 else ""
        raise ValueError(
            f"{argument} has more than one row for {of}{axis.clock.describe(int(ordinals[row]))} "
            f"({counted(len(repeated), 'repeated row')}); keep one for each{lacks}"
        )
    return CovariateTable(
        argument=argument, values=values, ordinals=ordinals, owners=own, names=names, keys=found
    )  # fmt: skip


def _owners_of(keys: pd.Index, argument: str) -> tuple[np.ndarray, tuple]:
    """The series (rows,) of each row, as a place among their names."""
    with looked_up(keys, f"the column or level of ids of {argument}"):
        codes, found = pd.factorize(keys)
    if (codes < 0).any():
        raise ValueError(f"{argument} has a missing id in row {int(np.argmax(codes < 0))}")
    return codes, tuple(found.tolist())


def _among(names: tuple, axis: TimeAxis) -> np.ndarray:
    """The place of each series among those of an axis, -1 for others; one alone is that one, whatever its name."""
    known = dict(zip(axis.ids, range(axis.n_series), strict=True))
    if len(names) == 1 and axis.form in SINGLE:
        known = {names[0]: 0}
    return np.array([known.get(name, -1) for name in names], np.int64)
