"""Series that are too short to learn from, beside those that networks forecast."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from forecastrnn.forecasting.bounds import Limits
from forecastrnn.forecasting.calibration import Spread
from forecastrnn.forecasting.ends import SeriesEnds, take

if TYPE_CHECKING:
    from forecastrnn.data.covariate_values import Covariates
    from forecastrnn.data.series import SeriesSet, TimeAxis


@dataclass(frozen=True, eq=False)
class NaiveSeries:
    """Series forecast by the value one season before, or by the last one where there is no whole season.

    axis : of all series, these and the others; places (n,) : which of them these are, in order; figure (n, season) :
    the values behind the end, which repeat; NaN where a series has no value at all; floors (n,) : which never were
    negative.
    """

    axis: TimeAxis
    places: np.ndarray
    figure: np.ndarray
    floors: np.ndarray

    def forecast(self, h: int) -> np.ndarray:
        """The h values behind the end of each: (n, h)."""
        return self.figure[:, np.arange(h) % self.figure.shape[1]]

    def with_errors(self, errors: np.ndarray) -> np.ndarray:
        """Futures (count, n, h) of errors (count, n, h), which are relative to the size of a series."""
        return self.forecast(errors.shape[-1]) + np.abs(self.figure).mean(axis=1)[:, None] * errors


@dataclass(frozen=True, eq=False)
class Chosen:
    """The series of one call, and how each is forecast.

    axis : of all; tail : the ends of those that networks forecast; own : the row of each of these in fit; naive : the
    others, if there are any; read : values of the first kind, None if they are those of fit; spread : of their errors;
    floors (n_series,) : which series never were negative; limits : what forecasts do not pass.
    """

    axis: TimeAxis
    tail: SeriesEnds
    own: np.ndarray
    floors: np.ndarray
    naive: NaiveSeries | None = None
    read: SeriesSet | None = None
    spread: Spread | None = None
    limits: Limits | None = None

    @property
    def are_of_fit(self) -> bool:
        """Whether they are series of fit, with errors of their own."""
        return self.read is None

    def take(self, rows: np.ndarray) -> Chosen:
        """Some of the series, in the order of `rows`."""
        axis, naive, every = self.axis.take(rows), self.naive, rows
        if naive is not None:
            is_naive = np.isin(rows, naive.places)
            before = np.searchsorted(naive.places, rows)  # so many naive ones come before each
            others, rows = before[is_naive], (rows - before)[~is_naive]
            figure, floors = naive.figure[others], naive.floors[others]
            naive = NaiveSeries(axis, np.flatnonzero(is_naive), figure, floors) if len(others) else None
        return replace(
            self, axis=axis, tail=take(self.tail, rows), own=self.own[rows], floors=self.floors[every], naive=naive,
            spread=self.spread and self.spread.take(rows), limits=self.limits and self.limits.take(every),
        )  # fmt: skip

    def within(self, limits: Limits | None) -> Chosen:
        """The same series, whose forecasts do not pass limits."""
        return replace(self, limits=limits)

    def clip(self, forecasts: np.ndarray) -> np.ndarray:
        """Forecasts (..., n_series, h) of all within their limits."""
        return forecasts if self.limits is None else self.limits.clip(forecasts)

    def learned(self, values: np.ndarray) -> np.ndarray:
        """Rows (n, ...) of the series that networks forecast, of those (n_series, ...) of all."""
        return values if self.naive is None else np.delete(values, self.naive.places, axis=0)

    def ahead_of_learned(self, ahead: Covariates | None, h: int) -> Covariates | None:
        """Covariates of the series that networks forecast, of those (n_series * h rows) of all."""
        if ahead is None or self.naive is None:
            return ahead
        return ahead.take(self.learned(np.arange(self.axis.n_series * h).reshape(-1, h)).reshape(-1))

    def whole(self, found: np.ndarray, naive: np.ndarray | float | None = None) -> np.ndarray:
        """Forecasts (..., n_series, h) of all: those (..., n, h) of networks, and of the others in their places."""
        if self.naive is None:
            return found
        h, others = found.shape[-1], np.ones(self.axis.n_series, bool)
        others[self.naive.places] = False
        every = np.empty((*found.shape[:-2], self.axis.n_series, h), found.dtype)
        every[..., others, :] = found
        every[..., self.naive.places, :] = self.naive.forecast(h) if naive is None else naive
        return every


def naive_figure(values: np.ndarray, offsets: np.ndarray, season: int) -> np.ndarray:
    """The last season (n_series, season) of each series; the last known value where it is missing, or a part of it."""
    known, row, ends = np.isfinite(values), np.arange(len(values)), offsets[1:]
    first = np.minimum.reduceat(np.where(known, row, len(values)), offsets[:-1])
    last = np.maximum.reduceat(np.where(known, row, -1), offsets[:-1])
    at = np.where((ends - first >= season)[:, None], ends[:, None] + np.arange(-season, 0), last[:, None])
    at = np.where(known[at], at, last[:, None])
    return np.where(last[:, None] >= 0, values[at], np.nan)
