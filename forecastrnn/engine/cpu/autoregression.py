"""Autoregression: x(t) = a1 x(t - 1) + .. + ap x(t - p), x the distance from the mean, or the change, of a line.

The coefficients are Burg's (1975), which never explode; how many, and whether of changes, is chosen by Akaike's
criterion with the correction of Hurvich and Tsai (1989). Changes are counted from half their mean, as theta has half of
its line: held out, that was better than none of it, or the whole, on most sets. So are changes over a season.
"""

import math

import numpy as np

from forecastrnn.engine.compiling import jitted
from forecastrnn.engine.cpu.scaled_lines import KIND, PERIOD
from forecastrnn.engine.cpu.stopping import stoppable, stopped

MOST = 48  # coefficients
# Behind the head of a state: 1 of changes, 0 of values; from where they count; the last value; how many coefficients;
# these; as many of the last x's.
CHANGES, BASE, LAST, ORDER, COEFFICIENTS, PAST = 0, 1, 2, 3, 4, 4 + MOST
SIZE = PAST + MOST
DRIFT = 0.5  # share of the mean change from which changes are counted
RECENT = 1000  # values that coefficients are found by
SHORT = 24  # of changes over a season: longer ones try to undo the difference
FEW = 8  # of fewer values, the last one is the forecast


