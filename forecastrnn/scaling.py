"""From raw series to what the network learns, and back: gaps filled, level, season and scale removed.

A positive series becomes log(y / mean |y|), any other y / mean of its last |values|; then its causal seasonal
figure is subtracted, and the rest divided by the square root of a tenth of its mean change over one period: only
partly, so that the network still sees how noisy a series is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forecastrnn.seasonality import averaging_width, piece_starts, seasonal_figures

SHARE = 0.1  # of the mean change over a period, under the root: the scale of a series
LEAST_CHANGE = 1e-9  # a mean change below this counts as this
LEAST_SCALE = 1e-4  # a constant series is divided by this, not by zero
LEAST_TAIL = 1e-9  # a series whose last values are smaller than this part of its mean is scaled by the mean
LARGEST_LOG = 30.0  # forecasts of log(y / mean) are cut there before exp


@dataclass(frozen=True)
class Prepared:
    """Scaled series end to end, each behind `pads[i]` values that repeat its first period.

    Row r of the flat layout is position r; series i has the rows starts[i] : starts[i + 1], and its own values begin
    at row starts[i] + pads[i], which is time 0 of the series (its first value that is not missing).

    Attributes
    ----------
    season, width : int
        Season length m; number of values A in the trailing mean.
    context, ahead : int
        Steps C of context, and K steps more, of a training window; every window of C + K steps that ends with or
        after a series' first value has its lags within the series' rows.
    second_lag : int
        The longest lag among the inputs besides the period: two seasons, or less if no period is that long.
    z : ndarray (rows,) of float64
        Scaled values without season.
    counted : ndarray (rows,) of bool
        What counts in the loss: observed values after the first period and a half, in which the figure is not
        known yet (after the first period of a series of two to three periods; all of a shorter one).
    starts, pads, lengths : ndarray (n_series + 1,), (n_series,), (n_series,) of int64
        Layout of the rows; starts[i + 1] = starts[i] + pads[i] + lengths[i].
    n_observed : ndarray (n_series,) of int64
        Values of each series that are not missing, counted in the loss or not.
    periods : ndarray (n_series,) of int64
        Period L of the seasonal figure, a multiple of `season`.
    scale, level : ndarray (n_series,) of float64
        Divisor of z; unit of y.
    linear : ndarray (n_series,) of bool
        Whether y = level * (..) instead of y = level * exp(..).
    figures, figure_starts : ndarray (sum of periods,), (n_series + 1,)
        Seasonal figure behind the end, before scaling: figures[figure_starts[i] + j % periods[i]] belongs to
        j = 0, 1, .. steps behind the last value of series i.
    """

    season: int
    width: int
    context: int
    ahead: int
    second_lag: int
    z: np.ndarray
    counted: np.ndarray
    starts: np.ndarray
    pads: np.ndarray
    lengths: np.ndarray
    n_observed: np.ndarray
    periods: np.ndarray
    scale: np.ndarray
    level: np.ndarray
    linear: np.ndarray
    figures: np.ndarray
    figure_starts: np.ndarray

    @property
    def n_series(self) -> int:
        """Number of series."""
        return len(self.lengths)

    def inverse(self, paths: np.ndarray) -> np.ndarray:
        """Scaled paths in the unit of the series.

        Parameters
        ----------
        paths : ndarray (..., n_series, h)
            Scaled values of the h steps behind the end of each series.

        Returns
        -------
        ndarray (..., n_series, h) of float64
        """
        steps = np.arange(np.shape(paths)[-1]) % self.periods[:, None]
        z = paths * self.scale[:, None] + self.figures[self.figure_starts[:-1, None] + steps]
        linear = self.linear[:, None]
        growth = np.exp(np.where(linear, 0.0, np.clip(z, -LARGEST_LOG, LARGEST_LOG)))
        return np.where(linear, z, growth) * self.level[:, None]


def _sums(items: np.ndarray, begins: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Sum of items[begins[i] : ends[i]] for each i; no piece is empty or overlaps the next."""
    bounds = np.stack([begins, ends], axis=1).ravel()
    return np.add.reduceat(np.append(items, 0.0), bounds)[::2]


