"""Running a network forward: outputs, final states, in chunks that bound memory."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from forecastrnn.engine.buffers import Argument, Buffer
from forecastrnn.engine.jobs import borrowed
from forecastrnn.networks.network import Network
from forecastrnn.programs.assembly import Assembly
from forecastrnn.programs.direction import Batch, MatrixView, padded
from forecastrnn.programs.shapes import NO_DROPOUT, Dropout, Shape, ShardPass, shards_of

CHUNK_BYTES = 64 * 2**20  # work space of one forward pass
FEW, MANY = 8, 1024  # rows of a chunk: always as many as the first, never more than the second

State = list[list[dict[str, np.ndarray]]]  # layer, direction, name -> (n, units)


def sort_rows(lengths: np.ndarray, shards: int) -> np.ndarray:
    """Order of rows in which each shard has its longest rows first; equal lengths keep their order."""
    n = len(lengths)
    cuts = [n * s // shards for s in range(shards + 1)]
    parts = [lo + np.argsort(-lengths[lo:hi], kind="stable") for lo, hi in zip(cuts[:-1], cuts[1:], strict=True)]
    return np.concatenate(parts)


@dataclass
class Forward:
    """Results: outputs (n, steps, width) of the head, or of the last layer without one; final states if asked for."""

    outputs: np.ndarray
    states: State


def rows_at_once(network: Network, steps: int, dtype: str) -> int:
    """Rows of a chunk whose work space stays under `CHUNK_BYTES`; a multiple of `FEW`."""
    width = network.n_inputs + network.n_skip + network.width + padded(max(network.n_outputs, 1), dtype)
    width += sum((2 * padded(d.units, dtype) + 8 * d.units) * len(d.directions) for d in network.layers)
    fit = CHUNK_BYTES // (width * (steps + 1) * np.dtype(dtype).itemsize)
    return max(FEW, min(MANY, fit // FEW * FEW))


def forward(
    network: Network, theta: np.ndarray, X: np.ndarray, *, last: int = 0, lengths: np.ndarray | None = None,
    state: State | None = None, n_threads: int = 1, dropout: Dropout = NO_DROPOUT, seed: int = 0, device: str = "cpu",
    repeats: int = 0, states: bool = True,
) -> Forward:  # fmt: skip
    """Run X (n, time, columns) through the network.

    `last`: 0 all outputs, 1 one output from the final states, k the outputs of the last k steps. `dropout` is what is
    set to zero by chance, from `seed` on (Monte Carlo dropout). `repeats`: X (n, 1, columns) is read at so many steps.
    `states`: final states are wanted, too.
    """
    steps, dtype, parts = repeats or X.shape[1], theta.dtype.name, []
    chunk = FEW if len(X) <= FEW else rows_at_once(network, steps, dtype)
    for lo in range(0, len(X), chunk):
        rows = slice(lo, lo + chunk)
        own = None if lengths is None else lengths[rows]
        begin = None if state is None else _select(state, rows)
        kind = PassShape(
            network=network, dtype=dtype, steps=steps, rows=min(chunk, len(X) - lo), last=last,
            ragged=own is not None, started=begin is not None, dropout=dropout, repeated=repeats > 0, device=device,
        )  # fmt: skip
        arrays = np.ascontiguousarray(theta), np.ascontiguousarray(X[rows], theta.dtype)
        with borrowed(kind, partial(_Pass, kind)) as one:
            one.run(*arrays, own, begin, n_threads, seed + lo)
            parts.append(one.result(own, states))
    return parts[0] if len(parts) == 1 else _joined(parts)


def _select(state: State, rows: slice | np.ndarray) -> State:
    return [[{k: v[rows] for k, v in d.items()} for d in layer] for layer in state]


def _joined(parts: list[Forward]) -> Forward:
    """The results of all chunks."""
    states = [
        [{k: np.concatenate([p.states[i][j][k] for p in parts]) for k in d} for j, d in enumerate(layer)]
        for i, layer in enumerate(parts[0].states)
    ]
    return Forward(np.concatenate([p.outputs for p in parts]), states)


@dataclass(frozen=True, kw_only=True)
class PassShape:
    """What a pass is built for."""

    network: Network
    dtype: str
    steps: int
    rows: int
    last: int
    ragged: bool
    started: bool
    dropout: Dropout
    repeated: bool
    device: str

    @property
    def rows_each(self) -> int:
        """Rows of X that belong to a sequence."""
        return 1 if self.repeated else self.steps


class _Pass:
    """The program of a forward pass over all rows; weights and inputs are arguments."""

    def __init__(self, kind: PassShape) -> None:
        self.kind, network, rows = kind, kind.network, kind.rows
        shape = Shape(
            kind.steps, rows, kind.last, kind.ragged, shards=shards_of(rows, kind.device), dropout=kind.dropout,
            device=kind.device,
        )  # fmt: skip
        self.build = build = Assembly(network, Argument("theta", kind.dtype), shape)
        self.seed = build.seeds = build.program.buffer("seeds", (1,), np.int64)
        self.starts = build.program.bind("starts", np.arange(rows) * kind.rows_each)
        self.lengths = build.program.buffer("lengths", (rows,), np.int64) if kind.ragged else None
        build.pack()
        for stack in build.stacks:
            emit_lengths(build, stack.batch, self.lengths)
            forward_pass(build, stack, self._gather(stack.batch))
        self.finals = emit_states(build)
        self.order: np.ndarray | None = None  # of the rows, where that is not the one of X
        self.nbytes = build.program.nbytes

    def _gather(self, batch: Batch) -> MatrixView:
        """Emit the gathering of a shard's rows of X seen as (rows, columns)."""
        program, width = self.build.program, self.kind.network.n_inputs + self.kind.network.n_skip
        x = program.buffer(f"x[{batch.shard}]", (batch.steps, batch.rows, width))
        program.emit(
            "gather", batch.shard, source=Argument("X", self.kind.dtype), out=x,
            starts=self.starts.at(self.build.first_row(batch.shard)), T=batch.steps, B=batch.rows, F=width, lds=width,
            stride=self.kind.rows, every=0 if self.kind.repeated else 1,
        )  # fmt: skip
        return MatrixView(x.at(0), width, width)

    def run(
        self, theta: np.ndarray, X: np.ndarray, lengths: np.ndarray | None, state: State | None, n_threads: int,
        seed: int,
    ) -> None:  # fmt: skip
        """Run the rows of X, those of a shard with the longest first."""
        if lengths is not None and self.lengths is not None:
            self.order = order = sort_rows(lengths, self.build.shape.shards)
            self.starts.array[:], self.lengths.array[:] = order * self.kind.rows_each, lengths[order]
        if state is not None:
            write_state(self.build, state if self.order is None else _select(state, self.order))
        self.seed.array[0] = seed
        self.build.program.run(0, 1, n_threads, theta=theta, X=X)

    def result(self, lengths: np.ndarray | None, states: bool) -> Forward:
        """Outputs, and final states if they are wanted, in the order of the rows of X."""
        found = read_states(self.build, self.finals) if states else []
        if self.order is not None:
            found = _select(found, np.argsort(self.order))
        return Forward(read_outputs(self.build, self.order, lengths), found)


