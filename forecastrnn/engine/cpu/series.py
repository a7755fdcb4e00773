"""Passes over series that lie end to end, offsets (n_series + 1,): level, scale, padding, what networks read."""

import math

from forecastrnn.engine.compiling import jitted
from forecastrnn.engine.input_formulas import STATIC, write_inputs


@jitted
def read_levels(z, offsets, width, level, linear):
    """z becomes log(z / mean|z|) in a positive series, else z over the mean of its last |values|."""
    for i in range(len(offsets) - 1):
        lo, hi = offsets[i], offsets[i + 1]
        size, positive = 0.0, True
        for t in range(lo, hi):
            size = abs(z[t]) if abs(z[t]) > size else size
            positive = positive and z[t] > 0.0
        size = size if size > 0.0 else 1.0  # sums of |z| / size stay finite
        total, tail, recent = 0.0, 0.0, hi - 2 * width if hi - 2 * width > lo else lo
        for t in range(lo, hi):
            total += abs(z[t]) / size
            tail += abs(z[t]) / size if t >= recent else 0.0
        tail = tail / (hi - recent) * size
        level[i] = total / (hi - lo) * size if positive or tail == 0.0 else tail
        level[i] = level[i] if level[i] > 0.0 else 1.0
        linear[i] = not positive
        shift = math.log(level[i])
        for t in range(lo, hi):
            z[t] = math.log(z[t]) - shift if positive else z[t] / level[i]


@jitted
def mean_changes(z, offsets, periods, change):
    """change (n_series,) = mean |z_t - z_(t - period)|, of neighbours in a series too short for that."""
    for i in range(len(offsets) - 1):
        lo, hi = offsets[i], offsets[i + 1]
        lag = periods[i] if hi - lo > periods[i] + 1 else 1
        total = 0.0
        for t in range(lo + lag, hi):
            total += abs(z[t] - z[t - lag])
        change[i] = total / (hi - lo - lag) if hi - lo > lag else 0.0


@jitted
def pad_left(series, periods, scale, padding, padded):
    """Scaled values behind `pads[i]` repetitions of the first period; what counts, after the burn-in, is marked."""
    (z, known, offsets), (pads, starts), (out, observed) = series, padding, padded
    for i in range(len(offsets) - 1):
        lo, n, base = offsets[i], offsets[i + 1] - offsets[i], starts[i] + pads[i]
        p = periods[i] if periods[i] < n else n
        burn = 0 if n <= 2 * p else p if n <= 3 * p else p + p // 2
        for t in range(n):
            out[base + t] = z[lo + t] / scale[i]
            if t >= burn:
                observed[base + t] = known[lo + t]
        t = base
        while t > starts[i]:
            t -= 1
            out[t] = out[t + p]


@jitted
def fill_inputs(series, layout, scratch, out):
    """Rows of all padded times of all series; out (total, 2 columns + k) flat. Rows without enough past stay zero.

    scratch: trailing means (total,), and sums of one more value than the longest series has, or empty without blocks.
    """
    z, starts, pads, periods, static = series
    season, width, second_lag, with_lags, blocks = layout
    a, sums = scratch
    columns, groups = len(out) // len(z), len(blocks) // 2
    for i in range(len(starts) - 1):
        lo, hi = starts[i], starts[i + 1]
        total = 0.0
        if groups > 0:
            sums[0] = 0.0
            for t in range(lo, hi):
                sums[t - lo + 1] = sums[t - lo] + z[t]
        for t in range(lo, hi):
            total += z[t]
            if t - lo >= width:
                total -= z[t - width]
            a[t] = total / (width if t - lo >= width else t - lo + 1)
        past = width + (periods[i] if periods[i] > second_lag else second_lag)
        phase = (past - pads[i]) % season
        for t in range(lo + past, hi - 1):
            phase = phase + 1 if phase + 1 < season else 0
            write_inputs(
                z, a, sums, -lo, t, lo + pads[i], phase, season, periods[i], second_lag, with_lags, blocks, groups,
                static, i * STATIC, out, t * columns,
            )  # fmt: skip
