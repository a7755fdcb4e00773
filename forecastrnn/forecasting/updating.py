"""New values of the series that a model knows: its ends move on, as those of a stream do; weights stay."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from forecastrnn.engine.cpu.series import go_on, go_on_naive
from forecastrnn.forecasting.bounds import Rule, limits_of
from forecastrnn.forecasting.ends import REFRESHED, Carried, SeriesEnds, histories_of, take
from forecastrnn.forecasting.known_rows import read_rows
from forecastrnn.forecasting.model import Model
from forecastrnn.forecasting.naive_series import NaiveSeries
from forecastrnn.forecasting.preparation import Prepared

if TYPE_CHECKING:
    from forecastrnn.data.new_rows import NewRows
    from forecastrnn.data.series import TimeAxis


@dataclass(frozen=True)
class _Values:
    """New values (total,), of series (m,) one after the other; offsets (m + 1,) where each begins."""

    values: np.ndarray
    offsets: np.ndarray
    series: np.ndarray

    @property
    def counts(self) -> np.ndarray:
        """Values of each series."""
        return np.diff(self.offsets)

    @property
    def owners(self) -> np.ndarray:
        """The series that each value belongs to."""
        return self.series.repeat(self.counts)

    @property
    def steps(self) -> np.ndarray:
        """How many values of its series come before each."""
        return np.arange(len(self.values)) - self.offsets[:-1].repeat(self.counts)

    def of(self, some: np.ndarray) -> _Values:
        """Those of some series."""
        values = self.values[some.repeat(self.counts)]
        return _Values(values, np.concatenate([[0], np.cumsum(self.counts[some])]), self.series[some])

    def between(self, begin: int, end: int) -> _Values:
        """Those of some steps."""
        low, high = (np.minimum(self.offsets[:-1] + step, self.offsets[1:]) for step in (begin, end))
        inside = (self.steps >= begin) & (self.steps < end)
        some = high > low
        return _Values(self.values[inside], np.concatenate([[0], np.cumsum((high - low)[some])]), self.series[some])


def updated(model: Model, new: NewRows, rule: Rule) -> Model:
    """The model behind new rows of some or all of its series; rule: of what forecasts do not pass.

    Level, season figure and scale go on as they were found in fit. A missing value is one that nobody has seen: the
    forecast of it takes its place, so that what follows does not depend on how many rows came at once.

    Raises
    ------
    ValueError
        If a value is not possible in its series.
    """
    found, naive = _Values(new.read.values.copy(), new.read.offsets, new.series), None
    if model.naive is not None:
        found, naive = _without_naive(model.naive, found, new.axis)
    check_possible(model, found)
    _fill(model, found, rule)
    tail, floors = moved_on(model, model.tail, found), _floors_behind(model.floors, found)
    axis = new.axis if naive is None else new.axis.take(np.delete(np.arange(new.axis.n_series), naive.places))
    return replace(model, tail=tail, axis=axis, naive=naive, floors=floors)


def _fill(model: Model, new: _Values, rule: Rule) -> None:
    """Put the forecast of each value that is not known in its place, those before it being known."""
    tail, floors, begin, gaps = model.tail, model.floors, 0, np.isnan(new.values)
    for step in np.unique(new.steps[gaps]).tolist():
        known = new.between(begin, step)
        tail, floors, begin = moved_on(model, tail, known), _floors_behind(floors, known), step
        own = np.flatnonzero(gaps & (new.steps == step))
        rows = new.owners[own]
        found = model.median(take(tail, rows), rows, 1, "cpu")
        limits = limits_of(rule, np.zeros(len(rows), bool) if floors is None else floors[rows])
        new.values[own] = (found if limits is None else limits.clip(found))[:, 0]


def _floors_behind(floors: np.ndarray | None, new: _Values) -> np.ndarray | None:
    """Which series still never were negative."""
    negative = new.owners[new.values < 0.0]
    if floors is None or not len(negative):
        return floors
    floors = floors.copy()
    floors[negative] = False
    return floors


def _without_naive(naive: NaiveSeries, new: _Values, axis: TimeAxis) -> tuple[_Values, NaiveSeries]:
    """The new values of the series that networks forecast, by their rows there; the others behind their new values."""
    is_naive = np.isin(new.series, naive.places)
    before = np.searchsorted(naive.places, new.series)  # so many naive ones come before each
    own, figure = new.of(is_naive), naive.figure.copy()
    go_on_naive(own.values, own.offsets, before[is_naive], figure)
    learned, floors = new.of(~is_naive), naive.floors.copy()
    floors[before[is_naive].repeat(own.counts)[own.values < 0.0]] = False
    learned = replace(learned, series=learned.series - before[~is_naive])
    return learned, replace(naive, axis=axis, figure=figure, floors=floors)


def check_possible(model: Model, new: _Values) -> None:
    """Refuse values that are not positive in a series whose logarithm is forecast."""
    wrong = ~model.tail.prepared.linear[new.owners] & (new.values <= 0.0)
    if wrong.any():
        row = int(np.argmax(wrong))
        series, step = int(new.owners[row]), int(new.steps[row])
        time = model.axis.take([series]).after(np.array([step + 1]))[0]
        raise ValueError(
            f"y_new: series {model.axis.ids[series]!r} has {new.values[row]:g} at {time}, but all its values in fit "
            f"were positive, and so are its forecasts ({int(wrong.sum())} such values). Correct it, make it missing "
            "(missing='mask'), or fit anew with it"
        )


def scaled(p: Prepared, new: _Values) -> np.ndarray:
    """New values (total,) without level, season and scale."""
    series, linear = new.owners, p.linear[new.owners]
    level = p.level[series]
    positive = np.where(linear, 1.0, new.values)
    z = np.where(linear, new.values / level, np.log(positive) - np.log(level))
    return (z - p.after[series, new.steps % p.period_of[series]]) / p.scale[series]


def moved_on(model: Model, tail: SeriesEnds, new: _Values) -> SeriesEnds:
    """The ends behind new values."""
    if not len(new.values):
        return tail
    p, dtype = tail.prepared, model.settings.dtype
    carried = tail.carried or _carried_first(model, tail)
    z, inputs, since = tail.z.copy(), np.array(tail.inputs, dtype), carried.since.copy()
    means, sums, phase, first = carried.means.copy(), carried.sums.copy(), tail.phase.copy(), tail.first.copy()
    rows = np.empty((len(new.values), inputs.shape[2]), dtype)
    room = z.shape[1] + int(new.counts.max())
    layout, static = p.layout, np.ascontiguousarray(p.static, dtype).reshape(-1)
    numbers = (
        layout.season, layout.mean_width, layout.second_lag, layout.with_lags, np.array(layout.older_means, np.int64),
        REFRESHED,
    )  # fmt: skip
    go_on(
        (scaled(p, new).astype(dtype), new.offsets, new.series),
        (z, means, sums, inputs, since, phase, first, p.period_of, static), numbers,
        (np.empty(room, dtype), np.empty(room, dtype), np.empty(room + 1)), rows,
    )  # fmt: skip
    states = _states_behind(model, carried.states, new, rows) if carried.has_states else carried.states
    carried = Carried(means=means, sums=sums, since=since, states=states)
    return SeriesEnds(_behind(p, new), z, inputs, phase, first, carried)


def _carried_first(model: Model, tail: SeriesEnds) -> Carried:
    """What the first new values go on from: what a stream begins with."""
    histories, n = histories_of(tail, model.settings.dtype), tail.n_series
    if model.strategy == "recursive":
        states = read_rows(
            model.network.reader, model.flat_thetas, model.networks_of(np.arange(n)), histories.inputs,
            n_threads=model.settings.n_threads,
        )  # fmt: skip
    else:
        states = np.zeros((model.n_members, n, 0), model.settings.dtype)
    sums = np.zeros((n, 0)) if histories.sums is None else histories.sums
    return Carried(means=histories.means, sums=sums, since=np.zeros(n, np.int64), states=states)


def _states_behind(model: Model, states: np.ndarray, new: _Values, rows: np.ndarray) -> np.ndarray:
    """States (members, n_series, width) when the networks have read the new rows of inputs; equal counts at once."""
    found = states.copy()
    for count in np.unique(new.counts).tolist():
        of_count = np.flatnonzero(new.counts == count)
        series = new.series[of_count]
        inputs = rows[new.offsets[of_count, None] + np.arange(count)]
        found[:, series] = read_rows(
            model.network.reader, model.flat_thetas, model.networks_of(series), inputs, states[:, series],
            n_threads=model.settings.n_threads,
        )  # fmt: skip
    return found


def _behind(p: Prepared, new: _Values) -> Prepared:
    """The figures of the series, counted from their new ends on."""
    counts = np.zeros(p.n_series, np.int64)
    counts[new.series] = new.counts
    phases = (np.arange(p.after.shape[1]) + counts[:, None]) % p.period_of[:, None]
    starts = p.starts + np.concatenate([[0], np.cumsum(counts)])
    return replace(p, after=np.take_along_axis(p.after, phases, axis=1), starts=starts)