def forward_pass(build: Assembly, stack: ShardPass, x: MatrixView) -> None:
    """Emit all layers and the head."""
    build.forward(stack, x)
    if build.network.n_outputs:
        build.head.forward(stack)


def emit_lengths(build: Assembly, batch: Batch, valid: Buffer | None) -> None:
    """Emit the counting of rows that are still running at each step."""
    if valid is not None:
        build.program.emit(
            "count_active", batch.shard, lengths=valid.at(build.first_row(batch.shard)), valid=batch.valid,
            active=batch.active, T=build.shape.steps, B=batch.rows, stride=build.shape.rows,
        )  # fmt: skip


def write_state(build: Assembly, state: State, steps: tuple[int, ...] = (0,)) -> None:
    """Set the states before the first step; rows in the mini-batch's order."""
    for stack in build.stacks:
        lo = build.first_row(stack.batch.shard)
        for runs, layer in zip(stack.runs, state, strict=True):
            for run, values in zip(runs, layer, strict=True):
                for name, value in values.items():
                    part = value[lo : lo + stack.batch.rows]
                    run.states[name].array[steps, :, : part.shape[1]] = part


def emit_states(build: Assembly) -> list[list[dict[str, list[MatrixView]]]]:
    """Where the final states will lie: layer, direction, name -> one place a shard."""
    found = []
    for number, layer in enumerate(build.network.layers):
        names = layer.cell.states
        rows = {name: [build.last_states(stack, number, name) for stack in build.stacks] for name in names}
        count = len(layer.directions)
        found.append([{name: [shard[k] for shard in rows[name]] for name in names} for k in range(count)])
    return found


def read_states(build: Assembly, finals: list) -> State:
    """Copy the final states out of the program's buffers."""

    def read(places: list[MatrixView]) -> np.ndarray:
        parts = []
        for stack, place in zip(build.stacks, places, strict=True):
            flat = place.place.buffer.part(place.place.offset, stack.batch.rows * place.ld)
            parts.append(flat.reshape(-1, place.ld)[:, : place.width])
        return np.concatenate(parts)

    return [[{name: read(places) for name, places in d.items()} for d in layer] for layer in finals]


def read_outputs(build: Assembly, order: np.ndarray | None, lengths: np.ndarray | None) -> np.ndarray:
    """Outputs as (n, steps, width) in the caller's order, None: as they are; zero past each row's end."""
    pieces = []
    for stack in build.stacks:
        rows = stack.out if build.network.n_outputs else layer_outputs(build, stack)
        place = rows.place.at(0)
        steps = build.head.steps(stack.batch) if build.network.n_outputs else build.shape.steps
        flat = place.buffer.part(place.offset, steps * stack.batch.rows * rows.ld)
        grid = flat.reshape(steps, stack.batch.rows, rows.ld)
        pieces.append(grid[:, :, : rows.width].transpose(1, 0, 2))
    outputs = np.concatenate(pieces, out=np.empty((build.shape.rows, *pieces[0].shape[1:]), build.dtype))
    if order is not None:
        outputs = outputs[np.argsort(order)]
    if lengths is not None and outputs.shape[1] == build.shape.steps and not build.reads_state:
        outputs[np.arange(build.shape.steps) >= lengths[:, None]] = 0
    return outputs


def layer_outputs(build: Assembly, stack: ShardPass) -> MatrixView:
    """Outputs of the last layer."""
    layer, joined = build.network.layers[-1], stack.joined[-1]
    if joined is not None:
        return MatrixView(joined.at(0), layer.width, layer.width)
    direction, run = build.directions[-1][0], stack.runs[-1][0]
    return MatrixView(run.output.at(stack.batch.rows * direction.Hp), direction.Hp, layer.units)
