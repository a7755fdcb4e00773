"""The columns that a forecaster's network reads at one time: one formula for the CPU, the GPU and NumPy."""

import math

from numba.extending import register_jitable

PLAIN, LAGS, PHASE, STATIC = 3, 3, 4, 3  # columns of each kind


@register_jitable(no_cfunc_wrapper=True)
def write_older_means(sums, sums_at, t, first, blocks, groups, now, out, at):
    """out[at:] = means of blocks of values that end at t, each behind the one before, minus `now`; the next place.

    sums[sums_at + k]: the sum of the k first values; blocks (2 groups): length and count. A block that reaches back
    beyond `first`, where the series begins, counts as the recent mean: 0.
    """
    k, end = at, t + 1
    for group in range(groups):
        length = blocks[2 * group]
        for _ in range(blocks[2 * group + 1]):
            begin = end - length
            out[k] = (sums[sums_at + end] - sums[sums_at + begin]) / length - now if begin >= first else 0.0
            k, end = k + 1, begin
    return k


@register_jitable(no_cfunc_wrapper=True)
def write_inputs(
    z, a, sums, sums_at, t, first, phase, season, period, second_lag, with_lags, blocks, groups, long_run,
    with_long_run, static, static_at, out, at,
):  # fmt: skip
    """out[at:] = the columns of time t. z, a: indexable; `phase`: of t + 1 in the season; long_run: the mean so far.

    with_long_run : 2: and the raw columns of a linear series are squashed as well, as for the logarithm of its mean;
    3: and the columns of the phase are there without a season too.
    """
    now, mean, before = a[t], a[t - season], a[t - period]
    out[at], out[at + 1], out[at + 2] = z[t] - now, now - mean, now - before
    k = at + PLAIN
    if with_lags:
        out[k], out[k + 1] = z[t + 1 - season] - mean, z[t + 1 - period] - before
        out[k + 2] = z[t + 1 - second_lag] - mean
        k += LAGS
    k = write_older_means(sums, sums_at, t, first, blocks, groups, now, out, k)
    if with_long_run > 0:
        out[k] = long_run - now
        k += 1
    if season >= 2 or with_long_run == 3:
        w = 2.0 * math.pi * phase / season
        out[k], out[k + 1] = math.sin(w), math.cos(w)
        out[k + 2], out[k + 3] = math.sin(2.0 * w), math.cos(2.0 * w)
        k += PHASE
    for j in range(STATIC):
        out[k + j] = static[static_at + j]
    n = k + STATIC - at
    for j in range(n):
        out[at + n + j] = math.asinh(out[at + j])
        if with_long_run == 2 and static[static_at + 1] > 0.0:  # of a linear series
            out[at + j] = out[at + n + j]
