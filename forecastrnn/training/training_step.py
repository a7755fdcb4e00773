"""The operations of a training step: gather, forward, loss, backward, reduce, update."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forecastrnn.engine.buffers import Buffer
from forecastrnn.engine.communicators import Communicator
from forecastrnn.programs.assembly import Assembly
from forecastrnn.programs.direction import Batch, MatrixView
from forecastrnn.programs.inference import emit_lengths
from forecastrnn.programs.segments import Segments
from forecastrnn.programs.shapes import ShardPass
from forecastrnn.training.update_step import Update, emit_reduction, emit_update, gradient_buffer


@dataclass(frozen=True)
class TrainingData:
    """Where mini-batches come from; nothing is copied before a batch is gathered.

    X (rows, columns): a sample is `steps` rows from its start on. y: (rows, outputs), gathered from the sample's
    own start in y; or, with `ahead`, the flat series whose next values, relative to `base` at the same place, are
    the targets (NaN: not observed). weight: one a sample. class_order: for sampled softmax.
    """

    X: np.ndarray
    y: np.ndarray
    base: np.ndarray | None = None
    weight: np.ndarray | None = None
    repeated: bool = False  # a sample has one row of X, which is read at every step
    y_steps: int | None = None  # rows of y that belong to a sample; None: as many as it has steps
    class_order: np.ndarray | None = None  # class numbers, the most frequent first

    @property
    def ahead(self) -> bool:
        """Whether targets are the next values of a series."""
        return self.base is not None


@dataclass(frozen=True)
class BatchBuffers:
    """What a step reads of its mini-batch, and where it leaves loss and weight; arrays of the program, or arguments.

    Each has a row for each step of a call: starts in X and y, sample numbers and lengths (steps, rows), keep (steps,),
    sums (steps, shards, 2).
    """

    starts: Buffer
    y_starts: Buffer
    sums: Buffer
    samples: Buffer | None = None
    lengths: Buffer | None = None
    keep: Buffer | None = None
    seeds: Buffer | None = None  # of dropout and of sampled classes


class TrainingStep:
    """Emits a training step of what `build` is for; the weights are packed in its first round.

    communicator : the step is shared with other processes, on GPUs, each with rows of its own.
    """

    def __init__(
        self, build: Assembly, source: TrainingData, feed: BatchBuffers, loss: str, update: Update | None = None,
        input_gradient: bool = False, communicator: Communicator | None = None,
    ) -> None:  # fmt: skip
        self.build, self.program, self.shape = build, build.program, build.shape
        self.source, self.feed, self.loss_name = source, feed, loss
        build.seeds = feed.seeds
        self._bind_source()
        self.grad = gradient_buffer(self.program, build.network.size, communicator)
        self.input_gradients: dict[int, MatrixView] = {}
        build.pack(input_gradient=input_gradient)
        for shard in range(self.shape.shards):
            self._emit_shard(Segments(build, shard), input_gradient)
        self.backward_rounds = len(self.program.rounds)
        emit_reduction(build, self.grad, feed.sums, communicator)
        if update is not None:
            emit_update(self.program, build.network.layout, build.whole_theta, self.grad, update)

    def _bind_source(self) -> None:
        program, source = self.program, self.source
        self.X = program.bind("X", source.X, constant=True)
        self.y = program.bind("y", source.y, constant=True)
        self.base = None if source.base is None else program.bind("base", source.base, constant=True)
        self.weight = None if source.weight is None else program.bind("weight", source.weight, constant=True)
        if source.class_order is not None:
            self.build.class_order = program.bind("class_order", source.class_order, constant=True)

    # Emission -----------------------------------------------------------------------------------------
    def _emit_shard(self, segments: Segments, input_gradient: bool) -> None:
        """Stretch by stretch: forward to the end, then backward, each but the last recomputed before."""
        stacks, shard = segments.stacks, segments.shard
        emit_lengths(self.build, self.build.stacks[shard].batch, self.feed.lengths)
        if self.feed.keep is not None:
            segments.carry(self.feed.keep)
        for number, stack in enumerate(stacks):
            self._emit_forward(segments, number, stack)
            segments.leave(number, self.feed.keep is not None)
        for number in range(len(stacks) - 1, -1, -1):
            if number < len(stacks) - 1:
                stacks[number] = self.build.segment(shard, *self.shape.segments[number])
                self._emit_forward(segments, number, stacks[number])
            self._emit_backward(stacks[number], number == len(stacks) - 1, input_gradient)

    def _emit_forward(self, segments: Segments, number: int, stack: ShardPass) -> None:
        segments.enter(number)
        every, batch = 0 if self.source.repeated else 1, stack.batch
        x = self._gather(batch, "x", self.X, self.feed.starts, batch.steps, batch.first, every)
        self.build.forward(stack, x)

    def _emit_backward(self, stack: ShardPass, fresh: bool, input_gradient: bool) -> None:
        """Head, loss and gradients of a stretch; `fresh`: it is the last one, where all sums begin."""
        build, head = self.build, self.build.head
        if fresh if build.reads_state else head.steps(stack.batch) > 0:
            head.forward(stack)
            weights = None
            if self.weight is not None and self.feed.samples is not None:
                weights = self._gather(stack.batch, "w", self.weight, self.feed.samples, 1).place.buffer
            head.loss(stack, self.loss_name, self._targets(stack.batch), weights, self.feed.sums, fresh)
        found = build.backward(stack, fresh=fresh, input_gradient=input_gradient)
        if found is not None:
            self.input_gradients[stack.batch.shard] = found

    def _gather(
        self, batch: Batch, name: str, source: Buffer, starts: Buffer, steps: int, first: int = 0, every: int = 1
    ) -> MatrixView:
        width = source.shape[1] if len(source.shape) > 1 else 1
        out = self.program.scratch(f"{name}[{batch.shard}]", (steps, batch.rows, width))
        self.program.emit(
            "gather", batch.shard, source=source.at(first * every * width), out=out,
            starts=starts.at(self.build.first_row(batch.shard)), T=steps, B=batch.rows, F=width, lds=width,
            stride=self.shape.rows, every=every,
        )  # fmt: skip
        return MatrixView(out.at(0), width, width)

    def _targets(self, batch: Batch) -> Buffer:
        build, head = self.build, self.build.head
        steps, first = head.steps(batch), batch.first + head.first_read(batch)
        if not self.source.ahead:
            skipped = 0 if self.feed.keep is not None else self.shape.steps - (self.source.y_steps or self.shape.steps)
            first = 0 if build.reads_state else first - skipped
            return self._gather(batch, "target", self.y, self.feed.y_starts, steps, first).place.buffer
        n = build.network.n_outputs
        out = self.program.scratch(f"target[{batch.shard}]", (steps, batch.rows, n))
        self.program.emit(
            "gather_ahead", batch.shard, source=self.base, target=self.y, out=out,
            starts=self.feed.y_starts.at(build.first_row(batch.shard)), T=steps, B=batch.rows, F=n,
            stride=self.shape.rows, first=self.shape.steps - 1 if build.reads_state else first,
        )  # fmt: skip
        return out
