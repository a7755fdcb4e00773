"""The causal seasonal figure of each series: at every time, the season that could be learned from the past.

The raw season is the difference from a centred moving average over one period. Cycle by cycle, what was learned
from the cycles before is the figure of the cycle, and is then moved towards it: S += g (D - S), g the larger of
1 / (cycles seen) and `gamma`. The figure is shrunk by `kappa`. For each series the pair (gamma, kappa), or no figure
at all, is chosen by the mean absolute error of the trailing mean as a forecast of the next value. A second figure,
of a period of 2 to 7 seasons (the week of hourly data), is fitted to the remainder in the same way, and kept if it
brings that error below 93% of itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forecastrnn.compiling import jitted

GAMMAS = (0.0, 0.15, 0.3)
KAPPAS = (0.5, 1.0)
LONGEST = 7  # seasons in the period of the second figure, at most
WORTHWHILE = 0.93  # error with the second figure relative to that without it: has to be below
ROUNDING = 1e-12  # a mean error that small, in values of order one, is rounding: there is nothing to explain


def averaging_width(season: int) -> int:
    """Values in the trailing mean that stands for the level: one season, at least four."""
    return max(season, 4)


@jitted(cache=False)
def trailing_mean(values, width, out):
    """out[t] = mean of the last `width` values up to t, of all so far where they are fewer; values, out (n,).

    The running total starts afresh every `width` values, so that rounding does not add up along a long series.
    """
    total = 0.0
    for t in range(len(values)):
        if t >= width and t % width == 0:
            total = 0.0
            for j in range(t - width + 1, t + 1):
                total += values[j]
        else:
            total += values[t]
            if t >= width:
                total -= values[t - width]
        out[t] = total / min(t + 1, width)


@jitted(cache=False)
def centred_differences(values, period):
    """values (n,) minus their centred moving average over one period, for all but the last period // 2.

    The average is not defined before the middle of the first period: the first one stands in for it.
    """
    half = period // 2
    even = period % 2 == 0  # the window then has period + 1 values, the first and last with half weight
    differences = np.empty(len(values) - half)
    total = 0.0
    for j in range(2 * half):
        total += values[j]
    for t in range(half, len(differences)):
        total += values[t + half]
        outer = 0.5 * (values[t - half] + values[t + half]) if even else 0.0
        average = (total - outer) / period
        differences[t] = values[t] - average
        if t == half:
            for j in range(half):
                differences[j] = values[j] - average
        total -= values[t - half]
    return differences


@jitted(cache=False)
def causal_figure(differences, n, period, gamma):
    """The figure known before each time (n,), and that of the period after the end, (period,) from time n on.

    The last differences, which need values after the end, are not there: differences may be shorter than n.
    """
    figure, known, after = np.empty(n), np.zeros(period), np.empty(period)
    for t in range(n):
        phase = t % period
        figure[t] = known[phase]
        if t < len(differences):
            cycles = t // period + 1
            known[phase] += max(1.0 / cycles, gamma) * (differences[t] - known[phase])
    for j in range(period):
        after[j] = known[(n + j) % period]
    return figure, after


@jitted(cache=False)
def one_step_error(values, width, first):
    """Mean |value - trailing mean one step before| from time `first` >= 1 on."""
    means = np.empty(len(values))
    trailing_mean(values, width, means)
    error = 0.0
    for t in range(first, len(values)):
        error += abs(values[t] - means[t - 1])
    return error / (len(values) - first)


@jitted(cache=False)
def fit_figure(values, season, period, width, bound):
    """The best figure: (relative error, gamma, kappa, figure (n,), figure after the end (period,)).

    Figures whose error relative to no figure is not below `bound` are passed over; if all are, the figure is zero.
    """
    n, first = len(values), max(period, width)
    best = (bound, 0.0, 0.0, np.zeros(n), np.zeros(period))
    if n < 2 * period or n - first < min(season, period // 2):
        return best
    plain = one_step_error(values, width, first)
    if plain <= ROUNDING:
        return best
    differences = centred_differences(values, period)
    for gamma in GAMMAS:
        figure, after = causal_figure(differences, n, period, gamma)
        for kappa in KAPPAS:
            error = one_step_error(values - kappa * figure, width, first) / plain
            if error < best[0]:
                best = (error, gamma, kappa, kappa * figure, kappa * after)
    return best


@jitted(cache=False)
def fit_second_figure(rest, season):
    """The best figure of 2 to 7 seasons, as `fit_figure`; a zero figure of one season if none is worthwhile."""
    best = (WORTHWHILE, 0.0, 0.0, np.zeros(len(rest)), np.zeros(season))
    for k in range(2, LONGEST + 1):
        period = k * season
        if len(rest) < 3 * period + season:
            break
        trial = fit_figure(rest, season, period, period, best[0])
        if trial[0] < best[0]:
            best = trial
    return best


@jitted
def fit_figures(values, offsets, season, width, rooms, removed, future, periods, gammas, kappas):
    """Both figures of all series; removed (total,), future[rooms[i] :] that after the end, gammas (n_series, 2)."""
    for i in range(len(offsets) - 1):
        series = values[offsets[i] : offsets[i + 1]]
        one = fit_figure(series, season, season, width, 1.0)
        two = fit_second_figure(series - one[3], season)
        periods[i] = len(two[4])
        for t in range(len(series)):
            removed[offsets[i] + t] = one[3][t] + two[3][t]
        gammas[i, 0], gammas[i, 1] = one[1], two[1]
        kappas[i, 0], kappas[i, 1] = one[2], two[2]
        for j in range(periods[i]):
            future[rooms[i] + j] = one[4][j % season] + two[4][j]


@dataclass(frozen=True)
class SeasonalFigures:
    """What `seasonal_figures` found.

    Attributes
    ----------
    removed : ndarray (total,)
        Figure to subtract at each time, known before that time.
    future : ndarray (sum of periods,)
        Figures after the end, series end to end: `future[starts[i] + j % periods[i]]` belongs to j = 0, 1, ..
        steps after the last value of series i.
    starts : ndarray (n_series + 1,)
        Where each series begins in `future`.
    periods : ndarray (n_series,)
        Period L of the sum of both figures: `season`, or a multiple of it where there is a second figure.
    gammas, kappas : ndarray (n_series, 2)
        Chosen for the first and second figure; kappa = 0: no figure.
    """

    removed: np.ndarray
    future: np.ndarray
    starts: np.ndarray
    periods: np.ndarray
    gammas: np.ndarray
    kappas: np.ndarray


def piece_starts(counts: np.ndarray) -> np.ndarray:
    """Where pieces of `counts` items start when they lie end to end, and where the last one ends."""
    return np.concatenate([[0], np.cumsum(counts)])


def _longest_periods(lengths: np.ndarray, season: int) -> np.ndarray:
    """The longest period that may be tried on each series."""
    seasons = (lengths - season) // (3 * season)
    return season * np.clip(seasons, 1, LONGEST if season > 1 else 1)


def seasonal_figures(values: np.ndarray, offsets: np.ndarray, season: int) -> SeasonalFigures:
    """Learn the causal seasonal figure of each series.

    Parameters
    ----------
    values : ndarray (total,) of float64
        All series end to end, without gaps, their level removed: of order one.
    offsets : ndarray (n_series + 1,) of int64
        Series i is values[offsets[i] : offsets[i + 1]].
    season : int
        Season length; 1: there is no season, and all figures are zero.

    Returns
    -------
    SeasonalFigures

    Examples
    --------
    >>> import numpy as np
    >>> series = np.tile([0.0, 1.0, 0.0, -1.0], 5)
    >>> found = seasonal_figures(series, np.array([0, 20]), season=4)
    >>> print(found.removed[:4], found.removed[-4:])
    [0. 0. 0. 0.] [ 0.  1.  0. -1.]
    >>> print(found.future, found.periods)
    [ 0.  1.  0. -1.] [4]
    """
    lengths = np.diff(offsets)
    rooms = _longest_periods(lengths, season)
    room_starts = piece_starts(rooms)
    removed, future = np.zeros(len(values)), np.zeros(room_starts[-1])
    periods = np.full(len(lengths), season, dtype=np.int64)
    gammas, kappas = np.zeros((len(lengths), 2)), np.zeros((len(lengths), 2))
    if season > 1:
        width = averaging_width(season)
        fit_figures(values, offsets, season, width, room_starts, removed, future, periods, gammas, kappas)
    used = np.arange(len(future)) - np.repeat(room_starts[:-1], rooms) < np.repeat(periods, rooms)
    return SeasonalFigures(removed, future[used], piece_starts(periods), periods, gammas, kappas)
