"""Series as networks read them, from their values: level, scale, figure and what lies behind the end, in a graph.

The formulas are those of `forecastrnn.numpy_predictor.past_values`, of m series of n values each, which all are known.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from forecastrnn.engine.cpu.levels import LEAST, MOST
from forecastrnn.engine.cpu.seasonal import TRIALS
from forecastrnn.onnx_models.figures import Trials, without_figures
from forecastrnn.onnx_models.gaps import Known
from forecastrnn.onnx_models.values import LAST, Scope, Value


class Past(NamedTuple):
    """The ends of m series, of sizes that do not depend on how long they are.

    z, means (m, window): the last scaled values and trailing means; inputs (m, context, columns): what networks have
    read up to the last value; season (m, h): the figure of the steps ahead; fence (m, 6); static (m, 3); the rest (m,).
    """

    z: Value
    means: Value
    inputs: Value
    season: Value
    fence: Value
    static: Value
    scale: Value
    level: Value
    shift: Value
    linear: Value
    period: Value
    phase: Value
    known: Value
    long_run: Value
    lowest: Value
    curved: Value


class Reading(NamedTuple):
    """What a network reads of series, as settings of a forecaster say it."""

    settings: Mapping[str, Any]

    def __getattr__(self, name: str) -> Any:
        return self.settings[name]

    @property
    def longest(self) -> int:
        """The longest period that a series can show."""
        seasons = max((last for _, last, _, _ in self.STAGES), default=1) if self.SEASON > 1 else 1
        return int(self.SEASON * seasons)

    @property
    def past(self) -> int:
        """Values behind which a forecast can be made."""
        means = max(self.longest, 2 * self.SEASON) + self.MEAN_WIDTH + 2
        return int(max(means, self.REACH_BACK + 1))

    @property
    def window(self) -> int:
        """Values that the context reads, too."""
        return int(self.past + self.CONTEXT)


def past_of(scope: Scope, reading: Reading, y: Value, h: Value, known: Known | None = None) -> Past:
    """What is known of series y (m, n) behind their ends, and the figure of h steps; known: of one that was bridged."""
    m, n = y.size(0), y.size(1)
    curved = _is_of_factors(scope, y)
    linear = _is_linear(reading, y, curved)
    z, level, shift = _levels(scope, reading, y, linear)
    kept = [pair for pair in TRIALS if not (reading.IS_MEAN and pair[1] == 0.5)]
    stages = reading.STAGES if reading.SEASON > 1 else ()
    rest, season, period = without_figures(scope, z, h, reading.SEASON, stages, Trials(kept, reading.IS_MEAN))
    rest = rest if known is None else known.bridged(rest)  # again: a line between two seasons is not one without them
    scale = _scale_of(scope, reading, rest, period)
    scaled = _rounded(scope, reading, rest / scale.lifted(1), linear)
    z = _window(scope, reading, rest, scale, linear, period)
    sums = z.sums(1)
    width = reading.MEAN_WIDTH
    means = (sums.cut(1, width, reading.window + 1) - sums.cut(1, 0, reading.window + 1 - width)) / float(width)
    means = scope.stack(z.cut(1, 0, width - 1) * 0.0, means, axis=1)
    columns = [scale.of("Log") + 3.0, linear.to(np.float64), (period.to(np.float64) / reading.SEASON).of("Log")]
    static = scope.stack(*(one.lifted(1) for one in columns), axis=1)
    everywhere = scope.shape(m)
    found = Past(
        z=z, means=means, inputs=z, season=season, fence=_fence(scope, reading, scaled, scale, linear), static=static,
        scale=scale, level=level, shift=shift, linear=linear, period=period,
        phase=(n % reading.SEASON).spread(everywhere), known=n.spread(everywhere), long_run=scaled.over("Mean", 1),
        lowest=y.over("Min", 1), curved=curved,
    )  # fmt: skip
    inputs = _context(scope, reading, found, scaled)
    begin = reading.window - reading.past
    z, means = (one.cut(1, begin, reading.window) for one in (z, means))
    return found._replace(inputs=inputs, z=z, means=means)


def _is_of_factors(scope: Scope, y: Value) -> Value:
    """Which series are better read as logarithms (m,)."""
    n, size, lowest = y.size(1).to(np.float64), y.over("Max", 1), y.over("Min", 1)
    over = y / size.lifted(1)
    changes = (over.cut(1, 1, LAST) - over.cut(1, 0, -1)).abs().over("Sum", 1) / (n - 1.0)
    mean = over.over("Mean", 1)
    return (lowest > 0.0) & (lowest / size > mean * LEAST) & (mean <= changes * MOST)


def _is_linear(reading: Reading, y: Value, curved: Value) -> Value:
    """Which series (m,) networks do not read as logarithms."""
    if reading.IS_MEAN or np.isinf(reading.ABOVE):
        return curved | ~curved
    if not reading.DOMAIN:
        return ~curved
    size, lowest = y.over("Max", 1), y.over("Min", 1)  # as they are: what their changes are like does not matter
    mean = (y / size.lifted(1)).over("Mean", 1)
    return ~((lowest > reading.ABOVE) & (lowest / size > mean * LEAST))


def _levels(scope: Scope, reading: Reading, y: Value, linear: Value) -> tuple[Value, Value, Value]:
    """Values as logarithms or distances from their mean (m, n), or as they are; level and shift (m,)."""
    z, shift, level = _as_they_are(scope, reading, y) if reading.DOMAIN else _centred(scope, y)
    of_factors = y.over("Mean", 1)
    safe = scope.where(linear, 1.0, of_factors)
    logarithms = scope.where(linear.lifted(1), 1.0, y).of("Log") - safe.of("Log").lifted(1)
    z = scope.where(linear.lifted(1), z, logarithms)
    return z, scope.where(linear, level, of_factors), scope.where(linear, shift, 0.0)


def _as_they_are(scope: Scope, reading: Reading, y: Value) -> tuple[Value, Value, Value]:
    """Values over their recent mean size (m, n), no shift, and that size."""
    recent, whole = (one.abs().over("Mean", 1) for one in (y.cut(1, -2 * reading.MEAN_WIDTH, LAST), y))
    level = scope.where(recent > 0.0, recent, scope.where(whole > 0.0, whole, 1.0))
    return y / level.lifted(1), level * 0.0, level


def _centred(scope: Scope, y: Value) -> tuple[Value, Value, Value]:
    """Distances from the mean over their mean size (m, n), that mean, and that size."""
    largest = y.abs().over("Max", 1)
    power = (scope.where(largest > 0.0, largest, 1.0).of("Log") / float(np.log(2.0))).of("Floor")
    size = scope.where(largest > 0.0, scope.constant(2.0).of("Pow", power), 1.0)  # divided by it, no digit is lost
    z = y / size.lifted(1)
    first = z.cut(1, 0, 1)
    z = z - first
    mean = z.over("Mean", 1, keep=True)
    z = z - mean
    away = z.abs().over("Mean", 1)
    level, shift = away * size, (first + mean).flat(1) * size
    z = scope.where((level > 0.0).lifted(1), z / away.lifted(1), 0.0)
    other = scope.where(shift.equals(0.0), 1.0, shift.abs())
    return z, shift, scope.where(level > 0.0, level, other)


def _scale_of(scope: Scope, reading: Reading, z: Value, period: Value) -> Value:
    """What scaled values are measured in: of the mean change over a period (m,)."""
    n = z.size(1)
    lag = scope.where(n > period + 1, period, 1)
    before = scope.counted(n).lifted(0) - lag.lifted(1)
    change = (z - z.pick(before.most(0), 1)).abs()
    change = scope.where(before >= 0, change, 0.0).over("Sum", 1)
    change = change / (n - lag).most(1).to(np.float64)
    if reading.LONG_RUN == 3:  # for a network that reads any series: its own usual change
        return change.most(reading.QUIETEST)
    return (change.most(1e-9) * reading.NOISE).of("Sqrt").most(reading.FLOOR)


def _rounded(scope: Scope, reading: Reading, z: Value, linear: Value) -> Value:
    """Values of linear series in steps of what is finest; not those that are read as they are."""
    if reading.DOMAIN:
        return z
    return scope.where(linear.lifted(1), (z / reading.FINEST).of("Round") * reading.FINEST, z)


def _window(scope: Scope, reading: Reading, z: Value, scale: Value, linear: Value, period: Value) -> Value:
    """The last scaled values, before which the first period is repeated: (m, window)."""
    n = z.size(1)
    places = (scope.constant(np.arange(reading.window) - reading.window, np.int64) + n).lifted(0)
    own = period.least(n).lifted(1)
    places = scope.where(places < 0, places % own, places + own * 0)  # Mod of int64 has the sign of the divisor
    return _rounded(scope, reading, z.pick(places, 1) / scale.lifted(1), linear)


def _fence(scope: Scope, reading: Reading, z: Value, scale: Value, linear: Value) -> Value:
    """How far a forecast may lead (m, 6): where its mean stops and is free, below and above, and the values."""
    n, width = z.size(1), reading.MEAN_WIDTH
    count = n.least(width)
    sums, size = z.sums(1), count.to(np.float64)
    means = (sums.cut(1, count, n + 1) - sums.cut(1, 0, n + 1 - count)) / size
    low, high, least, most = (one.over(how, 1) for one in (means, z) for how in ("Min", "Max"))
    missing = ((most - least) * size / n.to(np.float64) - (high - low)).most(0.0) / 2.0
    low, high = low - missing, high + missing
    below = (high - low) * reading.FENCE_REACH
    stretched = ((low - high) * scale).of("Exp") - 1.0
    highest = (-(stretched * reading.FENCE_MOST) + 1.0).of("Log") / scale
    above = scope.where(linear, below, below.least(highest))
    free = reading.FENCE_FREE
    ends = [low - below, low - below * free, high + above * free, high + above, least - below, most + above]
    return scope.stack(*(one.lifted(1) for one in ends), axis=1)


def _context(scope: Scope, reading: Reading, past: Past, scaled: Value) -> Value:
    """What networks have read up to the last value: (m, context, columns)."""
    n, steps = scaled.size(1), reading.CONTEXT
    places = np.arange(steps) + reading.window - 1 - steps
    times = scope.constant(np.arange(steps) - 1 - steps, np.int64) + n  # negative before the first value
    so_far = scaled.over("Mean", 1).lifted(1)
    if reading.LONG_RUN:
        own = times.most(0)
        found = scaled.sums(1).take(own + 1, 1) / (own + 1).to(np.float64).lifted(0)
        so_far = scope.where((times >= 0).lifted(0), found, past.means[places])
    phase = ((times + 1) % reading.SEASON).lifted(0)
    return inputs_at(scope, reading, past, places, phase, so_far)


def inputs_at(
    scope: Scope, reading: Reading, past: Past, places: np.ndarray, phase: Value, long_run: Value
) -> Value:  # fmt: skip
    """Raw columns and asinh of them (m, k, columns), float32, at places (k,) of the window of `past`.

    phase (m or 1, k) : of the time behind each place; long_run (m, k or 1) : the mean of all values up to it.
    """
    z, means, season = past.z, past.means, reading.SEASON
    before = scope.constant(places, np.int64).lifted(0) - past.period.lifted(1)
    now, mean, old = means[places], means[places - season], means.pick(before, 1)
    found = [z[places] - now, now - mean, now - old]
    if reading.WITH_LAGS:
        found += [z[places + 1 - season] - mean, z.pick(before + 1, 1) - old]
        found.append(z[places + 1 - reading.SECOND_LAG] - mean)
    found += _older_means(scope, reading, past, places, now)
    found += [long_run - now] if reading.LONG_RUN else []
    raw = scope.stack(*(one.lifted(2) for one in found), axis=2)
    parts = [raw]
    wide = scope.shape(raw.size(0), len(places), 1)
    if season >= 2 or reading.LONG_RUN == 3:
        angle = 2.0 * np.pi * np.arange(season) / season
        table = np.stack([np.sin(angle), np.cos(angle), np.sin(2.0 * angle), np.cos(2.0 * angle)], axis=1)
        parts.append(scope.constant(table).take(phase, 0) + scope.constant(0.0).spread(wide))
    parts.append(past.static.lifted(1) + scope.constant(0.0).spread(wide))
    columns = scope.stack(*parts, axis=2).to(np.float32)
    squashed = columns.of("Asinh")
    if reading.LONG_RUN == 2:
        columns = scope.where(past.linear.lifted(1, 2), squashed, columns)
    return scope.stack(columns, squashed, axis=2)


def _older_means(scope: Scope, reading: Reading, past: Past, places: np.ndarray, now: Value) -> list[Value]:
    """Means of blocks of values, one behind the other from the places back, where they lie in the series."""
    found, ends = [], places + 1
    sums = past.z.sums(1) if reading.OLDER_MEANS else past.z
    for length, count in reading.OLDER_MEANS:
        for _ in range(count):
            begin = ends - length
            mean = (sums[ends] - sums[begin]) / float(length) - now
            # The first value of a series lies `known` before the last place of its window.
            first = scope.constant(begin, np.int64).lifted(0) - past.z.size(1) + past.known.lifted(1)
            found.append(scope.where(first >= 0, mean, 0.0))
            ends = begin
    return found
