"""Training steps that several processes share: each has a part of the rows, and their gradients are added up.

A process is what a shard is in one process: with as many shards as there are processes the sums are the same.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from forecastrnn.communicators import Communicator
from forecastrnn.cpu.update import COUNT
from forecastrnn.network import Network
from forecastrnn.optimizers import OptimizerState, Rule
from forecastrnn.program import Program
from forecastrnn.stepping import MAX_STEPS, Index, TrainingProgram, dropout_seeds
from forecastrnn.training_step import Source
from forecastrnn.update_step import Update, emit_update


def rows_of(communicator: Communicator, rows: int) -> slice:
    """The part of a mini-batch that belongs to this process."""
    rank, size = communicator.rank, communicator.size
    return slice(rows * rank // size, rows * (rank + 1) // size)


class DeviceParallelProgram(TrainingProgram):
    """As a TrainingProgram of all rows, run by processes with a GPU each: gradients are added up within the step."""

    def __init__(self, communicator: Communicator, *args: Any, rows: int, **options: Any) -> None:
        self.communicator, self.rows = communicator, rows_of(communicator, rows)
        own = self.rows.stop - self.rows.start
        super().__init__(*args, rows=own, before=self.rows.start, communicator=communicator, **options)

    def _write_index(self, index: Index) -> None:
        super()._write_index(index.rows(self.rows))

    def loss(self, index: Index, n_threads: int) -> np.ndarray:
        """The loss of one step's mini-batch; nothing is updated."""
        self._write_index(index)
        self.program.run(0, 1, n_threads, rounds=self.step.backward_rounds)
        sums = self.communicator.add_up(self.feed.sums.part(0, 2))
        return sums[:1] / max(sums[1], np.finfo(float).tiny)


class ParallelProgram:
    """As a TrainingProgram of all rows, run by all processes of a communicator with the same arguments.

    Gradients go through the memory of the machine, and are updated by the CPU.
    """

    def __init__(
        self, communicator: Communicator, network: Network, theta: np.ndarray, optimizer: OptimizerState,
        source: Source, *, rows: int, rule: Rule, seed: int = 0, **options: Any,
    ) -> None:  # fmt: skip
        self.communicator, self.theta, self.optimizer, self.rule = communicator, theta, optimizer, rule
        self.rows = rows_of(communicator, rows)
        self.local = TrainingProgram(
            network, theta, None, source, rows=self.rows.stop - self.rows.start, rule=rule, seed=seed, shards=1,
            before=self.rows.start, **options,
        )  # fmt: skip
        self.seed, self.most_steps, self.shape = seed, self.local.most_steps, self.local.shape
        self.program = self.local.program
        self.updates = Program(theta.dtype.name, communicator.size)
        self.grad = self.updates.buffer("grad", (network.size,))
        self._emit_update(network)

    def _emit_update(self, network: Network) -> None:
        updates = self.updates
        self.rates = updates.buffer("rates", (MAX_STEPS,), np.float64)
        m, v = (updates.bind(name, getattr(self.optimizer, name)) for name in ("m", "v"))
        update = Update(self.rule, self.rates, m, v, self.seed)
        emit_update(updates, network.layout, updates.bind("theta", self.theta), self.grad, update)

    def run(self, index: Index, total: int, n_threads: int) -> np.ndarray:
        """Make index.steps updates; the loss of each, before its update. `weights`: what it rests on."""
        n, done = index.steps, self.optimizer.count
        self.local._write_index(index.rows(self.rows))
        if self.local.feed.seeds is not None:
            self.local.feed.seeds.array[:n] = dropout_seeds(self.seed, done, n)
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

    def loss(self, index: Index, n_threads: int) -> np.ndarray:
        """The loss of one step's mini-batch; nothing is updated."""
        self.local._write_index(index.rows(self.rows))
        self.local.program.run(0, 1, n_threads, rounds=self.local.step.backward_rounds)
        sums = self.communicator.add_up(self.local.feed.sums.part(0, 2))
        return sums[:1] / max(sums[1], np.finfo(float).tiny)
