"""From raw series to what the network learns: level, season and scale removed; and back again."""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np

from forecastrnn.compiling import jitted
from forecastrnn.seasonal import longest_multiple, remove_figures

NOISE = 0.1  # scale = sqrt(NOISE * mean change over a period): the network still sees how noisy a series is
FLOOR = 1e-4  # of the scale: a constant series stays finite
VALUE_BYTES = 128  # for one scaled value: itself, whether it counts, what the network reads


@dataclass(frozen=True)
class Prepared:
    """Scaled series end to end, each behind `pads[i]` values that repeat its first season.

    z : (total,) scaled, without season; observed : (total,) whether a value counts in the loss; starts :
    (n_series + 1,) where each begins in z; level, linear : y = level * exp(z) or level * z; after : (n_series,
    room) seasonal figure behind the end, repeating with `periods`; context, ahead : steps of a window.
    """

    season: int
    width: int
    context: int
    ahead: int
    z: np.ndarray
    observed: np.ndarray
    starts: np.ndarray
    pads: np.ndarray
    periods: np.ndarray
    scale: np.ndarray
    level: np.ndarray
    linear: np.ndarray
    after: np.ndarray
    two: int  # the third lag: two seasons, if any period is that long
    n_observations: int

    @property
    def n_series(self) -> int:
        """Number of series."""
        return len(self.periods)

    @property
    def static(self) -> np.ndarray:
        """Columns that stay the same for a series: (n_series, 3)."""
        return np.stack(
            [np.log(self.scale) + 3.0, self.linear.astype(float), np.log(self.periods / self.season)], axis=1
        )

    def inverse(self, paths: np.ndarray) -> np.ndarray:
        """Scaled paths (..., n_series, h) behind the end of each series, in the series' own unit."""
        h = paths.shape[-1]
        season = np.take_along_axis(self.after, np.arange(h)[None, :] % self.periods[:, None], axis=1)
        z = paths * self.scale[:, None] + season
        curved = np.exp(np.clip(np.where(self.linear[:, None], 0.0, z), -30.0, 30.0))
        return np.where(self.linear[:, None], z, curved) * self.level[:, None]


@jitted(cache=False)
def bridge(z, known, lo, hi):
    """Gaps in z[lo:hi] in line between the known values around them, level behind the last; z[lo] is known."""
    last = lo
    for t in range(lo, hi):
        if known[t]:
            for gap in range(last + 1, t):
                z[gap] = z[last] + (gap - last) / (t - last) * (z[t] - z[last])
            last = t
    z[last + 1 : hi] = z[last]


@jitted
def bridge_all(z, known, offsets):
    """Gaps of all series."""
    for i in range(len(offsets) - 1):
        bridge(z, known, offsets[i], offsets[i + 1])


@jitted
def read_levels(y, known, offsets, width, z, level, linear):
    """Gaps filled in line; z = log(y / mean|y|) of a positive series, else y over the mean of its last |values|."""
    for i in range(len(offsets) - 1):
        lo, hi = offsets[i], offsets[i + 1]
        z[lo:hi] = y[lo:hi]
        bridge(z, known, lo, hi)
        size = np.abs(z[lo:hi]).max()
        size = size if size > 0.0 else 1.0
        mean = np.mean(np.abs(z[lo:hi]) / size) * size
        tail = np.mean(np.abs(z[max(lo, hi - 2 * width) : hi]) / size) * size
        linear[i] = z[lo:hi].min() <= 0.0
        level[i] = (tail if linear[i] and tail > 0.0 else mean) or 1.0
        for t in range(lo, hi):
            z[t] = z[t] / level[i] if linear[i] else np.log(z[t]) - np.log(level[i])


@jitted
def read_scales(z, offsets, periods, scale):
    """sqrt(NOISE * mean |z_t - z_(t - period)|), at least FLOOR."""
    for i in range(len(offsets) - 1):
        lo, hi = offsets[i], offsets[i + 1]
        lag = periods[i] if hi - lo > periods[i] + 1 else 1
        change = 0.0
        for t in range(lo + lag, hi):
            change += abs(z[t] - z[t - lag])
        change /= max(hi - lo - lag, 1)
        scale[i] = max(np.sqrt(max(change, 1e-9) * NOISE), FLOOR)


