"""The seasonal figure of series, as `forecastrnn.engine.cpu.seasonal` finds it, in a graph.

All series of a call are equally long, n values, so that a period is tried in all of them at once; the figure is learned
cycle by cycle, for all trials side by side.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from forecastrnn.onnx_models.values import Scope, Value

_NONE = 1e300  # the error of no figure at all
Stage = tuple[int, int, float, float]  # shortest and longest period in seasons, errors to stay below


class Figured(NamedTuple):
    """Series without their figure (m, n), the figure of the steps ahead (m, h), and its period (m,)."""

    rest: Value
    ahead: Value
    period: Value


class Trials(NamedTuple):
    """(gamma, kappa) of all trials, and whether series are steady."""

    pairs: Sequence[tuple[float, float]]
    steady: bool

    @property
    def gammas(self) -> list[float]:
        """Each once."""
        return sorted({gamma for gamma, _ in self.pairs})

    @property
    def places(self) -> list[int]:
        """Which gamma each trial has."""
        return [self.gammas.index(gamma) for gamma, _ in self.pairs]

    @property
    def shares(self) -> list[float]:
        """The kappa of each trial."""
        return [kappa for _, kappa in self.pairs]


def without_figures(
    scope: Scope, z: Value, h: Value, season: int, stages: Sequence[Stage], trials: Trials
) -> Figured:  # fmt: skip
    """The best figure of each stage is taken off, where it is worth it."""
    m = z.size(0)
    ahead = scope.constant(0.0).spread(scope.shape(m, h))
    found = Figured(z, ahead, scope.constant(season, np.int64).spread(scope.shape(m)))
    for stage in stages if season > 1 else ():
        found = _stage(scope, found, h, season, stage, trials)
    return found


def _stage(scope: Scope, found: Figured, h: Value, season: int, stage: Stage, trials: Trials) -> Figured:
    """One stage: periods one behind the other, as long as the series are long enough."""
    first, last, worth, worth_of_week = stage
    n, z = found.rest.size(1), found.rest
    number = scope.constant(first * season, np.int64)

    def step(k: Value, states: list[Value]) -> tuple[Value | None, Sequence[Value], Sequence[Value]]:
        period, lowest, chosen, kept, ahead = states
        most = scope.where(period.equals(7 * season), scope.constant(worth_of_week), worth)
        ratio, figure, learned = best_figure(scope, z, period, trials)
        better = ratio < lowest.least(most)
        places = (n + scope.counted(h)) % period
        rows = better.lifted(1)
        new = [
            scope.where(better, ratio, lowest), scope.where(better, period, chosen), scope.where(rows, figure, kept),
            scope.where(rows, learned.take(places, 1), ahead),
        ]  # fmt: skip
        following = period + season
        return _is_long_enough(scope, n, following, season), [following, *new], []

    none = scope.constant(_NONE).spread(scope.shape(z.size(0)))
    states = [number, none, found.period * 0, z * 0.0, found.ahead * 0.0]
    tries = scope.constant(last - first + 1, np.int64)
    begins = _is_long_enough(scope, n, number, season).to(np.int64)
    _, _, chosen, kept, ahead = scope.loop(tries * begins, states, step)
    period = scope.where(chosen > 0, chosen, found.period)
    return Figured(z - kept, found.ahead + ahead, period)


def _is_long_enough(scope: Scope, n: Value, period: Value, season: int) -> Value:
    """Whether a period is tried in series of n values."""
    need = scope.where(period.equals(season), scope.constant(2 * season, np.int64), period * 3 + season)
    return (n > period.most(4)) & (n >= need)


def best_figure(scope: Scope, z: Value, period: Value, trials: Trials) -> tuple[Value, Value, Value]:
    """Of the best trial: its error over that without a figure (m,), the figure (m, n), that behind the end (m, p)."""
    n = z.size(1)
    figures, learned = _figures(scope, z, _differences(scope, z, period), period, trials)
    places = scope.constant(trials.places, np.int64)
    shares = scope.constant(trials.shares).lifted(0, 2)
    figures, learned = figures.take(places, 1) * shares, learned.take(places, 1) * shares  # (m, trials, n), (.., p)
    errors = _errors(scope, z.lifted(1) - figures, n, period, trials.steady)
    plain, others = errors.cut(1, 0, 1), errors.cut(1, 1, len(trials.pairs))
    ratios = scope.where(plain > 0.0, others / plain, _NONE)
    best = scope.apply("ArgMin", ratios, axis=1, keepdims=1, dtype=np.int64)
    place = (best + 1).lifted(2)
    m = z.size(0)
    picked = [one.pick(place.spread(scope.shape(m, 1, one.size(2))), 1).flat(1) for one in (figures, learned)]
    return ratios.pick(best, 1).flat(1), picked[0], picked[1]


def _differences(scope: Scope, z: Value, period: Value) -> Value:
    """z minus its centred moving average (m, n - half), which at its begin is the first one that there is."""
    n, half = z.size(1), period.of("Div", 2)
    sums = z.sums(1)
    trim = scope.where((period % 2).equals(0), scope.constant(0.5), 0.0)
    count, width = n - half * 2, half * 2 + 1
    total = sums.cut(1, width, n + 1) - sums.cut(1, 0, count)
    ends = z.cut(1, 0, count) + z.cut(1, half * 2, n)
    whole = z.cut(1, half, n - half) - (total - ends * trim) / period.to(np.float64)
    first = z.cut(1, half, half + 1) - whole.cut(1, 0, 1)
    return scope.stack(z.cut(1, 0, half) - first, whole, axis=1)


def _figures(
    scope: Scope, z: Value, differences: Value, period: Value, trials: Trials
) -> tuple[Value, Value]:  # fmt: skip
    """What is known of the season before each time (m, gammas, n), and behind the end (m, gammas, period)."""
    m, n = z.size(0), z.size(1)
    cycles = (n + period - 1).of("Div", period)
    room = cycles * period
    by_cycle = differences.padded(1, 2, room - differences.size(1)).shaped(scope.shape(m, cycles, period))
    there = (scope.counted(room) < differences.size(1)).shaped(scope.shape(cycles, period))
    gammas = scope.constant(trials.gammas)

    def step(k: Value, states: list[Value]) -> tuple[Value | None, Sequence[Value], Sequence[Value]]:
        (after,) = states
        share = (scope.constant(1.0) / (k + 1).to(np.float64)).most(gammas).lifted(0, 2)
        share = scope.where(there.take(k, 0).lifted(0, 1), share, 0.0)
        own = by_cycle.take(k, 1).lifted(1)
        return None, [after + share * (own - after)], [after]

    zeros = scope.constant(0.0).spread(scope.shape(m, len(trials.gammas), period))
    learned, each = scope.loop(cycles, [zeros], step)
    flat = each.turned(1, 2, 0, 3).shaped(scope.shape(m, len(trials.gammas), room))
    return flat.cut(2, 0, n), learned


def _errors(scope: Scope, x: Value, n: Value, period: Value, steady: bool) -> Value:
    """Mean one-step errors of a trailing mean, of x (m, trials, n) without figures: (m, trials)."""
    width, half = period.most(4), n.of("Div", 2)
    begin = scope.where(half > width, half, width) if steady else width
    sums = x.sums(2)
    total = sums.cut(2, begin, n) - sums.cut(2, begin - width, n - width)
    error = x.cut(2, begin, n) - total / width.to(np.float64)
    return (error * error if steady else error.abs()).over("Mean", 2)
