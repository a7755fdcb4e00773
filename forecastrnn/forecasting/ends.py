"""The end of each series: all that a forecast needs, so that the rest need not be kept."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from forecastrnn.forecasting.candidates.candidate_ends import CandidateEnds
from forecastrnn.forecasting.covariate_rows import ahead, without_past
from forecastrnn.forecasting.hulls import fences_of, hulls_of
from forecastrnn.forecasting.inputs import SeriesInputs
from forecastrnn.forecasting.paths import Histories, means_of, sums_of
from forecastrnn.forecasting.preparation import Prepared

if TYPE_CHECKING:
    from forecastrnn.data.covariate_values import Covariates

REFRESHED = 1023  # new values after which trailing means are found anew, free of the errors of their adding up


@dataclass(frozen=True, kw_only=True)
class Carried:
    """What new values have moved on, step by step, instead of being found anew: what a stream has in hand.

    means (n_series, length): trailing means of z; sums (n_series, length + 1) of its first values, or (n_series, 0)
    without older means; since (n_series,): values since means and sums were found anew; states (members, n_series,
    width): those of the networks when they have read all but the last value, or of width 0 where they read the context
    anew for each forecast.
    """

    means: np.ndarray
    sums: np.ndarray
    since: np.ndarray
    states: np.ndarray

    @property
    def has_states(self) -> bool:
        """Whether networks go on from them."""
        return self.states.shape[2] > 0

    def take(self, rows: np.ndarray) -> Carried:
        """That of some series."""
        return Carried(
            means=self.means[rows], sums=self.sums[rows], since=self.since[rows], states=self.states[:, rows]
        )


@dataclass(frozen=True)
class SeriesEnds:
    """The end of each series: all that a forecast needs. z (n_series, length), oldest first.

    first (n_series,): where in z the series begins; before lie repetitions of its first season. so_far (n_series,
    2): sum and number of all its values, where networks read their mean. carried: None before the first new values.
    guessed (n_series,): how many of the last values are forecasts of what nobody knows; None: none is. candidates: what
    is mixed with the networks, None: nothing. hulls (n_series, 4): where each series has been, None: a file does not
    say.
    """

    prepared: Prepared
    z: np.ndarray
    inputs: np.ndarray
    phase: np.ndarray
    first: np.ndarray
    carried: Carried | None = None
    so_far: np.ndarray | None = None
    guessed: np.ndarray | None = None
    candidates: CandidateEnds | None = None
    hulls: np.ndarray | None = None

    @property
    def n_series(self) -> int:
        """Number of series."""
        return len(self.z)


def past_of(prepared: Prepared) -> int:
    """Values of each series that a forecast needs."""
    return prepared.layout.past(int(prepared.period_of.max()))


def first_of(prepared: Prepared, past: int) -> np.ndarray:
    """Where in its last `past` values each series begins; before lies padding."""
    return np.maximum(past - prepared.known, 0)


def ends_of(series: SeriesInputs) -> SeriesEnds:
    """Cut what a forecast needs from the end of each series, so that the rest need not be kept."""
    prepared = series.prepared
    past = past_of(prepared)
    ends = prepared.starts[1:]
    back = np.arange(-past, 0)
    at = ends[:, None] + back
    z = np.where(at >= prepared.starts[:-1, None], prepared.z[np.maximum(at, 0)], 0.0)
    rows = ends[:, None] + np.arange(-prepared.context - 1, -1)
    phase = (ends - prepared.starts[:-1] - prepared.pads) % prepared.layout.season
    own = prepared.covariates and prepared.covariates.last(prepared.known)
    light = replace(prepared, z=np.empty(0), observed=np.empty(0, bool), covariates=own, figure=None)
    so_far = so_far_of(prepared) if prepared.layout.with_long_run else None
    return SeriesEnds(
        light, z, series.at(rows), phase, first_of(prepared, past), so_far=so_far, hulls=hulls_of(prepared)
    )


def so_far_of(prepared: Prepared) -> np.ndarray:
    """Sum and number (n_series, 2) of the values of each series, without its padding."""
    ends = np.stack([prepared.starts[:-1] + prepared.pads, prepared.starts[1:]], axis=1).reshape(-1)
    sums = np.add.reduceat(np.append(prepared.z, 0.0), ends)[::2]
    return np.stack([sums, prepared.known.astype(float)], axis=1)


def take(tail: SeriesEnds, rows: np.ndarray) -> SeriesEnds:
    """The tails of some series, in the order of `rows`; a series may come several times."""
    p, carried = tail.prepared, tail.carried
    each = {name: getattr(p, name)[rows] for name in ("pads", "period_of", "scale", "level", "linear", "after")}
    ends = {name: getattr(tail, name)[rows] for name in ("z", "inputs", "phase", "first")}
    own, shift = p.covariates and p.covariates.take(rows), None if p.shift is None else p.shift[rows]
    some = {name: getattr(tail, name) for name in ("so_far", "guessed", "hulls")}
    some = {name: None if values is None else values[rows] for name, values in some.items()}
    carried = None if carried is None else carried.take(rows)
    return SeriesEnds(
        replace(p, covariates=own, shift=shift, **each), **ends, carried=carried, **some,
        candidates=tail.candidates and tail.candidates.take(rows),
    )  # fmt: skip


def rows_ahead(tail: SeriesEnds, h: int, found: Covariates | None, at_once: int = 1) -> np.ndarray | None:
    """What networks read beside the values of series in the h steps behind their ends: rows (n_series, h, columns).

    found : covariates (n_series * h rows) of these steps; None: they stay as they were. at_once : steps that are put
    out together; the last row stands for those behind h. None without covariates.
    """
    p, n = tail.prepared, tail.n_series
    if p.covariates is None:
        return None
    rows = ahead(p.covariates, p.layout, tail.inputs[:, -1], np.arange(n).repeat(h), found)
    rows = without_past(rows, p.covariates, p.layout).reshape(n, h, -1)
    return rows if at_once <= h else rows[:, np.minimum(np.arange(at_once), h - 1)]


def histories_of(tail: SeriesEnds, dtype: str) -> Histories:
    """What paths begin with."""
    p, as_real = tail.prepared, partial(np.ascontiguousarray, dtype=dtype)
    z, carried = as_real(tail.z), tail.carried
    if carried is None:
        means, sums = means_of(z, p.layout.mean_width), sums_of(z) if p.layout.older_means else None
    else:
        means, sums = carried.means, carried.sums if p.layout.older_means else None
    return Histories(
        z=z, means=means, sums=sums, static=as_real(p.static), phase=tail.phase, period=p.period_of,
        inputs=as_real(tail.inputs), first=tail.first, so_far=tail.so_far, fence=fences_of(tail.hulls, p, dtype),
    )  # fmt: skip
