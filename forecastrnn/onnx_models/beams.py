"""The likeliest targets by a beam, as `forecastrnn.numpy_predictor.tokens` finds them, in a graph.

A source has k hypotheses, side by side in rows; those that there are not yet are as unlikely as can be.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np

from forecastrnn.networks.exported import ExportedPair
from forecastrnn.onnx_models.decoders import Source, by_layers, scores_of
from forecastrnn.onnx_models.graph import Graph
from forecastrnn.onnx_models.rows import unless
from forecastrnn.onnx_models.values import LAST, Scope, Value

_NONE, _LEAST = -1e300, -1e200  # the score of a hypothesis that there is not, and what all others are above


def beam_decoded(
    graph: Graph, exported: ExportedPair, source: Source, states: list[list[str]], batch: str
) -> tuple[str, str]:  # fmt: skip
    """Symbols (n, steps), the last number behind the end, and how many before it (n,)."""
    scope, width = Scope(graph), cast(int, exported.settings["BEAM_WIDTH"])
    wrong = graph.add("Less", "max_length", graph.integers(1))
    most = Value(scope, unless(graph, wrong, "max_length", "max_length must be 1 or more"), np.int64).flat(0)
    beam = _Beam(scope, exported, source, Value(scope, batch, np.int64).flat(0), width)
    held = beam.run(most + 1, states)
    score, ended, length, symbols = held[1], held[2], held[3], held[4]
    is_found = (ended & (score > _LEAST)).to(np.int32)
    best = is_found.of("ArgMax", axis=1, keepdims=1, dtype=np.int64)  # the first, which is the likeliest
    length = scope.where(ended, length, most).pick(best, 1).flat(1)
    place = best.lifted(2).spread(scope.shape(symbols.size(0), 1, symbols.size(2)))
    found = symbols.pick(place, 1).flat(1).cut(1, 0, most)
    inside = scope.counted(found.size(1)).lifted(0) < length.lifted(1)
    return scope.where(inside, found, beam.end).name, length.name


class _Beam:
    """The search: n sources of k hypotheses each."""

    def __init__(self, scope: Scope, exported: ExportedPair, source: Source, n: Value, k: int) -> None:
        self.scope, self.exported, self.n, self.k = scope, exported, n, k
        self.end = len(exported.arrays["target_tokens"])
        kinds = (np.float32, np.bool_)
        self.source = Source(*(self._repeated(Value(scope, *one)).name for one in zip(source, kinds, strict=True)))

    def _repeated(self, values: Value) -> Value:
        """Rows (n, ..), each k times in turn."""
        scope, behind = self.scope, values.of("Shape", dtype=np.int64).cut(0, 1, LAST)
        wide = scope.stack(scope.shape(self.n, self.k), behind, axis=0)
        return values.lifted(1).spread(wide).shaped(scope.stack(scope.shape(-1), behind, axis=0))

    def run(self, most: Value, states: list[list[str]]) -> list[Value]:
        """Logarithms of chances, scores, ends, lengths (n, k), symbols (n, k, steps), and states (n * k, ..)."""
        scope, widths = self.scope, [len(own) for own in states]
        wide, first = scope.shape(self.n, self.k), np.where(np.arange(self.k) == 0, 0.0, _NONE)
        log = scope.constant(first).spread(wide)
        none = scope.constant(0, np.int64)
        flat = [self._repeated(Value(scope, name, np.float32)) for own in states for name in own]
        begin = [
            log, log, scope.constant(False, np.bool_).spread(wide), none.spread(wide),
            none.spread(scope.shape(self.n, self.k, 0)), *flat,
        ]  # fmt: skip

        def step(number: Value, held: list[Value]) -> tuple[Value, Sequence[Value], Sequence[Value]]:
            old = by_layers([one.name for one in held[5:]], widths)
            scores, new = scores_of(scope.graph, self.exported, self.source, self._last(held[4]).name, old)
            flat = [Value(scope, name, np.float32) for own in new for name in own]
            grown = self._grown(number, held[:5], Value(scope, scores, np.float32), flat)
            live = ~grown[2] & (grown[1] > _LEAST)
            return live.to(np.int32).of("ReduceMax", keepdims=0).to(np.bool_), grown, []

        return scope.loop(most, begin, step)

    def _last(self, symbols: Value) -> Value:
        """The last symbols (n * k,); that of nothing is the end, which comes before the first one, too."""
        ends = self.scope.constant(self.end, np.int64).spread(self.scope.shape(self.n, self.k, 1))
        return self.scope.stack(ends, symbols, axis=2).cut(2, -1, LAST).shaped(self.scope.shape(-1))

    def _grown(self, number: Value, held: Sequence[Value], scores: Value, states: Sequence[Value]) -> list[Value]:
        """The next hypotheses, of all that continue those there are by a symbol; ended ones stay as they are."""
        scope, count = self.scope, self.end + 1
        log, score, ended, length, symbols = held
        logs = scores.to(np.float64).of("LogSoftmax", axis=1).shaped(scope.shape(self.n, self.k, count))
        more = logs + log.lifted(2)
        is_end = scope.constant(np.arange(count) == self.end, np.bool_)
        penalty = ((number.to(np.float64) + 6.0) / 6.0).of("Pow", cast(float, self.exported.settings["LENGTH_PENALTY"]))
        done = ended.lifted(2)
        rated = scope.where(done, scope.where(is_end, score.lifted(2), 2 * _NONE), more / penalty)
        more = scope.where(done, log.lifted(2), more)
        wide = scope.shape(self.n, self.k * count)
        names = scope.graph.many("TopK", [rated.shaped(wide).name, scope.graph.integers(self.k)], 2, axis=1)
        score, place = Value(scope, names[0], np.float64), Value(scope, names[1], np.int64)
        parent, symbol = place / count, place % count
        was, ends = ended.to(np.int64).pick(parent, 1) > 0, symbol.equals(self.end)
        length = length.pick(parent, 1) + (~(was | ends)).to(np.int64)
        before = symbols.pick(parent.lifted(2).spread(scope.shape(self.n, self.k, symbols.size(2))), 1)
        rows = (parent + (scope.counted(self.n) * self.k).lifted(1)).shaped(scope.shape(-1))
        return [
            more.shaped(wide).pick(place, 1), score, was | ends, length,
            scope.stack(before, symbol.lifted(2), axis=2), *(one.take(rows, 0) for one in states),
        ]  # fmt: skip
