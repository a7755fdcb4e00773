"""The ends of series, moved on behind new values as those of a stream are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from forecastrnn.engine.cpu.series import go_on
from forecastrnn.forecasting.candidates.candidate_ends import CandidateEnds
from forecastrnn.forecasting.covariate_rows import behind
from forecastrnn.forecasting.ends import REFRESHED, Carried, SeriesEnds, histories_of
from forecastrnn.forecasting.known_rows import read_rows
from forecastrnn.forecasting.model import Model
from forecastrnn.forecasting.paths import Histories
from forecastrnn.forecasting.preparation import Prepared
from forecastrnn.forecasting.raw_values import nearest
from forecastrnn.networks.likelihood import Likelihood

if TYPE_CHECKING:
    from forecastrnn.data.covariate_values import Covariates


@dataclass(frozen=True)
class NewValues:
    """New values (total,), of series (m,) one after the other; offsets (m + 1,) where each begins.

    covariates : a row for each value, where the networks read some.
    """

    values: np.ndarray
    offsets: np.ndarray
    series: np.ndarray
    covariates: Covariates | None = None

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

    def of(self, some: np.ndarray) -> NewValues:
        """Those of some series."""
        return self._part(some.repeat(self.counts), self.counts[some], self.series[some])

    def between(self, begin: int, end: int) -> NewValues:
        """Those of some steps."""
        low, high = (np.minimum(self.offsets[:-1] + step, self.offsets[1:]) for step in (begin, end))
        inside = (self.steps >= begin) & (self.steps < end)
        some = high > low
        return self._part(inside, (high - low)[some], self.series[some])

    def _part(self, rows: np.ndarray, counts: np.ndarray, series: np.ndarray) -> NewValues:
        beside = self.covariates and self.covariates.take(rows)
        return NewValues(self.values[rows], np.concatenate([[0], np.cumsum(counts)]), series, beside)


def scaled(p: Prepared, new: NewValues, likelihood: Likelihood | None = None) -> np.ndarray:
    """New values (total,) without level, season and scale; likelihood : they are of, as a network has it."""
    series, linear = new.owners, p.linear[new.owners]
    level, shift = p.level[series], 0.0 if p.shift is None else p.shift[series]
    positive = np.where(linear, 1.0, nearest(new.values, level, likelihood))
    z = np.where(linear, (new.values - shift) / level, np.log(positive) - np.log(level))
    return (z - p.after[series, new.steps % p.period_of[series]]) / p.scale[series]


def moved_on(
    model: Model, tail: SeriesEnds, new: NewValues, own: np.ndarray | None = None
) -> tuple[SeriesEnds, np.ndarray]:
    """The ends behind new values, and what the networks read (total, columns) before each of them.

    own (n_series,) : the row of each series in fit; None: these are all of it.
    """
    p, dtype, own = tail.prepared, model.settings.dtype, np.arange(tail.n_series) if own is None else own
    if not len(new.values):
        return tail, np.empty((0, tail.inputs.shape[2]), dtype)
    carried = tail.carried or _carried_first(model, tail, own)
    z, inputs, since = tail.z.copy(), np.array(tail.inputs, dtype), carried.since.copy()
    means, sums, phase, first = carried.means.copy(), carried.sums.copy(), tail.phase.copy(), tail.first.copy()
    so_far = np.ones((len(z), 2)) if tail.so_far is None else tail.so_far.copy()
    hulls = np.zeros((len(z), 4)) if tail.hulls is None else tail.hulls.copy()
    rows = _rows_beside(p, inputs[:, -1], new)
    room = z.shape[1] + int(new.counts.max())
    layout, static = p.layout, np.ascontiguousarray(p.static, dtype).reshape(-1)
    numbers = (
        layout.season, layout.mean_width, layout.second_lag, layout.with_lags, np.array(layout.older_means, np.int64),
        layout.long_run_kind, REFRESHED,
    )  # fmt: skip
    go_on(
        (scaled(p, new, model.settings.likelihood).astype(dtype), new.offsets, new.series),
        (z, means, sums, inputs, since, phase, first, so_far, hulls, p.period_of, static), numbers,
        (np.empty(room, dtype), np.empty(room, dtype), np.empty(room + 1)), rows, layout.covariates,
    )  # fmt: skip
    states = _states_behind(model, carried.states, new, rows, own) if carried.has_states else carried.states
    carried = Carried(means=means, sums=sums, since=since, states=states)
    moved = replace(
        tail, prepared=_behind(p, new), z=z, inputs=inputs, phase=phase, first=first, carried=carried,
        so_far=None if tail.so_far is None else so_far, candidates=_candidates_behind(model, tail, new),
        hulls=None if tail.hulls is None else hulls,
    )  # fmt: skip
    return moved, rows


def _candidates_behind(model: Model, tail: SeriesEnds, new: NewValues) -> CandidateEnds | None:
    """What is mixed with the networks, behind new values."""
    if model.mixture is None or tail.candidates is None:
        return None
    return model.mixture.behind(tail.candidates, new.values, new.offsets, new.series)


def _rows_beside(p: Prepared, inputs: np.ndarray, new: NewValues) -> np.ndarray:
    """Rows (total, columns) before each new value, but for what is found from the values; inputs: the last ones."""
    if p.covariates is None:
        return inputs[new.owners]
    assert new.covariates is not None
    return behind(p.covariates, p.layout, inputs, new.series, new.counts, new.covariates)


def _carried_first(model: Model, tail: SeriesEnds, own: np.ndarray) -> Carried:
    """What the first new values go on from: what a stream begins with."""
    histories, n = histories_of(tail, model.settings.dtype), tail.n_series
    sums = np.zeros((n, 0)) if histories.sums is None else histories.sums
    states = first_states_of(model, histories, own)
    return Carried(means=histories.means, sums=sums, since=np.zeros(n, np.int64), states=states)


def first_states_of(model: Model, histories: Histories, own: np.ndarray) -> np.ndarray:
    """States (members, n_series, width) of the networks when they have read the context; own as in `moved_on`."""
    n = len(histories.z)
    if model.strategy != "recursive":
        return np.zeros((model.n_members, n, 0), model.settings.dtype)
    return read_rows(
        model.network.reader, model.flat_thetas, model.networks_of(own), histories.inputs,
        n_threads=model.settings.n_threads,
    )  # fmt: skip


def _states_behind(model: Model, states: np.ndarray, new: NewValues, rows: np.ndarray, own: np.ndarray) -> np.ndarray:
    """States (members, n_series, width) when the networks have read the new rows of inputs; equal counts at once."""
    found = states.copy()
    for count in np.unique(new.counts).tolist():
        of_count = np.flatnonzero(new.counts == count)
        series = new.series[of_count]
        found[:, series] = read_rows(
            model.network.reader, model.flat_thetas, model.networks_of(own[series]),
            _rows_of(rows, new.offsets[of_count], count), states[:, series], n_threads=model.settings.n_threads,
        )  # fmt: skip
    return found


def _rows_of(rows: np.ndarray, begins: np.ndarray, count: int) -> np.ndarray:
    """Rows (n, count, columns) of series of so many each; no copy where they lie one behind another."""
    if (np.diff(begins) == count).all():
        return rows[begins[0] : begins[0] + len(begins) * count].reshape(len(begins), count, rows.shape[1])
    return rows[begins[:, None] + np.arange(count)]


def _behind(p: Prepared, new: NewValues) -> Prepared:
    """The figures of the series, counted from their new ends on."""
    counts = np.zeros(p.n_series, np.int64)
    counts[new.series] = new.counts
    phases = (np.arange(p.after.shape[1]) + counts[:, None]) % p.period_of[:, None]
    starts, own = p.starts + np.concatenate([[0], np.cumsum(counts)]), p.covariates
    if own is not None and new.covariates is not None:
        own = own.behind(new.covariates, new.series, new.counts)
    return replace(p, after=np.take_along_axis(p.after, phases, axis=1), starts=starts, covariates=own)
