"""Candidates whose formula knows no season: on series without their figure, as they are and as logarithms, averaged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from forecastrnn.engine.cpu.scaled_lines import (
    CENTRE,
    HEAD,
    HIGH,
    KIND,
    LOW,
    PERIOD,
    PLACE,
    SPREAD,
    describe_lines,
    find_figures,
    leave_lines,
    read_lines,
)  # fmt: skip
from forecastrnn.forecasting.candidates.candidate import Candidate, KnownSeries
from forecastrnn.forecasting.preparation import bridge


@dataclass(frozen=True, kw_only=True)
class LineFormula:
    """A formula in compiled code of lines z (total,), of which a series has two, and of their states (lines, width).

    size : numbers of its own, which begin in column HEAD. fit(z, offsets, states, HEAD) : parameters, and the rest as
    it is behind the last value. move(z, offsets, lines, states, HEAD) : behind new values. ahead(states, HEAD, out) :
    forecasts out (lines, h). follows : z is the change from a season ago, which stands where the figure does, instead
    of the value without a figure. counts : own columns that are whole numbers, and the most that each may be.
    """

    size: int
    fit: Callable[..., None]
    move: Callable[..., None]
    ahead: Callable[..., None]
    follows: bool = False
    counts: tuple[tuple[int, int], ...] = ()

    @property
    def figure_at(self) -> int:
        """The first column of the figure."""
        return HEAD + self.size

    def begin(self, series: KnownSeries) -> np.ndarray:
        """States (n_series, 2 width) behind the end of series."""
        counts, rows = np.diff(series.offsets), np.arange(series.n_series)
        seasons = np.stack([np.full(series.n_series, series.season), np.maximum(series.periods, series.season)])
        shown = np.where(counts >= [[2], [3]] * seasons, seasons, 1)
        room = int(shown[: 1 if self.follows else 2].max(initial=1))
        states = np.zeros((2 * series.n_series, self.figure_at + room))
        describe_lines(series.values, series.offsets, states)
        if self.follows:
            states[:, self.figure_at :], states[:, PERIOD] = np.nan, np.repeat(shown[0], 2)
        else:
            z, offsets = self._read(series.values, series.offsets, rows, states)
            self._find_figures(z, offsets, np.repeat(shown, 2, axis=1), states)
            states[:, PLACE] = -np.repeat(counts, 2) % states[:, PERIOD]
        z, offsets = self._read(series.values, series.offsets, rows, states)
        states[np.isnan(states)] = 0.0  # of places that never were known: the mean
        self.fit(z, offsets, states, HEAD)
        return states.reshape(series.n_series, -1)

    def behind(self, states: np.ndarray, values: np.ndarray, offsets: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """States of which some rows have read new values."""
        moved = states.reshape(2 * len(states), -1).copy()
        z, own = self._read(values, offsets, rows, moved)
        self.move(z, own, (2 * rows[:, None] + np.arange(2)).ravel(), moved, HEAD)
        return moved.reshape(states.shape)

    def forecast(self, states: np.ndarray, h: int) -> np.ndarray:
        """The h values ahead, in the unit of the series."""
        lines, out = states.reshape(2 * len(states), -1), np.empty((len(states), h))
        paths = np.empty((len(lines), h))
        self.ahead(lines, HEAD, paths)
        leave_lines(lines, self.figure_at, paths, out)
        return out

    def is_sound(self, states: np.ndarray) -> bool:
        """Whether places and periods of states lie in their figures, and heads are those of two lines each."""
        if states.shape[1] % 2 or states.shape[1] // 2 <= self.figure_at or not np.isfinite(states).all():
            return False
        lines = states.reshape(2 * len(states), -1)
        kind, place, period = lines[:, KIND], lines[:, PLACE], lines[:, PERIOD]
        room = lines.shape[1] - self.figure_at
        sound = (
            _is_count(place, period - 1) & _is_count(period, room) & (period > 0) & (lines[:, LOW] <= lines[:, HIGH])
        )
        sound &= (lines[:, SPREAD] > 0.0) & ((kind <= 0.0) | (lines[:, CENTRE] > 0.0))
        for column, most in self.counts:
            sound &= _is_count(lines[:, HEAD + column], most)
        return bool(sound.all() and (kind[::2] == 0.0).all() and np.isin(kind[1::2], (-1.0, 1.0)).all())

    def _read(
        self, values: np.ndarray, offsets: np.ndarray, rows: np.ndarray, states: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Lines z and their offsets, of which states in place have read values."""
        z = np.empty(2 * len(values))
        read_lines(values, offsets, rows, states, (self.figure_at, self.follows), z)
        middles = offsets[:-1] + offsets[1:]
        return z, np.append(np.stack([2 * offsets[:-1], middles], axis=1).ravel(), 2 * offsets[-1])

    def _find_figures(self, z: np.ndarray, offsets: np.ndarray, seasons: np.ndarray, states: np.ndarray) -> None:
        known = np.isfinite(z) | np.repeat(states[:, KIND] < 0.0, np.diff(offsets))
        bridge(z, known, offsets)
        lines = tuple(np.empty((2, int(np.diff(offsets).max()))))
        tables = tuple(np.empty((3, int(seasons.max()))))
        find_figures(z, offsets, seasons, (lines, tables), states, self.figure_at)

    def candidate(self, name: str, prior: float) -> Candidate:
        """The formula under a name."""
        return Candidate(
            name=name, prior=prior, begin=self.begin, behind=self.behind, ahead=self.forecast, is_sound=self.is_sound
        )


def _is_count(numbers: np.ndarray, most: np.ndarray | int) -> np.ndarray:
    """Which are whole numbers from 0 to the most."""
    return np.asarray((numbers == np.floor(numbers)) & (0 <= numbers) & (numbers <= most))
