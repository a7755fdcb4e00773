"""What the default forecaster's network reads at each time, from scaled values and their trailing means.

At time t, to forecast t + 1: z_t - a_t, a_t - a_(t-m), a_t - a_(t-L); with lags also the values one season, one
period and two seasons before t + 1, relative to the trailing means; two harmonics of the phase of t + 1; log of the
scale, whether the series is linear, log(L / m). First the raw columns (for the linear skip), then asinh of them.
"""

import math

import numpy as np
from numba.extending import register_jitable

from forecastrnn.compiling import jitted

PLAIN, LAGS, PHASE, STATIC = 3, 3, 4, 3  # columns of each kind


def n_columns(season: int, with_lags: bool) -> int:
    """Raw columns; the network reads as many again, squashed."""
    return PLAIN + (LAGS if with_lags else 0) + (PHASE if season >= 2 else 0) + STATIC


@register_jitable
def write_inputs(z, a, t, phase, season, period, two, with_lags, static, static_at, out, at):
    """out[at:] = the columns of time t. z, a: indexable; `phase`: of t + 1 in the season; `two`: the third lag."""
    now, mean, before = a[t], a[t - season], a[t - period]
    out[at], out[at + 1], out[at + 2] = z[t] - now, now - mean, now - before
    k = at + PLAIN
    if with_lags:
        out[k], out[k + 1] = z[t + 1 - season] - mean, z[t + 1 - period] - before
        out[k + 2] = z[t + 1 - two] - mean
        k += LAGS
    if season >= 2:
        w = 2.0 * math.pi * phase / season
        out[k], out[k + 1] = math.sin(w), math.cos(w)
        out[k + 2], out[k + 3] = math.sin(2.0 * w), math.cos(2.0 * w)
        k += PHASE
    for j in range(STATIC):
        out[k + j] = static[static_at + j]
    n = k + STATIC - at
    for j in range(n):
        out[at + n + j] = math.asinh(out[at + j])


@jitted
def fill_inputs(z, a, starts, pads, season, width, periods, two, with_lags, static, out):
    """Rows of all padded times of all series; out (total, 2 columns + k) flat. Rows without enough past stay zero."""
    columns = len(out) // len(z)
    for i in range(len(starts) - 1):
        lo, hi = starts[i], starts[i + 1]
        total = 0.0
        for t in range(lo, hi):
            total += z[t]
            if t - lo >= width:
                total -= z[t - width]
            a[t] = total / (width if t - lo >= width else t - lo + 1)
        past = width + (periods[i] if periods[i] > two else two)
        phase = (past - pads[i]) % season
        for t in range(lo + past, hi - 1):
            phase = phase + 1 if phase + 1 < season else 0
            write_inputs(z, a, t, phase, season, periods[i], two, with_lags, static, i * STATIC, out, t * columns)


def build_inputs(prepared: object, with_lags: bool, dtype: str, codes: np.ndarray | None = None) -> np.ndarray:
    """Input rows (total, 2 columns + k) of all padded times of a `Prepared`; codes (n_series, k) come last."""
    columns = 2 * n_columns(prepared.season, with_lags) + (0 if codes is None else codes.shape[1])
    out = np.zeros(len(prepared.z) * columns, dtype)
    means = np.zeros(len(prepared.z))
    fill_inputs(
        prepared.z, means, prepared.starts, prepared.pads, prepared.season, prepared.width, prepared.periods,
        prepared.two, with_lags, prepared.static.reshape(-1), out,
    )  # fmt: skip
    rows = out.reshape(-1, columns)
    if codes is not None:
        rows[:, columns - codes.shape[1] :] = np.repeat(codes, np.diff(prepared.starts), axis=0)
    return rows
