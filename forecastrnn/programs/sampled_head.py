"""The head of training with sampled softmax: its columns are the classes drawn for the step.

What is packed, multiplied and differentiated as in any head is the matrix of the sample's columns; the true classes of
the rows come on top, one dot product each. So no work grows with rows times all classes.
"""

from __future__ import annotations

import numpy as np

from forecastrnn.engine.buffers import Buffer, Place
from forecastrnn.engine.cpu.tile import VECS
from forecastrnn.networks.losses import AnyLoss
from forecastrnn.programs.direction import Batch, MatrixView, padded
from forecastrnn.programs.head import DenseHead
from forecastrnn.programs.parts import Parts
from forecastrnn.programs.shapes import ShardPass


def taken_always(n_classes: int, n_sampled: int) -> int:
    """How many of the most frequent classes are in every sample: those that would be drawn once or more in the mean."""
    ranks = np.arange(n_sampled)
    spread = np.log((n_classes + 1.0) / (ranks + 1.0))
    expected = (n_sampled - ranks) * np.log((ranks + 2.0) / (ranks + 1.0)) / spread
    return int(np.argmax(expected <= 1.0))


class SampledHead(DenseHead):
    """A head over `shape.sampled` classes, fewer than there are, and each row's true one; networks without skip."""

    def __init__(self, build: Parts) -> None:
        super().__init__(build)
        self.classes, self.outputs = build.network.n_outputs, build.shape.sampled
        self.ld, self.width = padded(self.outputs, build.dtype), build.network.layers[-1].width
        program, shards = build.program, build.shape.shards
        most = max(build.first_row(k + 1) - build.first_row(k) for k in range(shards))
        self.room = min(most * (1 if build.reads_state else build.shape.steps), self.classes)
        shape = (shards, self.room, self.width + 1)
        self.truth, self.acc = (program.buffer(f"output.{name}", shape) for name in ("truth", "acc"))
        self.drawn = program.buffer("classes", (self.outputs,), np.int64)
        self.labels, self.hits, self.place, self.count = (
            program.buffer(name, size, np.int64)
            for name, size in (
                ("labels", (shards, self.room)), ("hits", (shards, self.room, 2)), ("place", (shards, self.classes)),
                ("count", (shards,)),
            )
        )  # fmt: skip

    def weights(self, shard: int) -> dict[str, Place]:
        """Emit the draw, and the gathering of its columns."""
        program, S, V = self.program, self.outputs, self.classes
        shift = program.buffer("shift", (S,))
        program.emit(
            "draw_classes", shard, order=self.build.class_order, seeds=self.build.seeds, classes=self.drawn,
            shift=shift, V=V, S=S, always=taken_always(V, S),
        )  # fmt: skip
        found = {}
        for name, K in self.rows().items():
            own = program.buffer(f"output.{name}.sampled", (K, S))
            program.emit(
                "gather_columns", shard, source=self.build.theta[f"output.{name}"], shift=shift, columns=self.drawn,
                out=own, K=K, S=S, ld=V, shifted=int(name == "bias"),
            )  # fmt: skip
            found[f"output.{name}"] = own.at(0)
        return found

    def _rows_of(self, batch: Batch) -> tuple[Buffer, Buffer]:
        """Slope by the true class's score, and slot of that class, of each row."""
        shape = (self.steps(batch), batch.rows)
        share = self.program.scratch(f"share[{batch.shard}]", shape)
        return share, self.program.scratch(f"slots[{batch.shard}]", shape, np.int64)

    def _own(self, buffer: Buffer, shard: int) -> Place:
        return buffer.at(shard * (int(np.prod(buffer.shape)) // buffer.shape[0]))

    def loss(
        self, stack: ShardPass, name: AnyLoss, target: Buffer, weights: Buffer | None, sums: Buffer, fresh: bool
    ) -> None:
        """Emit cross-entropy over the sample, whatever `name` says; else as `DenseHead.loss`."""
        batch, theta, shard = stack.batch, self.build.theta, stack.batch.shard
        dout = self.program.scratch(f"dout[{shard}]", (self.steps(batch), batch.rows, self.ld))
        stack.dout = MatrixView(dout, self.ld, self.outputs)
        share, slots = self._rows_of(batch)
        own = {name: self._own(getattr(self, name), shard) for name in "truth acc labels hits place count".split()}
        self.program.emit(
            "sampled_cross_entropy", shard, out=stack.out.place, features=stack.features.place,
            weights_t=theta["output.kernel"], bias=theta["output.bias"], target=target, weights=weights, dout=dout,
            share=share, valid=batch.valid, classes=self.drawn, slots=slots, sums=sums, k=self.steps(batch),
            B=batch.rows, S=self.outputs, F=self.width, V=self.classes, ldo=self.ld, ldf=stack.features.ld,
            weighted=int(weights is not None), shards=self.shape.shards, piece=shard, fresh=int(fresh),
            **self.span(batch), **own,
        )  # fmt: skip

    def finish_features(self, stack: ShardPass, gradient: MatrixView) -> None:
        """Emit the part of the true classes in the derivatives by the features, and their own gradients."""
        batch, shard = stack.batch, stack.batch.shard
        share, slots = self._rows_of(batch)
        self.program.emit(
            "true_class_back", shard, features=stack.features.place, truth=self._own(self.truth, shard),
            acc=self._own(self.acc, shard), share=share, dfeatures=gradient.place, slots=slots,
            rows=self.steps(batch) * batch.rows, F=self.width, ldf=stack.features.ld, ldd=gradient.ld,
        )  # fmt: skip

    def unpack(self, grad: dict[str, Place], sums: Buffer, shard: int) -> None:
        """Emit the sums over shards of this piece's part of each parameter's rows, scattered to the classes."""
        shards = self.shape.shards
        for name, part in self.parts.items():
            K, packed = part.K, part.grads
            self.program.emit(
                "scatter_classes", shard, packed=packed, acc=self.acc.at(self.width if name == "bias" else 0),
                grad=grad[f"output.{name}"], classes=self.drawn, labels=self.labels, count=self.count, sums=sums, K=K,
                S=self.outputs, V=self.classes, ld=self.width + 1, room=self.room, wide=VECS, shards=shards,
                stride=K * self.ld, lo=K * shard // shards, hi=K * (shard + 1) // shards,
            )  # fmt: skip
