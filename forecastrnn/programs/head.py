"""The dense head of a network: what it reads, its products, the loss, and the gradients by all of them."""

from __future__ import annotations

from forecastrnn.engine.buffers import Buffer, Place
from forecastrnn.engine.cpu.build import Kernel
from forecastrnn.engine.cpu.heads import kernel_of
from forecastrnn.networks.likelihood import Likelihood
from forecastrnn.networks.losses import LOSSES, AnyLoss
from forecastrnn.programs.ahead import AheadMap
from forecastrnn.programs.dense import Dense
from forecastrnn.programs.direction import Batch, MatrixView, padded
from forecastrnn.programs.parts import Parts
from forecastrnn.programs.shapes import ShardPass

TOP = 2  # `salt` of the masks of dropout here


def kernel_of_loss(loss: AnyLoss) -> tuple[str | Kernel, int]:
    """The kernel of a loss, and its variant."""
    if isinstance(loss, Likelihood):
        return kernel_of(loss, "loss"), 0
    return LOSSES[loss].kernel, LOSSES[loss].kind


class DenseHead:
    """Emits the operations of the dense layer behind the last recurrent one, for one `Assembly`."""

    def __init__(self, build: Parts) -> None:
        self.build, self.program, self.shape = build, build.program, build.shape
        self.outputs, self.n_skip = build.network.n_outputs, build.network.n_skip
        self.ld = padded(self.outputs, build.dtype)  # numbers from row to row of the outputs
        self.parts: dict[str, Dense] = {}  # by name, once they are packed
        self.ahead = AheadMap(build, build.network.ahead) if build.network.ahead else None

    def rows(self) -> dict[str, int]:
        """MatrixView of each parameter."""
        sizes = {"kernel": self.build.network.layers[-1].width, "bias": 1}
        return sizes | ({"skip": self.n_skip} if self.n_skip else {})

    def weights(self, shard: int) -> dict[str, Place]:
        """Where the parameters lie that are packed."""
        return self.build.theta

    def pack(self, shard: int) -> None:
        """Emit the packing of the weights."""
        theta, near = self.weights(shard), self.build.directions[0][0]
        for name, K in self.rows().items():
            self.parts[name] = part = Dense(self.program, f"output.{name}", near, K, self.outputs)
            part.pack(theta[f"output.{name}"], shard, self.shape.training and name == "kernel")
        if self.ahead:
            self.ahead.pack(theta, shard)

    # Forward ------------------------------------------------------------------------------------------
    def first_read(self, batch: Batch) -> int:
        """First step of a batch's stretch whose output is read, counted from the stretch's own first step."""
        return max(self.build.first - batch.first, 0)

    def steps(self, batch: Batch) -> int:
        """Steps of a stretch whose outputs are computed."""
        return 1 if self.build.reads_state else max(batch.steps - self.first_read(batch), 0)

    def forward(self, stack: ShardPass) -> None:
        """Emit the outputs of the steps that are read."""
        batch, x, top = stack.batch, stack.x, stack.top
        assert x is not None and top is not None
        rows = self.steps(batch) * batch.rows
        if self.build.reads_state:
            stack.features = self._final_features(stack)
        else:
            stack.features = MatrixView(top.place.at(self.first_read(batch) * batch.rows * top.ld), top.ld, top.width)
        if self.shape.dropout.outputs:
            stack.features = self._dropped(stack)
        out = self.program.scratch(f"out[{batch.shard}]", (self.steps(batch), batch.rows, self.ld))
        stack.out = MatrixView(out, self.ld, self.outputs)
        bias, shard = self.parts["bias"].packed, batch.shard
        if self.n_skip:
            stack.skip = self.skip_inputs(batch, x)
            self.parts["skip"].forward(shard, rows, stack.skip, out.at(0), bias)
        self.parts["kernel"].forward(shard, rows, stack.features, out.at(0), bias, add=bool(self.n_skip))
        if self.ahead:
            self.ahead.forward(stack, stack.out, self._first_made(batch), self.steps(batch))

    def _first_made(self, batch: Batch) -> int:
        """The step of a stretch at which its first output is made."""
        return batch.steps - 1 if self.build.reads_state else self.first_read(batch)

    def _drop(self, batch: Batch, source: MatrixView, out: MatrixView) -> None:
        """Emit dropout of the features, or of the derivatives by them."""
        self.build.drop(
            batch, source, out, self.shape.dropout.outputs, TOP, steps=self.steps(batch),
            first=-batch.first if self.build.reads_state else self.first_read(batch),
        )  # fmt: skip

    def _dropped(self, stack: ShardPass) -> MatrixView:
        batch, width = stack.batch, stack.features.width
        room = self.program.scratch(f"dropped[{batch.shard}]", (self.steps(batch), batch.rows, width))
        out = MatrixView(room.at(0), width, width)
        self._drop(batch, stack.features, out)
        return out

    def _final_features(self, stack: ShardPass) -> MatrixView:
        """Final states of the last layer, both directions side by side."""
        build, batch = self.build, stack.batch
        states = build.last_states(stack, len(build.network.layers) - 1, build.network.layers[-1].cell.states[-1])
        if len(states) == 1:
            return states[0]
        width = build.network.layers[-1].width
        joined = self.program.scratch(f"features[{batch.shard}]", (batch.rows, width))
        for k, state in enumerate(states):
            build.copy(batch.shard, state, MatrixView(joined.at(k * state.width), width, state.width), batch.rows)
        return MatrixView(joined.at(0), width, width)

    def skip_inputs(self, batch: Batch, x: MatrixView) -> MatrixView:
        """The raw inputs of the steps that are read: of the last valid one, where final states are."""
        n = self.n_skip
        if not self.build.reads_state:
            return MatrixView(x.place.at(self.first_read(batch) * batch.rows * x.ld), x.ld, n)
        if not self.shape.lengths:
            return MatrixView(x.place.at((batch.steps - 1) * batch.rows * x.ld), x.ld, n)
        last = self.program.scratch(f"skip[{batch.shard}]", (batch.rows, n))
        before = x.place.at(-batch.rows * x.ld)  # take_last counts from the step before the first
        self.build.take_last(batch, before, MatrixView(last, n, n), x.ld)
        return MatrixView(last, n, n)

    # Loss and backward --------------------------------------------------------------------------------
    def loss(
        self, stack: ShardPass, name: AnyLoss, target: Buffer, weights: Buffer | None, sums: Buffer, fresh: bool
    ) -> None:
        """Emit the loss; `weights`: one a row; `fresh`: sums begin here, else they go on from a later stretch."""
        batch = stack.batch
        dout = self.program.scratch(f"dout[{batch.shard}]", (self.steps(batch), batch.rows, self.ld))
        stack.dout = MatrixView(dout, self.ld, self.outputs)
        kernel, kind = kernel_of_loss(name)
        self.program.emit(
            kernel, batch.shard, out=stack.out.place, target=target, weights=weights, dout=dout,
            valid=batch.valid, sums=sums, k=self.steps(batch), B=batch.rows, O=self.outputs, ldo=self.ld, ldd=self.ld,
            weighted=int(weights is not None), kind=kind, shards=self.shape.shards, piece=batch.shard,
            fresh=int(fresh), **self.span(batch),
        )  # fmt: skip

    def span(self, batch: Batch) -> dict[str, int]:
        """First step of a stretch that the loss reads, and how many steps before a row's end it reads."""
        if self.build.reads_state:
            return {"first": 0, "last": self.shape.steps}
        return {"first": batch.first + self.first_read(batch), "last": self.shape.last or self.shape.steps}

    def backward(self, stack: ShardPass, fresh: bool) -> MatrixView | None:
        """Emit gradients of the weights, and by the features: into the final states, or returned."""
        batch, build = stack.batch, self.build
        rows = self.steps(batch) * batch.rows
        dout = stack.dout.place.at(0)
        for name, a in (("kernel", stack.features), ("skip", stack.skip), ("bias", None)):
            if name in self.parts:
                self.parts[name].weight_gradient(batch.shard, rows, a, dout, fresh)
        if self.ahead:
            self.ahead.backward(stack, stack.dout, self._first_made(batch), self.steps(batch), fresh)
        width = stack.features.width
        ld = padded(width, build.dtype)
        top = build.directions[-1]
        plain = build.reads_state and len(top) == 1
        target = stack.runs[-1][0].d_output if plain else self.program.scratch(f"dfeatures[{batch.shard}]", (rows, ld))
        self.parts["kernel"].input_gradient(batch.shard, rows, dout, target.at(0))
        self.finish_features(stack, MatrixView(target.at(0), ld, width))
        if self.shape.dropout.outputs:
            self._drop(batch, MatrixView(target.at(0), ld, width), MatrixView(target.at(0), ld, width))
        if not build.reads_state:
            return MatrixView(target.at(0), ld, width)
        if not plain:
            for k, (direction, run) in enumerate(zip(top, stack.runs[-1], strict=True)):
                own = MatrixView(target.at(k * direction.H), ld, direction.H)
                build.copy(batch.shard, own, MatrixView(run.d_output, direction.Hp, direction.H), batch.rows)
        return None

    def finish_features(self, stack: ShardPass, gradient: MatrixView) -> None:
        """Emit what the derivatives by the features need beside the product: nothing in a plain head."""

    def unpack(self, grad: dict[str, Place], sums: Buffer, shard: int) -> None:
        """Emit the sums over shards of this piece's part of each parameter's rows."""
        for name, part in self.parts.items():
            part.unpack(grad[f"output.{name}"], sums, shard)
        if self.ahead:
            self.ahead.unpack(grad, sums, shard)