@jitted
def pad_left(z, known, offsets, periods, scale, pads, starts, out, observed):
    """Scaled values behind `pads[i]` repetitions of the first period; what counts starts after the burn-in."""
    for i in range(len(offsets) - 1):
        n, base = offsets[i + 1] - offsets[i], starts[i] + pads[i]
        for t in range(n):
            out[base + t] = z[offsets[i] + t] / scale[i]
            observed[base + t] = known[offsets[i] + t]
        p = min(periods[i], n)
        for d in range(1, pads[i] + 1):
            out[base - d] = out[base + (-d) % p]
        if n > 2 * p:
            burn = p + p // 2 if n > 3 * p else p
            observed[base : base + burn] = False


def machine_memory() -> int:
    """Bytes of memory of this machine; 64 GiB where the system does not tell."""
    if not hasattr(os, "sysconf"):
        return 2**36
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def check_memory(n_values: int, n_series: int, season: int) -> None:
    """Refuse what cannot fit into memory before anything is allocated for it."""
    padded = n_values + n_series * 3 * season
    need, have = VALUE_BYTES * padded, machine_memory()
    if need > have:
        raise ValueError(
            f"y: {n_values} values in {n_series} series with a season of {season} steps need {need / 2**30:.3g} GiB, "
            f"but this machine has {have / 2**30:.3g} GiB. Take fewer or shorter series, or a shorter season_length."
        )


def drop_leading_gaps(values: np.ndarray, offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Series without their leading NaN, and the new offsets."""
    finite = np.flatnonzero(np.isfinite(values))
    first = finite[np.searchsorted(finite, offsets[:-1])]
    series = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    keep = np.arange(len(values)) >= first[series]
    return values[keep], np.concatenate([[0], np.cumsum(offsets[1:] - first)])


def window_steps(season: int, longest: int) -> tuple[int, int]:
    """Steps of context, and steps more, that training windows have; fewer where all series are short."""
    context, ahead = int(np.clip(2 * season, 24, 72)), int(np.clip(2 * season, 18, 48))
    if longest < context + ahead + 2 * season:
        context = max(8, longest - ahead - 2 * season)
    return context, ahead


def prepare(values: np.ndarray, offsets: np.ndarray, season: int, context: int | None = None) -> Prepared:
    """Remove level, season and scale from each series.

    Parameters
    ----------
    values : (total,) float64, all series end to end; NaN is missing
    offsets : (n_series + 1,)
    season : season length, at least 1
    context : context length of windows; default from the season

    Returns
    -------
    Prepared

    Raises
    ------
    ValueError
        If the series would not fit into memory.
    """
    check_memory(len(values), len(offsets) - 1, season)
    values, offsets = drop_leading_gaps(values, offsets)
    count, width = len(offsets) - 1, max(season, 4)
    z, removed = np.empty(len(values)), np.empty(len(values))
    level, scale = np.empty(count), np.empty(count)
    linear, periods = np.empty(count, bool), np.empty(count, np.int64)
    longest = int(np.diff(offsets).max())
    after = np.empty((count, longest_multiple(longest, season) * season))
    known = np.isfinite(values)
    read_levels(values, known, offsets, width, z, level, linear)
    remove_figures(z, offsets, season, removed, after, periods)
    z -= removed
    bridge_all(z, known, offsets)  # again: a line between two seasons is not one without them
    read_scales(z, offsets, periods, scale)
    own, ahead = window_steps(season, longest)
    context = context or own
    pads = np.maximum(periods, 2 * season) + width + context + ahead + 1
    starts = np.concatenate([[0], np.cumsum(np.diff(offsets) + pads)])
    padded, observed = np.empty(starts[-1]), np.zeros(starts[-1], bool)
    pad_left(z, known, offsets, periods, scale, pads, starts, padded, observed)
    two = min(2 * season, int(periods.max()))
    return Prepared(
        season, width, context, ahead, padded, observed, starts, pads, periods, scale, level, linear, after, two,
        int(known.sum()),
    )  # fmt: skip
