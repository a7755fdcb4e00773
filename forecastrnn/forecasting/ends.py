"""The end of each series: all that a forecast needs, so that the rest need not be kept."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from forecastrnn.forecasting.inputs import SeriesInputs
from forecastrnn.forecasting.paths import Histories
from forecastrnn.forecasting.preparation import Prepared


@dataclass(frozen=True)
class SeriesEnds:
    """The end of each series: all that a forecast needs. z (n_series, length), oldest first.

    first (n_series,): where in z the series begins; before lie repetitions of its first season.
    """

    prepared: Prepared
    z: np.ndarray
    inputs: np.ndarray
    phase: np.ndarray
    first: np.ndarray

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
    light = replace(prepared, z=np.empty(0), observed=np.empty(0, bool))
    return SeriesEnds(light, z, series.rows[rows], phase, first_of(prepared, past))


def take(tail: SeriesEnds, rows: np.ndarray) -> SeriesEnds:
    """The tails of some series, in the order of `rows`; a series may come several times."""
    p = tail.prepared
    each = {name: getattr(p, name)[rows] for name in ("pads", "period_of", "scale", "level", "linear", "after")}
    return SeriesEnds(replace(p, **each), tail.z[rows], tail.inputs[rows], tail.phase[rows], tail.first[rows])


def histories_of(tail: SeriesEnds, dtype: str) -> Histories:
    """What paths begin with."""
    p, as_real = tail.prepared, partial(np.ascontiguousarray, dtype=dtype)
    return Histories(as_real(tail.z), as_real(p.static), tail.phase, p.period_of, as_real(tail.inputs), tail.first)
