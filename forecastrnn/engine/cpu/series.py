"""Passes over series that lie end to end, offsets (n_series + 1,): scale, padding, what networks read."""

import math

from forecastrnn.engine.compiling import jitted
from forecastrnn.engine.cpu.levels import extend_hull
from forecastrnn.engine.cpu.stopping import stoppable, stopped
from forecastrnn.engine.input_formulas import STATIC, write_inputs


@stoppable
def mean_changes(z, offsets, periods, change, stop):
    """change (n_series,) = mean |z_t - z_(t - period)|, of neighbours in a series too short for that."""
    for i in range(len(offsets) - 1):
        if stopped(stop, 0):
            return
        lo, hi = offsets[i], offsets[i + 1]
        lag = periods[i] if hi - lo > periods[i] + 1 else 1
        total = 0.0
        for t in range(lo + lag, hi):
            total += abs(z[t] - z[t - lag])
        change[i] = total / (hi - lo - lag) if hi - lo > lag else 0.0


@stoppable
def pad_left(series, periods, scale, padding, padded, stop):
    """Scaled values behind `pads[i]` repetitions of the first period; what counts, after the burn-in, is marked."""
    (z, known, offsets), (pads, starts), (out, observed) = series, padding, padded
    for i in range(len(offsets) - 1):
        if stopped(stop, 0):
            return
        lo, n, base = offsets[i], offsets[i + 1] - offsets[i], starts[i] + pads[i]
        p = periods[i] if periods[i] < n else n
        burn = 0 if n <= 2 * p else p if n <= 3 * p else p + p // 2
        for t in range(n):
            out[base + t] = z[lo + t] / scale[i]
            if t >= burn:
                observed[base + t] = known[lo + t]
        t = base
        while t > starts[i]:
            t -= 1
            out[t] = out[t + p]


