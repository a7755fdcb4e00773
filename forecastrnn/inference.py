"""Running a network forward: outputs, final states, in chunks that bound memory."""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np

from forecastrnn.assembly import Assembly
from forecastrnn.cpu.direction import Batch, Rows, padded
from forecastrnn.network import Network
from forecastrnn.program import Buffer
from forecastrnn.shapes import Shape, Stack, shards_of

CHUNK_BYTES = 64 * 2**20  # work space of one forward pass

State = list[list[dict[str, np.ndarray]]]  # layer, direction, name -> (n, units)


def thread_count(n_jobs: int | None) -> int:
    """Threads to use: all cores that this process may run on for None or -1."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return cores if n_jobs is None or n_jobs < 0 else n_jobs


def sort_rows(lengths: np.ndarray, shards: int) -> np.ndarray:
    """Order of rows in which each shard has its longest rows first; equal lengths keep their order."""
    n = len(lengths)
    cuts = [n * s // shards for s in range(shards + 1)]
    parts = [lo + np.argsort(-lengths[lo:hi], kind="stable") for lo, hi in zip(cuts[:-1], cuts[1:], strict=True)]
    return np.concatenate(parts)


@dataclass
class Forward:
    """Results: outputs (n, steps, width) of the head, or of the last layer without one; final states."""

    outputs: np.ndarray
    states: State


def rows_at_once(network: Network, steps: int, dtype: str) -> int:
    """Rows of a chunk whose work space stays under `CHUNK_BYTES`; a multiple of 8."""
    width = network.n_inputs + network.n_skip + padded(max(network.n_outputs, 1), dtype)
    width += sum((2 * padded(d.units, dtype) + 8 * d.units) * len(d.directions) for d in network.layers)
    fit = CHUNK_BYTES // (width * (steps + 1) * np.dtype(dtype).itemsize)
    return max(8, min(1024, fit // 8 * 8))


def forward(
    network: Network,
    theta: np.ndarray,
    X: np.ndarray,
    *,
    last: int = 0,
    lengths: np.ndarray | None = None,
    state: State | None = None,
    n_threads: int = 1,
) -> Forward:
    """Run X (n, time, columns) through the network.

    `last`: 0 all outputs, 1 one output from the final states, k the outputs of the last k steps.
    """
    chunk = rows_at_once(network, X.shape[1], theta.dtype.name)
    parts = []
    for lo in range(0, len(X), chunk):
        rows = slice(lo, lo + chunk)
        own = None if lengths is None else lengths[rows]
        begin = None if state is None else _select(state, rows)
        parts.append(_forward_chunk(network, theta, X[rows], last, own, begin, n_threads))
    return Forward(np.concatenate([p.outputs for p in parts]), _join_states([p.states for p in parts]))


def _select(state: State, rows: slice | np.ndarray) -> State:
    return [[{k: v[rows] for k, v in d.items()} for d in layer] for layer in state]


def _join_states(states: list[State]) -> State:
    if len(states) == 1:
        return states[0]
    first = states[0]
    return [
        [{k: np.concatenate([s[i][j][k] for s in states]) for k in d} for j, d in enumerate(layer)]
        for i, layer in enumerate(first)
    ]


def _forward_chunk(
    network: Network,
    theta: np.ndarray,
    X: np.ndarray,
    last: int,
    lengths: np.ndarray | None,
    state: State | None,
    n_threads: int,
) -> Forward:
    n, T, _ = X.shape
    shape = Shape(T, n, last, lengths is not None, shards=shards_of(n))
    build = Assembly(network, theta, shape)
    order = np.arange(n) if lengths is None else sort_rows(lengths, shape.shards)
    build.pack()
    feed(build, X, order * T, None if lengths is None else lengths[order])
    for shard in range(shape.shards):
        build.forward(shard, build.inputs[shard])
    if state is not None:
        write_state(build, _select(state, order))
    finals = emit_states(build)
    build.program.run(0, 1, n_threads)
    back = np.empty(n, np.intp)
    back[order] = np.arange(n)
    outputs = read_outputs(build, order, lengths)
    return Forward(outputs, _select(read_states(build, finals), back))


def feed(build: Assembly, X: np.ndarray, starts: np.ndarray, lengths: np.ndarray | None) -> None:
    """Emit the gathering of inputs: rows starts[i] ... of X seen as (rows, columns)."""
    program, shape, width = build.program, build.shape, X.shape[-1]
    source = program.bind("X", np.ascontiguousarray(X, build.dtype))
    first = program.bind("starts", np.ascontiguousarray(starts, np.int64))
    valid = None if lengths is None else program.bind("lengths", np.ascontiguousarray(lengths, np.int64))
    for stack in build.stacks:
        batch, lo = stack.batch, build.first_row(stack.batch.shard)
        emit_lengths(build, batch, valid)
        x = program.buffer(f"x[{batch.shard}]", (shape.steps, batch.rows, width))
        program.emit(
            "gather", batch.shard, source=source, out=x, starts=first.at(lo), T=shape.steps, B=batch.rows,
            F=width, lds=width, stride=shape.rows, every=1,
        )  # fmt: skip
        build.inputs[batch.shard] = Rows(x.at(0), width, width)


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
                    run.state(name).array[steps, :, : part.shape[1]] = part


def emit_states(build: Assembly) -> list[list[dict[str, list[Rows]]]]:
    """Where the final states will lie: layer, direction, name -> one place a shard."""
    found = []
    for number, layer in enumerate(build.network.layers):
        names = layer.cell.states
        rows = {name: [build.last_states(s, number, name) for s in range(build.shape.shards)] for name in names}
        count = len(layer.directions)
        found.append([{name: [shard[k] for shard in rows[name]] for name in names} for k in range(count)])
    return found


def read_states(build: Assembly, finals: list) -> State:
    """Copy the final states out of the program's buffers."""

    def read(places: list[Rows]) -> np.ndarray:
        parts = []
        for stack, place in zip(build.stacks, places, strict=True):
            flat = place.place.buffer.array.reshape(-1)[place.place.offset :]
            parts.append(flat[: stack.batch.rows * place.ld].reshape(-1, place.ld)[:, : place.width])
        return np.concatenate(parts)

    return [[{name: read(places) for name, places in d.items()} for d in layer] for layer in finals]


