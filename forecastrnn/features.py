"""What the default forecaster's network reads at each time: inputs made of scaled values and their trailing means.

To forecast z[t + 1] of a series with season m and period L, with a the trailing mean:

| columns | values |
| --- | --- |
| 3 | z[t] - a[t], a[t] - a[t - m], a[t] - a[t - L] |
| 3, with lags | z[t + 1 - m] - a[t - m], z[t + 1 - L] - a[t - L], z[t + 1 - second lag] - a[t - m] |
| 4, if m >= 2 | sine and cosine of the phase of t + 1 in the season, and of twice the phase |
| 3 | log scale + 3, whether the series is linear, log(L / m) |

Each row holds these F raw values (for the linear skip), and then asinh of each (for the recurrent layer).
"""

from __future__ import annotations

import math

import numpy as np
from numba.extending import register_jitable

from forecastrnn.compiling import jitted
from forecastrnn.scaling import Prepared
from forecastrnn.seasonality import trailing_mean

DIFFERENCES, LAGS, HARMONICS, STATIC = 3, 3, 4, 3
LOG_SCALE_SHIFT = 3.0  # brings the log of usual scales near zero


def n_features(season: int, with_lags: bool) -> int:
    """Raw input columns F; a row has 2 F."""
    return DIFFERENCES + (LAGS if with_lags else 0) + (HARMONICS if season >= 2 else 0) + STATIC


@register_jitable
def write_inputs(z, a, t, phase, m, L, log_scale, linear, log_ratio, second_lag, out, at):
    """Write the 2 F inputs of time t, for the forecast of z[t + 1], at out[at:].

    z, a, out: anything that can be indexed, z and a at least from t - L to t; phase: of time t + 1, (time index) % m;
    linear: 0 or 1; log_ratio: log(L / m); second_lag: `Prepared.second_lag`, or 0 for inputs without lags.
    """
    mean, mean_season, mean_period = a[t], a[t - m], a[t - L]
    out[at] = z[t] - mean
    out[at + 1] = mean - mean_season
    out[at + 2] = mean - mean_period
    end = at + DIFFERENCES
    if second_lag > 0:
        out[end] = z[t + 1 - m] - mean_season
        out[end + 1] = z[t + 1 - L] - mean_period
        out[end + 2] = z[t + 1 - second_lag] - mean_season
        end += LAGS
    if m >= 2:
        angle = 2.0 * math.pi * phase / m
        sine, cosine = math.sin(angle), math.cos(angle)
        out[end], out[end + 1] = sine, cosine
        out[end + 2], out[end + 3] = 2.0 * sine * cosine, 1.0 - 2.0 * sine * sine
        end += HARMONICS
    out[end], out[end + 1], out[end + 2] = log_scale + LOG_SCALE_SHIFT, linear, log_ratio
    end += STATIC
    for j in range(end - at):
        out[end + j] = math.asinh(out[at + j])


@jitted
def _fill_means(z, starts, width, a):
    """Trailing means of each series; z, a (rows,)."""
    for i in range(len(starts) - 1):
        trailing_mean(z[starts[i] : starts[i + 1]], width, a[starts[i] : starts[i + 1]])


@jitted
def _fill_inputs(
    z, a, starts, pads, m, width, periods, log_scale, linear, log_ratio, second_lag, columns, out
):
    """Rows of all times with enough history; z, a (rows,); pads .. log_ratio (n_series,); out (rows * columns,)."""
    for i in range(len(periods)):
        first = starts[i] + max(periods[i] + width, second_lag) - 1
        for t in range(first, starts[i + 1]):
            phase = (t + 1 - starts[i] - pads[i]) % m
            write_inputs(
                z,
                a,
                t,
                phase,
                m,
                periods[i],
                log_scale[i],
                linear[i],
                log_ratio[i],
                second_lag,
                out,
                t * columns,
            )


def trailing_means(prepared: Prepared) -> np.ndarray:
    """Mean of the last `prepared.width` values up to each row, (rows,); of fewer at the very start of a series."""
    means = np.empty_like(prepared.z)
    _fill_means(prepared.z, prepared.starts, prepared.width, means)
    return means


def build_inputs(prepared: Prepared, with_lags: bool) -> np.ndarray:
    """Network inputs of all rows.

    Parameters
    ----------
    prepared : Prepared
    with_lags : bool
        Whether the values one season, one period and two seasons before are inputs.

    Returns
    -------
    ndarray (rows, 2 F) of float32
        Row r holds what is known at row r of `prepared.z`, to forecast row r + 1; the last row of a series is the
        input of its first forecast. Rows r < starts[i] + max(periods[i] + width, second_lag) - 1, whose history is
        too short, are zero.

    Examples
    --------
    >>> import numpy as np
    >>> from forecastrnn.scaling import prepare
    >>> prepared = prepare(np.arange(1.0, 31.0), np.array([0, 30]), season=4)
    >>> build_inputs(prepared, with_lags=False).shape == (len(prepared.z), 2 * n_features(4, False))
    True
    """
    columns = 2 * n_features(prepared.season, with_lags)
    out = np.zeros((len(prepared.z), columns), dtype=np.float32)
    _fill_inputs(
        prepared.z, trailing_means(prepared), prepared.starts, prepared.pads, prepared.season, prepared.width,
        prepared.periods, np.log(prepared.scale), prepared.linear.astype(np.float64),
        np.log(prepared.periods / prepared.season), prepared.second_lag if with_lags else 0, columns,
        out.reshape(-1),
    )  # fmt: skip
    return out
