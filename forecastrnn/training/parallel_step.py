"""Training steps that several processes share: each has a part of the rows, and their gradients are added up.

A process is what a shard is in one process: with as many shards as there are processes the sums are the same.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from forecastrnn.engine.communicators import Communicator, current
from forecastrnn.engine.cpu.update import COUNT
from forecastrnn.engine.program import Program
from forecastrnn.networks.network import AnyNetwork
from forecastrnn.training.optimizers import OptimizerState, Rule
from forecastrnn.training.pair_task import PairData
from forecastrnn.training.sequence_task import TrainingData
from forecastrnn.training.stepping import MAX_STEPS, BatchIndex, TrainingProgram
from forecastrnn.training.update_step import Layout, Update, emit_update


def rows_of(communicator: Communicator, rows: int) -> slice:
    """The part of a mini-batch that belongs to this process."""
    rank, size = communicator.rank, communicator.size
    return slice(rows * rank // size, rows * (rank + 1) // size)


def check_rows(rows: int, what: str) -> None:
    """Refuse whole mini-batches of which a process would have nothing."""
    communicator = current()
    if communicator is not None and rows < communicator.size:
        raise ValueError(
            f"batch_size={rows}: mini-batches of {rows} {what} have fewer rows than the {communicator.size} "
            "devices. Raise batch_size, or name fewer devices."
        )


def program_kind(rows: int) -> Callable[..., Stepper]:
    """What makes programs of mini-batches of `rows`: one process alone if there are no others, or no row for each."""
    communicator = current()
    if communicator is None or rows < communicator.size:
        return TrainingProgram
    return partial(DeviceParallelProgram if communicator.on_device else ParallelProgram, communicator)


def _loss_of_all(communicator: Communicator, program: TrainingProgram) -> np.ndarray:
    """The loss of a step's mini-batch, of which each process has run its rows."""
    sums = communicator.add_up(program.feed.sums.part(0, 2))
    return sums[:1] / max(sums[1], np.finfo(float).tiny)


class DeviceParallelProgram(TrainingProgram):
    """As a TrainingProgram of all rows, run by processes with a GPU each: gradients are added up within the step."""

    def __init__(self, communicator: Communicator, *args: Any, rows: int, **options: Any) -> None:
        self.communicator, self.rows = communicator, rows_of(communicator, rows)
        own, begin = self.rows.stop - self.rows.start, self.rows.start
        super().__init__(*args, rows=own, before=begin, communicator=communicator, **options)

    def write_index(self, index: BatchIndex) -> None:
        """Say where this process' rows are."""
        super().write_index(index.rows(self.rows))

    def loss(self, index: BatchIndex, n_threads: int) -> np.ndarray:
        """The loss of one step's mini-batch; nothing is updated."""
        self.run_loss(index, n_threads, self.optimizer.count if self.optimizer else 0)
        return _loss_of_all(self.communicator, self)


class ParallelProgram:
    """As a program of all rows, run by all processes of a communicator with the same arguments.

    Gradients go through the memory of the machine, and are updated by the CPU.
    """

    def __init__(
        self, communicator: Communicator, network: AnyNetwork, theta: np.ndarray,
        optimizer: OptimizerState, source: TrainingData | PairData, *, rows: int, rule: Rule, seed: int = 0,
        **options: Any,
    ) -> None:  # fmt: skip
        self.communicator, self.theta, self.optimizer, self.rule = communicator, theta, optimizer, rule
        self.rows = rows_of(communicator, rows)
        self.local = TrainingProgram(
            network, theta, None, source, rows=self.rows.stop - self.rows.start, rule=rule, seed=seed, shards=1,
            before=self.rows.start, **options,
        )  # fmt: skip
        self.seed, self.most_steps, self.shape = seed, self.local.most_steps, self.local.shape
        self.program, self.carried = self.local.program, self.local.carried
        self.updates = Program(theta.dtype.name, communicator.size)
        self.grad = self.updates.buffer("grad", (network.size,))
        self._emit_update(network.layout)

    def _emit_update(self, layout: Layout) -> None:
        updates = self.updates
        self.rates = updates.buffer("rates", (MAX_STEPS,), np.float64)
        update = Update.bound(updates, self.rule, self.rates, self.optimizer, self.seed)
        emit_update(updates, layout, updates.bind("theta", self.theta), self.grad, update)

    def run(self, index: BatchIndex, total: int, n_threads: int) -> np.ndarray:
        """Make index.steps updates; the loss of each, before its update. `weights`: what it rests on."""
        n, done = index.steps, self.optimizer.count
        self.local.write_index(index.rows(self.rows))
        self.local.write_seeds(done, n)
        self.local.write_chances(self.optimizer.since_start, n, total)
        self.rates.array[:n] = self.rule.rates(self.optimizer.since_start, n, total)
        self.updates.buffers["options"].array[COUNT] = done
        sums = np.stack([self._step(k, n_threads) for k in range(n)])
        self.optimizer.count += n
        self.optimizer.since_start += n
        self.weights = sums[:, 1]
        return sums[:, 0] / np.maximum(self.weights, np.finfo(float).tiny)

    def _step(self, step: int, n_threads: int) -> np.ndarray:
        """One update; the loss and the weight of all rows."""
        local, middle = self.local, self.local.step.backward_rounds
        local.program.run(step, 1, n_threads, rounds=middle)
        sums = self.communicator.add_up(local.feed.sums.part(2 * step, 2))
        local.feed.sums.array[step, 0, 1] = 1.0  # the sum over rows itself, undivided
        local.program.run(step, 1, n_threads, rounds=(middle, len(local.program.rounds)))
        self.grad.array[...] = self.communicator.add_up(local.step.grad.part(0, self.theta.size))
        self.grad.array[...] *= self.theta.dtype.type(1.0 / sums[1] if sums[1] > 0.0 else 1.0)
        self.updates.run(step, 1, n_threads)
        return sums

    def loss(self, index: BatchIndex, n_threads: int) -> np.ndarray:
        """The loss of one step's mini-batch; nothing is updated."""
        self.local.run_loss(index.rows(self.rows), n_threads, self.optimizer.count)
        return _loss_of_all(self.communicator, self.local)


Stepper = TrainingProgram | ParallelProgram  # what makes the updates of mini-batches of one size
