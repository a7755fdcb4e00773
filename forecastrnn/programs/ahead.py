"""What the inputs of later steps add to outputs of several steps at once: a linear map of each step's own inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from forecastrnn.engine.buffers import Buffer, Field, Place
from forecastrnn.networks.network import AHEAD, Ahead, scalars_of
from forecastrnn.programs.dense import Dense
from forecastrnn.programs.direction import Batch, MatrixView, padded
from forecastrnn.programs.embedding import Table
from forecastrnn.programs.shapes import ShardPass

if TYPE_CHECKING:
    from forecastrnn.programs.parts import Parts


class AheadMap:
    """Emits the operations of `Network.ahead`, for one `Assembly`; a stack's x has rows of so many more steps."""

    def __init__(self, build: Parts, ahead: Ahead) -> None:
        self.build, self.program, self.ahead, network = build, build.program, ahead, build.network
        near, self.ld = build.directions[0][0], padded(1, build.dtype)
        self.every = network.n_outputs // ahead.steps  # numbers of an output; the first one is the value
        self.dense = Dense(self.program, AHEAD, near, ahead.numbers, 1) if ahead.numbers else None
        self.tables = [Table(build, scalars_of(k), network.embeddings[k].size, 1) for k in range(ahead.categories)]

    def pack(self, theta: dict[str, Place], shard: int) -> None:
        """Emit the packing of the weights."""
        if self.dense:
            self.dense.pack(theta[AHEAD], shard)

    def _x(self, stack: ShardPass, first: int) -> MatrixView:
        """The inputs from one step on, as many as there are numbers."""
        assert stack.x is not None
        return MatrixView(stack.x.place.at(first * stack.batch.rows * stack.x.ld), stack.x.ld, self.ahead.numbers)

    def _fields(self, batch: Batch, steps: int) -> dict[str, Field]:
        return {"T": steps, "B": batch.rows, "O": self.ahead.steps, "every": self.every}

    def forward(self, stack: ShardPass, out: MatrixView, first: int, steps: int) -> None:
        """Emit: outputs (steps, rows, ld), of which the first is made at step `first`, go on to those of later rows."""
        batch, x = stack.batch, self._x(stack, first)
        rows, shard = (steps + self.ahead.steps - 1) * batch.rows, batch.shard
        found = self.program.scratch(f"ahead[{shard}]", (rows, self.ld))
        if self.dense:
            self.dense.forward(shard, rows, x, found.at(0))
            self._add(batch, found, self.ld, out, steps)
        for number, table in enumerate(self.tables):
            table.forward(shard, rows, self._codes(x, number), MatrixView(found.at(0), 1, 1))
            self._add(batch, found, 1, out, steps)

    def _codes(self, x: MatrixView, number: int) -> MatrixView:
        network = self.build.network
        return MatrixView(x.place.at(network.n_skip + network.embeddings[number].column), x.ld, 1)

    def _add(self, batch: Batch, found: Buffer, ld: int, out: MatrixView, steps: int) -> None:
        self.program.emit(
            "add_ahead", batch.shard, source=found, out=out.place, lds=ld, ldo=out.ld, **self._fields(batch, steps)
        )

    def backward(self, stack: ShardPass, dout: MatrixView, first: int, steps: int, fresh: bool) -> None:
        """Emit the gradients of the weights."""
        batch, x = stack.batch, self._x(stack, first)
        rows, shard = (steps + self.ahead.steps - 1) * batch.rows, batch.shard
        slopes = self.program.scratch(f"ahead[{shard}]", (rows, self.ld))
        self.program.emit(
            "add_ahead_gradient", shard, dout=dout.place, out=slopes, ldd=dout.ld, ldo=self.ld,
            **self._fields(batch, steps),
        )  # fmt: skip
        if self.dense:
            self.dense.weight_gradient(shard, rows, x, slopes.at(0), fresh)
        every = rows // batch.rows
        for number, table in enumerate(self.tables):  # `first`: rows behind the batch's last step count, too
            own = MatrixView(slopes.at(0), self.ld, 1)
            table.backward(batch, self._codes(x, number), own, steps=every, first=-every, fresh=fresh)

    def unpack(self, grad: dict[str, Place], sums: Buffer, shard: int) -> None:
        """Emit the sums over shards of this piece's part of each parameter's rows."""
        if self.dense:
            self.dense.unpack(grad[AHEAD], sums, shard)
        for table in self.tables:
            table.unpack(grad, sums, shard)
