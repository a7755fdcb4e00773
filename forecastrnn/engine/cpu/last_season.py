"""The last value of each place in a season, in rings that new values move on."""

import math

from forecastrnn.engine.cpu.stopping import stoppable, stopped

# Of a state: period (0: there are no forecasts), place of the next value, last value; then the last value of each
# place, NaN where there is none yet.
RING = 3


@stoppable
def move_rings(states, values, offsets, rows, stop):
    """states (n, RING + room), row rows[k] moved on behind values[offsets[k] : offsets[k + 1]]; NaN changes nothing."""
    for k in range(len(rows)):
        if stopped(stop, 0):
            return
        own = states[rows[k]]
        period, place = int(own[0]), int(own[1])
        for t in range(offsets[k], offsets[k + 1]):
            if stopped(stop, t):
                return
            if not math.isnan(values[t]):
                own[2] = own[RING + place] = values[t]
            place = place + 1 if place + 1 < period else 0
        own[1] = place


@stoppable
def repeat_rings(states, out, stop):
    """out (n, h): the value of the same place in the season, the last value where there is none; NaN without a ring."""
    for i in range(len(out)):
        if stopped(stop, 0):
            return
        period, place = int(states[i, 0]), int(states[i, 1])
        for j in range(out.shape[1]):
            if stopped(stop, j):
                return
            value = states[i, RING + place]
            value = states[i, 2] if math.isnan(value) else value
            out[i, j] = value if period > 0 else math.nan
            place = place + 1 if place + 1 < period else 0
