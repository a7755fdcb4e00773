"""The network that comes with the package, beside those that are trained: its state is the last values of a series."""

from __future__ import annotations

import numpy as np

from forecastrnn.data.row_ranges import rows_between
from forecastrnn.forecasting.candidates.candidate import Candidate, KnownSeries
from forecastrnn.forecasting.candidates.recent_median import ZEROS
from forecastrnn.forecasting.ends import ends_of
from forecastrnn.forecasting.forecasts import forecast
from forecastrnn.forecasting.inputs import SeriesInputs
from forecastrnn.forecasting.preparation import Prepared
from forecastrnn.forecasting.reading import SHORTEST
from forecastrnn.forecasting.settings import Settings, network_of
from forecastrnn.forecasting.start import prepare_for_any, settings_of, usual_start

SEASONS, FEWEST, MOST = 14, 240, 2500  # values that are kept: as many as series had that the network learned from
HEAD = 1  # of a state: the season; then the last values, oldest first, NaN before the first and where one is missing


def kept_of(season: int) -> int:
    """How many values are kept of a series."""
    return int(np.clip(SEASONS * season, FEWEST, MOST))


def _begin(series: KnownSeries) -> np.ndarray:
    states = np.full((series.n_series, HEAD + kept_of(series.season)), np.nan)
    states[:, 0] = series.season
    return _behind(states, series.values, series.offsets, np.arange(series.n_series))


def _behind(states: np.ndarray, values: np.ndarray, offsets: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """The last values behind new ones."""
    states, kept = states.copy(), states.shape[1] - HEAD
    if not len(values):
        return states
    counts = np.minimum(np.diff(offsets), kept)[:, None]
    place = np.arange(kept) + counts  # of what stands in each place then: in the old values, or behind them
    old = np.take_along_axis(states[rows, HEAD:], np.minimum(place, kept - 1), axis=1)
    new = values[np.maximum(offsets[1:, None] - kept + np.arange(kept), 0)]
    states[rows, HEAD:] = np.where(place < kept, old, new)
    return states


def _ahead(states: np.ndarray, h: int) -> np.ndarray:
    """Forecasts by the network, which reads the values anew; none of series with fewer than it takes, or often zero."""
    out, known = np.full((len(states), h), np.nan), np.isfinite(states[:, HEAD:])
    count, zeros = known.sum(axis=1), (states[:, HEAD:] == 0.0).sum(axis=1)
    rows = np.flatnonzero((count >= SHORTEST) & (zeros < ZEROS * count))  # medians are exactly zero, a mean never is
    if len(rows):
        first = HEAD + known[rows].argmax(axis=1) + rows * states.shape[1]
        values, offsets = rows_between(first, (rows + 1) * states.shape[1])
        out[rows] = forecasts_of(states.reshape(-1)[values], offsets, int(states[0, 0]), h)
    return out


def forecasts_of(values: np.ndarray, offsets: np.ndarray, season: int, h: int) -> np.ndarray:
    """Forecasts (n_series, h) of series end to end, in their own unit."""
    start = usual_start()
    prepared = prepare_for_any(values, offsets, season, start.context)
    return np.asarray(prepared.inverse(path_ahead(start.theta, prepared, settings_of(start.units), h)))


def path_ahead(theta: np.ndarray, prepared: Prepared, settings: Settings, h: int) -> np.ndarray:
    """The scaled forecast (n_series, h) of one network behind the ends of prepared series."""
    tail, network = ends_of(SeriesInputs(prepared, settings.dtype)), network_of(prepared.layout, settings)
    return forecast(network, theta[None], tail, settings, h, np.zeros(1, np.int64))[0]


def _is_sound(states: np.ndarray) -> bool:
    """Whether there is one season, and as many values as it asks for, of which none is endless."""
    season, width = states[0, 0], states.shape[1]
    is_one = bool((states[:, 0] == season).all() and season == np.floor(season) and 1 <= season < 2**31)
    return is_one and width == HEAD + kept_of(int(season)) and not np.isinf(states).any()


PRETRAINED = Candidate(
    name="pretrained", prior=0.3, begin=_begin, behind=_behind, ahead=_ahead, is_sound=_is_sound, is_usual=False
)  # fmt: skip