@stoppable
def returns_to_mean(z, starts, pads, width, shortest, slopes, stop):
    """slopes (n_series,): the share of its way to the mean of its past that a trailing mean goes within one width.

    That is the slope of a_(t + width) - a_t on (mean of all values up to t) - a_t, over the last three quarters of the
    series; 0 in a series of fewer than `shortest` widths.
    """
    for i in range(len(starts) - 1):
        if stopped(stop, 0):
            return
        lo, n = starts[i] + pads[i], starts[i + 1] - starts[i] - pads[i]
        total, recent, following, both, ways = 0.0, 0.0, 0.0, 0.0, 0.0
        for t in range(width if n >= shortest * width else 0):
            following += z[lo + t]
        for t in range(n - width if n >= shortest * width else 0):
            if stopped(stop, t):
                return
            total += z[lo + t]
            recent += z[lo + t] - (z[lo + t - width] if t >= width else 0.0)
            following += z[lo + t + width] - z[lo + t]
            if t >= width + max(2 * width, n // 4):
                way = total / (t + 1) - recent / width
                ways += way * way
                both += way * (following - recent) / width
        slopes[i] = both / ways if ways > 0.0 else 0.0


@stoppable
def fill_inputs(series, layout, scratch, wanted, out, place, stop):
    """Rows of padded times of series; out (rows, columns) flat. Rows without enough past stay zero.

    scratch: trailing means (total,), and sums of one more value than the longest series has, or empty without blocks.
    wanted: whether it is every time, each in the row of its number; else times (m,), ascending, and the row of each.
    place: columns of a row, and the first of those that are written.
    """
    z, starts, pads, periods, static = series
    season, width, second_lag, with_lags, blocks, with_long_run = layout
    (a, sums), (every, times, slots) = scratch, wanted
    (columns, begin), groups, k = place, len(blocks) // 2, 0
    for i in range(len(starts) - 1):
        if stopped(stop, 0):
            return
        lo, hi = starts[i], starts[i + 1]
        if not every and (k == len(times) or times[k] >= hi):
            continue
        total = 0.0
        if groups > 0:
            sums[0] = 0.0
            for t in range(lo, hi):
                sums[t - lo + 1] = sums[t - lo] + z[t]
        for t in range(lo, hi):
            if stopped(stop, t):
                return
            total += z[t]
            if t - lo >= width:
                total -= z[t - width]
            a[t] = total / (width if t - lo >= width else t - lo + 1)
        past = width + (periods[i] if periods[i] > second_lag else second_lag)
        phase = (past - pads[i]) % season
        so_far, known = 0.0, 0
        while k < len(times) and times[k] < lo + past:
            k += 1
        for t in range(lo + past, hi - 1):
            if stopped(stop, t):
                return
            phase = phase + 1 if phase + 1 < season else 0
            if t >= lo + pads[i]:
                so_far += z[t]
                known += 1
            long_run = so_far / known if known > 0 else a[t]  # the column is 0
            while every or (k < len(times) and times[k] == t):
                row = t if every else slots[k]
                write_inputs(
                    z, a, sums, -lo, t, lo + pads[i], phase, season, periods[i], second_lag, with_lags, blocks, groups,
                    long_run, with_long_run, static, i * STATIC, out, row * columns + begin,
                )  # fmt: skip
                if every:
                    break
                k += 1
        while k < len(times) and times[k] < hi:
            k += 1


@stoppable
def go_on(new, ends, layout, scratch, rows, begin, stop):
    """The ends of series, moved on behind new values, and the inputs of the times before each of them.

    new: values (total,), offsets (m + 1,), series (m,). ends, which are overwritten: z, means (n, past), sums (n, past
    + 1), inputs (n, context, columns), since, phase, first (n,), so_far (n, 2): sum and number of all values, hulls
    (n, 4); and as they are period (n,), static (n, STATIC). layout: season, width of means, second lag, whether there
    are lags, blocks, whether there is the long-run mean, values until means are found anew.
    scratch: values, means and sums of one series. rows (total, columns): what is not found from values stands in them;
    begin: the first column of what is.
    """
    (values, offsets, series), (line, means, sums) = new, scratch
    z_ends, mean_ends, sum_ends, inputs, since, phases, firsts, so_far, hulls, periods, static = ends
    season, width, second_lag, with_lags, blocks, with_long_run, most = layout
    groups, past, columns, flat = len(blocks) // 2, z_ends.shape[1], rows.shape[1], rows.reshape(-1)
    for i in range(len(series)):
        if stopped(stop, 0):
            return
        s, lo, n = series[i], offsets[i], offsets[i + 1] - offsets[i]
        for t in range(past):
            line[t], means[t] = z_ends[s, t], mean_ends[s, t]
        for t in range(past + 1 if groups > 0 else 0):
            sums[t] = sum_ends[s, t]
        for j in range(n):
            if stopped(stop, j):
                return
            t = past - 1 + j
            write_inputs(
                line, means, sums, 0, t, firsts[s], (phases[s] + j) % season, season, periods[s], second_lag, with_lags,
                blocks, groups, so_far[s, 0] / so_far[s, 1], with_long_run, static, s * STATIC, flat,
                (lo + j) * columns + begin,
            )  # fmt: skip
            line[t + 1] = values[lo + j]
            so_far[s, 0] += line[t + 1]
            so_far[s, 1] += 1.0
            means[t + 1] = (line[t + 1] - line[t + 1 - width]) / width
            means[t + 1] += means[t]
            extend_hull(hulls, s, means[t + 1], line[t + 1])
            sums[t + 2] = sums[t + 1] + line[t + 1]
            since[s] += 1
            if since[s] == most:
                find_means(line, means, sums, t + 2 - past, past, width)
                since[s] = 0
        for t in range(past):
            z_ends[s, t], mean_ends[s, t] = line[n + t], means[n + t]
        for t in range(past + 1 if groups > 0 else 0):
            sum_ends[s, t] = sums[n + t]
        phases[s], firsts[s] = (phases[s] + n) % season, firsts[s] - n if firsts[s] > n else 0
        move_rows(inputs, s, rows, lo, n)


@jitted(cache=False)
def find_means(line, means, sums, begin, count, width):
    """Sums of line[begin : begin + count] from 0 on, and the trailing means that follow."""
    sums[begin] = 0.0
    for t in range(begin, begin + count):
        sums[t + 1] = sums[t] + line[t]
        means[t] = (sums[t + 1] - sums[t + 1 - width]) / width if t - begin >= width - 1 else 0.0


@jitted(cache=False)
def move_rows(inputs, s, rows, lo, n):
    """inputs[s] (context, columns) and behind them rows[lo : lo + n]: the last of both."""
    context, columns = inputs.shape[1], inputs.shape[2]
    for t in range(context):
        for c in range(columns):
            inputs[s, t, c] = inputs[s, t + n, c] if t + n < context else rows[lo + t + n - context, c]


@stoppable
def go_on_naive(values, offsets, rows, figure, stop):
    """figure[rows[i]] (season,), the values behind a series' end, moved on behind values[offsets[i] : offsets[i + 1]].

    A figure of one value all over is that of a series without a whole season: each new value is the next one. A missing
    value is as it was forecast.
    """
    for i in range(len(rows)):
        if stopped(stop, 0):
            return
        own = figure[rows[i]]
        for t in range(offsets[i], offsets[i + 1]):
            if stopped(stop, t):
                return
            value, first = values[t], own[0]
            value = first if math.isnan(value) else value
            alike = True
            for k in range(len(own)):
                alike = alike and (own[k] == first or math.isnan(first))
            for k in range(len(own) - 1):
                own[k] = value if alike else own[k + 1]
            own[len(own) - 1] = value


@stoppable
def move_ends(values, rows, excess, low, high, stop):
    """Ends low, high (n,) of intervals, moved by values (total,) of series `rows`, some NaN.

    excess (2,): how far beyond all before them values usually go, below and above, over the range of a series.
    """
    for t in range(len(values)):
        if stopped(stop, t):
            return
        if not math.isnan(values[t]):
            i = rows[t]
            span = (high[i] - low[i]) / (1.0 + excess[0] + excess[1])
            low[i] = min(low[i], values[t] - excess[0] * span)
            high[i] = max(high[i], values[t] + excess[1] * span)
