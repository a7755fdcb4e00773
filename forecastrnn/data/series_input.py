"""Reading series: the checks at the door, for every form that pandas data comes in."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from forecastrnn.data.clock_changes import lateness
from forecastrnn.data.continuation import continue_times
from forecastrnn.data.covariate_values import Covariates
from forecastrnn.data.frame_columns import Names, first_few, first_not_numeric, first_text, names_nothing
from forecastrnn.data.gaps import filled, targets
from forecastrnn.data.regular import find_step
from forecastrnn.data.steps import Times
from forecastrnn.data.time_index import Clock, ordinals_of, read_index
from forecastrnn.masks import refuse_masked
from forecastrnn.naming import counted, looked_up, series_names

_FEW = 2**12  # times that are kept from call to call
_ACCEPTED = "a pandas Series or DataFrame, a list or a 1-D array"


def _bytes(numbers: np.ndarray) -> bytes:
    return np.ascontiguousarray(numbers, np.int64).tobytes()


@lru_cache(maxsize=16)
def _few_times(clock: Clock, last: bytes, steps: bytes, late: bytes | None) -> pd.Index:
    """Times behind ends, which a forecast asks for twice, for its covariates and its index, and the next one again."""
    ends, wanted = np.frombuffer(last, np.int64), np.frombuffer(steps, np.int64)
    return continue_times(clock, ends, wanted, None if late is None else np.frombuffer(late, np.int64))


@dataclass(frozen=True, eq=False)
class TimeAxis:
    """What is needed to continue the index of each series and to rebuild the type of the input.

    `form` is "series", "dated" (one series in two columns), "wide", "long", "multi_series", "multi_frame" or
    "array"; `last` (n_series,) the ordinal of each series' last time; the names are those of the index or columns
    they came from; `late` (n_series,) how far a clock that went forward has moved each last time, if it has.
    """

    form: str
    ids: tuple
    clock: Clock
    last: np.ndarray
    time_name: Hashable = None
    id_name: Any = None
    value_name: Hashable = None
    id_dtype: Any = None
    late: np.ndarray | None = None

    @property
    def n_series(self) -> int:
        """Number of series."""
        return len(self.ids)

    @property
    def id_index(self) -> pd.Index:
        """Names of the series (n_series,) as they were; one that is a tuple stays one."""
        return pd.Index(self.ids, dtype=self.id_dtype, tupleize_cols=False)

    def after(self, steps: np.ndarray) -> pd.Index:
        """Times (n_series * h,) that lie `steps` (h,) behind the end of each series; of those that share one, once."""
        shared = slice(0, 1 if self.form in ("series", "array", "dated", "wide") else None)
        last, late = self.last[shared], None if self.late is None else self.late[shared]
        if len(last) * len(steps) > _FEW:
            return continue_times(self.clock, last, steps, late)
        found = _few_times(self.clock, _bytes(last), _bytes(steps), None if late is None else _bytes(late))
        return found.copy(deep=True)  # freq of an index may be set, also where others share its values

    def ordinals_after(self, steps: np.ndarray) -> np.ndarray:
        """The same times as ordinals of the clock."""
        return ordinals_of(self.after(steps), self.clock)

    def position(self, ids: Iterable[Hashable]) -> np.ndarray:
        """Places (n,) of the series named `ids`; a ValueError names those that are unknown."""
        known = dict(zip(self.ids, range(self.n_series), strict=True))
        wanted = series_names(ids, self.ids[0])
        unknown = [name for name in wanted if name not in known]
        if unknown:
            raise ValueError(f"unknown series: {first_few(unknown)}; the known series are {first_few(self.ids)}")
        return np.array([known[name] for name in wanted], dtype=np.int64)

    def take(self, positions: Sequence[int] | np.ndarray) -> TimeAxis:
        """The axis of some of the series, in the order of `positions`."""
        chosen = np.asarray(positions, dtype=np.int64)
        late = None if self.late is None else self.late[chosen]
        return replace(self, ids=tuple(self.ids[i] for i in chosen), last=self.last[chosen], late=late)


@dataclass(frozen=True, eq=False)
class SeriesSet:
    """Series end to end: values (total,) float64, offsets (n_series + 1,) int64, ids and their axis.

    ordinals : times of all rows (total,), or, where all series share one index, its times. covariates : what is known
    beside the values, a row for each of them. argument : what the caller calls the series.
    """

    values: np.ndarray
    offsets: np.ndarray
    ids: tuple
    axis: TimeAxis
    ordinals: np.ndarray
    covariates: Covariates | None = None
    argument: str = "y"

    @property
    def n_series(self) -> int:
        """Number of series."""
        return len(self.ids)

    @property
    def owners(self) -> np.ndarray:
        """The place (total,) of the series that each value belongs to."""
        return np.arange(self.n_series).repeat(np.diff(self.offsets))

    def describe(self, row: int) -> tuple[Hashable, str]:
        """The series of one of all rows, and its time as text."""
        series = int(np.searchsorted(self.offsets, row, side="right")) - 1
        return self.ids[series], self.axis.clock.describe(int(self.times(np.array([row]))[0]))

    @property
    def first(self) -> np.ndarray:
        """The time (n_series,) at which each series begins."""
        return self.ordinals[self.offsets[:-1] % len(self.ordinals)]

    def times(self, rows: np.ndarray) -> np.ndarray:
        """Ordinals of some of all rows."""
        return self.ordinals[rows % len(self.ordinals)]

    def where(self, keep: np.ndarray) -> SeriesSet:
        """Those of the series for which keep (n_series,) is True."""
        lengths = np.diff(self.offsets)
        rows, offsets = np.repeat(keep, lengths), np.concatenate([[0], np.cumsum(lengths[keep])])
        axis = self.axis.take(np.flatnonzero(keep))
        ordinals = self.ordinals[rows] if len(self.ordinals) == len(self.values) else self.ordinals
        beside = self.covariates and self.covariates.take(rows)
        return SeriesSet(self.values[rows], offsets, axis.ids, axis, ordinals, beside, argument=self.argument)


@dataclass(frozen=True)
class SeriesReader:
    """The options of one `read_series` call, and the checks that all forms of input share."""

    names: Names
    missing: str
    min_length: int
    needs: str
    argument: str
    freq: object = None
    usual: Clock | None = None
    alias: str = "RNN"

    @property
    def _has_gaps(self) -> bool:
        """Whether rows may be absent between two others."""
        return self.missing != "raise"

    @property
    def _least(self) -> int:
        """Rows that every series has; a table without any has none to forecast."""
        return max(self.min_length, 1)

    def read(self, y: object) -> SeriesSet:
        """Series of any accepted form, checked and put end to end; those that have been read stay as they are."""
        if isinstance(y, SeriesSet):  # a backtest reads once, and hands over parts of it
            return y
        if isinstance(y, pd.DataFrame):
            return self._frame(y)
        if not isinstance(y, pd.Series):
            return self._shared(self._as_series(y).to_frame(), "array", None)
        if isinstance(y.index, pd.MultiIndex):
            return self._multi(y.to_frame(self._name(y)), "multi_series", y.name)
        return self._shared(y.to_frame(self._name(y)), "series", y.name)

    def _name(self, y: pd.Series) -> Hashable:
        return self.argument if names_nothing(y.name) else y.name

    def _as_series(self, y: object) -> pd.Series:
        if isinstance(y, np.matrix):
            raise TypeError(f"{self.argument}: np.matrix is not supported; give {_ACCEPTED}")
        refuse_masked(y, self.argument)
        if not isinstance(y, list | tuple | np.ndarray | pd.api.extensions.ExtensionArray):
            raise TypeError(f"{self.argument} must be {_ACCEPTED}; got {type(y).__name__}")
        dims = y.ndim if hasattr(y, "ndim") else 1 + (len(y) > 0 and np.ndim(y[0]))
        if dims != 1:
            raise TypeError(
                f"{self.argument} has {dims} dimensions; to forecast several series give a pandas DataFrame "
                "with one column for each, and a single one as a pandas Series or a 1-D array"
            )
        if isinstance(y, np.ndarray) and y.dtype.names:
            raise TypeError(f"{self.argument} has fields, {y.dtype.names[:5]}; give one of them, or {_ACCEPTED}")
        return pd.Series(y, name=self.argument, dtype=object if len(y) == 0 else None)

    def _frame(self, y: pd.DataFrame) -> SeriesSet:
        is_long = {self.names.id_col, self.names.time_col} & set(y.columns)
        if isinstance(y.index, pd.MultiIndex) and not is_long:
            if y.shape[1] != 1:
                raise ValueError(
                    f"{self.argument}, a frame with a MultiIndex (series, time), must have one column of "
                    f"values; got {first_few(y.columns)}"
                )
            return self._multi(y, "multi_frame", y.columns[0])
        if not y.columns.is_unique:
            repeated = y.columns[y.columns.duplicated()]
            raise ValueError(f"{self.argument} has duplicate column names: {first_few(repeated)}")
        names = self.names.of_frame(y, self.argument, self.alias)
        if names is None:
            return self._shared(y, "wide", None)
        return self._dated(y, names) if names.id_col is None else self._long(y, names)

    def _dated(self, y: pd.DataFrame, names: Names) -> SeriesSet:
        """One series in two columns, which have no ids."""
        times = _times_of(y, names).rename(names.time_col)
        with looked_up(times, f"column {names.time_col!r} of {self.argument}"):
            repeated = times.has_duplicates and self.names.id_col is not None
        if repeated:
            raise ValueError(
                f"{self.argument} has no column {self.names.id_col!r} (id_col) and so is one series, but has duplicate "
                f"times in column {names.time_col!r}, such as {times[times.duplicated()][0]}: add the column that says "
                "which series a row belongs to, or keep one row for each time"
            )
        one = y[[names.target_col]].set_axis(times)
        return self._shared(one, "dated", names.target_col, f"column {names.time_col!r} of {self.argument}")

    def _shared(self, y: pd.DataFrame, form: str, value_name: Hashable, label: str = "") -> SeriesSet:
        """Series that share one index: the columns of `y`; `label`: what holds the times, for messages."""
        ids, rows = tuple(y.columns.tolist()), len(y)
        self._check_rows(ids, np.full(len(ids), rows))
        label = label or f"the index of {self.argument}"
        ordinals, clock = read_index(y.index, label)
        times = Times(ordinals, np.array([0, rows]), ids, clock, label)
        clock, places = find_step(times, None if form == "array" else self.freq, self.usual, self._has_gaps)
        late = lateness(ordinals, times.wall, times.offsets, clock)
        axis = TimeAxis(
            form, ids, clock, ordinals[-1:].repeat(len(ids)), time_name=y.index.name, value_name=value_name,
            late=None if late is None else late.repeat(len(ids)),
        )  # fmt: skip
        if form == "wide":
            axis = replace(axis, id_name=tuple(y.columns.names), id_dtype=y.columns.dtype)
        values, offsets = self._floats(y).T, times.offsets
        if places is not None:
            ordinals, values, offsets = _with_gaps(times, clock, places, values)
        return self._finish(values.flatten(), np.arange(len(ids) + 1) * offsets[-1], ordinals, axis)

    def _long(self, y: pd.DataFrame, names: Names) -> SeriesSet:
        labels = tuple(f"column {name!r} of {self.argument}" for name in (names.id_col, names.time_col))
        axis = self._no_axis("long", names.time_col, names.id_col, names.target_col)
        return self._panel(pd.Index(y[names.id_col]), _times_of(y, names), y[[names.target_col]], axis, labels)

    def _multi(self, y: pd.DataFrame, form: str, value_name: Hashable) -> SeriesSet:
        names = list(y.index.names)
        times = y.index.levels[-1]
        orderly = len(names) == 2 and None not in names and names != [self.names.time_col, self.names.id_col]
        if orderly:
            orderly = not isinstance(y.index.levels[0], pd.DatetimeIndex | pd.PeriodIndex)
            orderly = orderly and (_is_time(times) or not _is_time(y.index.levels[0]))
        if not orderly:
            raise ValueError(
                f"the MultiIndex of {self.argument} must have two named levels (series, time), the times "
                f"being datetimes, periods or integers; got levels {names} of dtypes "
                f"{[str(level.dtype) for level in y.index.levels]}: use rename_axis, droplevel or swaplevel"
            )
        labels = tuple(f"level {name!r} of the index of {self.argument}" for name in names)
        axis = self._no_axis(form, names[1], names[0], value_name)
        return self._panel(y.index.get_level_values(0), y.index.get_level_values(1), y, axis, labels)

    def _no_axis(self, form: str, time: Hashable, id: Hashable, value: Hashable) -> TimeAxis:
        """Names of a panel; what is read of its series replaces the rest."""
        return TimeAxis(form, (), Clock("integer"), np.zeros(0), time_name=time, id_name=id, value_name=value)

    def _panel(
        self, keys: pd.Index, times: pd.Index, y: pd.DataFrame, axis: TimeAxis, labels: tuple[str, ...]
    ) -> SeriesSet:
        """Series stacked in rows: keys and times (total,), y one column of values."""
        with looked_up(keys, labels[0]):
            codes, found = pd.factorize(keys)
        if (codes < 0).any():
            raise ValueError(f"{labels[0]} has a missing id in row {int(np.argmax(codes < 0))}")
        ids = tuple(found.tolist())
        lengths = np.bincount(codes, minlength=len(ids))
        self._check_rows(ids, lengths)
        ordinals, clock = read_index(times, labels[1])
        values = self._floats(y)[:, 0]
        if (np.diff(codes) < 0).any():  # rows of different series interleave
            order = np.argsort(codes, kind="stable")
            ordinals, values = ordinals[order], values[order]
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        times = Times(ordinals, offsets, ids, clock, labels[1])
        clock, places = find_step(times, self.freq, self.usual, self._has_gaps)
        last, late = ordinals[offsets[1:] - 1], lateness(ordinals, times.wall, offsets, clock)
        axis = replace(axis, ids=ids, clock=clock, last=last, id_dtype=found.dtype, late=late)
        if places is not None:
            ordinals, values, offsets = _with_gaps(times, clock, places, values)
        return self._finish(np.array(values), offsets, ordinals, axis)

    def _check_rows(self, ids: Sequence[Hashable], rows: np.ndarray) -> None:
        """Refuse series without enough rows; where rows may be absent, those count that will be there."""
        self._check_lengths(ids, np.where(rows > 0, self._least, rows) if self._has_gaps else rows)

    def _check_lengths(self, ids: Sequence[Hashable], lengths: np.ndarray) -> None:
        short = np.flatnonzero(lengths < self._least)
        if not len(lengths):
            raise ValueError(f"{self.argument} has no series: at least {counted(self._least, 'observation')}, got 0")
        if len(short):
            length = int(lengths[short[0]])
            others = f" (and {len(short) - 1} more series)" if len(short) > 1 else ""
            if len(short) < len(lengths):
                others += "; drop such series, or let short='naive' or 'drop' do it"
            raise ValueError(
                f"{self.argument}: series {ids[short[0]]!r} has length {length} but {self.needs} at least "
                f"{counted(self._least, 'observation')}, got {length}{others}"
            )

    def _floats(self, y: pd.DataFrame) -> np.ndarray:
        """Values (rows, columns) as float64, missing ones as NaN; a TypeError names a column of others."""
        text = first_not_numeric(y)
        if text is not None:
            column = y.iloc[:, text]
            kind = pd.api.types.infer_dtype(column, skipna=True)
            raise TypeError(
                f"{self.argument}: column {column.name!r} must hold numbers, but holds {kind} values (dtype "
                f"{column.dtype}){first_text(column)}; convert them, for example with pandas.to_numeric"
            )
        with np.errstate(over="ignore"):  # too large for float64 is reported as infinity
            if all(isinstance(dtype, np.dtype) and dtype.kind != "O" for dtype in y.dtypes.unique()):
                return y.to_numpy(dtype=np.float64)
            columns = [self._column(y.iloc[:, i]) for i in range(y.shape[1])]
        return np.stack(columns, axis=1)

    def _column(self, column: pd.Series) -> np.ndarray:
        try:
            return column.to_numpy(dtype=np.float64, na_value=np.nan)
        except OverflowError as error:
            raise ValueError(
                f"{self.argument}: column {column.name!r} holds infinity or an integer too large for float64"
            ) from error

    def _finish(self, values: np.ndarray, offsets: np.ndarray, ordinals: np.ndarray, axis: TimeAxis) -> SeriesSet:
        self._check_lengths(axis.ids, np.diff(offsets))
        if self.missing == "zero":
            values = np.where(np.isnan(values), 0.0, values)
        result = SeriesSet(values, offsets.astype(np.int64), axis.ids, axis, ordinals, argument=self.argument)
        finite = np.isfinite(values)
        if finite.all():
            return result
        if (infinite := np.isinf(values)).any():
            said = self._count(infinite, result, ordinals)
            raise ValueError(f"{self.argument} contains infinity: {said}; replace such values, or make them missing")
        if self.missing == "raise":
            said = self._count(~finite, result, ordinals)
            raise ValueError(
                f"{self.argument} contains NaN: {said}; fill them (interpolate, ffill), allow them with "
                "missing='mask', or count them as 0 with missing='zero'"
            )
        empty = ~np.logical_or.reduceat(finite, offsets[:-1])
        if empty.any() and self.min_length:
            name = axis.ids[int(np.argmax(empty))]
            raise ValueError(
                f"{self.argument}: every value of series {name!r} is NaN; drop the series, or let short='naive' or "
                "'drop' do it"
            )
        return result

    def _count(self, wrong: np.ndarray, found: SeriesSet, ordinals: np.ndarray) -> str:
        """Which series has how many wrong values, and where the first is; ordinals of all or shared rows."""
        row = int(np.argmax(wrong))
        per_series = np.add.reduceat(wrong.astype(np.int64), found.offsets[:-1])
        series = int(np.argmax(per_series > 0))
        others = int((per_series > 0).sum()) - 1
        return (
            f"series {found.ids[series]!r} has {counted(int(per_series[series]), 'such value')}, the first at "
            f"{found.axis.clock.describe(ordinals[row % len(ordinals)])}"
            + (f" ({others} more series {'has' if others == 1 else 'have'} some)" if others else "")
        )


def _with_gaps(
    times: Times, clock: Clock, places: np.ndarray, values: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ordinals (total,), values (..., total) and offsets with the absent rows among them, whose values are NaN."""
    rows, ends = targets(places, times.offsets)
    held = np.full((*values.shape[:-1], ends[-1]), np.nan)
    held[..., rows] = values
    return filled(times, clock, rows, int(ends[-1])), held, ends


def _times_of(y: pd.DataFrame, names: Names) -> pd.Index:
    """The column of times; an empty one has no type of its own."""
    return pd.Index(y[names.time_col]) if len(y) else pd.DatetimeIndex([])


def _is_time(level: pd.Index) -> bool:
    return isinstance(level, pd.DatetimeIndex | pd.PeriodIndex) or pd.api.types.is_integer_dtype(level.dtype)
