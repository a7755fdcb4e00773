"""Lines: a series on a linear scale and on that of logarithms, each without its seasonal figure; and back again.

A line's state begins with HEAD numbers that are the same for all formulas, then come those of the formula, then the
figure. New values move it on one by one, so that pieces lead to the same bits as one call.
"""

import math

from forecastrnn.engine.compiling import jitted
from forecastrnn.engine.cpu.levels import LEAST, is_of_factors
from forecastrnn.engine.cpu.seasonal import TRIALS, follow_figure, season_differences
from forecastrnn.engine.cpu.stopping import stoppable, stopped

# Of a state: scale (0 linear, 1 logarithms, -1 the line is not used), the value that becomes 0, the distance that
# becomes 1; lowest and highest value so far; place of the next value in the figure, period of the figure.
KIND, CENTRE, SPREAD, LOW, HIGH, PLACE, PERIOD, HEAD = 0, 1, 2, 3, 4, 5, 6, 7
REACH = 3.0  # ranges of the series that a forecast may lie beyond it
ROUNDING = 1e-13  # of the largest value: less is no change
SMALLEST, LARGEST = 1e-306, 1.7e308  # quarters of what is between are exact, and four of them finite
FURTHEST, HIGHEST = 1e100, 700.0  # of the two scales: squares and exponentials stay finite


@stoppable
def describe_lines(values, offsets, states, stop):
    """Heads of states (2 n, width): a linear line and one of logarithms for each series of values (total,).

    No logarithms where networks read none.
    """
    for i in range(len(offsets) - 1):
        if stopped(stop, 0):
            return
        lo, hi = offsets[i], offsets[i + 1]
        size, count = SMALLEST, 0
        for t in range(lo, hi):
            if not math.isnan(values[t]):
                size, count = max(size, abs(values[t])), count + 1
        mean, away = 0.0, 0.0
        for t in range(lo, hi):
            mean += 0.0 if math.isnan(values[t]) else values[t] / size / count  # finite however large values are
        for t in range(lo, hi):
            away += 0.0 if math.isnan(values[t]) else abs(values[t] / size - mean) / count
        for k in range(2):
            own = states[2 * i + k]
            own[KIND], own[CENTRE], own[SPREAD] = k, mean * size, 1.0
            own[LOW], own[HIGH], own[PLACE], own[PERIOD] = math.inf, -math.inf, 0.0, 1.0
        states[2 * i, SPREAD] = max(away * size, SMALLEST) if away > ROUNDING else size
        if not is_of_factors(values, lo, hi, 0.0, False):
            states[2 * i + 1, KIND], states[2 * i + 1, LOW], states[2 * i + 1, HIGH] = -1.0, 0.0, 0.0


@jitted(cache=False)
def onto_line(value, own):
    """A value on the scale of a line, with its figure."""
    if own[KIND] == 0.0:
        z = (0.25 * value - 0.25 * own[CENTRE]) / (0.25 * own[SPREAD])
        return min(max(z, -FURTHEST), FURTHEST)
    return min(math.log(max(value / own[CENTRE], LEAST)), HIGHEST)


@stoppable
def read_lines(values, offsets, rows, states, layout, z, stop):
    """z (2 total,): new values of series on both scales, without the figure, a line behind the other; NaN: none.

    values[offsets[k] : offsets[k + 1]] are of series rows[k]; the heads of its states (2 n, width) move on in place.
    layout: the first column of the figure, and whether it follows: it is the last value of each place then.
    """
    figure_at, follows = layout
    for k in range(len(rows)):
        if stopped(stop, 0):
            return
        lo, n = offsets[k], offsets[k + 1] - offsets[k]
        for line in range(2):
            own, begin = states[2 * rows[k] + line], 2 * lo + line * n
            place, period = int(own[PLACE]), int(own[PERIOD])
            for t in range(n):
                if stopped(stop, t):
                    return
                value = values[lo + t]
                z[begin + t] = math.nan
                if not math.isnan(value) and own[KIND] >= 0.0:
                    own[LOW], own[HIGH] = min(own[LOW], value), max(own[HIGH], value)
                    found = onto_line(value, own)
                    z[begin + t] = found - own[figure_at + place]
                    own[figure_at + place] = found if follows else own[figure_at + place]
                place = place + 1 if place + 1 < period else 0
            own[PLACE] = place


@stoppable
def find_figures(z, offsets, seasons, scratch, states, figure_at, stop):
    """The figures of states behind the end of z (total,) without gaps: of the season, then of a longer period.

    seasons (2, lines): both periods of each, alike where there is one; scratch: rows (2, longest line), rows (3, room).
    z is left without them.
    """
    (differences, figure), (learned, count, kept) = scratch
    for i in range(len(offsets) - 1):
        if stopped(stop, 0):
            return
        lo, n, own = offsets[i], offsets[i + 1] - offsets[i], states[i]
        for stage in range(2):
            period = seasons[stage, i]
            width = max(period, 4)
            shortest = 2 * period if stage == 0 else 3 * period + seasons[0, i]
            if own[KIND] < 0.0 or period < 2 or n <= width or n < shortest or (stage == 1 and period == seasons[0, i]):
                continue
            season_differences(z, lo, n, period, differences, stop)
            lowest, plain = 1.0, math.inf
            for gamma, kappa in TRIALS:
                if stopped(stop, 0):
                    return
                error = follow_figure(
                    z, lo, n, period, width, False, differences, gamma, kappa, figure, learned, count, stop
                )
                if kappa == 0.0:
                    plain = error
                elif plain > 0.0 and error / plain < lowest:
                    lowest = error / plain
                    for j in range(period):
                        kept[j] = kappa * learned[(n + j) % period]
            if lowest < 1.0:
                for j in range(period - 1, -1, -1):
                    own[figure_at + j] = kept[j] + (own[figure_at + j % seasons[0, i]] if own[PERIOD] > 1.0 else 0.0)
                own[PERIOD] = period
                for t in range(n):
                    z[lo + t] -= kept[(t - n) % period]


@stoppable
def leave_lines(states, figure_at, paths, out, stop):
    """out (n, h): forecasts in the unit of the series: the mean of those of its lines, paths (2 n, h) with the figure.

    None lies further beyond the series than REACH times its range.
    """
    for i in range(len(out)):
        if stopped(stop, 0):
            return
        linear, curved = states[2 * i], states[2 * i + 1]
        low, high = 0.125 * linear[LOW], 0.125 * linear[HIGH]
        reach = REACH * (high - low)
        for j in range(out.shape[1]):
            if stopped(stop, j):
                return
            found = 0.0
            for line in range(2):
                own = states[2 * i + line]
                if own[KIND] >= 0.0:
                    place = (int(own[PLACE]) + j) % int(own[PERIOD])
                    z = paths[2 * i + line, j] + own[figure_at + place]
                    share = 0.125 if curved[KIND] < 0.0 else 0.0625
                    if line == 0:
                        value = share * own[CENTRE] + share * own[SPREAD] * z
                    else:
                        value = share * own[CENTRE] * math.exp(min(z, HIGHEST))
                    found += value
            found = min(max(found, low - reach), high + reach)
            out[i, j] = min(max(found, -0.125 * LARGEST), 0.125 * LARGEST) * 8.0
