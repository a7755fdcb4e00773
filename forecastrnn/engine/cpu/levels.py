"""Passes over series that lie end to end, offsets (n_series + 1,): what is taken off each, and what it is measured in.

A series becomes logarithms where its values are positive, none is so near to 0 that its logarithm would lie far from
all others, and its changes are not so small that logarithms are as good as a line. Any other is measured from its mean,
in its mean distance from it, so that neither the unit of the series nor its zero matters.
"""

import math

from forecastrnn.engine.compiling import jitted
from forecastrnn.engine.cpu.stopping import stoppable, stopped

LEAST = 0.01  # of the mean of a series that becomes logarithms, any value at least
MOST = 1000.0  # mean changes from value to value that the mean of such a series is, at most: CO2 in weeks has 700


@stoppable
def read_levels(z, offsets, reading, found, stop):
    """z becomes log(z / level) or (z - shift) / level; found: levels, shifts, which series are linear (n_series,).

    reading: width of trailing means; no logarithm where a value is not above `least`, which is infinite where a mean is
    wanted, that is none of logarithms; whether the values themselves are learned: then nothing is taken off.
    """
    (width, least, is_raw), (level, shift, linear) = reading, found
    for i in range(len(offsets) - 1):
        if stopped(stop, 0):
            return
        lo, hi = offsets[i], offsets[i + 1]
        linear[i], shift[i] = not is_of_factors(z, lo, hi, least, is_raw), 0.0
        if linear[i] and not is_raw:
            shift[i], level[i] = centre(z, lo, hi)
            continue
        level[i] = mean_size(z, lo, hi)
        if linear[i]:
            recent = mean_size(z, hi - 2 * width if hi - 2 * width > lo else lo, hi)
            level[i] = recent if recent > 0.0 else level[i]
        level[i] = level[i] if level[i] > 0.0 else 1.0
        unit = math.log(level[i])
        for t in range(lo, hi):
            if stopped(stop, t):
                return
            z[t] = z[t] / level[i] if linear[i] else math.log(z[t]) - unit


@jitted(cache=False)
def is_of_factors(z, lo, hi, least, is_raw):
    """Whether z[lo:hi], some NaN, is better read as logarithms."""
    size, lowest, count = -math.inf, math.inf, 0
    for t in range(lo, hi):
        size = z[t] if z[t] > size else size
        lowest = z[t] if z[t] < lowest else lowest
        count += 0 if math.isnan(z[t]) else 1
    if not (lowest > 0.0 and lowest > least):
        return False
    mean, change, last = 0.0, 0.0, math.nan  # over the size, so that sums stay finite
    for t in range(lo, hi):
        if not math.isnan(z[t]):
            mean += z[t] / size / count
            change += 0.0 if math.isnan(last) else abs(z[t] / size - last) / (count - 1)
            last = z[t] / size
    return lowest / size > LEAST * mean and (is_raw or mean <= MOST * change)


@jitted(cache=False)
def mean_size(z, lo, hi):
    """The mean of |z[lo:hi]|; sums of what is over the largest of them stay finite."""
    size, total = 0.0, 0.0
    for t in range(lo, hi):
        size = abs(z[t]) if abs(z[t]) > size else size
    size = size if size > 0.0 else 1.0
    for t in range(lo, hi):
        total += abs(z[t]) / size
    return total / (hi - lo) * size


@jitted(cache=False)
def centre(z, lo, hi):
    """Take its mean off z[lo:hi] and divide it by its mean distance from it: that mean and that distance.

    Sums are those of distances from the first value, over a power of two: a level however large costs no digits, and no
    sum overflows. A series that stays as it is has the unit of its level.
    """
    size = 0.0
    for t in range(lo, hi):
        size = abs(z[t]) if abs(z[t]) > size else size
    size = math.ldexp(1.0, math.frexp(size)[1] - 1) if size > 0.0 else 1.0
    first, total, away = z[lo] / size, 0.0, 0.0
    for t in range(lo, hi):
        z[t] = z[t] / size - first
        total += z[t]
    mean = total / (hi - lo)
    for t in range(lo, hi):
        z[t] -= mean
        away += abs(z[t])
    away /= hi - lo
    level = away * size
    for t in range(lo, hi):
        z[t] = z[t] / away if level > 0.0 else 0.0
    shift = (first + mean) * size
    return shift, level if level > 0.0 else abs(shift) if shift != 0.0 else 1.0


@stoppable
def find_hulls(z, starts, pads, width, hulls, stop):
    """hulls (n_series, 4): lowest and highest trailing mean, least and most value of padded series.

    Where a series has few means, what they miss of the range of its values is added, in proportion.
    """
    for i in range(len(starts) - 1):
        if stopped(stop, 0):
            return
        lo, hi = starts[i] + pads[i], starts[i + 1]
        count = width if width < hi - lo else hi - lo
        total, low, high, least, most = 0.0, math.inf, -math.inf, math.inf, -math.inf
        for t in range(lo, hi):
            if stopped(stop, t):
                return
            total += z[t] - (z[t - count] if t >= lo + count else 0.0)
            if t >= lo + count - 1:
                low = total / count if total / count < low else low
                high = total / count if total / count > high else high
            least = z[t] if z[t] < least else least
            most = z[t] if z[t] > most else most
        missing = (most - least) * count / (hi - lo) - (high - low)
        missing = missing / 2.0 if missing > 0.0 else 0.0
        hulls[i, 0], hulls[i, 1], hulls[i, 2], hulls[i, 3] = low - missing, high + missing, least, most


@jitted(cache=False)
def extend_hull(hulls, i, mean, value):
    """The hull i reaches a further trailing mean and value."""
    hulls[i, 0] = mean if mean < hulls[i, 0] else hulls[i, 0]
    hulls[i, 1] = mean if mean > hulls[i, 1] else hulls[i, 1]
    hulls[i, 2] = value if value < hulls[i, 2] else hulls[i, 2]
    hulls[i, 3] = value if value > hulls[i, 3] else hulls[i, 3]
