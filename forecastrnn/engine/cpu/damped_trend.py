"""Damped trend: l + (phi + .. + phi^h) b ahead, where e = y - l - phi b moves l by phi b + alpha e, b by alpha beta e.

Gardner and McKenzie (1985), in the form of errors of Hyndman, Koehler, Ord and Snyder (2008): ETS(A, Ad, N).
"""

import math

from forecastrnn.engine.compiling import jitted
from forecastrnn.engine.cpu.stopping import stoppable, stopped

ALPHA, BETA, PHI, LEVEL, TREND, SIZE = 0, 1, 2, 3, 4, 5  # behind the head of a state
FIRST = 10  # values whose line is the first level and trend
ALPHAS = (0.02, 0.06, 0.12, 0.2, 0.3, 0.42, 0.56, 0.72, 0.9)
BETAS = (0.0, 0.03, 0.1, 0.3, 0.7)
PHIS = (0.8, 0.9, 0.95, 0.98)
HIGHEST = (0.999, 0.999, 0.98)  # of alpha, beta, phi
LOWEST = (0.001, 0.0, 0.8)
PRICE = 6.0
RECENT = 500  # values that parameters are found by
ROUNDS = 5  # of halved steps around the best of the grid


@jitted(cache=False)
def damped_step(value, alpha, beta, phi, level, trend):
    """Level and trend behind a value; NaN: one step on."""
    trend *= phi
    level += trend
    if not math.isnan(value):
        error = value - level
        level += alpha * error
        trend += alpha * beta * error
    return level, trend


@jitted(cache=False)
def damped_error(z, lo, hi, alpha, beta, phi, level, trend):
    """Sum of squared one-step errors."""
    total = 0.0
    for t in range(lo, hi):
        error = z[t] - level - phi * trend
        total += 0.0 if math.isnan(error) else error * error
        level, trend = damped_step(z[t], alpha, beta, phi, level, trend)
    return total


@jitted(cache=False)
def damped_errors(z, lo, hi, alpha, beta, level, trend):
    """The same for all PHIS, side by side: the steps of one wait for each other."""
    p, q, r, s = PHIS
    a = b = c = d = 0.0
    la = lb = lc = ld = level
    ta = tb = tc = td = trend
    both = alpha * beta
    for t in range(lo, hi):
        ta, tb, tc, td = ta * p, tb * q, tc * r, td * s
        la, lb, lc, ld = la + ta, lb + tb, lc + tc, ld + td
        value = z[t]
        if value == value:
            ea, eb, ec, ed = value - la, value - lb, value - lc, value - ld
            a, b, c, d = a + ea * ea, b + eb * eb, c + ec * ec, d + ed * ed
            la, lb, lc, ld = la + alpha * ea, lb + alpha * eb, lc + alpha * ec, ld + alpha * ed
            ta, tb, tc, td = ta + both * ea, tb + both * eb, tc + both * ec, td + both * ed
    return a, b, c, d


@jitted(cache=False)
def first_line(z, lo, hi):
    """Level before z[lo] and slope of the line through the first values, and their mean."""
    count, t, total, times, both, squares = 0.0, lo, 0.0, 0.0, 0.0, 0.0
    while t < hi and count < FIRST:
        if not math.isnan(z[t]):
            x = t - lo + 1.0
            count, total, times = count + 1.0, total + z[t], times + x
            both, squares = both + x * z[t], squares + x * x
        t += 1
    spread = squares - times * times / count
    slope = (both - times * total / count) / spread if spread > 0.0 else 0.0
    return total / count - slope * times / count, slope, total / count


