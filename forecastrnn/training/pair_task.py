"""Training on pairs of sequences: an encoder reads the source, a decoder writes the target."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forecastrnn.engine.buffers import Buffer
from forecastrnn.networks.losses import AnyLoss
from forecastrnn.programs.direction import Batch, MatrixView
from forecastrnn.programs.inference import emit_lengths
from forecastrnn.programs.seq2seq_assembly import Seq2SeqAssembly
from forecastrnn.training.own_inputs import OwnInput, OwnInputs
from forecastrnn.training.training_step import BatchBuffers, Data, Task


@dataclass(frozen=True)
class PairData(Data):
    """Pairs of sequences, each a stretch of rows; nothing is copied before a batch is gathered.

    X_in (rows, columns): what the encoder reads. X_out (rows, columns): what the decoder reads, in training the right
    output of the step before (teacher forcing), the first step's being a start token, or the last known value.
    y: (rows, 1) of classes or (rows, outputs) of values, for the same rows as X_out; NaN: a value not observed.
    """

    samples = "pairs"
    advice = "Lower batch_size."

    X_in: np.ndarray
    X_out: np.ndarray
    y: np.ndarray


class PairTask(Task):
    """An encoder and a decoder over pairs, each with lengths of its own.

    With `own`, scheduled sampling (Bengio et al. 2015, arXiv:1506.03099) in its parallel form (Mihaylova & Martins
    2019, arXiv:1906.07651; Duckworth et al. 2019, arXiv:1906.04331): the decoder runs over the right inputs, each of
    which is then replaced, with chance feed.chances[step], by what it put out at the step before, and the pass over
    these inputs is the one that is trained. No derivative goes through the choice, and both passes drop the same.
    """

    build: Seq2SeqAssembly
    lengths = ("lengths", "y_lengths")

    def __init__(self, build: Seq2SeqAssembly, data: PairData, own: OwnInput | None = None) -> None:
        super().__init__(build, (build.encoder, build.decoder), data)
        self.own = OwnInputs(build.program, own) if own else None

    def begin(self, feed: BatchBuffers, loss: AnyLoss) -> None:
        """Bind the data."""
        super().begin(feed, loss)
        self.X_in, self.X_out, self.y = (
            self.program.bind(name, getattr(self.data, name), constant=True) for name in ("X_in", "X_out", "y")
        )

    def emit_shard(self, shard: int) -> None:
        """Both sides forward, the decoder twice where it reads its own outputs, the loss, and both backward."""
        build, feed = self.build, self.feed
        source, target = build.encoder.stacks[shard].batch, build.decoder.stacks[shard].batch
        self._emit_lengths(source, target)
        build.encode(shard, self._gather("encoder.x", source, self.X_in, feed.starts))
        x = self._gather("decoder.x", target, self.X_out, feed.y_starts)
        stack = build.decode(shard, x)
        if self.own is not None:
            assert feed.seeds is not None and feed.chances is not None
            self._gather("decoder.x", target, self.X_out, feed.y_starts)  # anew: dropout acts where they lie
            self.own.emit(stack, x, feed.seeds, feed.chances, self.shape.before + build.decoder.first_row(shard))
            stack = build.decode(shard, x)
        y = self._gather("y", target, self.y, feed.y_starts).place.buffer
        build.decoder.head.loss(stack, self.loss, y, self.gather_weights(target), feed.sums, True)
        build.backward(stack)

    def _emit_lengths(self, source: Batch, target: Batch) -> None:
        """Emit: what is valid of both sides; only the encoder skips what is not."""
        emit_lengths(self.build.encoder, source, self.feed.lengths)
        assert self.feed.y_lengths is not None
        lengths = self.feed.y_lengths.at(self.build.decoder.first_row(target.shard))
        self.program.emit(
            "take_lengths", target.shard, lengths=lengths, valid=target.valid, B=target.rows, stride=self.shape.rows
        )

    def _gather(self, name: str, batch: Batch, source: Buffer, starts: Buffer) -> MatrixView:
        """Emit the gathering of rows, zero past their ends."""
        sizes = {"steps": batch.steps, "width": source.shape[1]}
        return self.gather("gather_valid", name, batch, starts, **sizes, source=source, valid=batch.valid)
