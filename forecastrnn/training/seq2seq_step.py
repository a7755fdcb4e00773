"""The operations of a training step on pairs of sequences: encoder, decoder, loss, and both backward."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forecastrnn.engine.buffers import Buffer
from forecastrnn.engine.communicators import Communicator
from forecastrnn.engine.cpu.pairs import ONE_HOT, TOKEN, VALUE
from forecastrnn.engine.program import Program
from forecastrnn.programs.direction import Batch, MatrixView
from forecastrnn.programs.inference import emit_lengths
from forecastrnn.programs.seq2seq_assembly import Seq2SeqAssembly
from forecastrnn.programs.shapes import ShardPass
from forecastrnn.training.update_step import Update, emit_reduction, emit_update, gradient_buffer

SAMPLING_SALT = 3  # of the chance that an own output is fed; dropout has others
AS_INPUT = {"value": VALUE, "token": TOKEN, "one_hot": ONE_HOT}


@dataclass(frozen=True)
class PairData:
    """Pairs of sequences, each a stretch of rows; nothing is copied before a batch is gathered.

    X_in (rows, columns): what the encoder reads. X_out (rows, columns): what the decoder reads, in training the right
    output of the step before (teacher forcing), the first step's being a start token, or the last known value.
    y: (rows, 1) of classes or (rows, outputs) of values, for the same rows as X_out; NaN: a value not observed.
    weight: one a pair. class_order: of sampled softmax, class numbers with the most frequent first.
    """

    X_in: np.ndarray
    X_out: np.ndarray
    y: np.ndarray
    weight: np.ndarray | None = None
    class_order: np.ndarray | None = None


@dataclass(frozen=True)
class OwnInput:
    """How the decoder's output becomes its next input, in the columns of X_out from `column` on.

    kind : "value": each output times gain, plus shift. "token": the number of the best class times gain, plus shift,
    in one column. "one_hot": gain in the column of the best class, shift in those of the others.
    """

    kind: str
    gain: np.ndarray
    shift: np.ndarray
    column: int = 0


def own_token(classes: int, shift: int = 0) -> OwnInput:
    """Class k is token k + shift."""
    return OwnInput("token", np.ones(classes), np.full(classes, float(shift)))


def own_one_hot(classes: int) -> OwnInput:
    """Class k is a 1 in column k."""
    return OwnInput("one_hot", np.ones(classes), np.zeros(classes))


def own_value(outputs: int, gain: np.ndarray | None = None, shift: np.ndarray | None = None) -> OwnInput:
    """Outputs are inputs, in another unit if `gain` and `shift` say so."""
    return OwnInput("value", np.ones(outputs) if gain is None else gain, np.zeros(outputs) if shift is None else shift)


class OwnInputs:
    """Emits the feeding of own outputs, for one program."""

    def __init__(self, program: Program, own: OwnInput) -> None:
        self.program, self.own = program, own
        self.gain, self.shift = (
            program.bind(f"own.{name}", np.ascontiguousarray(getattr(own, name), program.dtype), constant=True)
            for name in ("gain", "shift")
        )

    def emit(self, stack: ShardPass, x: MatrixView, seeds: Buffer, chances: Buffer, first_row: int) -> None:
        """Emit: inputs x (steps, rows, ld) become what `stack` put out at the step before, each by chance."""
        self.program.emit(
            "feed_own", stack.batch.shard, out=stack.out.place, x=x.place, gain=self.gain, shift=self.shift,
            seeds=seeds, chances=chances, T=stack.batch.steps, B=stack.batch.rows, O=stack.out.width, ldo=stack.out.ld,
            ldx=x.ld, column=self.own.column, kind=AS_INPUT[self.own.kind], salt=SAMPLING_SALT, row=first_row,
        )  # fmt: skip


@dataclass(frozen=True)
class PairBatchBuffers:
    """What a step reads of its mini-batch, and where it leaves loss and weight.

    Each has a row for each step of a call: where pairs begin in X_in and X_out, how long they are in both, their
    numbers (steps, rows), sums (steps, shards, 2), seeds (steps,), and chances (steps,) of scheduled sampling.
    """

    starts: Buffer
    y_starts: Buffer
    lengths: Buffer
    y_lengths: Buffer
    samples: Buffer
    sums: Buffer
    seeds: Buffer | None = None
    chances: Buffer | None = None


class PairStep:
    """Emits a training step on pairs; the weights are packed in its first round.

    With `own`, scheduled sampling (Bengio et al. 2015, arXiv:1506.03099) in its parallel form (Mihaylova & Martins
    2019, arXiv:1906.07651; Duckworth et al. 2019, arXiv:1906.04331): the decoder runs over the right inputs, each of
    which is then replaced, with chance feed.chances[step], by what it put out at the step before, and the pass over
    these inputs is the one that is trained. No derivative goes through the choice, and both passes drop the same.

    communicator : the step is shared with other processes, on GPUs, each with rows of its own.
    """

    def __init__(
        self, build: Seq2SeqAssembly, source: PairData, feed: PairBatchBuffers, loss: str, update: Update | None = None,
        own: OwnInput | None = None, communicator: Communicator | None = None,
    ) -> None:  # fmt: skip
        self.build, self.program, self.source, self.feed, self.loss = build, build.program, source, feed, loss
        self.own = OwnInputs(build.program, own) if own else None
        build.encoder.seeds = build.decoder.seeds = feed.seeds
        self.X_in, self.X_out, self.y = (
            self.program.bind(n, getattr(source, n), constant=True) for n in ("X_in", "X_out", "y")
        )
        self.weight = None if source.weight is None else self.program.bind("weight", source.weight, constant=True)
        if source.class_order is not None:
            build.decoder.class_order = self.program.bind("class_order", source.class_order, constant=True)
        self.grad = gradient_buffer(self.program, build.network.size, communicator)
        build.pack()
        for shard in range(build.shape.shards):
            self._emit_shard(shard)
        self.backward_rounds = len(self.program.rounds)
        emit_reduction(build, self.grad, feed.sums, communicator)
        if update is not None:
            emit_update(self.program, build.network.layout, build.theta, self.grad, update)

    def _emit_shard(self, shard: int) -> None:
        build, feed, lo = self.build, self.feed, self.build.decoder.first_row(shard)
        source, target = build.encoder.stacks[shard].batch, build.decoder.stacks[shard].batch
        emit_lengths(build.encoder, source, feed.lengths)
        self.program.emit(
            "take_lengths", shard, lengths=feed.y_lengths.at(lo), valid=target.valid, B=target.rows,
            stride=build.shape.rows,
        )  # fmt: skip
        build.encode(shard, self._gather("encoder.x", source, self.X_in, feed.starts))
        x = self._gather("decoder.x", target, self.X_out, feed.y_starts)
        stack = build.decode(shard, x)
        if self.own is not None:
            assert feed.seeds is not None and feed.chances is not None
            self._gather("decoder.x", target, self.X_out, feed.y_starts)  # anew: dropout acts where they lie
            self.own.emit(stack, x, feed.seeds, feed.chances, build.shape.before + lo)
            stack = build.decode(shard, x)
        y = self._gather("y", target, self.y, feed.y_starts).place.buffer
        build.decoder.head.loss(stack, self.loss, y, self._weights(target), feed.sums, True)
        build.backward(stack)

    def _gather(self, name: str, batch: Batch, source: Buffer, starts: Buffer) -> MatrixView:
        """Emit the gathering of a shard's rows, zero past their ends."""
        width, shard = source.shape[1], batch.shard
        out = self.program.scratch(f"{name}[{shard}]", (batch.steps, batch.rows, width))
        self.program.emit(
            "gather_valid", shard, source=source, out=out, starts=starts.at(self.build.decoder.first_row(shard)),
            valid=batch.valid, T=batch.steps, B=batch.rows, F=width, stride=self.build.shape.rows,
        )  # fmt: skip
        return MatrixView(out.at(0), width, width)

    def _weights(self, batch: Batch) -> Buffer | None:
        if self.weight is None:
            return None
        out = self.program.buffer(f"w[{batch.shard}]", (1, batch.rows, 1))
        self.program.emit(
            "gather", batch.shard, source=self.weight, out=out,
            starts=self.feed.samples.at(self.build.decoder.first_row(batch.shard)), T=1, B=batch.rows, F=1, lds=1,
            stride=self.build.shape.rows, every=1,
        )  # fmt: skip
        return out