@jitted(cache=False)
def best_level(z, lo, hi, level):
    """The least error of a level without a trend, and its alpha."""
    best, found = math.inf, 0.5
    step = 0.0
    for k in range(len(ALPHAS) + 2 * ROUNDS):
        if k < len(ALPHAS):
            alpha = ALPHAS[k]
        else:
            if (k - len(ALPHAS)) % 2 == 0:
                middle, step = found, 0.5 * step if step > 0.0 else 0.1 * found + 0.01
            step = -step
            alpha = min(max(middle + step, LOWEST[0]), HIGHEST[0])
        error = damped_error(z, lo, hi, alpha, 0.0, LOWEST[2], level, 0.0)
        if error < best:
            best, found = error, alpha
    return best, found


@jitted(cache=False)
def best_damped(z, lo, hi, level, trend):
    """The least error, and its alpha, beta and phi: of a grid, and then in ever smaller steps around the best."""
    best, alpha, beta, phi = math.inf, 0.5, 0.0, 0.9
    for a in ALPHAS:
        for b in BETAS:
            errors = damped_errors(z, lo, hi, a, b, level, trend)
            for k in range(len(PHIS)):
                if errors[k] < best:
                    best, alpha, beta, phi = errors[k], a, b, PHIS[k]
    step = 0.5
    for _ in range(ROUNDS):
        for move in range(6):
            sign = step if move % 2 == 0 else -step
            a = min(max(alpha + sign * (0.2 * alpha + 0.02), LOWEST[0]), HIGHEST[0]) if move < 2 else alpha
            b = min(max(beta + sign * (0.3 * beta + 0.02), LOWEST[1]), HIGHEST[1]) if 2 <= move < 4 else beta
            p = min(max(phi + sign * 0.06, LOWEST[2]), HIGHEST[2]) if move >= 4 else phi
            error = damped_error(z, lo, hi, a, b, p, level, trend)
            if error < best:
                best, alpha, beta, phi = error, a, b, p
        step *= 0.5
    return best, alpha, beta, phi


@stoppable
def fit_damped(z, offsets, states, at, stop):
    """Parameters, and level and trend behind z (total,), of states (lines, width) from column `at` on.

    A trend has to lower n log(error) by PRICE, as Akaike's criterion asks for three parameters more.
    """
    for i in range(len(offsets) - 1):
        if stopped(stop, 0):
            return
        lo, hi, own = max(offsets[i], offsets[i + 1] - RECENT), offsets[i + 1], states[i, at:]
        if states[i, 0] < 0.0:
            continue
        level, trend, middle = first_line(z, lo, hi)
        error, alpha, beta, phi = best_damped(z, lo, hi, level, trend)
        plain, own_alpha = best_level(z, lo, hi, middle)
        if plain <= error * math.exp(PRICE / (hi - lo)):
            alpha, beta, phi, level, trend = own_alpha, 0.0, LOWEST[2], middle, 0.0
        for t in range(lo, hi):
            level, trend = damped_step(z[t], alpha, beta, phi, level, trend)
        own[ALPHA], own[BETA], own[PHI], own[LEVEL], own[TREND] = alpha, beta, phi, level, trend


@stoppable
def move_damped(z, offsets, lines, states, at, stop):
    """states (n, width): those of lines[k] behind z[offsets[k] : offsets[k + 1]]."""
    for k in range(len(lines)):
        if stopped(stop, 0):
            return
        own = states[lines[k], at:]
        level, trend = own[LEVEL], own[TREND]
        for t in range(offsets[k], offsets[k + 1]):
            if stopped(stop, t):
                return
            level, trend = damped_step(z[t], own[ALPHA], own[BETA], own[PHI], level, trend)
        own[LEVEL], own[TREND] = level, trend


@stoppable
def damped_ahead(states, at, out, stop):
    """out (lines, h): the steps ahead."""
    for i in range(len(out)):
        if stopped(stop, 0):
            return
        own = states[i, at:]
        level, trend = own[LEVEL], own[TREND]
        for j in range(out.shape[1]):
            if stopped(stop, j):
                return
            level, trend = damped_step(math.nan, own[ALPHA], own[BETA], own[PHI], level, trend)
            out[i, j] = level
