"""Memory-bounded BPTT: a sequence in stretches, of which one at a time is in memory.

The forward pass keeps the states between stretches; going back, each stretch is run forward again before its
backward pass. Sums run from the last step to the first either way, so the gradient has the same bits. Memory grows
with T / k + k for stretches of k steps: least at k = sqrt(T) (Chen, Xu, Zhang & Guestrin 2016, arXiv:1604.06174).
"""

from __future__ import annotations

from collections.abc import Iterator

from forecastrnn.engine.buffers import Buffer, Place
from forecastrnn.programs.assembly import Assembly
from forecastrnn.programs.direction import Direction, MatrixView


class Segments:
    """The stretches of one shard, and the states before, between and behind them."""

    def __init__(self, build: Assembly, shard: int) -> None:
        self.build, self.shard = build, shard
        self.several = len(build.shape.segments) > 1
        cut = [build.segment(shard, lo, hi) for lo, hi in build.shape.segments]
        self.stacks = cut if self.several else [build.stacks[shard]]
        self.rows = build.stacks[shard].batch.rows

    def _states(self) -> Iterator[tuple[Direction, str]]:
        for layer, directions in zip(self.build.network.layers, self.build.directions, strict=True):
            for direction in directions:
                for state in layer.cell.states:
                    yield direction, state

    def _before(self, direction: Direction, state: str, number: int) -> Place:
        """The state before stretch `number`: in the buffer of all of them, or where the only stretch begins."""
        size = self.rows * direction.Hp
        if not self.several:
            batch = self.stacks[0].batch
            return direction.state(batch, state).at(number * batch.steps * size)
        shape = (len(self.stacks) + 1, self.rows, direction.Hp)
        return self.build.program.scratch(f"{direction.name}kept_{state}[{self.shard}]", shape).at(number * size)

    def carry(self, keep: Buffer) -> list[tuple[Place, int]]:
        """Emit: the states behind the sequence become those before it, or zero in steps where keep[step] is 0.

        Gives where they are between two steps, and how many numbers each has.
        """
        places = []
        for direction, state in self._states():
            last = self._before(direction, state, len(self.stacks))
            if self.build.shape.lengths:
                last = self.build.last_buffer(direction, self.stacks[0].batch, state).at(0)
            self.build.program.emit(
                "carry", self.shard, last=last, first=self._before(direction, state, 0), keep=keep, B=self.rows,
                F=direction.Hp, stride=1,
            )  # fmt: skip
            places.append((last, self.rows * direction.Hp))
        return places

    def enter(self, number: int) -> None:
        """Emit: stretch `number` begins with the state that was kept for it."""
        if self.several:
            for direction, state in self._states():
                first = direction.state(self.stacks[number].batch, state).at(0)
                self._copy(direction, self._before(direction, state, number), first)

    def leave(self, number: int, carried: bool) -> None:
        """Emit: keep the state behind stretch `number`, and those of the rows that end in it."""
        stack, build = self.stacks[number], self.build
        if self.several:
            for direction, state in self._states():
                last = direction.state(stack.batch, state).at(stack.batch.steps * self.rows * direction.Hp)
                self._copy(direction, last, self._before(direction, state, number + 1))
        if build.shape.lengths and carried:
            for layer_number, layer in enumerate(build.network.layers):
                for state in layer.cell.states:
                    build.last_states(stack, layer_number, state)
        elif build.shape.lengths and build.reads_state and stack is not self.stacks[-1]:
            build.last_states(stack, len(build.network.layers) - 1, build.network.layers[-1].cell.states[-1])
            if build.network.n_skip and stack.x is not None:
                build.head.skip_inputs(stack.batch, stack.x)

    def _copy(self, direction: Direction, source: Place, out: Place) -> None:
        width = direction.Hp
        self.build.copy(self.shard, MatrixView(source, width, width), MatrixView(out, width, width), self.rows)
