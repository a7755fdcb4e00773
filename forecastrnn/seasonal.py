"""The causal seasonal figure of a series: what a forecaster could have known of the season at each time.

Differences from a centred moving average over the season are the raw figure. In each cycle, the figure learned
from the cycles before it is subtracted, and then moved towards the cycle's own by a step of 1 / (cycles seen), or
`gamma` if that is more; `kappa` shrinks it. Both are chosen per series, or no figure at all, by the one-step error
of a trailing mean. A second figure of period k m, k = 2 .. 7 (the week of hourly data), is fitted to what remains,
and kept if it lowers that error by 7%.
"""

import numpy as np
from numba.extending import register_jitable

from forecastrnn.compiling import jitted

GAMMAS = (0.0, 0.15, 0.3)
KAPPAS = (0.5, 1.0)
LONGEST = 7  # seasons in the second period, at most
WORTH = 0.93  # error of the second figure over that without it, at most


@jitted(cache=False)
def trailing_mean(z, width, out):
    """out[t] = mean of z[max(0, t - width + 1) : t + 1]."""
    total = 0.0
    for t in range(len(z)):
        total += z[t]
        if t >= width:
            total -= z[t - width]
        out[t] = total / min(t + 1, width)


@jitted(cache=False)
def season_differences(z, period, out):
    """z minus its centred moving average over one period; NaN where the period is not complete to the right."""
    n, half = len(z), period // 2
    even = period % 2 == 0
    width = period + 1 if even else period
    if n < width:
        out[:] = np.nan
        return
    total = 0.0
    for j in range(width):
        total += z[j]
    for t in range(half, n - half):
        average = (total - 0.5 * (z[t - half] + z[t + half])) / period if even else total / period
        out[t] = z[t] - average
        if t + half + 1 < n:
            total += z[t + half + 1] - z[t - half]
    first = z[half] - out[half]
    for t in range(half):
        out[t] = z[t] - first
    out[n - half :] = np.nan


@jitted(cache=False)
def causal_figure(differences, period, gamma, figure, seen, after, count):
    """figure[t]: known before t; seen[t]: cycles it rests on; after[j]: figure of phase j behind the end."""
    n = len(differences)
    count[:period] = 0.0
    after[:period] = 0.0
    for t in range(n):
        phase = t % period
        figure[t], seen[t] = after[phase], count[phase]
        d = differences[t]
        if d == d:
            count[phase] += 1.0
            after[phase] += max(1.0 / count[phase], gamma) * (d - after[phase])


@jitted(cache=False)
def one_step_error(z, figure, kappa, seen, width):
    """Mean error of the trailing mean of z - kappa * figure as a forecast, where a figure is known."""
    total, error, counted = 0.0, 0.0, 0
    for t in range(len(z)):
        x = z[t] - kappa * figure[t]
        if t >= width and seen[t] > 0.0:
            error += abs(x - total / width)
            counted += 1
        total += x
        if t >= width:
            total -= z[t - width] - kappa * figure[t - width]
    return error / max(counted, 1), counted


@jitted(cache=False)
def best_figure(z, season, period, width, work, best, best_after):
    """Try all gammas and kappas; best (n,) and best_after (period,) get the figure; its relative error."""
    n = len(z)
    differences, figure, seen, count, after = work[0, :n], work[1, :n], work[2, :n], work[3], work[4]
    season_differences(z, period, differences)
    lowest = np.inf
    for gamma in GAMMAS:
        causal_figure(differences, period, gamma, figure, seen, after, count)
        plain, counted = one_step_error(z, figure, 0.0, seen, width)
        if counted < min(season, period // 2) or plain <= 0.0:
            return np.inf
        for kappa in KAPPAS:
            error = one_step_error(z, figure, kappa, seen, width)[0] / plain
            if error < lowest:
                lowest = error
                for t in range(n):
                    best[t] = kappa * figure[t]
                for j in range(period):
                    best_after[j] = kappa * after[(n + j) % period]
    return lowest


@register_jitable
def longest_multiple(n, season):
    """Seasons in the longest period that a series of n values can show: three times, and a season more."""
    return max(1, min(LONGEST, (n - season) // (3 * season)))


@jitted(cache=False)
def second_figure(rest, season, work, trial, trial_after, kept, kept_after):
    """The best figure of a longer period; its period, or 0 if none is worth it."""
    n, lowest, chosen = len(rest), WORTH, 0
    for k in range(2, longest_multiple(n, season) + 1):
        period = k * season
        error = best_figure(rest, season, period, period, work, trial, trial_after)
        if error < lowest:
            lowest, chosen = error, period
            kept[:n] = trial[:n]
            kept_after[:period] = trial_after[:period]
    return chosen


@jitted
def remove_figures(values, offsets, season, removed, after, periods):
    """For each series: the figure to remove (total,), that after the end (n_series, room), its period."""
    longest, count = 1, len(offsets) - 1
    for i in range(count):
        longest = max(longest, offsets[i + 1] - offsets[i])
    room = after.shape[1]
    work = np.empty((5, max(longest, room)))
    trial, kept, rest = np.empty(longest), np.empty(longest), np.empty(longest)
    trial_after, kept_after = np.empty(room), np.empty(room)
    width = max(season, 4)
    for i in range(count):
        z, mine = values[offsets[i] : offsets[i + 1]], removed[offsets[i] : offsets[i + 1]]
        n = len(z)
        mine[:] = 0.0
        after[i] = 0.0
        periods[i] = season
        if season < 2 or n < 2 * season:
            continue
        if best_figure(z, season, season, width, work, trial[:n], trial_after) < 1.0:
            mine[:] = trial[:n]
            for j in range(room):
                after[i, j] = trial_after[j % season]
        rest[:n] = z - mine
        period = second_figure(rest[:n], season, work, trial[:n], trial_after, kept, kept_after)
        if period > 0:
            periods[i] = period
            mine += kept[:n]
            for j in range(period):
                after[i, j] += kept_after[j]
