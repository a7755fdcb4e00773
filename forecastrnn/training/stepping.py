"""Mini-batches of one size, trained on in calls of many steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, replace
from typing import cast

import numpy as np

from forecastrnn.engine.buffers import Place
from forecastrnn.engine.communicators import Communicator
from forecastrnn.engine.cpu.update import COUNT
from forecastrnn.networks.losses import AnyLoss
from forecastrnn.networks.network import AnyNetwork
from forecastrnn.networks.seq2seq_network import Seq2SeqNetwork
from forecastrnn.programs.assembly import Assembly
from forecastrnn.programs.seq2seq_assembly import Seq2SeqAssembly
from forecastrnn.programs.shapes import ALL, NO_DROPOUT, Dropout, Shape, shards_of
from forecastrnn.training.optimizers import OptimizerState, Rule
from forecastrnn.training.own_inputs import Sampling
from forecastrnn.training.pair_task import PairData, PairTask
from forecastrnn.training.sequence_task import SequenceTask, TrainingData
from forecastrnn.training.training_step import BatchBuffers, TrainingStep
from forecastrnn.training.update_step import Update

Steps = int | tuple[int, int]  # of a sequence, or of a source and a target
PLAIN_RULE = Rule()
DROP = 4  # a stream of random numbers
SMALLEST = float(np.finfo(float).tiny)  # of the weights that a loss is divided by
MAX_STEPS = 256  # training steps in one call at most
MAX_INDICES = 2**19  # samples of one call at most, or one mini-batch


@dataclass
class BatchIndex:
    """Samples of some steps, each array (steps, rows): starts in X, in y, sample numbers, valid lengths.

    Of pairs, x and lengths are those of the sources, y and y_lengths those of the targets.
    """

    x: np.ndarray
    y: np.ndarray
    sample: np.ndarray
    lengths: np.ndarray | None = None
    _: KW_ONLY
    y_lengths: np.ndarray | None = None
    keep: np.ndarray | None = None  # (steps,): 0 where the carried state starts anew

    @classmethod
    def joined(cls, parts: Sequence[BatchIndex]) -> BatchIndex:
        """The steps of all parts, one after the other."""
        if len(parts) == 1:
            return parts[0]
        present = [name for name, array in vars(parts[0]).items() if array is not None]
        return cls(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in present})

    def part(self, lo: int, hi: int) -> BatchIndex:
        """Steps lo .. hi."""
        return self.where(slice(lo, hi))

    def where(self, chosen: np.ndarray | slice) -> BatchIndex:
        """The steps that a mask or a slice chooses."""
        return replace(self, **{name: array[chosen] for name, array in vars(self).items() if array is not None})

    def rows(self, mine: slice) -> BatchIndex:
        """Some rows of each mini-batch."""
        arrays = {name: array for name, array in vars(self).items() if array is not None and array.ndim == 2}
        return replace(self, **{name: array[:, mine] for name, array in arrays.items()})

    @property
    def steps(self) -> int:
        """Number of steps."""
        return len(self.x)


def dropout_seeds(seed: int, first: int, n: int) -> np.ndarray:
    """Seeds of steps first .. first + n: a function of their numbers, so that calls may be cut anywhere."""
    begin = int(np.random.default_rng([seed, DROP]).integers(2**62))
    return begin + np.arange(first, first + n)


class TrainingProgram:
    """Runs training steps on mini-batches of one size.

    Parameters
    ----------
    network, theta : the network and its parameters, updated in place
    optimizer : moments and count, updated in place; None computes gradients only
    source : where the data are, of sequences or, for an encoder and a decoder, of pairs
    steps, rows : time steps, of pairs the most of source and target, and samples of a mini-batch
    loss, last, rule : the loss, the outputs that it reads (0: all, k: the last k), the update rule
    lengths : samples differ in length, as pairs always do; those of a shard have their longest first
    carry : the state at the end of a step is that at the beginning of the next (truncated BPTT)
    checkpoint_steps : keep the states every so many steps only, and recompute those between (memory-bounded BPTT)
    dropout, seed : what is set to zero by chance, on both sides of pairs, and the seed of all chance
    sampling : of pairs, feed the decoder's own outputs by chance
    n_sampled : classes drawn for the softmax of a step, by the order in the source; 0: it is over all. Not together
        with sampling, for which all scores are needed
    device : where it runs
    shards, before : parts of these rows, if not as usual; rows of the mini-batch in front, which another program runs
    communicator : the other processes, with which the gradients are added up on the GPU

    Of pairs there is no `last`, `carry`, `checkpoint_steps` and `input_gradient`.
    """

    def __init__(
        self, network: AnyNetwork, theta: np.ndarray, optimizer: OptimizerState | None,
        source: TrainingData | PairData, *, steps: Steps, rows: int, loss: AnyLoss, last: int = ALL,
        rule: Rule = PLAIN_RULE, lengths: bool = False, carry: bool = False, input_gradient: bool = False,
        checkpoint_steps: int | None = None, dropout: Dropout = NO_DROPOUT, seed: int = 0,
        sampling: Sampling | None = None, n_sampled: int = 0, device: str = "cpu", shards: int | None = None,
        before: int = 0, communicator: Communicator | None = None,
    ) -> None:  # fmt: skip
        shape = Shape(
            steps[1] if isinstance(steps, tuple) else steps, rows, last, lengths, training=True,
            shards=shards or shards_of(rows, device), segment=checkpoint_steps or 0, dropout=dropout,
            sampled=n_sampled, device=device, before=before,
        )  # fmt: skip
        self.source, self.theta, self.optimizer, self.rule = source, theta, optimizer, rule
        self.seed, self.sampling = seed, sampling
        self.task: SequenceTask | PairTask
        if isinstance(source, PairData):
            assert network.hands_over and isinstance(steps, tuple)
            pair = cast(Seq2SeqNetwork, network)
            build = Seq2SeqAssembly(pair, theta, replace(shape, last=ALL, lengths=False, segment=0), steps[0])
            self.task = PairTask(build, source, sampling.own if sampling else None)
        else:
            self.task = SequenceTask(Assembly(network.writer, theta, shape), source, input_gradient)
        self.build, self.program, self.shape = self.task.build, self.task.program, self.task.shape
        self.most_steps = int(np.clip(MAX_INDICES // max(rows, 1), 1, MAX_STEPS))  # of one call
        self.feed = self._feed(carry)
        self.step = TrainingStep(self.task, self.feed, loss, self._update(), communicator)

    def _feed(self, carry: bool) -> BatchBuffers:
        """Buffers of the mini-batches of a call, and of what their steps draw."""
        buffer, shape, draws = self.program.buffer, self.shape, self.shape.dropout or self.shape.sampled
        names = ("starts", "y_starts", "samples", *self.task.lengths)
        return BatchBuffers(
            **{name: buffer(name, (self.most_steps, shape.rows), np.int64) for name in names},
            sums=buffer("sums", (MAX_STEPS, shape.shards, 2), np.float64),
            keep=buffer("keep", (MAX_STEPS,)) if carry else None,
            seeds=buffer("seeds", (MAX_STEPS,), np.int64) if draws or self.sampling else None,
            chances=buffer("chances", (MAX_STEPS,), np.float64) if self.sampling else None,
        )

    def _update(self) -> Update | None:
        if self.optimizer is None:
            return None
        self.rates = self.program.buffer("rates", (MAX_STEPS,), np.float64)
        return Update.bound(self.program, self.rule, self.rates, self.optimizer, self.seed)

    @property
    def grad(self) -> np.ndarray:
        """The gradient of the last step."""
        return self.step.grad.array

    @property
    def carried(self) -> list[tuple[Place, int]]:
        """Where states are that the next step begins with, and their sizes."""
        return self.task.carried

    # Running ------------------------------------------------------------------------------------------
    def loss(self, index: BatchIndex, n_threads: int) -> np.ndarray:
        """The loss of one step's mini-batch; nothing is updated."""
        self.run_loss(index, n_threads, self.optimizer.count if self.optimizer else 0)
        return self._read_losses(1)

    def run_loss(self, index: BatchIndex, n_threads: int, done: int) -> None:
        """Leave the loss of one step's mini-batch where `feed` has it; `done` are the updates so far."""
        self.write_index(index)
        self.write_seeds(done, index.steps)
        self.program.run(0, 1, n_threads, rounds=self.step.backward_rounds)

    def write_index(self, index: BatchIndex) -> None:
        """Say where the rows of the next steps' mini-batches are."""
        feed = self.feed
        for buffer, values in (
            (feed.starts, index.x), (feed.y_starts, index.y), (feed.samples, index.sample),
            (feed.lengths, index.lengths), (feed.y_lengths, index.y_lengths), (feed.keep, index.keep),
        ):  # fmt: skip
            if buffer is not None:
                assert values is not None
                buffer.put(values)

    def write_seeds(self, done: int, n: int) -> None:
        """Those of the n updates behind the first `done`."""
        if self.feed.seeds is not None:
            self.feed.seeds.put(dropout_seeds(self.seed, done, n))

    def write_chances(self, done: int, n: int, total: int) -> None:
        """Those of scheduled sampling in the n updates behind `done` of this fit's `total`."""
        if self.sampling is not None and self.feed.chances is not None:
            self.feed.chances.put(self.sampling.chances(done, n, total))

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
        return sums[:, 0] / np.maximum(self.weights, SMALLEST)

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
