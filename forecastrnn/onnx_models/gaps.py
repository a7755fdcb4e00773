"""Series with gaps in a graph: values of one series (1, n), or of its lines (l, n), some of which are not known."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from forecastrnn.onnx_models.filters import largest_so_far
from forecastrnn.onnx_models.values import LAST, Scope, Value


class Known(NamedTuple):
    """Which values (n,) of a series are known, the last one at least."""

    scope: Scope
    are: Value

    def cut(self, begin: Value | int) -> Known:
        """Those from a place on."""
        return self._replace(are=self.are.cut(0, begin, LAST))

    @property
    def weights(self) -> Value:
        """1.0 where a value is known, else 0.0: (1, n)."""
        return self.are.to(np.float64).lifted(0)

    def only(self, z: Value) -> Value:
        """Values (l, n), 0 where there is none."""
        return self.scope.where(self.are.lifted(0), z, 0.0)

    def mean(self, z: Value) -> Value:
        """The mean (l, 1) of the known values of (l, n)."""
        return self.only(z).over("Sum", 1, keep=True) / self.weights.over("Sum", 1, keep=True)

    def bridged(self, z: Value) -> Value:
        """Values (l, n), the first and last of which are known, with gaps in line between those around them."""
        scope, n = self.scope, self.are.size(0)
        times = scope.counted(n)
        before = self._latest(scope.where(self.are, times, 0))
        behind = (n - 1) - self._backwards(self._latest(self._backwards(scope.where(self.are, (n - 1) - times, 0))))
        low, high = z.take(before, 1), z.take(behind, 1)
        share = (times - before).to(np.float64) / (behind - before).most(1).to(np.float64)
        return scope.where(self.are.lifted(0), z, low + (high - low) * share)

    def filled(self, z: Value) -> Value:
        """Values (l, n) with the last known one in gaps, and 0 before the first."""
        scope = self.scope
        before = self._latest(scope.where(self.are, scope.counted(self.are.size(0)), -1))
        return scope.where((before < 0).lifted(0), 0.0, z.take(before.most(0), 1))

    def _backwards(self, row: Value) -> Value:
        n = row.size(0)
        return row.take((n - 1) - self.scope.counted(n), 0)

    def _latest(self, row: Value) -> Value:
        """The largest so far of numbers (n,) of int64."""
        return largest_so_far(self.scope, row.to(np.float64).lifted(0)).flat(0).to(np.int64)

    def ring(self, period: Value) -> tuple[Value, Value]:
        """Places of the last known values of each place in a period (period,), from the one behind the end on.

        And those of the value before each one (n,) at its place in the period. -1, where there is none.
        """
        scope, n = self.scope, self.are.size(0)
        rounds = (n + period - 1) / period
        more = rounds * period - n
        none = scope.constant(-1, np.int64).spread(scope.shape(more))
        places = scope.stack(none, scope.where(self.are, scope.counted(n), -1), axis=0)
        table = places.shaped(scope.shape(rounds, period)).turned(1, 0)
        latest = largest_so_far(scope, table.to(np.float64)).to(np.int64)
        nothing = scope.constant(-1, np.int64).spread(scope.shape(period, 1))
        before = scope.stack(nothing, latest.cut(1, 0, -1), axis=1).turned(1, 0).shaped(scope.shape(-1))
        return latest.cut(1, -1, LAST).flat(1), before.cut(0, more, LAST)
