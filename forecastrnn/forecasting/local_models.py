"""One network a series: thousands of small networks of the same shape trained in one call of compiled code.

A job is a network: its thread takes it through all of its updates on one lane's work space, and then the next. The
random numbers that choose windows and first weights are the same for every series, so that a series' model does not
depend on which others are fitted beside it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from forecastrnn.engine.buffers import Argument
from forecastrnn.engine.jobs import Jobs, addresses
from forecastrnn.engine.memory import check_fits
from forecastrnn.engine.program import Program
from forecastrnn.exceptions import TrainingDivergedError
from forecastrnn.forecasting.inputs import SeriesInputs
from forecastrnn.forecasting.members import worst_at
from forecastrnn.forecasting.preparation import FLOOR
from forecastrnn.forecasting.settings import Settings, network_of, start_member, update_count
from forecastrnn.forecasting.side_by_side import side_by_side, workers_for
from forecastrnn.forecasting.windows import plain_source, window_starts
from forecastrnn.keeping import Record, check, next_slot, taken
from forecastrnn.networks.draws import drawn
from forecastrnn.networks.network import Network
from forecastrnn.programs.assembly import Assembly
from forecastrnn.programs.direction import MatrixView
from forecastrnn.programs.inference import forward_pass
from forecastrnn.programs.shapes import Shape
from forecastrnn.progress import stage, told
from forecastrnn.training.divergence import BLOW_UP
from forecastrnn.training.network_progress import within_reach
from forecastrnn.training.sequence_task import SequenceTask, TrainingData
from forecastrnn.training.stepping import dropout_seeds
from forecastrnn.training.training_step import BatchBuffers, TrainingStep
from forecastrnn.training.update_step import Update
from forecastrnn.training.window_batches import SAMPLE

INDEX_BYTES = 2**25  # of the windows that one call trains on
WORST = 4.0  # times the first loss that the median of the last tenth may be, of mini-batches that differ
CALL = 10.0  # seconds of a call, where what it has trained is written behind it
SLOWEST = 1e-9  # seconds for each parameter, row and time step of an update: a high guess


@dataclass(frozen=True)
class LocalFit:
    """Parameters (members, n_series, size), and the loss of each update (members, n_series, updates)."""

    thetas: np.ndarray
    losses: np.ndarray


def _build_lane(network: Network, settings: Settings, source: TrainingData, steps: int, updates: int) -> Program:
    """Rounds: moments cleared; one update."""
    real = settings.dtype
    shape = Shape(steps, settings.batch_size, training=True, dropout=settings.dropout)
    build = Assembly(network, Argument("theta", real), shape)
    program, size = build.program, network.size
    moments = {name: program.buffer(name, (size,)) for name in settings.rule.moments}
    starts = Argument("starts", np.int64)
    seeds = Argument("seeds", np.int64) if settings.dropout else None
    feed = BatchBuffers(starts=starts, y_starts=starts, sums=Argument("sums", np.float64), seeds=seeds)
    TrainingStep(
        SequenceTask(build, source), feed, settings.any_loss, Update(settings.rule, Argument("rates"), moments)
    )
    update = [operation for turn in program.rounds for operation in turn[0]]
    program.rounds = [[[]]]
    for moment in moments.values():
        program.emit("clear_columns", 0, source=None, out=moment, rows=1, F=size, lds=0, ldo=size)
    program.rounds.append([update])
    return program


def draw_windows(settings: Settings, seeds: list[int], updates: int) -> np.ndarray:
    """Where in its series each window begins, as a share of the room there is: (members, updates, batch)."""
    shape = (updates, settings.batch_size)
    return np.stack([drawn(np.random.default_rng([seed, SAMPLE]).random, shape) for seed in seeds])


def check_local(network: Network, settings: Settings, members: int, n: int, *, more: int = 0) -> None:
    """Refuse networks of n series that would not fit, with so many bytes more."""
    need = members * n * network.size * np.dtype(settings.dtype).itemsize + more
    what = f"global_model=False: {members} networks of {network.size} parameters for each of {n} series"
    check_fits(need, what, "Take fewer units: hidden_layer_sizes.")


def fit_local(
    series: SeriesInputs, settings: Settings, seeds: list[int], ids: tuple, thetas: np.ndarray | None = None
) -> LocalFit:
    """Train a network for each seed and series; `thetas` go on from where they are."""
    n = series.prepared.n_series
    settings = replace(settings, max_steps=update_count(series.prepared, settings))
    workers = workers_for(n)
    if workers == 1:
        return _fit_here(settings, series, seeds, ids, thetas)
    edges = [n * k // workers for k in range(workers + 1)]
    jobs = [
        (series.part(lo, hi), seeds, ids[lo:hi], None if thetas is None else thetas[:, lo:hi])
        for lo, hi in pairwise(edges)
    ]
    with stage(f"{n} series in {workers} parts side by side"):
        found = side_by_side(_fit_here, settings, jobs, workers)
    return LocalFit(*(np.concatenate(each, axis=1) for each in zip(*((one.thetas, one.losses) for one in found))))


def _fit_here(
    settings: Settings, series: SeriesInputs, seeds: list[int], ids: tuple, thetas: np.ndarray | None
) -> LocalFit:  # fmt: skip
    """The same in this process."""
    prepared = series.prepared
    network, n = network_of(prepared.layout, settings).writer, prepared.n_series
    updates = update_count(prepared, settings)
    steps = prepared.context + prepared.ahead
    source = plain_source(series, prepared.observed, settings)
    lanes = [_build_lane(network, settings, source, steps, updates) for _ in range(min(settings.n_threads, n))]
    jobs = Jobs(lanes)
    check_local(network, settings, len(seeds), n, more=len(seeds) * n * updates * 16 + jobs.nbytes)
    if thetas is None:
        begun = np.stack([start_member(network, settings, seed).theta for seed in seeds])
        thetas = np.repeat(begun[:, None], n, axis=1)
    fit = LocalFit(thetas.copy(), np.empty((len(seeds), n, updates)))
    shares = draw_windows(settings, seeds, updates)
    lo, hi = window_starts(prepared, settings.horizon, np.zeros(n, np.int64))
    slot, pace = next_slot(), Pace(max(1, INDEX_BYTES // (8 * updates * settings.batch_size)), settings.n_threads)
    done = _restore(fit, slot.found)
    for member in range(len(seeds)):
        while done < (member + 1) * n:
            begin = done - member * n
            part = slice(begin, min(begin + pace.count(slot.every), n))
            told(done, len(seeds) * n, "network")
            room = (hi - lo + 1)[part, None, None]
            starts = lo[part, None, None] + np.minimum((shares[member] * room).astype(np.int64), room - 1)
            drop = dropout_seeds(seeds[member], 0, updates)
            thetas, losses = fit.thetas[member, part], fit.losses[member, part]
            _train_part(jobs, thetas, losses, starts, settings, seeds=drop, steps=steps)
            _check(thetas, losses, ids[part], prepared.scale[part], settings)
            done += part.stop - part.start
            pace.made(part.stop - part.start)
            if slot.is_due():
                slot.keep(_record_of(fit, done))
    slot.finish(lambda: _record_of(fit, done))
    network.set_unknown(fit.thetas)
    return fit


class Pace:
    """How many networks a call trains: all that there is room for, or as many as are trained between two writes."""

    def __init__(self, most: int, least: int) -> None:
        self.most, self.least = most, max(1, least)
        self.begun, self.each = time.monotonic(), np.inf  # seconds of a network

    def count(self, every: float | None) -> int:
        """Networks of the next call; `every`: seconds between two writes."""
        self.begun = time.monotonic()
        if every is None:
            return self.most
        return int(min(max(min(every, CALL) / self.each, self.least), self.most))

    def made(self, networks: int) -> None:
        """So many were trained."""
        self.each = max((time.monotonic() - self.begun) / networks, 1e-9)


def _record_of(fit: LocalFit, done: int) -> Record:
    """The first networks, member by member."""
    size, updates = fit.thetas.shape[2], fit.losses.shape[2]
    return {
        "thetas": fit.thetas.reshape(-1)[: done * size].copy(),
        "losses": fit.losses.reshape(-1)[: done * updates].copy(),
    }  # fmt: skip


def _restore(fit: LocalFit, found: Record | None) -> int:
    """How many networks are trained, and they themselves."""
    if found is None:
        return 0
    thetas, losses, (members, n, updates) = fit.thetas.reshape(-1), fit.losses.reshape(-1), fit.losses.shape
    known = taken(found, "losses")
    done, rest = divmod(known.size, updates)
    check(not rest and done <= members * n and len(found) == 2, "there are losses of more networks than are trained")
    losses[: known.size], end = known, done * fit.thetas.shape[2]
    thetas[:end] = taken(found, "thetas", end, thetas.dtype, within_reach(thetas.dtype))
    return done


def _train_part(
    jobs: Jobs, thetas: np.ndarray, losses: np.ndarray, starts: np.ndarray, settings: Settings, *, seeds: np.ndarray,
    steps: int,
) -> None:  # fmt: skip
    """Train thetas (n, size) in place on windows starts (n, updates, batch); their losses (n, updates).

    seeds (updates,): of dropout.
    """
    n, updates, batch = starts.shape
    sums, rates = np.empty((n, updates, 2)), settings.rule.rates(0, updates, updates)
    seconds = SLOWEST * thetas.size * updates * batch * steps
    jobs.run(
        n, (1, updates), settings.n_threads, seconds, theta=addresses(thetas), starts=addresses(starts),
        sums=addresses(sums), rates=rates.ctypes.data, seeds=seeds.ctypes.data,
    )  # fmt: skip
    losses[:] = sums[:, :, 0] / np.maximum(sums[:, :, 1], np.finfo(float).tiny)


def _check(thetas: np.ndarray, losses: np.ndarray, ids: tuple, scale: np.ndarray, settings: Settings) -> None:
    """Raise an error that names the first series whose network diverged; the loss of a constant one tells nothing."""
    bad = ~np.isfinite(losses) | (losses > BLOW_UP * np.maximum(losses[:, :1], 1.0))
    low, high = within_reach(thetas.dtype)
    lost = bad.any(axis=1) | ~((thetas >= low) & (thetas <= high)).all(axis=1)
    end = np.median(losses[:, 9 * losses.shape[1] // 10 :], axis=1)
    lost |= (scale > FLOOR) & (end > worst_at(settings, WORST).behind(losses[:, 0]))
    if lost.any():
        row = int(np.argmax(lost))
        raise TrainingDivergedError(
            f"training diverged for series {ids[row]!r} (learning rate {settings.rule.learning_rate_init:g}). "
            "Lower solver__learning_rate, or set solver__clip_norm."
        )


def _build_reader(network: Network, dtype: str, steps: int) -> Program:
    """Rounds: weights packed; a forward pass over `steps` rows of inputs."""
    build = Assembly(network, Argument("theta", dtype), Shape(steps, 1))
    program, columns = build.program, network.n_inputs + network.n_skip
    build.pack()
    x = program.buffer("x", (steps, columns))
    program.emit(
        "gather", 0, source=Argument("inputs", dtype), out=x, starts=program.buffer("starts", (1,), np.int64), T=steps,
        B=1, F=columns, lds=columns, stride=1, every=1,
    )  # fmt: skip
    stack = build.stacks[0]
    forward_pass(build, stack, MatrixView(x.at(0), columns, columns))
    build.copy(0, stack.out, MatrixView(Argument("result", dtype), network.n_outputs, network.n_outputs), steps)
    return program


def local_outputs(
    network: Network, thetas: np.ndarray, inputs: np.ndarray, rows: np.ndarray, n_threads: int
) -> np.ndarray:
    """Outputs (n_series, steps) of each series' own network, thetas (n_series, size), for the inputs of `rows`."""
    n, steps = rows.shape
    result = np.empty((n, steps, network.n_outputs), inputs.dtype)
    jobs = Jobs([_build_reader(network, inputs.dtype.name, steps) for _ in range(min(n_threads, n))])
    jobs.run(
        n, (1, 1), n_threads, SLOWEST * thetas.size * steps, theta=addresses(thetas),
        inputs=inputs.ctypes.data + rows[:, 0] * inputs.strides[0], result=addresses(result),
    )  # fmt: skip
    return result[:, :, 0]