@jitted(cache=False)
def burg(x, n, most, forward, backward, trial, found):
    """found (most,): coefficients of x[:n], the best number of them; the criterion over n, and that number."""
    power = 0.0
    for t in range(n):
        forward[t] = backward[t] = x[t]
        power += x[t] * x[t] / n
    order, tiny = 0, 1e-12 * power
    best = math.log(power) + (n + 1.0) / (n - 3.0) if power > 0.0 else -math.inf
    for k in range(most):
        if power <= tiny or n < k + 6:
            break
        both, squares = 0.0, 0.0
        for t in range(k + 1, n):
            both += forward[t] * backward[t - 1]
            squares += forward[t] * forward[t] + backward[t - 1] * backward[t - 1]
        share = 2.0 * both / squares if squares > 0.0 else 0.0
        for t in range(n - 1, k, -1):
            ahead = forward[t]
            forward[t] = ahead - share * backward[t - 1]
            backward[t] = backward[t - 1] - share * ahead
        trial[k] = share
        for j in range((k + 1) // 2):
            low, high = trial[j], trial[k - 1 - j]
            trial[j] = low - share * high
            if k - 1 - j != j:
                trial[k - 1 - j] = high - share * low
        power *= 1.0 - share * share
        criterion = math.log(power) + (n + k + 2.0) / (n - k - 4.0) if power > 0.0 else -math.inf
        if criterion < best:
            best, order = criterion, k + 1
            for j in range(order):
                found[j] = trial[j]
    return best, order


@jitted(cache=False)
def read_changes(z, lo, n, of_changes, share, x):
    """x, the n values from z[lo] on or their changes, from a share of their mean; that, and the last value."""
    last, mean = 0.0, 0.0
    for t in range(n):
        before, last = last, last if math.isnan(z[lo + t]) else z[lo + t]
        if of_changes == 0:
            x[t] = last
            mean += share * last / n
        elif t > 0:
            x[t - 1] = last - before
            mean += share * (last - before) / (n - 1)
    for t in range(n - of_changes):
        x[t] -= mean
    return mean, last


@jitted(cache=False)
def fit_line(z, lo, n, own, choices, work):
    """The numbers of one line, whose values are z[lo : lo + n]; choices: the first and last of no and one change, the
    share of the mean from which values count, and the most coefficients.
    """
    (first, last_choice, share, most_of), (x, forward, backward, trial, found), best = choices, work, math.inf
    for of_changes in range(first, last_choice + 1):
        count = n - of_changes
        mean, last = read_changes(z, lo, n, of_changes, DRIFT if of_changes == 1 else share, x)
        most = min(most_of, count // 4)
        criterion, order = burg(x, count, most, forward, backward, trial, found) if n >= FEW else (0.0, 0)
        if criterion < best:
            best = criterion
            own[CHANGES], own[BASE], own[LAST], own[ORDER] = of_changes, mean if n >= FEW else 0.0, last, order
            for j in range(order):
                own[COEFFICIENTS + j], own[PAST + j] = found[j], x[count - 1 - j]


@jitted(cache=False)
def work_space(offsets):
    """Arrays for the longest line, and for coefficients."""
    longest = 0
    for i in range(len(offsets) - 1):
        longest = max(longest, min(offsets[i + 1] - offsets[i], RECENT))
    return np.empty(longest), np.empty(longest), np.empty(longest), np.empty(MOST), np.empty(MOST)


@stoppable
def fit_regression(z, offsets, states, at, stop):
    """Coefficients, and the last values of z (total,), of states (lines, width) from column `at` on."""
    work = work_space(offsets)
    for i in range(len(offsets) - 1):
        if stopped(stop, 0):
            return
        n = min(offsets[i + 1] - offsets[i], RECENT)
        if states[i, KIND] >= 0.0:
            fit_line(z, offsets[i + 1] - n, n, states[i, at:], (1 if n < FEW else 0, 1, 1.0, MOST), work)


@stoppable
def fit_seasonal(z, offsets, states, at, stop):
    """The same of changes over a season, of which a line has none in its first one."""
    work = work_space(offsets)
    for i in range(len(offsets) - 1):
        if stopped(stop, 0):
            return
        n = min(offsets[i + 1] - offsets[i], RECENT)
        while n > 0 and math.isnan(z[offsets[i + 1] - n]):
            n -= 1
        if states[i, KIND] >= 0.0:
            fit_line(z, offsets[i + 1] - n, n, states[i, at:], (0, 0, DRIFT, SHORT), work)


@jitted(cache=False)
def regression_step(value, own):
    """The forecast of a value by the numbers of a line, which move on behind it; NaN: it was as forecast."""
    order, x, base = int(own[ORDER]), 0.0, own[LAST] + own[BASE] if own[CHANGES] > 0.0 else own[BASE]
    for j in range(order):
        x += own[COEFFICIENTS + j] * own[PAST + j]
    expected = base + x
    x = x if math.isnan(value) else value - base
    for j in range(order - 1, 0, -1):
        own[PAST + j] = own[PAST + j - 1]
    own[PAST], own[LAST] = x, base + x
    return expected


@stoppable
def move_regression(z, offsets, lines, states, at, stop):
    """states (n, width): those of lines[k] behind z[offsets[k] : offsets[k + 1]]."""
    for k in range(len(lines)):
        if stopped(stop, 0):
            return
        if states[lines[k], KIND] >= 0.0:
            for t in range(offsets[k], offsets[k + 1]):
                if stopped(stop, t):
                    return
                regression_step(z[t], states[lines[k], at:])


@stoppable
def regression_ahead(states, at, out, stop):
    """out (lines, h): the steps ahead."""
    own = np.empty(SIZE)
    for i in range(len(out)):
        if stopped(stop, 0):
            return
        for j in range(SIZE):
            own[j] = states[i, at + j]
        for j in range(out.shape[1] if states[i, KIND] >= 0.0 else 0):
            if stopped(stop, j):
                return
            out[i, j] = regression_step(math.nan, own)


@stoppable
def seasonal_ahead(states, at, out, stop):
    """out (lines, h): the changes ahead from the last season, which add up from one season to the next."""
    own = np.empty(SIZE)
    for i in range(len(out)):
        if stopped(stop, 0):
            return
        period = int(states[i, PERIOD])
        for j in range(SIZE):
            own[j] = states[i, at + j]
        for j in range(out.shape[1] if states[i, KIND] >= 0.0 else 0):
            if stopped(stop, j):
                return
            out[i, j] = regression_step(math.nan, own)
            out[i, j] += out[i, j - period] if j >= period else 0.0
