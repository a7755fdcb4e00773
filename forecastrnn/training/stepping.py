"""Mini-batches of one size, trained on in calls of many steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from forecastrnn.engine.buffers import Buffer
from forecastrnn.engine.communicators import Communicator
from forecastrnn.engine.cpu.update import COUNT
from forecastrnn.engine.program import Program
from forecastrnn.networks.network import Network
from forecastrnn.programs.assembly import Assembly
from forecastrnn.programs.shapes import NO_DROPOUT, Dropout, Shape, shards_of
from forecastrnn.training.optimizers import OptimizerState, Rule
from forecastrnn.training.training_step import BatchBuffers, TrainingData, TrainingStep
from forecastrnn.training.update_step import Update

PLAIN_RULE = Rule()
DROP = 4  # a stream of random numbers
MAX_STEPS = 256  # training steps in one call at most
MAX_INDICES = 2**19  # samples of one call at most, or one mini-batch


@dataclass
class BatchIndex:
    """Samples of some steps, each array (steps, rows): starts in X, in y, sample numbers, valid lengths."""

    x: np.ndarray
    y: np.ndarray
    sample: np.ndarray
    lengths: np.ndarray | None = None
    keep: np.ndarray | None = None  # (steps,): 0 where the carried state starts anew

    def part(self, lo: int, hi: int) -> BatchIndex:
        """Steps lo .. hi."""
        chosen = np.zeros(self.steps, bool)
        chosen[lo:hi] = True
        return self.where(chosen)

    def where(self, chosen: np.ndarray) -> BatchIndex:
        """The steps that a mask chooses."""
        lengths = None if self.lengths is None else self.lengths[chosen]
        keep = None if self.keep is None else self.keep[chosen]
        return BatchIndex(self.x[chosen], self.y[chosen], self.sample[chosen], lengths, keep)

    def rows(self, mine: slice) -> BatchIndex:
        """Some rows of each mini-batch."""
        lengths = None if self.lengths is None else self.lengths[:, mine]
        return BatchIndex(self.x[:, mine], self.y[:, mine], self.sample[:, mine], lengths, self.keep)

    @property
    def steps(self) -> int:
        """Number of steps."""
        return len(self.x)


def dropout_seeds(seed: int, first: int, n: int) -> np.ndarray:
    """Seeds of steps first .. first + n: a function of their numbers, so that calls may be cut anywhere."""
    begin = int(np.random.default_rng([seed, DROP]).integers(2**62))
    return begin + np.arange(first, first + n)


class Stepper:
    """Runs the training steps of a program that a subclass has built."""

    program: Program
    optimizer: OptimizerState | None
    rule: Rule
    seed: int
    most_steps: int  # of one call
    feed: Any  # buffers of the mini-batches, and their sums
    step: Any  # what emitted the operations
    shape: Shape

    @staticmethod
    def most_steps_of(rows: int) -> int:
        """Steps of one call at most, for mini-batches of `rows`."""
        return int(np.clip(MAX_INDICES // max(rows, 1), 1, MAX_STEPS))

    def _update(self) -> Update | None:
        if self.optimizer is None:
            return None
        self.rates = self.program.buffer("rates", (MAX_STEPS,), np.float64)
        return Update.bound(self.program, self.rule, self.rates, self.optimizer, self.seed)

    @property
    def grad(self) -> np.ndarray:
        """The gradient of the last step."""
        return self.step.grad.array

    # Running ------------------------------------------------------------------------------------------
    def loss(self, index: BatchIndex, n_threads: int) -> np.ndarray:
        """The loss of one step's mini-batch; nothing is updated."""
        self._run_loss(index, n_threads)
        return self._read_losses(1)

    def _run_loss(self, index: BatchIndex, n_threads: int) -> None:
        self.write_index(index)
        self.write_seeds(self.optimizer.count if self.optimizer else 0, index.steps)
        self.program.run(0, 1, n_threads, rounds=self.step.backward_rounds)

    def _filled(self, index: BatchIndex) -> list[tuple[Buffer | None, np.ndarray | None]]:
        """What an index has for each buffer of the feed."""
        feed = self.feed
        return [
            (feed.starts, index.x), (feed.y_starts, index.y), (feed.samples, index.sample),
            (feed.lengths, index.lengths),
        ]  # fmt: skip

    def write_index(self, index: BatchIndex) -> None:
        """Say where the rows of the next steps' mini-batches are."""
        for buffer, values in self._filled(index):
            if buffer is not None:
                assert values is not None
                buffer.put(values)

    def write_seeds(self, done: int, n: int) -> None:
        """Those of the n updates behind the first `done`."""
        if self.feed.seeds is not None:
            self.feed.seeds.put(dropout_seeds(self.seed, done, n))

    def write_chances(self, done: int, n: int, total: int) -> None:
        """What a subclass does by chance in the n updates behind `done` of this fit's `total`."""

    def _write_rates(self, n: int, total: int) -> None:
        """What changes from step to step by a schedule, for the next n of `total` steps."""
        self.write_chances(self.optimizer.since_start if self.optimizer else 0, n, total)
        if self.optimizer is not None:
            self.rates.put(self.rule.rates(self.optimizer.since_start, n, total))
            self.program.buffers["options"].array[COUNT] = self.optimizer.count

    def _read_losses(self, n: int) -> np.ndarray:
        shards = self.shape.shards
        sums = self.feed.sums.part(0, n * shards * 2).reshape(n, shards, 2).sum(axis=1)
        self.weights = sums[:, 1]
        return sums[:, 0] / np.maximum(self.weights, np.finfo(float).tiny)

    def run(self, index: BatchIndex, total: int, n_threads: int) -> np.ndarray:
        """Make index.steps <= most_steps updates; the loss of each, before its update. `weights`: what it rests on."""
        n = index.steps
        self.write_index(index)
        self.write_seeds(self.optimizer.count if self.optimizer else 0, n)
        self._write_rates(n, total)
        self.program.run(0, n, n_threads)
        if self.optimizer is not None:
            self.optimizer.count += n
            self.optimizer.since_start += n
        return self._read_losses(n)


