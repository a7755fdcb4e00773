"""Forecasts beside what came: every row matched by series, time and cutoff, or an error that names the first."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from forecastrnn.metrics.forms import CUTOFF, PATH, Data, Names, levels_of_series, long_forecasts, long_values
from forecastrnn.metrics.keys import Keys, Places, floats, known_ids, plain_ids, ranked_times
from forecastrnn.metrics.scales import seasonal_errors
from forecastrnn.naming import looked_up


@dataclass(frozen=True, eq=False, kw_only=True)
class Table:
    """Rows (n,) of forecasts, where they belong, and what came: `y`, NaN where that is unknown.

    Of sample paths a row is a time: in `frame` its paths stand behind each other, `n_paths` of them. `past` is what was
    known, sorted: its places, and values.
    """

    frame: pd.DataFrame
    id_name: Hashable
    keys: Keys
    places: Places
    y: np.ndarray
    n_paths: int = 0
    past: tuple[Places, np.ndarray] | None = None

    def column(self, name: Hashable) -> np.ndarray:
        """Numbers of one column, (n,); (n_paths, n) of sample paths."""
        values = floats(self.frame[name], name, "forecasts")
        return values.reshape(-1, self.n_paths).T if self.n_paths else values

    def rows_of(self, name: Hashable, rows: np.ndarray) -> pd.Series:
        """What a column of the frame has in some rows, in its own type."""
        return self.frame[name].iloc[rows * max(self.n_paths, 1)]

    def steps(self) -> np.ndarray:
        """Place (n,) of each row among those of its series and cutoff, from 1."""
        order = np.argsort(self.keys.numbers(self.places), kind="stable")
        series, cutoff = self.places.series[order], self.places.cutoff
        new = np.diff(series, prepend=-1) != 0
        if cutoff is not None:
            new |= np.diff(cutoff[order], prepend=-1) != 0
        begins = np.maximum.accumulate(np.where(new, np.arange(len(order)), 0))
        found = np.empty(len(order), dtype=np.int64)
        found[order] = np.arange(len(order)) - begins + 1
        return found

    def scales(self, season: int) -> tuple[np.ndarray, np.ndarray]:
        """Mean absolute and squared seasonal change (n,) in the past of each row: up to its cutoff."""
        assert self.past is not None
        places, values = self.past
        n = len(self.keys.times) + 1
        origin, of_row = np.unique(self.places.series * n + self._first_unknown(), return_inverse=True)
        known = places.series * n + places.time
        spans = np.stack([np.searchsorted(known, origin // n * n), np.searchsorted(known, origin)], axis=1)
        absolute, squared = seasonal_errors(values, places.series, season, spans)
        return absolute[of_row], squared[of_row]

    def _first_unknown(self) -> np.ndarray:
        """The first time (n,) of which each row's forecast did not know: behind its cutoff, or the first forecast."""
        if self.places.cutoff is not None:
            return self.places.cutoff + 1
        first = np.full(len(self.keys.ids), len(self.keys.times))
        np.minimum.at(first, self.places.series, self.places.time)
        return first[self.places.series]


def read_table(forecasts: Data, truth: Data | None, train: Data | None, how: str, names: Names) -> Table:
    """Forecasts of any form beside the truth, which may be a column of theirs."""
    frame = _forecast_frame(forecasts, truth, names)
    series, ids = known_ids(frame[names.id])
    if len(ids) == 1:
        names = replace(names, series=ids[0])  # what has no ids is this one
    given = {name: data for name, data in (("truth", truth), ("train", train)) if data is not None}
    others = {name: long_values(data, names, name) for name, data in given.items()}
    values = {name: floats(other[names.target], names.target, name) for name, other in others.items()}
    keys, places = _places({"forecasts": frame} | others, names, series, ids)
    table = _unique(frame, names.id, keys, places["forecasts"])
    if "train" in others:
        table = replace(table, past=_past(table, places["train"], values["train"]))
    if "truth" in others:
        return _matched(table, places["truth"], values["truth"], how)
    y = table.column(names.target)
    return replace(table, y=y[0] if table.n_paths else y)


def _forecast_frame(forecasts: Data, truth: Data | None, names: Names) -> pd.DataFrame:
    """A long frame with rows, in which the truth is once: there or in `truth`."""
    frame = long_forecasts(forecasts, names, levels_of_series(truth, names))
    if not len(frame):
        raise ValueError("forecasts has no rows")
    if truth is not None and names.target in frame.columns:
        raise ValueError(f"forecasts has a column {names.target!r} of what came; drop it, or leave truth out")
    if truth is None and names.target not in frame.columns:
        raise ValueError(f"forecasts has no column {names.target!r} (target_col); give truth=, the values that came")
    return frame


