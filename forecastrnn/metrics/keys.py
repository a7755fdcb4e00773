"""Rows of several frames under common numbers: series by value, times in their order."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from forecastrnn.naming import counted, looked_up


@dataclass(frozen=True, eq=False)
class Places:
    """Of each row (n,): the place of its series and its time, and of its cutoff where there are any."""

    series: np.ndarray
    time: np.ndarray
    cutoff: np.ndarray | None = None

    def take(self, rows: np.ndarray) -> Places:
        """Some of the rows, in the order of `rows`."""
        return Places(self.series[rows], self.time[rows], None if self.cutoff is None else self.cutoff[rows])


@dataclass(frozen=True, eq=False)
class Keys:
    """Series (n_series,) in the order of their first rows, and all times that occur, sorted."""

    ids: pd.Index
    times: pd.Index

    def describe(self, places: Places, wrong: np.ndarray) -> str:
        """The first of the rows that are wrong (n,), and how many more there are."""
        row = int(np.argmax(wrong))
        behind = "" if places.cutoff is None else f", cutoff {self.times[places.cutoff[row]]}"
        more = int(wrong.sum()) - 1
        count = f" (and {counted(more, 'more row')})" if more else ""
        return f"series {self.ids[places.series[row]]!r} at {self.times[places.time[row]]}{behind}{count}"

    def numbers(self, places: Places) -> np.ndarray:
        """One number for each row (n,), in the order of series, cutoff, time."""
        n = len(self.times)
        first = places.series if places.cutoff is None else places.series * n + places.cutoff
        return first * n + places.time

    def check_unique(self, places: Places, argument: str) -> None:
        """A ValueError names the first row that is there twice."""
        repeated = pd.Index(self.numbers(places)).duplicated()
        if repeated.any():
            raise ValueError(f"{argument} has two rows for {self.describe(places, repeated)}")


def plain_ids(ids: pd.Series) -> pd.Index:
    """Ids by value: what a category stands for, never its code."""
    if isinstance(ids.dtype, pd.CategoricalDtype):
        ids = ids.astype(ids.cat.categories.dtype)
    return pd.Index(ids)


def known_ids(ids: pd.Series) -> tuple[np.ndarray, pd.Index]:
    """Places (n,) and names of series in the order of their first rows."""
    names = plain_ids(ids)
    with looked_up(names, "the ids of forecasts"):
        places, found = pd.factorize(names)
    if (places < 0).any():
        raise ValueError(f"forecasts has a missing id in row {int(np.argmax(places < 0))}")
    return places, pd.Index(found)


def ranked_times(columns: dict[str, pd.Series]) -> tuple[dict[str, np.ndarray], pd.Index]:
    """The rank of each time among all, for each column by its label; the sorted times."""
    indices = of_one_kind(columns)
    places, times = pd.factorize(_together(indices), sort=True)
    ends = np.cumsum([len(index) for index in indices.values()])[:-1]
    return dict(zip(indices, np.split(places, ends), strict=True)), pd.Index(times)


def of_one_kind(columns: dict[str, pd.Series]) -> dict[str, pd.Index]:
    """Times of columns by their labels; a TypeError says which of them are of another kind than the first."""
    indices = {label: _times(column, label) for label, column in columns.items()}
    (first, expected), *others = ((label, _kind(index)) for label, index in indices.items())
    for label, kind in others:
        if kind != expected:
            raise TypeError(f"{first} holds {expected}, but {label} holds {kind}{_hint({kind, expected})}")
    return indices


def _hint(kinds: set[str]) -> str:
    """What makes times of two kinds those of one."""
    if "integers" in kinds:
        return "; lists and arrays have no times: give a Series whose index has them"
    return "; use tz_localize or tz_convert" if all("time zone" in kind for kind in kinds) else "; use to_timestamp"


def _together(indices: dict[str, pd.Index]) -> pd.Index:
    """One behind the other; those in nanoseconds reach from 1678 to 2262 alone."""
    first, *more = indices.values()
    try:
        return first.append(more)
    except pd.errors.OutOfBoundsDatetime as error:
        raise ValueError(
            f"the times of {' and '.join(indices)} are too far apart for one unit; do they mean the same?"
        ) from error


def _times(column: pd.Series, label: str) -> pd.Index:
    index = pd.Index(column)
    if index.hasnans:
        raise ValueError(f"{label} has a missing time in row {int(np.argmax(index.isna()))}")
    if isinstance(index, pd.DatetimeIndex) and index.tz is not None:
        return index.tz_convert("UTC")  # instants, from whatever zone
    numbers = pd.api.types.is_integer_dtype(index.dtype)
    if not (numbers or isinstance(index, pd.DatetimeIndex | pd.PeriodIndex)):
        raise TypeError(f"{label} must hold datetimes, periods or integers. Got {index.dtype}; see pandas.to_datetime")
    return index


def _kind(index: pd.Index) -> str:
    if isinstance(index, pd.DatetimeIndex):
        return "datetimes" + (" without a time zone" if index.tz is None else " of a time zone")
    return f"periods {index.freqstr}" if isinstance(index, pd.PeriodIndex) else "integers"


def floats(column: pd.Series, label: Hashable, argument: str) -> np.ndarray:
    """Numbers (n,), missing ones as NaN."""
    if getattr(column.dtype, "kind", "O") in "cmM":  # which NumPy would make numbers of
        raise TypeError(f"{argument}: column {label!r} must hold real numbers, but is of dtype {column.dtype}")
    try:
        return column.to_numpy(dtype=np.float64, na_value=np.nan)
    except OverflowError as error:
        raise ValueError(f"{argument}: column {label!r} holds an integer too large for float64") from error
    except (TypeError, ValueError) as error:
        raise TypeError(f"{argument}: column {label!r} must hold numbers, but is of dtype {column.dtype}") from error
