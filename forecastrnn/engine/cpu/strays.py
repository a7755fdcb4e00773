"""A pass over series that lie end to end: the value of each that stands out most from those beside it."""

import math

from forecastrnn.engine.compiling import jitted
from forecastrnn.engine.cpu.stopping import stoppable, stopped

USUAL = 10.0  # mean changes; a larger one is none of those that are usual
ROUNDS = 4  # of finding these, as a mean that knows one far out is larger than it should be


@stoppable
def find_strays(z, offsets, places, times, stop):
    """places (n_series,) of the values of z, some NaN, that jump most and back; times: over the usual change.

    0 times: nothing in the series changes.
    """
    for i in range(len(offsets) - 1):
        if stopped(stop, 0):
            return
        lo, hi = offsets[i], offsets[i + 1]
        size, most = 0.0, math.inf
        for t in range(lo, hi):
            size = abs(z[t]) if abs(z[t]) > size else size
        size = size if size > 0.0 else 1.0
        for _ in range(ROUNDS):
            if stopped(stop, 0):
                return
            most = USUAL * usual_change(z, lo, hi, size, most)
        places[i], jump = furthest(z, lo, hi, size)
        times[i] = jump / most * USUAL if most > 0.0 else 0.0


@jitted(cache=False)
def usual_change(z, lo, hi, size, most):
    """The mean of changes of z[lo:hi] over its size, of those that are not 0 nor above `most`."""
    total, count, last = 0.0, 0, math.nan
    for t in range(lo, hi):
        if math.isnan(z[t]):
            continue
        change = abs(z[t] / size - last)
        last = z[t] / size
        if 0.0 < change <= most:
            total += change
            count += 1
    return total / count if count > 0 else 0.0


@jitted(cache=False)
def furthest(z, lo, hi, size):
    """The place whose value is furthest from both beside it, on one side of them, and the way to the nearer one.

    Values that stay the same count as one, the first. From a first or last value there is one way, of which as much
    counts as is more than USUAL times the next one: a series may grow.
    """
    place, jump, last, at, before, final, count = lo, 0.0, math.nan, lo, 0.0, 0.0, 0
    for t in range(lo, hi):
        if math.isnan(z[t]):
            continue
        if count > 0:
            change = z[t] / size - last
            if change == 0.0:
                continue
            away = min(abs(before), abs(change)) if before * change < 0.0 else 0.0
            if count == 2:
                first = abs(before) - USUAL * abs(change)
                if first > jump:
                    place, jump = lo, first
            if away > jump:
                place, jump = at, away
            final = abs(change) - USUAL * abs(before)
            before = change
        last, at, count = z[t] / size, t, count + 1
    if count > 2 and final > jump:
        place, jump = at, final
    return place, jump
