"""Training on single sequences: a target for each step, for the last ones, or the next values of a series."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass

import numpy as np

from forecastrnn.engine.buffers import Buffer, Field
from forecastrnn.networks.likelihood import Likelihood
from forecastrnn.networks.losses import AnyLoss, numbers_of
from forecastrnn.programs.assembly import Assembly
from forecastrnn.programs.direction import Batch, MatrixView
from forecastrnn.programs.inference import emit_lengths
from forecastrnn.programs.segments import Segments
from forecastrnn.programs.shapes import ShardPass
from forecastrnn.training.training_step import BatchBuffers, Data, Task


@dataclass(frozen=True)
class TrainingData(Data):
    """Where mini-batches come from; nothing is copied before a batch is gathered.

    X (rows, columns): a sample is `steps` rows from its start on. y: (rows, outputs), gathered from the sample's
    own start in y (of counts and amounts, each with a shift and a gain: those of all steps that are put out, from there
    on); or, with `ahead`, the flat series whose next values, relative to `base` at the same place, are the targets
    (NaN: not observed).
    """

    samples = "sequences"
    advice = "Lower batch_size, or set bptt=Truncated(...) where there is one."

    X: np.ndarray
    y: np.ndarray
    _: KW_ONLY
    base: np.ndarray | None = None
    repeated: bool = False  # a sample has one row of X, which is read at every step
    y_steps: int | None = None  # rows of y that belong to a sample; None: as many as it has steps

    @property
    def ahead(self) -> bool:
        """Whether targets are the next values of a series."""
        return self.base is not None


class SequenceTask(Task):
    """One network over sequences. input_gradient : also the gradients by what layer 0 reads."""

    build: Assembly
    data: TrainingData

    def __init__(self, build: Assembly, data: TrainingData, input_gradient: bool = False) -> None:
        super().__init__(build, (build,), data)
        self.lengths = ("lengths",) if build.shape.lengths else ()
        self.input_gradient = input_gradient
        self.input_gradients: dict[int, MatrixView] = {}  # by shard

    def begin(self, feed: BatchBuffers, loss: AnyLoss) -> None:
        """Bind the data."""
        super().begin(feed, loss)
        self.n_targets = self.build.network.n_outputs // numbers_of(loss)
        self.X, self.y = (self.program.bind(name, getattr(self.data, name), constant=True) for name in ("X", "y"))
        self.base = self.bind("base")

    def pack(self) -> None:
        """Emit the packing of all weights; ends the round."""
        self.build.pack(input_gradient=self.input_gradient)

    def emit_shard(self, shard: int) -> None:
        """Stretch by stretch: forward to the end, then backward, each but the last recomputed before."""
        build, feed, segments = self.build, self.feed, Segments(self.build, shard)
        stacks = segments.stacks
        emit_lengths(build, build.stacks[shard].batch, feed.lengths)
        if feed.keep is not None:
            self.carried += segments.carry(feed.keep)
        for number, stack in enumerate(stacks):
            self._emit_forward(segments, number, stack)
            segments.leave(number, feed.keep is not None)
        for number in range(len(stacks) - 1, -1, -1):
            if number < len(stacks) - 1:
                stacks[number] = build.segment(shard, *self.shape.segments[number])
                self._emit_forward(segments, number, stacks[number])
            self._emit_backward(stacks[number], number == len(stacks) - 1)

    def _emit_forward(self, segments: Segments, number: int, stack: ShardPass) -> None:
        segments.enter(number)
        batch, every = stack.batch, 0 if self.data.repeated else 1
        steps = batch.steps + self.build.network.beyond  # the layers read the first of them
        x = self._gather_rows("x", batch, self.X, self.feed.starts, steps, first=batch.first, every=every)
        self.build.forward(stack, x)

    def _emit_backward(self, stack: ShardPass, fresh: bool) -> None:
        """Head, loss and gradients of a stretch; `fresh`: it is the last one, where all sums begin."""
        build, head = self.build, self.build.head
        if fresh if build.reads_state else head.steps(stack.batch) > 0:
            head.forward(stack)
            weights = self.gather_weights(stack.batch)
            head.loss(stack, self.loss, self._targets(stack.batch), weights, self.feed.sums, fresh)
        found = build.backward(stack, fresh=fresh, input_gradient=self.input_gradient)
        if found is not None:
            self.input_gradients[stack.batch.shard] = found

    def _gather_rows(
        self, name: str, batch: Batch, source: Buffer, starts: Buffer, steps: int, *, first: int, every: int = 1,
        width: int | None = None,
    ) -> MatrixView:  # fmt: skip
        """Emit the gathering of rows from step `first` of each sample on; `width`: with those behind, if it is more."""
        own = source.shape[1]
        fields: dict[str, Field] = {"source": source.at(first * every * own), "lds": own, "every": every}
        return self.gather("gather", name, batch, starts, steps=steps, width=width or own, **fields)

    def _targets(self, batch: Batch) -> Buffer:
        """Emit the gathering of what the head's outputs of a stretch are compared with."""
        build, head, starts = self.build, self.build.head, self.feed.y_starts
        steps, first = head.steps(batch), batch.first + head.first_read(batch)
        if not self.data.ahead:
            first = 0 if build.reads_state else first - self._steps_without_targets()
            width = self._target_width()
            return self._gather_rows("target", batch, self.y, starts, steps, first=first, width=width).place.buffer
        return self.gather(
            "gather_ahead", "target", batch, starts, steps=steps, width=self.n_targets, source=self.base,
            target=self.y, first=self.shape.steps - 1 if build.reads_state else first,
        ).place.buffer  # fmt: skip

    def _target_width(self) -> int:
        """Numbers of y that a step is compared with: its row, or values with shifts and gains from there on."""
        is_raw = isinstance(self.loss, Likelihood) and not self.loss.is_scaled
        return 3 * self.n_targets if is_raw else self.y.shape[1]

    def _steps_without_targets(self) -> int:
        """Steps before the first row of a sample's y; a program of fewer steps than y has rows reads no further."""
        steps = self.shape.steps
        return 0 if self.feed.keep is not None else max(steps - (self.data.y_steps or steps), 0)