def _places(
    frames: dict[str, pd.DataFrame], names: Names, series: np.ndarray, ids: pd.Index
) -> tuple[Keys, dict[str, Places]]:
    """Common keys of all frames; series that have no forecast are at -1."""
    columns = {
        (argument, name): frame[name]
        for argument, frame in frames.items()
        for name in (names.time, CUTOFF)
        if name in frame.columns and not (argument == "train" and name == CUTOFF)
    }
    ranks, times = ranked_times({f"column {name!r} of {argument}": c for (argument, name), c in columns.items()})
    by_name = dict(zip(columns, ranks.values(), strict=True))
    found = {}
    for argument, frame in frames.items():
        own = series if argument == "forecasts" else _among(plain_ids(frame[names.id]), ids, argument)
        found[argument] = Places(own, by_name[argument, names.time], by_name.get((argument, CUTOFF)))
    return Keys(ids, times), found


def _among(names: pd.Index, ids: pd.Index, argument: str) -> np.ndarray:
    """The place of each name among those of the forecasts."""
    with looked_up(names, f"the ids of {argument}"):
        return ids.get_indexer(names)


def _unique(frame: pd.DataFrame, id_name: Hashable, keys: Keys, places: Places) -> Table:
    """Rows of forecasts that are there once; a row for each time of sample paths."""
    if PATH not in frame.columns:
        keys.check_unique(places, "forecasts")
        return Table(frame=frame, id_name=id_name, keys=keys, places=places, y=np.empty(0))
    order = np.argsort(keys.numbers(places), kind="stable")
    _, first, count = np.unique(keys.numbers(places)[order], return_index=True, return_counts=True)
    rows = places.take(order[first])
    uneven = count != count[0]
    if uneven.any():
        raise ValueError(f"forecasts has another number of paths than {count[0]} for {keys.describe(rows, uneven)}")
    n_paths = int(count[0])
    return Table(frame=frame.iloc[order], id_name=id_name, keys=keys, places=rows, y=np.empty(0), n_paths=n_paths)


def _past(table: Table, places: Places, values: np.ndarray) -> tuple[Places, np.ndarray]:
    """Known values of the series that are forecast, sorted by series and time."""
    ours = np.flatnonzero(places.series >= 0)
    absent = np.bincount(places.series[ours], minlength=len(table.keys.ids))[table.places.series] == 0
    if absent.any():
        raise ValueError(f"train has no values for {table.keys.describe(table.places, absent)}")
    order = ours[np.argsort(table.keys.numbers(places.take(ours)), kind="stable")]
    table.keys.check_unique(places.take(order), "train")
    return places.take(order), values[order]


def _matched(table: Table, places: Places, values: np.ndarray, how: str) -> Table:
    """The rows of forecasts with what came then; rows of one side alone are an error, but for how="inner"."""
    keys, ours = table.keys, table.places
    if places.cutoff is None or ours.cutoff is None:
        ours, places = replace(ours, cutoff=None), replace(places, cutoff=None)
    keys.check_unique(places.take(np.flatnonzero(places.series >= 0)), "truth")
    wanted, given = keys.numbers(ours), np.where(places.series >= 0, keys.numbers(places), -1)
    row = pd.Index(np.where(given < 0, -1 - np.arange(len(given)), given)).get_indexer(wanted)
    if how == "inner":
        kept = np.flatnonzero(row >= 0)
        return _some(table, kept, values[row[kept]])
    hint = "; how='inner' scores the rows that both have"
    if (row < 0).any():
        raise ValueError(f"truth has no value for {keys.describe(table.places, row < 0)}{hint}")
    alone = ~np.isin(given, wanted)
    if alone.any():
        series = "a series without forecasts" if (places.series[alone] < 0).any() else keys.describe(places, alone)
        raise ValueError(f"truth has {int(alone.sum())} rows without a forecast: {series}{hint}")
    return replace(table, y=values[row])


def _some(table: Table, rows: np.ndarray, y: np.ndarray) -> Table:
    """Some of the rows, with what came."""
    if not len(rows):
        raise ValueError("no row of forecasts has a value in truth: their series or times have nothing in common")
    each = max(table.n_paths, 1)
    frame = table.frame.iloc[(rows[:, None] * each + np.arange(each)).ravel()]
    return replace(table, frame=frame, places=table.places.take(rows), y=y)
