"""y(t + h) = the last value known of the same place in the season: seasonal naive; with the season, or a longer one."""

from __future__ import annotations

import numpy as np

from forecastrnn.engine.cpu.last_season import RING, move_rings, repeat_rings
from forecastrnn.forecasting.candidates.candidate import Candidate, KnownSeries


def rings_of(series: KnownSeries, periods: np.ndarray) -> np.ndarray:
    """Behind the end, the last value of each place; in a series without a whole period, its last value.

    A period of 0 is none: there are no forecasts then.
    """
    lengths = np.diff(series.offsets)
    periods = np.where(lengths >= periods, periods, 1)
    states = np.full((series.n_series, RING + int(periods.max(initial=1))), np.nan)
    states[:, 0], states[:, 1] = periods, 0.0
    move_rings(states, series.values, series.offsets, np.arange(series.n_series))
    return states


def rings_behind(states: np.ndarray, values: np.ndarray, offsets: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Rings of which some have read new values."""
    states = states.copy()
    move_rings(states, values, offsets, rows)
    return states


def _ahead(states: np.ndarray, h: int) -> np.ndarray:
    out = np.empty((len(states), h))
    repeat_rings(states, out)
    return out


def rings_are_sound(states: np.ndarray) -> bool:
    """Whether places lie in rings, and these in the states; the last value is known."""
    if states.shape[1] <= RING or not np.isfinite(states[:, :RING]).all():
        return False
    period, place = states[:, 0], states[:, 1]
    whole = (period == np.floor(period)) & (place == np.floor(place))
    inside = (0 <= place) & (place < np.maximum(period, 1)) & (0 <= period) & (period <= states.shape[1] - RING)
    return bool((whole & inside).all())


SEASON_AGO = Candidate(
    name="season_ago", prior=0.05, behind=rings_behind, ahead=_ahead, is_sound=rings_are_sound,
    begin=lambda series: rings_of(series, np.full(series.n_series, series.season)),
)  # fmt: skip
SECOND_SEASON_AGO = Candidate(
    name="second_season_ago", prior=0.05, behind=rings_behind, ahead=_ahead, is_sound=rings_are_sound,
    begin=lambda series: rings_of(series, np.where(series.periods > series.season, series.periods, 0)),
)  # fmt: skip
