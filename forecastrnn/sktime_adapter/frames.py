"""Frames as sktime has them, from one series to a hierarchy, as the long frames of forecastrnn, and back.

A series of forecastrnn is one column of one instance. Its id is the tuple of the labels of the instance, with the name
of the column behind them where there are several; an id of one part is that part.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

ID, TIME, VALUE = "unique_id", "ds", "y"  # names that `RNNForecaster.fit` looks for


def _instances(frame: pd.DataFrame) -> tuple[np.ndarray, list[tuple[Hashable, ...]]]:
    """The instance (rows,) of each row, by number, and the labels of each instance; () of a single series."""
    if frame.index.nlevels == 1:
        return np.zeros(len(frame), np.int64), [()]
    codes, found = frame.index.droplevel(-1).factorize()
    return codes, [one if isinstance(one, tuple) else (one,) for one in found]


def _objects(values: Sequence[Hashable]) -> np.ndarray:
    """An array of objects, tuples among them."""
    found = np.empty(len(values), object)
    for place, value in enumerate(values):
        found[place] = value
    return found


@dataclass(frozen=True)
class Form:
    """What the y of a fit looks like: names of its levels, its columns, the labels of its instances."""

    levels: tuple[Hashable, ...]
    columns: pd.Index
    instances: list[tuple[Hashable, ...]]
    freq: Any

    @classmethod
    def of(cls, y: pd.DataFrame) -> Form:
        """The form of a frame."""
        freq = getattr(y.index, "freq", None) if isinstance(y.index, pd.DatetimeIndex) else None
        return cls(tuple(y.index.names), y.columns, _instances(y)[1], freq)

    def _ids(self, instances: list[tuple[Hashable, ...]]) -> np.ndarray:
        """The ids (columns * instances,) of all series, those of a column together."""
        alone = len(self.columns) == 1 and len(self.levels) > 1
        parts = [labels if alone else (*labels, column) for column in self.columns for labels in instances]
        return _objects([one[0] if len(one) == 1 else one for one in parts])

    def _stacked(self, frame: pd.DataFrame) -> dict[str, Any]:
        """Ids and times of all rows of a frame, for each column of y anew."""
        codes, instances = _instances(frame)
        count = len(self.columns)
        places = np.concatenate([codes + column * len(instances) for column in range(count)])
        times = frame.index.get_level_values(-1)
        return {ID: self._ids(instances)[places], TIME: times.append([times] * (count - 1))}

    def rows(self, y: pd.DataFrame) -> pd.DataFrame:
        """The values of y as a long frame, in which each column of each instance is a series."""
        return pd.DataFrame({**self._stacked(y), VALUE: y.to_numpy().T.reshape(-1)})

    def covariates(self, X: pd.DataFrame | None) -> pd.DataFrame | None:
        """Covariates as a long frame; those of a single instance are for all of its columns, and have no ids."""
        if X is None:
            return None
        names = [str(name) for name in X.columns]
        odd = [name for name in names if name in (ID, TIME, VALUE) or names.count(name) > 1]
        if odd:
            raise ValueError(f"X has a column {odd[0]!r} twice, or one of a name that is taken: rename it")
        if len(self.levels) == 1:
            return X.set_axis(names, axis=1).assign(**{TIME: X.index}).reset_index(drop=True)
        beside = self._stacked(X)
        again = pd.concat([X.set_axis(names, axis=1)] * len(self.columns), ignore_index=True)
        return again.assign(**beside)

    def frame(self, times: pd.Index, found: np.ndarray, columns: pd.Index) -> pd.DataFrame:
        """A frame as sktime wants it: times (series * steps,) and numbers (series * steps, k) of each.

        columns : those of y, or, for k of each, pairs of them.
        """
        rows = len(times) // len(self.columns)
        values = found.reshape(len(self.columns), rows, -1).swapaxes(1, 2).reshape(-1, rows).T
        return pd.DataFrame(values, index=self._index(times[:rows]), columns=columns)

    def _index(self, times: pd.Index) -> pd.Index:
        if len(self.levels) == 1:
            return with_freq(times, self.freq).rename(self.levels[0])
        steps = len(times) // len(self.instances)
        upper = [pd.Index(level).repeat(steps) for level in zip(*self.instances, strict=True)]
        return pd.MultiIndex.from_arrays([*upper, times], names=self.levels)


def with_freq(times: pd.Index, freq: Any) -> pd.Index:
    """Dates that say their frequency, where they have that; sktime counts steps by it."""
    if freq is None or not isinstance(times, pd.DatetimeIndex):
        return pd.Index(times)
    try:
        return pd.DatetimeIndex(times, freq=freq)
    except ValueError:  # steps of a horizon with gaps
        return times


def behind(rows: pd.DataFrame, ends: dict[Hashable, Any]) -> pd.DataFrame:
    """Those of the rows that lie behind the end of their series; of a series that is not known, all.

    sktime hands the rows of a whole window to `update`, of which most are known.
    """
    codes, found = pd.factorize(rows[ID])
    begin = rows[TIME].min()
    last = pd.Series([ends.get(one, begin) for one in found], dtype=rows[TIME].dtype).take(codes)
    new = np.array([one not in ends for one in found], bool)[codes]
    return rows[new | (rows[TIME].to_numpy() > last.to_numpy())]


def ends_of(rows: pd.DataFrame) -> dict[Hashable, Any]:
    """The last time of each series of a long frame, by its id."""
    ends = rows.drop_duplicates(ID, keep="last")
    return dict(zip(ends[ID], ends[TIME], strict=True))
