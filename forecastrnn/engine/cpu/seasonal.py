"""The causal seasonal figure of a series: what a forecaster could have known of the season at each time.

Differences from a centred moving average over the season are the raw figure. In each cycle, the figure learned
from the cycles before it is subtracted, and then moved towards the cycle's own by a step of 1 / (cycles seen), or
`gamma` if that is more; `kappa` shrinks it. Both are chosen per series, or no figure at all, by the one-step error
of a trailing mean. In steady series that is the squared error of the second half, and nothing is shrunk: where a mean
is forecast of skewed noise, absolute errors prefer a figure that is too small, and the errors of first cycles say
nothing of the figure behind the last.

The compiled functions are loops over numbers: expressions on slices of arrays take seconds to compile.
"""

import numpy as np

from forecastrnn.engine.compiling import jitted
from forecastrnn.engine.cpu.stopping import stoppable, stopped

# (gamma, kappa) of all trials. The first has no figure: its error is what the others are measured by.
TRIALS = ((0.0, 0.0), (0.0, 0.5), (0.0, 1.0), (0.15, 0.5), (0.15, 1.0), (0.3, 0.5), (0.3, 1.0))


@jitted(cache=False)
def season_differences(z, lo, n, period, out, stop):
    """out (n,) = z[lo : lo + n] minus its centred moving average; where both ends of the period lie in the series."""
    half = period // 2
    width, trim = 2 * half + 1, 0.0 if period % 2 else 0.5  # an even period counts half of both ends
    total = 0.0
    for end in range(n):
        if stopped(stop, end):
            return
        total += z[lo + end] - (z[lo + end - width] if end >= width else 0.0)
        if end >= width - 1:
            t = end - half
            out[t] = z[lo + t] - (total - trim * (z[lo + t - half] + z[lo + end])) / period


@jitted(cache=False)
def follow_figure(z, lo, n, period, width, steady, differences, gamma, kappa, figure, after, count, stop):
    """Learn as time goes on: kappa * figure is known before t and `after` behind the end, by phase; the mean error."""
    begin = n // 2 if steady and n // 2 > width else width  # of what the error is of
    for phase in range(period):
        count[phase] = after[phase] = 0.0
    half, phase = period // 2, 0
    first = z[lo + half] - differences[half]  # the first average that there is holds for all times before
    total, error = 0.0, 0.0
    for t in range(n):
        if stopped(stop, t):
            return error
        figure[t] = after[phase]
        x = z[lo + t] - kappa * figure[t]
        if t >= begin:
            error += (x - total / width) ** 2 if steady else abs(x - total / width)
        total += x
        if t >= width:
            total -= z[lo + t - width] - kappa * figure[t - width]
        if t < n - half:
            d = differences[t] if t >= half else z[lo + t] - first
            count[phase] += 1.0
            share = 1.0 / count[phase]
            after[phase] += (share if share > gamma else gamma) * (d - after[phase])
        phase = phase + 1 if phase + 1 < period else 0
    return error / (n - begin)


@stoppable
def remove_best(rest, offsets, season, stage, scratch, found, stop):
    """Move the best figure of some seasons, if it is worth it, from rest to removed, in each series.

    stage: shortest and longest period in seasons, relative error to stay below, that of a period of seven seasons,
    whether series are steady; scratch: rows (3, longest series) and (3, room); found: figures removed
    (total,), those behind the end (n_series, room), their periods (n_series,).
    """
    first, last, worth, worth_of_week, steady = stage
    (differences, figure, kept), (learned, count, kept_after) = scratch
    removed, after, periods = found
    for i in range(len(offsets) - 1):
        if stopped(stop, 0):
            return
        lo, n = offsets[i], offsets[i + 1] - offsets[i]
        lowest, chosen = np.inf, 0
        for period in range(first * season, (last + 1) * season, season):
            width = period if period > 4 else 4
            if n <= width or n < (2 * season if period == season else 3 * period + season):
                break
            season_differences(rest, lo, n, period, differences, stop)
            plain, most = np.inf, worth_of_week if period == 7 * season else worth
            for gamma, kappa in TRIALS:
                if stopped(stop, 0):
                    return
                if steady and kappa == 0.5:
                    continue
                error = follow_figure(
                    rest, lo, n, period, width, steady, differences, gamma, kappa, figure, learned, count, stop
                )
                if kappa == 0.0:
                    plain = error
                elif plain > 0.0 and error / plain < min(lowest, most):
                    lowest, chosen = error / plain, period
                    for t in range(n):
                        kept[t] = kappa * figure[t]
                    for j in range(period):
                        kept_after[j] = kappa * learned[(n + j) % period]
        if chosen > 0:
            periods[i] = chosen
            for t in range(n):
                removed[lo + t] += kept[t]
                rest[lo + t] -= kept[t]
            for j in range(after.shape[1]):
                after[i, j] += kept_after[j % chosen]
