"""From a network to a program: forward pass, loss, backward pass, reduction, update."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from forecastrnn.engine.buffers import Buffer
from forecastrnn.engine.program import Program
from forecastrnn.networks.network import Network
from forecastrnn.programs.direction import Batch, DirectionPass, MatrixView
from forecastrnn.programs.embedding import Embedder
from forecastrnn.programs.head import DenseHead
from forecastrnn.programs.parts import Parts
from forecastrnn.programs.sampled_head import SampledHead
from forecastrnn.programs.shapes import Shape, ShardPass

INPUTS, OUTPUTS, STATES = 1, 100, 10_000  # where dropout acts: `salt` of its masks; 2 is the head


class Assembly(Parts):
    """Builds the parts of a program for `network` on one `Shape`; parts are emitted in the order of calls.

    Several networks may share a program: then `program` is that, or a part of it with names of its own, `offset`
    where the network's parameters begin in theta, and `salt` what tells its dropout from that of the others.
    """

    def __init__(
        self, network: Network, theta: np.ndarray | Buffer, shape: Shape, *, free: bool = False,
        program: Program | None = None, offset: int = 0, salt: int = 0,
    ) -> None:  # fmt: skip
        super().__init__(network, theta, shape, free=free, program=program, offset=offset, salt=salt)
        self.head = SampledHead(self) if shape.sampled else DenseHead(self)
        self.embedder = Embedder(self)

    # Packing ------------------------------------------------------------------------------------------
    def pack(self, *, input_gradient: bool = False) -> None:
        """Emit the packing of all weights; ends the round."""
        self.emit_pack(input_gradient=input_gradient)
        if not self.program.free:
            self.program.next_round()

    def emit_pack(self, *, input_gradient: bool = False) -> None:
        """Emit the packing of all weights, dealt to the shards in turn."""
        turn, input_gradient = 0, input_gradient or self.embedder.learns
        for number, layer in enumerate(self.network.layers):
            for prefix, direction in zip(layer.directions, self.directions[number], strict=True):
                inputs = number > 0 or input_gradient
                theta = self.own(self.theta, number, prefix)
                with self.on(number):
                    direction.pack(theta, turn % self.shape.shards, self.shape.training, inputs)
                turn += 1
        if self.network.n_outputs:
            self.head.pack(turn % self.shape.shards)

    def pack_once(self) -> None:
        """Pack all weights now, in a program of its own, for programs whose steps only read them."""
        self.pack()
        split_off(self.program).run(0, 1, 1)

    # Forward ------------------------------------------------------------------------------------------
    def forward(self, stack: ShardPass, x: MatrixView) -> None:
        """Emit all layers for one stack; x (steps, rows, ld) has the skip's columns first."""
        network = self.network
        source = MatrixView(x.place.at(network.n_skip), x.ld, network.n_inputs)
        stack.x, rates = x, self.shape.dropout
        if network.embeddings:
            source = self.embedder.forward(stack.batch, source)
        if rates.inputs:
            self.drop(stack.batch, source, source, rates.inputs, INPUTS)
        for number in range(len(network.layers)):
            if number > 0 and rates.outputs:
                name = f"{number}.dropped[{stack.batch.shard}]"
                room = self.program.scratch(name, (stack.batch.steps, stack.batch.rows, source.width))
                dropped = MatrixView(room.at(0), source.width, source.width)
                self.drop(stack.batch, source, dropped, rates.outputs, OUTPUTS + number)
                source = dropped
            with self.on(number):
                source = self._layer_forward(stack, number, source)
        stack.top = source

    def _drop_state(self, batch: Batch, number: int, k: int) -> None:
        """Emit the mask of the state that direction k of a layer reads in all steps."""
        if self.shape.dropout.recurrent:
            direction = self.directions[number][k]
            mask, salt = MatrixView(direction.mask(batch).at(0), direction.Hp, direction.H), STATES + 2 * number + k
            ones = MatrixView(direction.ones(), 0, direction.H)
            self.drop(replace(batch, first=0), ones, mask, self.shape.dropout.recurrent, salt, 1, shared=True)

    def _layer_forward(self, stack: ShardPass, number: int, source: MatrixView) -> MatrixView:
        batch, layer = stack.batch, self.network.layers[number]
        for k in range(len(layer.directions)):
            self._drop_state(batch, number, k)
        runs = [self.directions[number][0].forward(batch, source)]
        Hp = self.directions[number][0].Hp
        stack.joined.append(None)
        stack.runs.append(runs)
        if not layer.bidirectional:
            return MatrixView(runs[0].output.at(batch.rows * Hp), Hp, layer.units)
        name = f"{number}.reverse.x[{batch.shard}]"
        turned = self.program.buffer(name, (batch.steps, batch.rows, source.width))
        self._reverse(batch, source, MatrixView(turned.at(0), source.width, source.width))
        runs.append(self.directions[number][1].forward(batch, MatrixView(turned, source.width, source.width)))
        return self._join(stack, number, runs, Hp)

    def _reverse(self, batch: Batch, source: MatrixView, out: MatrixView, add: bool = False) -> None:
        self.program.emit(
            "reverse", batch.shard, source=source.place, out=out.place, valid=batch.valid, T=batch.steps,
            B=batch.rows, F=source.width, lds=source.ld, ldo=out.ld, add=int(add),
        )  # fmt: skip

    def _join(self, stack: ShardPass, number: int, runs: list[DirectionPass], Hp: int) -> MatrixView:
        """Outputs of both directions side by side, each at its own time."""
        batch, units = stack.batch, self.network.layers[number].units
        shape = (batch.steps, batch.rows, 2 * units)
        joined = self.program.buffer(f"{number}.joined[{batch.shard}]", shape)
        forth, back = (MatrixView(run.output.at(batch.rows * Hp), Hp, units) for run in runs)
        self.copy(batch.shard, forth, MatrixView(joined, 2 * units, units), batch.steps * batch.rows)
        self._reverse(batch, back, MatrixView(joined.at(units), 2 * units, units))
        stack.joined[number] = joined
        return MatrixView(joined.at(0), 2 * units, 2 * units)

    # States -------------------------------------------------------------------------------------------
    def carry(self, stack: ShardPass) -> None:
        """Emit: the states behind the last step become those before the first one."""
        for number, layer in enumerate(self.network.layers):
            for name in layer.cell.states:
                for run, rows in zip(stack.runs[number], self.last_states(stack, number, name), strict=True):
                    whole = MatrixView(rows.place, rows.ld, rows.ld)
                    self.copy(stack.batch.shard, whole, replace(whole, place=run.states[name]), stack.batch.rows)

    # Backward -----------------------------------------------------------------------------------------
    def backward(self, stack: ShardPass, *, fresh: bool = True, input_gradient: bool = False) -> MatrixView | None:
        """Emit the gradients of all parameters for one stack, and return those by what layer 0 reads if asked.

        `fresh`: they begin here; otherwise they go on from a later stretch, as do the derivatives by its states.
        """
        self.prepare_backward(stack, fresh)
        reads = fresh if self.reads_state else self.head.steps(stack.batch) > 0
        dout = self.head.backward(stack, fresh) if reads else None
        start = input_gradient or stack.batch.first > 0
        return self.layers_backward(stack, dout, fresh=fresh, input_gradient=input_gradient, start=start)

    def prepare_backward(self, stack: ShardPass, fresh: bool = True) -> None:
        """Emit: the derivatives by the final states of all layers begin at zero, if `fresh`."""
        for number, runs in enumerate(stack.runs):
            for direction, run in zip(self.directions[number], runs, strict=True):
                direction.prepare_backward(run, clear=fresh)

    def layers_backward(
        self, stack: ShardPass, dout: MatrixView | None, *, fresh: bool = True, input_gradient: bool = False,
        start: bool = False
    ) -> MatrixView | None:  # fmt: skip
        """Emit the layers' gradients, from those by the last one's outputs and by all final states.

        `start`: go on to the derivatives by the states before the first step.
        """
        first = self.head.first_read(stack.batch)
        for number in range(len(self.network.layers) - 1, -1, -1):
            inputs = number > 0 or input_gradient or self.embedder.learns
            with self.on(number):
                dout = self._layer_backward(stack, number, dout, first=first, inputs=inputs, start=start, fresh=fresh)
            self._drop_gradient(stack.batch, number, dout)
            first = 0
        if self.embedder.learns:
            self.embedder.backward(stack, dout, fresh)
        return dout if input_gradient else None

    def _drop_gradient(self, batch: Batch, number: int, dout: MatrixView | None) -> None:
        """Emit: derivatives by what layer `number` read become those by what was there before dropout."""
        rates = self.shape.dropout
        rate, salt = (rates.outputs, OUTPUTS + number) if number > 0 else (rates.inputs, INPUTS)
        if dout is not None and rate:
            self.drop(batch, dout, dout, rate, salt)

    def _layer_backward(
        self, stack: ShardPass, number: int, dout: MatrixView | None, *, first: int, inputs: bool, start: bool,
        fresh: bool,
    ) -> MatrixView | None:  # fmt: skip
        directions, runs, batch = self.directions[number], stack.runs[number], stack.batch
        parts = [dout] if len(runs) == 1 or dout is None else self._split(stack, number, dout)
        parts = parts * len(runs) if dout is None else parts
        found: list[Any] = []
        for direction, run, part in zip(directions, runs, parts, strict=True):
            direction.backward(run, part, first, start, fresh)
            direction.weight_gradients(run, fresh)
            found.append(direction.input_gradient(run) if inputs else None)
        if len(found) == 2 and inputs:
            self._reverse(batch, found[1], found[0], add=True)
        return found[0] and MatrixView(found[0].place.at(0), found[0].ld, found[0].width)

    def _split(self, stack: ShardPass, number: int, dout: MatrixView) -> list[MatrixView]:
        """Gradients of joined outputs, for each direction in its own time."""
        batch, parts = stack.batch, []
        for k, direction in enumerate(self.directions[number]):
            name = f"{direction.name}dout[{batch.shard}]"
            own = self.program.buffer(name, (batch.steps, batch.rows, direction.Hp))
            source = MatrixView(dout.place.at(k * direction.H), dout.ld, direction.H)
            parts.append(MatrixView(own, direction.Hp, direction.H))
            if k == 0:
                self.copy(batch.shard, source, parts[0], batch.steps * batch.rows)
            else:
                self._reverse(batch, source, parts[1])
        return parts

    # Reduction ----------------------------------------------------------------------------------------
    def reduce(self, grad: Buffer, sums: Buffer) -> None:
        """Emit the sum of all shards' gradients into `grad`, each piece a part of every parameter's rows."""
        places = self._places(grad)
        for shard in range(self.shape.shards):
            for number, layer in enumerate(self.network.layers):
                for prefix, direction in zip(layer.directions, self.directions[number], strict=True):
                    with self.on(number):
                        direction.unpack(self.own(places, number, prefix), sums, shard)
            self.head.unpack(places, sums, shard)
            self.embedder.unpack(places, sums, shard)


def split_off(program: Program) -> Program:
    """What was emitted so far as a program of its own, on the same buffers; what follows begins anew."""
    once = Program(program.dtype, program.shards, device=program.device)
    once.rounds = list(program.rounds)
    program.rounds[:] = Program(program.dtype, program.shards).rounds  # in place: its parts share the list
    return once