def read_outputs(build: Assembly, order: np.ndarray, lengths: np.ndarray | None) -> np.ndarray:
    """Outputs as (n, steps, width) in the caller's order; zero past each row's end."""
    pieces = []
    for stack in build.stacks:
        rows = stack.out if build.network.n_outputs else _layer_outputs(build, stack)
        place = rows.place.at(0)
        flat = place.buffer.array.reshape(-1)[place.offset :]
        steps = build.head_steps() if build.network.n_outputs else build.shape.steps
        grid = flat[: steps * stack.batch.rows * rows.ld].reshape(steps, stack.batch.rows, rows.ld)
        pieces.append(grid[:, :, : rows.width].transpose(1, 0, 2))
    outputs = np.empty((len(order), *pieces[0].shape[1:]), build.dtype)
    outputs[order] = np.concatenate(pieces)
    if lengths is not None and outputs.shape[1] == build.shape.steps and not build.reads_state:
        outputs[np.arange(build.shape.steps) >= lengths[:, None]] = 0
    return outputs


def _layer_outputs(build: Assembly, stack: Stack) -> Rows:
    """Outputs of the last layer."""
    layer, joined = build.network.layers[-1], stack.joined[-1]
    if joined is not None:
        return Rows(joined.at(0), layer.width, layer.width)
    direction, run = build.directions[-1][0], stack.runs[-1][0]
    return Rows(run.h.at(stack.batch.rows * direction.Hp), direction.Hp, layer.units)