class TrainingProgram(Stepper):
    """Runs training steps on mini-batches of one size.

    Parameters
    ----------
    network, theta : the network and its parameters, updated in place
    optimizer : moments and count, updated in place; None computes gradients only
    source : where the data are
    steps, rows : time steps and samples of a mini-batch
    loss, last, rule : the loss, the outputs that it reads (0: all, k: the last k), the update rule
    lengths : samples differ in length
    carry : the state at the end of a step is that at the beginning of the next (truncated BPTT)
    dropout, seed : what is set to zero by chance, and the seed of that chance
    checkpoint_steps : keep the states every so many steps only, and recompute those between (memory-bounded BPTT)
    n_sampled : classes drawn for the softmax of a step, by the order in the source; 0: it is over all
    device : where it runs
    shards, before : parts of these rows, if not as usual; rows of the mini-batch in front, which another program runs
    communicator : the other processes, with which the gradients are added up on the GPU
    """

    def __init__(
        self, network: Network, theta: np.ndarray, optimizer: OptimizerState | None, source: TrainingData, *,
        steps: int, rows: int, loss: str, last: int = 0, rule: Rule = PLAIN_RULE, lengths: bool = False,
        carry: bool = False, input_gradient: bool = False, checkpoint_steps: int | None = None,
        dropout: Dropout = NO_DROPOUT, seed: int = 0, n_sampled: int = 0, device: str = "cpu",
        shards: int | None = None, before: int = 0, communicator: Communicator | None = None,
    ) -> None:  # fmt: skip
        segment = min(checkpoint_steps or steps, steps)
        shape = Shape(
            steps, rows, last, lengths, training=True, shards=shards or shards_of(rows, device), segment=segment,
            dropout=dropout, sampled=n_sampled, device=device, before=before,
        )  # fmt: skip
        self.build = build = Assembly(network, theta, shape)
        self.program, self.shape, self.optimizer, self.rule = build.program, shape, optimizer, rule
        self.source, self.theta, self.seed = source, theta, seed
        self.most_steps = self.most_steps_of(rows)
        self.feed = self._feed(lengths, carry)
        self.step = TrainingStep(build, source, self.feed, loss, self._update(), input_gradient, communicator)

    def _feed(self, lengths: bool, carry: bool) -> BatchBuffers:
        program, shape = self.program, (self.most_steps, self.shape.rows)
        return BatchBuffers(
            program.buffer("starts", shape, np.int64),
            program.buffer("y_starts", shape, np.int64),
            program.buffer("sums", (MAX_STEPS, self.shape.shards, 2), np.float64),
            program.buffer("samples", shape, np.int64),
            program.buffer("lengths", shape, np.int64) if lengths else None,
            program.buffer("keep", (MAX_STEPS,)) if carry else None,
            program.buffer("seeds", (MAX_STEPS,), np.int64) if self.shape.dropout or self.shape.sampled else None,
        )

    def _filled(self, index: BatchIndex) -> list[tuple[Buffer | None, np.ndarray | None]]:
        return [*super()._filled(index), (self.feed.keep, index.keep)]
