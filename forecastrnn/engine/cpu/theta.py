"""Theta: exponential smoothing, and beside its level half of the line A + B t of least squares through all values.

h ahead of n values: l + (d A + (h - 1 + (1 - (1 - alpha) d) / alpha) B) / 2 with d = (1 - alpha)^n. That is the theta
method of Assimakopoulos and Nikolopoulos (2000) as Fiorucci, Pellegrini, Louzada, Petropoulos and Koehler (2016) write
it, with alpha and the first level of the least squared error of one step. To find a share of the line too, instead of a
half, was worse on most sets: one step ahead tells little of it.
"""

import math

from forecastrnn.engine.compiling import jitted
from forecastrnn.engine.cpu.stopping import stoppable, stopped

ALPHA, BASE, SLOPE, LEVEL, DECAY, SIZE = 0, 1, 2, 3, 4, 5  # behind the head of a state
LOWEST, HIGHEST = 0.01, 0.99  # alpha
RECENT = 500  # values that line and alpha are found by
GRID = 16  # values of alpha
ROUNDS = 5  # of halved steps around the best of the grid


@jitted(cache=False)
def whole_line(z, lo, hi):
    """A and B of the line A + B t of least squares, t = 1 at lo."""
    count, total, times = 0.0, 0.0, 0.0
    for t in range(lo, hi):
        if not math.isnan(z[t]):
            count, total, times = count + 1.0, total + z[t], times + (t - lo + 1.0)
    both, squares = 0.0, 0.0
    for t in range(lo, hi):
        if not math.isnan(z[t]):
            x = t - lo + 1.0 - times / count
            both, squares = both + x * z[t], squares + x * x
    slope = both / squares if squares > 0.0 else 0.0
    return total / count - slope * times / count, slope


@jitted(cache=False)
def best_first(z, lo, hi, alpha, base, slope):
    """The squared one-step error of the best first level for an alpha, and that level.

    A level is p + q times the first one, so that the error is linear in it.
    """
    p, q, decay = 0.0, 1.0, 1.0
    qq, qy, yy = 0.0, 0.0, 0.0
    for t in range(lo, hi):
        half = 0.5 * decay * base
        decay *= 1.0 - alpha
        half += 0.5 * (1.0 - decay) / alpha * slope
        if math.isnan(z[t]):
            p += alpha * half
        else:
            y = z[t] - p
            qq, qy, yy = qq + q * q, qy + q * (y - half), yy + (y - half) * (y - half)
            p, q = p + alpha * y, (1.0 - alpha) * q
    first = qy / qq
    return yy - first * qy, first


@stoppable
def fit_theta(z, offsets, states, at, stop):
    """alpha, line, and level behind z (total,), of states (lines, width) from column `at` on."""
    for i in range(len(offsets) - 1):
        if stopped(stop, 0):
            return
        lo, hi, own = max(offsets[i], offsets[i + 1] - RECENT), offsets[i + 1], states[i, at:]
        if states[i, 0] < 0.0:
            continue
        base, slope = whole_line(z, lo, hi)
        best, alpha, level = math.inf, 0.5, 0.0
        width = (HIGHEST - LOWEST) / (GRID - 1)
        for k in range(GRID + 2 * ROUNDS):
            if k >= GRID and (k - GRID) % 2 == 0:
                width *= 0.5
                middle = alpha
            a = LOWEST + k * width if k < GRID else middle + (width if k % 2 == 0 else -width)
            a = min(max(a, LOWEST), HIGHEST)
            error, first = best_first(z, lo, hi, a, base, slope)
            if error < best:
                best, alpha, level = error, a, first
        own[ALPHA], own[BASE], own[SLOPE] = alpha, base, slope
        decay = 1.0
        for t in range(lo, hi):
            _, level, decay = theta_step(z[t], own, level, decay)
        own[LEVEL], own[DECAY] = level, decay


@jitted(cache=False)
def theta_step(value, own, level, decay):
    """The forecast of a value, and level and decay behind it; NaN: as was forecast."""
    line = decay * own[BASE]
    decay *= 1.0 - own[ALPHA]
    line += (1.0 - decay) / own[ALPHA] * own[SLOPE]
    found = level + 0.5 * line
    value = found if math.isnan(value) else value
    return found, level + own[ALPHA] * (value - level), decay


@stoppable
def move_theta(z, offsets, lines, states, at, stop):
    """states (n, width): those of lines[k] behind z[offsets[k] : offsets[k + 1]]."""
    for k in range(len(lines)):
        if stopped(stop, 0):
            return
        own = states[lines[k], at:]
        if states[lines[k], 0] >= 0.0:
            for t in range(offsets[k], offsets[k + 1]):
                if stopped(stop, t):
                    return
                _, own[LEVEL], own[DECAY] = theta_step(z[t], own, own[LEVEL], own[DECAY])


@stoppable
def theta_ahead(states, at, out, stop):
    """out (lines, h): the steps ahead."""
    for i in range(len(out)):
        if stopped(stop, 0):
            return
        own = states[i, at:]
        level, decay = own[LEVEL], own[DECAY]
        for j in range(out.shape[1] if states[i, 0] >= 0.0 else 0):
            if stopped(stop, j):
                return
            out[i, j], level, decay = theta_step(math.nan, own, level, decay)
