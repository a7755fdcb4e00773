"""Networks read known rows of many series: their states go on, and nothing is forecast."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from forecastrnn.engine.buffers import Argument
from forecastrnn.engine.jobs import Jobs, addresses, borrowed
from forecastrnn.engine.program import Program
from forecastrnn.forecasting.paths import SLOWEST, JobArrays, job_rows
from forecastrnn.forecasting.states import emit_context_step, emit_first_states, emit_last_states, states_width
from forecastrnn.networks.network import Network
from forecastrnn.programs.assembly import Assembly
from forecastrnn.programs.direction import MatrixView
from forecastrnn.programs.shapes import Shape


@dataclass(frozen=True, kw_only=True)
class ReadingShape:
    """What a program that reads is built for: network, series of a job, steps, and whether states are given."""

    network: Network
    dtype: str
    rows: int
    steps: int
    goes_on: bool
    lanes: int


def _build_lane(kind: ReadingShape) -> Program:
    """Rounds: first states, weights packed; one step; the states handed out."""
    program, columns = Program(kind.dtype, 1), kind.network.columns
    build = Assembly(kind.network, Argument("theta", kind.dtype), Shape(1, kind.rows, 1), program=program)
    places = np.arange(kind.rows) * kind.steps + np.arange(kind.steps)[:, None]
    states, starts = Argument("states", kind.dtype), program.bind("starts", places)
    emit_first_states(build, states if kind.goes_on else None)
    build.emit_pack()
    program.next_round()
    x = MatrixView(program.buffer("x", (kind.rows, columns)).at(0), columns, columns)
    emit_context_step(build, x, {"inputs": Argument("inputs", kind.dtype), "starts": starts})
    program.next_round()
    emit_last_states(build, states)
    return program


def read_rows(
    network: Network, thetas: np.ndarray, which: np.ndarray, inputs: np.ndarray, states: np.ndarray | None = None, *,
    n_threads: int,
) -> np.ndarray:  # fmt: skip
    """States (members, n, width) behind the inputs (n, steps, columns) of n series; from `states` on, or from zero.

    thetas (k, size); which (members,): the network of each, or (members, n): of each of its series.
    """
    (n, steps, _), members, dtype = inputs.shape, len(which), inputs.dtype.name
    rows = job_rows(n, members, n_threads) if which.ndim == 1 else 1
    chunks = -(-n // rows)
    arrays = JobArrays(rows, n, members, chunks)
    held = arrays.own("states", np.empty((members, len(arrays.series), states_width(network)), dtype))
    if states is not None:
        held[:] = states[:, arrays.series]
    arrays.share("inputs", inputs)
    kind = ReadingShape(
        network=network,
        dtype=dtype,
        rows=rows,
        steps=steps,
        goes_on=states is not None,
        lanes=min(n_threads, members * chunks),
    )
    chosen = np.repeat(which, chunks) if which.ndim == 1 else which.reshape(-1)
    seconds = steps * (rows * network.size * SLOWEST + 1e-6) * len(chosen)
    with borrowed(kind, partial(_build_lanes, kind)) as jobs:
        jobs.run(len(chosen), (1, steps, 1), n_threads, seconds, theta=addresses(thetas)[chosen], **arrays.places)
    return held[:, :n]


def _build_lanes(kind: ReadingShape) -> Jobs:
    return Jobs([_build_lane(kind) for _ in range(kind.lanes)])