def drop_leading_gaps(values: np.ndarray, offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each series from its first observed value on, and the new offsets; a series without any becomes one NaN."""
    at = np.where(np.isnan(values), len(values), np.arange(len(values)))
    first = np.minimum(np.minimum.reduceat(at, offsets[:-1]), offsets[1:] - 1)
    keep = np.arange(len(values)) >= np.repeat(first, np.diff(offsets))
    return values[keep], piece_starts(offsets[1:] - first)


def fill_gaps(values: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Missing values on a line between their neighbours, the last value repeated at the end of a series.

    The first value of each series is observed, or the only one: then it becomes 0.
    """
    missing = np.isnan(values)
    if not missing.any():
        return values
    t = np.arange(len(values))
    filled = np.where(missing, 0.0, values)
    missing[offsets[:-1]] = False
    before = np.maximum.accumulate(np.where(missing, 0, t))
    after = np.minimum.accumulate(np.where(missing, len(values), t)[::-1])[::-1]
    after = np.where(after >= np.repeat(offsets[1:], np.diff(offsets)), before, after)
    share = (t - before) / np.maximum(after - before, 1)
    return filled[before] * (1.0 - share) + filled[after] * share


def read_levels(y: np.ndarray, offsets: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray]:
    """(level, linear) of each series: mean |y| if it is positive, else the mean of the last 2 `width` |values|.

    The mean stands in for a tail that is zero or next to it, 1 for the level of a series of zeros.
    """
    begins, ends = offsets[:-1], offsets[1:]
    size = np.maximum.reduceat(np.abs(y), begins)
    size[size == 0.0] = 1.0
    relative = np.abs(y) / np.repeat(size, ends - begins)  # at most 1: sums do not overflow
    mean = _sums(relative, begins, ends) / (ends - begins)
    tail_begins = np.maximum(begins, ends - 2 * width)
    tail = _sums(relative, tail_begins, ends) / (ends - tail_begins)
    linear = np.minimum.reduceat(y, begins) <= 0.0
    level = size * np.where(linear & (tail > LEAST_TAIL * mean), tail, mean)
    return np.where(level > 0.0, level, 1.0), linear


def remove_levels(y: np.ndarray, offsets: np.ndarray, level: np.ndarray, linear: np.ndarray) -> np.ndarray:
    """log(y / level), or y / level of linear series; values (total,) of order one."""
    lengths = np.diff(offsets)
    curved = ~np.repeat(linear, lengths)
    logs = np.log(y, where=curved, out=np.zeros(len(y))) - np.repeat(np.log(level), lengths)
    return np.where(curved, logs, y / np.repeat(level, lengths))


def read_scales(z: np.ndarray, offsets: np.ndarray, periods: np.ndarray) -> np.ndarray:
    """Root of a tenth of the mean |change| of each series over its period (over one step if it is too short)."""
    lengths = np.diff(offsets)
    lags = np.where(lengths > periods + 1, periods, 1)
    begins = np.minimum(offsets[:-1] + lags, offsets[1:] - 1)
    t = np.arange(len(z))
    earlier = np.maximum(t - np.repeat(lags, lengths), np.repeat(offsets[:-1], lengths))
    change = _sums(np.abs(z - z[earlier]), begins, offsets[1:]) / (offsets[1:] - begins)
    return np.maximum(np.sqrt(SHARE * np.maximum(change, LEAST_CHANGE)), LEAST_SCALE)


def window_steps(season: int, longest: int) -> tuple[int, int]:
    """Steps (context, ahead) of a training window: two seasons each, within bounds; less if all series are short."""
    context, ahead = int(np.clip(2 * season, 24, 72)), int(np.clip(2 * season, 18, 48))
    if longest < context + ahead + 2 * season:
        context = max(8, longest - ahead - 2 * season)
    return context, ahead


def _burn_in(lengths: np.ndarray, periods: np.ndarray) -> np.ndarray:
    """Values at the start of each series that do not count in the loss, because the figure is not known there."""
    most = np.where(lengths > 3 * periods, periods + periods // 2, periods)
    return np.where(lengths > 2 * periods, most, 0)


def pad_left(
    offsets: np.ndarray, periods: np.ndarray, pads: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Layout of series behind repetitions of their first period: starts, time in the series and source of each row.

    starts (n_series + 1,); time (rows,), negative in the pad; source (rows,): position among the values, end to end.
    """
    lengths = np.diff(offsets)
    rows = pads + lengths
    starts = piece_starts(rows)
    t = np.arange(starts[-1]) - np.repeat(starts[:-1] + pads, rows)
    repeated = t % np.repeat(np.minimum(periods, lengths), rows)
    return starts, t, np.where(t < 0, repeated, t) + np.repeat(offsets[:-1], rows)


def prepare(values: np.ndarray, offsets: np.ndarray, season: int, context: int | None = None) -> Prepared:
    """Remove level, season and scale from each series.

    Any series of at least one value gives finite z. A constant series, or one of a single value, has z without
    change, the least scale 1e-4 and no figure, and an unchanged path inverts to the constant. A series of zeros,
    and one without any observed value, has z = 0 and level 1 (of the latter nothing is counted). A series with a
    value that is not positive is linear.

    Parameters
    ----------
    values : ndarray (total,) of float64
        All series end to end; NaN is missing, infinite values are not allowed. Leading NaN are dropped.
    offsets : ndarray (n_series + 1,) of int64
        Series i is values[offsets[i] : offsets[i + 1]]; none is empty.
    season : int
        Season length, at least 1 (no season).
    context : int, optional
        Steps of context of a training window; by default two seasons, at least 24 and at most 72, or what short
        series allow.

    Returns
    -------
    Prepared

    Examples
    --------
    >>> import numpy as np
    >>> prepared = prepare(np.array([5.0, 5.0, 5.0, -1.0, np.nan, 1.0]), np.array([0, 3, 6]), season=1)
    >>> print(prepared.linear, prepared.level.round(3))
    [False  True] [5.    0.667]
    >>> print(prepared.inverse(prepared.z[prepared.starts[1:] - 1][:, None]).round(6))
    [[5.]
     [1.]]
    """
    values, offsets = drop_leading_gaps(values, offsets)
    width = averaging_width(season)
    observed = ~np.isnan(values)
    y = fill_gaps(values, offsets)
    level, linear = read_levels(y, offsets, width)
    z = remove_levels(y, offsets, level, linear)
    found = seasonal_figures(z, offsets, season)
    z -= found.removed
    scale = read_scales(z, offsets, found.periods)
    own, ahead = window_steps(season, int(np.diff(offsets).max()))
    context = context or own
    second_lag = int(min(2 * season, found.periods.max()))
    pads = np.maximum(found.periods + width, second_lag) + context + ahead + 1
    starts, t, source = pad_left(offsets, found.periods, pads)
    rows = np.diff(starts)
    burn_in = np.repeat(_burn_in(np.diff(offsets), found.periods), rows)
    return Prepared(
        season=season,
        width=width,
        context=context,
        ahead=ahead,
        second_lag=second_lag,
        z=z[source] / np.repeat(scale, rows),
        counted=(t >= burn_in) & observed[source],
        starts=starts,
        pads=pads,
        lengths=np.diff(offsets),
        n_observed=np.add.reduceat(observed, offsets[:-1], dtype=np.int64),
        periods=found.periods,
        scale=scale,
        level=level,
        linear=linear,
        figures=found.future,
        figure_starts=found.starts,
    )


@dataclass(frozen=True)
class ArrayScaler:
    """Columns brought to mean 0 and standard deviation 1.

    Attributes
    ----------
    mean_, scale_ : ndarray (columns,) of float64
        Weighted mean and standard deviation; a constant column has scale 1.

    Examples
    --------
    >>> import numpy as np
    >>> scaler = ArrayScaler.fit(np.array([[1.0, 7.0], [3.0, 7.0]]))
    >>> print(scaler.mean_, scaler.scale_)
    [2. 7.] [1. 1.]
    >>> print(scaler.transform(np.array([[5.0, 7.0]])))
    [[3. 0.]]
    """

    mean_: np.ndarray
    scale_: np.ndarray

    @classmethod
    def fit(cls, X: np.ndarray, weight: np.ndarray | None = None) -> ArrayScaler:
        """Weighted mean and standard deviation of each column; no overflow however large the values are.

        Parameters
        ----------
        X : ndarray (rows, columns)
            Finite values, at least one row.
        weight : ndarray (rows,), optional
            Not negative, not all zero; a row of weight 0 is as good as absent.
        """
        X = np.asarray(X, dtype=np.float64)
        share = np.ones(len(X)) if weight is None else np.asarray(weight, dtype=np.float64)
        X, share = X[share > 0.0], share[share > 0.0]
        share = share / share.max()  # first: the sum of huge weights would overflow
        share = share / share.sum()
        size = np.abs(X).max(axis=0)
        size[size == 0.0] = 1.0
        unit = X / size
        mean = share @ unit
        spread = np.sqrt(share @ np.square(unit - mean))
        constant = np.all(X == X[0], axis=0) | (spread * size == 0.0)
        return cls(np.where(constant, X[0], mean * size), np.where(constant, 1.0, spread * size))

    def transform(self, X: np.ndarray) -> np.ndarray:
        """X (rows, columns) in standard deviations from the mean, float64."""
        return (np.asarray(X, dtype=np.float64) - self.mean_) / self.scale_

    def inverse(self, X: np.ndarray) -> np.ndarray:
        """Back to the original unit: X (rows, columns) of scaled values."""
        return np.asarray(X, dtype=np.float64) * self.scale_ + self.mean_
