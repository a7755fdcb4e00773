"""A season that nobody has named: found in the series, by how much their changes are like those so many steps ago.

In backtests without their season weekly series were forecast up to five times as badly, monthly ones by a quarter. What
is found is used as though it had been given: in the series whose one-step error it lowers, and with it a longer one.
"""

from __future__ import annotations

import numpy as np

from forecastrnn.data.row_ranges import rows_between
from forecastrnn.engine.cpu.autocorrelation import add_autocorrelations
from forecastrnn.forecasting.preparation import bridge, drop_leading_gaps

CYCLES = 4  # of a season in a series that tells it, at least
FEWEST = 12  # known values of such a series
FEWEST_DATED = 100  # and where dates are given whose calendar has no season, as years: chance must be ruled out
LONGEST = 700  # steps of a season
MOST_VALUES = 2**18  # that are looked at
LEAST, ERRORS = 0.1, 5.0  # autocorrelation of a season: this, and so many standard errors of that of noise
NEAR = 0.85  # share of the largest autocorrelation, from which on the shortest season is preferred
USUAL = 0.7  # and that of the calendar before it
AGAIN = 0.5  # share of it that is left after two seasons, or it is none


def find_season(values: np.ndarray, offsets: np.ndarray, usual: int = 1, fewest: int = FEWEST) -> int:
    """The season of most series (total,), 1: they have none. usual: the calendar's, which wins where it is near.

    fewest : known values of a series that tells it.
    """
    rows = _told_by(values, offsets, fewest)
    if not len(rows):
        return 1
    taken, starts = rows_between(offsets[rows], offsets[rows + 1])
    found, bar = _autocorrelations(*drop_leading_gaps(values[taken], starts))
    lags = np.arange(2, (len(found) - 1) // 2)
    again = np.maximum.reduce([found[2 * lags + shift] for shift in (-1, 0, 1)])
    is_top = (found[lags] > found[lags - 1]) & (found[lags] >= found[lags + 1]) & (found[lags] > bar[lags])
    tops = lags[is_top & (again >= AGAIN * found[lags])]
    if not len(tops):
        return 1
    most = found[tops].max()
    return usual if usual in lags and found[usual] >= USUAL * most else int(tops[found[tops] >= NEAR * most][0])


def _told_by(values: np.ndarray, offsets: np.ndarray, fewest: int) -> np.ndarray:
    """Series that have values enough, evenly taken where there are many."""
    known = np.add.reduceat(np.isfinite(values), offsets[:-1])
    return np.flatnonzero(known >= fewest)[:: -(-len(values) // MOST_VALUES)]


def _autocorrelations(values: np.ndarray, starts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Those of lags 0, 1, ... up to two seasons, 0 where few values tell them; and what noise does not reach."""
    z = values.copy()
    bridge(z, np.isfinite(z), starts)
    most = 2 * min(LONGEST, int(np.diff(starts).max()) // CYCLES)
    totals, counts = np.zeros((2, most + 2))
    add_autocorrelations(z, starts, most, CYCLES // 2, totals, counts)
    counts = np.maximum(counts, 1.0)
    found = np.where(counts >= counts.max() / 2.0, totals / counts, 0.0)
    return found, np.maximum(LEAST, ERRORS / np.sqrt(counts))
