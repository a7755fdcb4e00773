"""From a network to a program: forward pass, loss, backward pass, reduction, update."""

from __future__ import annotations

from typing import Any

import numpy as np

from forecastrnn.cpu.direction import Batch, Direction, Rows, Run, padded
from forecastrnn.cpu.tile import VECS
from forecastrnn.losses import LOSSES
from forecastrnn.network import Layer, Network
from forecastrnn.program import Buffer, Place, Program
from forecastrnn.shapes import Shape, Stack


class Assembly:
    """Builds the parts of a program for `network` on one `Shape`; parts are emitted in the order of calls."""

    def __init__(self, network: Network, theta: np.ndarray, shape: Shape, *, free: bool = False) -> None:
        self.network, self.shape = network, shape
        self.dtype = theta.dtype.name
        self.program = Program(self.dtype, shape.shards, free)
        self.theta = self._places(self.program.bind("theta", theta))
        self.directions = [
            [self._direction(number, layer, prefix) for prefix in layer.directions]
            for number, layer in enumerate(network.layers)
        ]
        self.inputs: dict[int, Rows] = {}
        self.input_gradients: dict[int, Any] = {}
        self.head_packed: dict[str, Buffer] = {}
        self.head_grads: dict[str, Buffer] = {}
        self.stacks = [self._stack(shard) for shard in range(shape.shards)]

    def _places(self, buffer: Buffer) -> dict[str, Place]:
        return {name: buffer.at(p.offset) for name, p in self.network.layout.items()}

    def _direction(self, number: int, layer: Layer, prefix: str) -> Direction:
        return Direction(
            self.program, f"{number}.{prefix}", layer.cell, self.network.inputs_of(number), layer.units,
            self.shape.shards, self.shape.training,
        )  # fmt: skip

    def _stack(self, shard: int) -> Stack:
        lo, hi = (self.shape.rows * (shard + k) // self.shape.shards for k in (0, 1))
        valid = self.program.buffer(f"valid[{shard}]", (hi - lo,), np.int64)
        active = self.program.buffer(f"active[{shard}]", (self.shape.steps,), np.int64)
        valid.array[:], active.array[:] = self.shape.steps, hi - lo
        return Stack(Batch(shard, hi - lo, self.shape.steps, valid, active))

    def first_row(self, shard: int) -> int:
        """Index in the mini-batch of a shard's first row."""
        return self.shape.rows * shard // self.shape.shards

    @property
    def first(self) -> int:
        """First step whose output the head reads; with lengths all are read, and the loss masks."""
        plain = not self.shape.lengths and not self.network.layers[-1].bidirectional
        return max(self.shape.steps - self.shape.last, 0) if self.shape.last and plain else 0

    @property
    def reads_state(self) -> bool:
        """Whether the head reads the final states."""
        return self.shape.last == 1

    # Packing ------------------------------------------------------------------------------------------
    def own(self, name: str, number: int, prefix: str) -> dict[str, Place]:
        """Places of one direction's parameters in the parameters or gradients called `name`."""
        places, start = getattr(self, name), f"layers.{number}.{prefix}"
        names = self.network.layers[number].cell.parameter_shapes(1, 1)
        return {key: places[start + key] for key in names}

    def pack(self, *, input_gradient: bool = False) -> None:
        """Emit the packing of all weights, dealt to the shards in turn; ends the round."""
        turn = 0
        for number, layer in enumerate(self.network.layers):
            for prefix, direction in zip(layer.directions, self.directions[number], strict=True):
                inputs = number > 0 or input_gradient
                theta = self.own("theta", number, prefix)
                direction.pack(theta, turn % self.shape.shards, self.shape.training, inputs)
                turn += 1
        if self.network.n_outputs:
            self._pack_head(turn % self.shape.shards)
        if not self.program.free:
            self.program.next_round()

    def pack_once(self) -> None:
        """Pack all weights now, in a program of its own, for programs whose steps only read them."""
        self.pack()
        packing = Program(self.dtype, self.shape.shards)
        packing.rounds = self.program.rounds
        self.program.rounds = Program(self.dtype, self.shape.shards).rounds
        packing.run(0, 1, 1)

    def _head_rows(self) -> dict[str, int]:
        sizes = {"kernel": self.network.layers[-1].width, "bias": 1}
        return sizes | ({"skip": self.network.n_skip} if self.network.n_skip else {})

    def _head_geometry(self) -> dict[str, int]:
        n = self.network.n_outputs
        return {"H": n, "G": 1, "ld": n, "gap": n, "shift": 0}

    def _pack_head(self, shard: int) -> None:
        for name, K in self._head_rows().items():
            packed = self.program.buffer(f"output.{name}.packed", (K * self.out_ld,))
            self.head_packed[name] = packed
            self.program.emit(
                "pack", shard, src=self.theta[f"output.{name}"], packed=packed, K=K, slots=1, first=0, wide=VECS,
                add=0, **self._head_geometry(),
            )  # fmt: skip
        if self.shape.training:
            width = self._head_rows()["kernel"]
            packed = self.program.buffer("output.transposed", (padded(width, self.dtype) * self.out_ld,))
            self.head_packed["transposed"] = packed
            geometry = self._head_geometry()
            self.program.emit(
                "pack_transposed", shard, src=self.theta["output.kernel"], packed=packed, J=width, **geometry
            )

    @property
    def out_ld(self) -> int:
        """Numbers from row to row of the outputs."""
        return padded(self.network.n_outputs, self.dtype)

    # Forward ------------------------------------------------------------------------------------------
    def forward(self, shard: int, x: Rows) -> None:
        """Emit all layers and the head for one shard; x (steps, rows, ld) has the skip's columns first."""
        stack, network = self.stacks[shard], self.network
        source = Rows(x.place.at(network.n_skip), x.ld, network.n_inputs)
        for number in range(len(network.layers)):
            source = self._layer_forward(stack, number, source)
        if network.n_outputs:
            self._head_forward(stack, x, source)

    def _layer_forward(self, stack: Stack, number: int, source: Rows) -> Rows:
        batch, layer = stack.batch, self.network.layers[number]
        runs = [self.directions[number][0].forward(batch, source)]
        Hp = self.directions[number][0].Hp
        stack.joined.append(None)
        stack.runs.append(runs)
        if not layer.bidirectional:
            return Rows(runs[0].h.at(batch.rows * Hp), Hp, layer.units)
        name = f"{number}.reverse.x[{batch.shard}]"
        turned = self.program.buffer(name, (batch.steps, batch.rows, source.width))
        self._reverse(batch, source, Rows(turned.at(0), source.width, source.width))
        runs.append(self.directions[number][1].forward(batch, Rows(turned, source.width, source.width)))
        return self._join(stack, number, runs, Hp)

    def _reverse(self, batch: Batch, source: Rows, out: Rows, add: bool = False) -> None:
        self.program.emit(
            "reverse", batch.shard, source=source.place, out=out.place, valid=batch.valid, T=batch.steps,
            B=batch.rows, F=source.width, lds=source.ld, ldo=out.ld, add=int(add),
        )  # fmt: skip

    def _copy(self, shard: int, source: Rows, out: Rows, rows: int, add: bool = False) -> None:
        self.program.emit(
            "copy_columns", shard, source=source.place, out=out.place, rows=rows, F=source.width, lds=source.ld,
            ldo=out.ld, add=int(add),
        )  # fmt: skip

    def _join(self, stack: Stack, number: int, runs: list[Run], Hp: int) -> Rows:
        """Outputs of both directions side by side, each at its own time."""
        batch, units = stack.batch, self.network.layers[number].units
        shape = (batch.steps, batch.rows, 2 * units)
        joined = self.program.buffer(f"{number}.joined[{batch.shard}]", shape)
        forth, back = (Rows(run.h.at(batch.rows * Hp), Hp, units) for run in runs)
        self._copy(batch.shard, forth, Rows(joined, 2 * units, units), batch.steps * batch.rows)
        self._reverse(batch, back, Rows(joined.at(units), 2 * units, units))
        stack.joined[number] = joined
        return Rows(joined.at(0), 2 * units, 2 * units)

    def last_states(self, shard: int, number: int, state: str) -> list[Rows]:
        """Emit, where rows differ in length, and return each direction's final state."""
        found, stack = [], self.stacks[shard]
        for direction, run in zip(self.directions[number], stack.runs[number], strict=True):
            batch, source = stack.batch, run.state(state)
            place = source.at(batch.steps * batch.rows * direction.Hp)
            if self.shape.lengths:
                name = f"{direction.name}last_{state}[{shard}]"
                known = self.program.buffers.get(name)
                place = (known or self.program.buffer(name, (batch.rows, direction.Hp))).at(0)
                self.program.emit(
                    "take_last", shard, h=source, out=place, valid=batch.valid, T=batch.steps, B=batch.rows,
                    F=direction.H, ldh=direction.Hp, ldo=direction.Hp,
                )  # fmt: skip
            found.append(Rows(place, direction.Hp, direction.H))
        return found

    def carry(self, shard: int, keep: Buffer, stride: int) -> None:
        """Emit: the last states become the first ones, or zero in steps where keep[step * stride] is 0."""
        stack = self.stacks[shard]
        for number, layer in enumerate(self.network.layers):
            for name in layer.cell.states:
                for run, rows in zip(stack.runs[number], self.last_states(shard, number, name), strict=True):
                    self.program.emit(
                        "carry", shard, last=rows.place, first=run.state(name), keep=keep, B=stack.batch.rows,
                        F=rows.ld, stride=stride,
                    )  # fmt: skip

    def _final_features(self, stack: Stack) -> Rows:
        """Final states of the last layer, both directions side by side."""
        number, shard = len(self.network.layers) - 1, stack.batch.shard
        states = self.last_states(shard, number, "h")
        if len(states) == 1:
            return states[0]
        width = self.network.layers[-1].width
        joined = self.program.buffer(f"features[{shard}]", (stack.batch.rows, width))
        for k, state in enumerate(states):
            self._copy(shard, state, Rows(joined.at(k * state.width), width, state.width), stack.batch.rows)
        return Rows(joined.at(0), width, width)

    def head_steps(self) -> int:
        """Steps whose outputs the head computes."""
        return 1 if self.reads_state else self.shape.steps - self.first

    def _head_forward(self, stack: Stack, x: Rows, source: Rows) -> None:
        batch = stack.batch
        rows = self.head_steps() * batch.rows
        if self.reads_state:
            stack.features = self._final_features(stack)
        else:
            place = source.place.at(self.first * batch.rows * source.ld)
            stack.features = Rows(place, source.ld, source.width)
        out = self.program.buffer(f"out[{batch.shard}]", (self.head_steps(), batch.rows, self.out_ld))
        stack.out = Rows(out, self.out_ld, self.network.n_outputs)
        init, ldi = self.head_packed["bias"], 0
        if self.network.n_skip:
            stack.skip = self._skip_inputs(batch, x)
            self._dense(batch.shard, rows, stack.skip, "skip", init, ldi, out)
            init, ldi = out, self.out_ld
        self._dense(batch.shard, rows, stack.features, "kernel", init, ldi, out)

    def _skip_inputs(self, batch: Batch, x: Rows) -> Rows:
        """The raw inputs of the steps that the head reads: of the last valid one, where it reads final states."""
        n = self.network.n_skip
        if not (self.reads_state and self.shape.lengths):
            first = batch.steps - 1 if self.reads_state else self.first
            return Rows(x.place.at(first * batch.rows * x.ld), x.ld, n)
        last = self.program.buffer(f"skip[{batch.shard}]", (batch.rows, n))
        before = x.place.at(-batch.rows * x.ld)  # take_last counts from the step before the first
        self.program.emit(
            "take_last", batch.shard, h=before, out=last, valid=batch.valid, T=batch.steps, B=batch.rows, F=n, ldh=x.ld,
            ldo=n,
        )  # fmt: skip
        return Rows(last, n, n)

    def _dense(self, shard: int, rows: int, a: Rows, name: str, init: Buffer, ldi: int, out: Buffer) -> None:
        self.program.emit(
            "product", shard, a=a.place, packed=self.head_packed[name], init=init, c=out, rows=rows, lda=a.ld,
            blocks=1, block=0, depth=a.width, ldi=ldi, ldc=self.out_ld,
            vecs=self.out_ld // self.directions[0][0].L,
        )  # fmt: skip

    # Loss and backward --------------------------------------------------------------------------------
    def loss(self, shard: int, name: str, target: Buffer, weights: Buffer | None, sums: Buffer) -> None:
        """Emit the loss; `weights`: one a row."""
        stack, n = self.stacks[shard], self.network.n_outputs
        dout = self.program.buffer(f"dout[{shard}]", (self.head_steps(), stack.batch.rows, self.out_ld))
        stack.dout = Rows(dout, self.out_ld, n)
        at_end = self.reads_state
        rule = LOSSES[name]
        self.program.emit(
            rule.kernel, shard, out=stack.out.place, target=target, weights=weights, dout=dout,
            valid=stack.batch.valid, sums=sums, k=self.head_steps(), B=stack.batch.rows, O=n, ldo=self.out_ld,
            ldd=self.out_ld, first=0 if at_end else self.first,
            last=self.shape.steps if at_end or not self.shape.last else self.shape.last,
            weighted=int(weights is not None), kind=rule.kind, shards=self.shape.shards, piece=shard,
        )  # fmt: skip

    def backward(self, shard: int, *, input_gradient: bool = False) -> None:
        """Emit the gradients of all parameters for one shard."""
        stack = self.stacks[shard]
        for number, runs in enumerate(stack.runs):
            for direction, run in zip(self.directions[number], runs, strict=True):
                direction.prepare_backward(run)
                for state in (run.dh, run.dc):
                    if state is not None:
                        self._clear(shard, state, stack.batch.rows, direction.Hp)
        dout = self._head_backward(stack)
        first = self.first
        for number in range(len(self.network.layers) - 1, -1, -1):
            inputs = number > 0 or input_gradient
            dout = self._layer_backward(stack, number, dout, first, inputs, start=input_gradient)
            first = 0
        self.input_gradients[shard] = dout

    def _clear(self, shard: int, state: Buffer, rows: int, width: int) -> None:
        self.program.emit("clear_columns", shard, source=None, out=state, rows=rows, F=width, lds=0, ldo=width)

    def _head_backward(self, stack: Stack) -> Rows | None:
        """Gradients of the head, and by the features: into the final states, or returned."""
        batch, L = stack.batch, self.directions[0][0].L
        rows = self.head_steps() * batch.rows
        for name, a in (("kernel", stack.features), ("skip", stack.skip), ("bias", None)):
            if a is not None or name == "bias":
                self._head_weight_gradient(stack, name, a, rows)
        width = stack.features.width
        ld = padded(width, self.dtype)
        top = self.directions[-1]
        plain = self.reads_state and len(top) == 1
        target = stack.runs[-1][0].dh if plain else self.program.buffer(f"dfeatures[{batch.shard}]", (rows, ld))
        self.program.emit(
            "product", batch.shard, a=stack.dout.place, packed=self.head_packed["transposed"],
            init=top[0].zero_row(ld), c=target, rows=rows, lda=self.out_ld, blocks=1, block=0, depth=self.out_ld,
            ldi=0, ldc=ld, vecs=ld // L,
        )  # fmt: skip
        if not self.reads_state:
            return Rows(target.at(0), ld, width)
        if not plain:
            for k, (direction, run) in enumerate(zip(top, stack.runs[-1], strict=True)):
                own = Rows(target.at(k * direction.H), ld, direction.H)
                self._copy(batch.shard, own, Rows(run.dh, direction.Hp, direction.H), batch.rows)
        return None

    def _head_weight_gradient(self, stack: Stack, name: str, a: Rows | None, rows: int) -> None:
        first, K, shard = self.directions[0][0], self._head_rows()[name], stack.batch.shard
        if name not in self.head_grads:
            shape = (self.shape.shards, K * self.out_ld)
            self.head_grads[name] = self.program.buffer(f"output.{name}.grad", shape)
        self.program.emit(
            "weight_gradient", shard, a=a.place if a else first.one, dz=stack.dout.place, zero=first.zero,
            grad=self.head_grads[name].at(shard * K * self.out_ld), rows=rows, K=K, lda=a.ld if a else 0,
            vecs=self.out_ld // first.L, wide=VECS, slots=1, ldz=self.out_ld, gap=first.L,
        )  # fmt: skip

    def _layer_backward(
        self, stack: Stack, number: int, dout: Rows | None, first: int, inputs: bool, start: bool
    ) -> Rows | None:
        directions, runs, batch = self.directions[number], stack.runs[number], stack.batch
        parts = [dout] if len(runs) == 1 or dout is None else self._split(stack, number, dout)
        parts = parts * len(runs) if dout is None else parts
        found: list[Any] = []
        for direction, run, part in zip(directions, runs, parts, strict=True):
            direction.backward(run, part, first, start)
            direction.weight_gradients(run)
            found.append(direction.input_gradient(run) if inputs else None)
        if len(found) == 2 and inputs:
            self._reverse(batch, found[1], found[0], add=True)
        return found[0] and Rows(found[0].place.at(0), found[0].ld, found[0].width)

    def _split(self, stack: Stack, number: int, dout: Rows) -> list[Rows]:
        """Gradients of joined outputs, for each direction in its own time."""
        batch, parts = stack.batch, []
        for k, direction in enumerate(self.directions[number]):
            name = f"{direction.name}dout[{batch.shard}]"
            own = self.program.buffer(name, (batch.steps, batch.rows, direction.Hp))
            source = Rows(dout.place.at(k * direction.H), dout.ld, direction.H)
            parts.append(Rows(own, direction.Hp, direction.H))
            if k == 0:
                self._copy(batch.shard, source, parts[0], batch.steps * batch.rows)
            else:
                self._reverse(batch, source, parts[1])
        return parts

    # Reduction ----------------------------------------------------------------------------------------
    def reduce(self, grad: np.ndarray, sums: Buffer) -> None:
        """Emit the sum of all shards' gradients into `grad`, each piece a part of every parameter's rows."""
        self.grad = self._places(self.program.bind("grad", grad))
        for shard in range(self.shape.shards):
            for number, layer in enumerate(self.network.layers):
                for prefix, direction in zip(layer.directions, self.directions[number], strict=True):
                    direction.unpack(self.own("grad", number, prefix), sums, shard)
            for name, packed in self.head_grads.items():
                K = self._head_rows()[name]
                self.program.emit(
                    "unpack", shard, packed=packed, grad=self.grad[f"output.{name}"], sums=sums, K=K, slots=1,
                    first=0, wide=VECS, shards=self.shape.shards, stride=K * self.out_ld,
                    lo=K * shard // self.shape.shards, hi=K * (shard + 1) // self.shape.shards,
                    **self._head_geometry(),
                )  # fmt: skip
