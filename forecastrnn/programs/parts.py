"""What an assembly's parts share: places of parameters, batches, and the small operations that all of them emit."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import replace

import numpy as np

from forecastrnn.engine.buffers import Buffer, Place
from forecastrnn.engine.cpu.dropout import WHOLE
from forecastrnn.engine.devices import parts_of
from forecastrnn.engine.program import Program
from forecastrnn.networks.network import Layer, Network
from forecastrnn.programs.direction import Batch, Direction, MatrixView
from forecastrnn.programs.shapes import Shape, ShardPass


class Parts:
    """A network's directions, batches and parameters in a program: what heads, embedders and `Assembly` build on."""

    def __init__(
        self, network: Network, theta: np.ndarray | Buffer, shape: Shape, *, free: bool = False,
        program: Program | None = None, offset: int = 0, salt: int = 0,
    ) -> None:  # fmt: skip
        self.network, self.shape, self.offset, self.salt = network, shape, offset, salt
        self.dtype = theta.dtype.name
        self.program = program or Program(self.dtype, shape.shards, free, shape.device)
        devices = parts_of(shape.device)
        self.layer_devices = devices * len(network.layers) if len(devices) == 1 else devices
        self.whole_theta = theta if isinstance(theta, Buffer) else self.program.bind("theta", theta)
        self.theta = self._places(self.whole_theta)
        self.directions = [
            [self._direction(number, layer, prefix) for prefix in layer.directions]
            for number, layer in enumerate(network.layers)
        ]
        self.lanes = self.directions[0][0].L
        self.seeds: Buffer | None = None  # of what is drawn, one a step: set before anything is emitted
        self.class_order: Buffer | None = None  # of sampled softmax, the most frequent class first: set as seeds
        self.stacks = [ShardPass(self._batch(shard)) for shard in range(shape.shards)]

    def _places(self, buffer: Buffer) -> dict[str, Place]:
        return {name: buffer.at(self.offset + p.offset) for name, p in self.network.layout.items()}

    def _direction(self, number: int, layer: Layer, prefix: str) -> Direction:
        return Direction(
            self.program, f"{number}.{prefix}", layer.cell, n_inputs=self.network.inputs_of(number), units=layer.units,
            shards=self.shape.shards, keep=self.shape.training, masked=self.shape.dropout.recurrent > 0.0,
            layer_norm=layer.layer_norm,
        )  # fmt: skip

    def _batch(self, shard: int) -> Batch:
        rows = self.first_row(shard + 1) - self.first_row(shard)
        valid = self.program.buffer(f"valid[{shard}]", (rows,), np.int64, fill=self.shape.steps)
        active = self.program.buffer(f"active[{shard}]", (self.shape.steps,), np.int64, fill=rows)
        return Batch(shard, rows, self.shape.steps, valid, active)

    def on(self, number: int) -> AbstractContextManager[None]:
        """What is emitted inside runs on the device of layer `number`."""
        return self.program.on(self.layer_devices[number])

    def first_row(self, shard: int) -> int:
        """Index in the mini-batch of a shard's first row."""
        return self.shape.rows * shard // self.shape.shards

    def segment(self, shard: int, lo: int, hi: int) -> ShardPass:
        """A shard's passes over steps lo .. hi only."""
        batch = self.stacks[shard].batch
        return ShardPass(replace(batch, steps=hi - lo, active=batch.active.at(lo), first=lo))

    @property
    def first(self) -> int:
        """First step whose output the head reads; with lengths all are read, and the loss masks."""
        plain = not self.shape.lengths and not self.network.layers[-1].bidirectional
        return max(self.shape.steps - self.shape.last, 0) if self.shape.last and plain else 0

    @property
    def reads_state(self) -> bool:
        """Whether the head reads the final states."""
        return self.shape.last == 1

    def own(self, places: dict[str, Place], number: int, prefix: str) -> dict[str, Place]:
        """Places of one direction's parameters, or of their gradients."""
        start = f"layers.{number}.{prefix}"
        names = self.network.layers[number].parameter_shapes(1)
        return {key: places[start + key] for key in names}

    def drop(
        self, batch: Batch, source: MatrixView, out: MatrixView, rate: float, salt: int, steps: int | None = None,
        first: int = 0,
        shared: bool = False,
    ) -> None:  # fmt: skip
        """Emit dropout of rows (steps, batch rows); `first`: of which step; `shared`: all steps have one mask."""
        self.program.emit(
            "drop", batch.shard, source=source.place, out=out.place, seeds=self.seeds,
            T=batch.steps if steps is None else steps, B=batch.rows, F=source.width, lds=source.ld, ldo=out.ld,
            rate=round(rate * WHOLE), salt=self.salt + salt, row=self.shape.before + self.first_row(batch.shard),
            time=batch.first + first, span=0 if shared else 1,
        )  # fmt: skip

    def copy(self, shard: int, source: MatrixView, out: MatrixView, rows: int) -> None:
        """Emit out = source, for the columns that source uses."""
        self.program.emit(
            "copy_columns", shard, source=source.place, out=out.place, rows=rows, F=source.width, lds=source.ld,
            ldo=out.ld,
        )  # fmt: skip

    def last_states(self, stack: ShardPass, number: int, state: str) -> list[MatrixView]:
        """Emit, where rows differ in length, and return each direction's final state."""
        found, batch = [], stack.batch
        for direction, run in zip(self.directions[number], stack.runs[number], strict=True):
            source = run.states[state]
            place = source.at(batch.steps * batch.rows * direction.Hp)
            if self.shape.lengths:
                place = self.last_buffer(direction, batch, state).at(0)
                self.take_last(batch, source.at(0), MatrixView(place, direction.Hp, direction.H), direction.Hp)
            found.append(MatrixView(place, direction.Hp, direction.H))
        return found

    def last_buffer(self, direction: Direction, batch: Batch, state: str) -> Buffer:
        """Where the final states of rows of different lengths are gathered."""
        return self.program.scratch(f"{direction.name}last_{state}[{batch.shard}]", (batch.rows, direction.Hp))

    def take_last(self, batch: Batch, source: Place, out: MatrixView, lds: int) -> None:
        """Emit out[r] = source[valid[r]] for the rows that end in the batch's stretch; source has T + 1 steps."""
        self.program.emit(
            "take_last", batch.shard, h=source, out=out.place, valid=batch.valid, T=batch.steps, B=batch.rows,
            F=out.width, ldh=lds, ldo=out.ld, first=batch.first,
        )  # fmt: skip
