"""Training an encoder and a decoder on pairs of sequences: mini-batches, their programs, the loop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from forecastrnn.engine.buffers import Buffer
from forecastrnn.engine.communicators import Communicator
from forecastrnn.engine.devices import memory_of
from forecastrnn.engine.memory import check_fits, machine_memory
from forecastrnn.networks.seq2seq_network import Seq2SeqNetwork
from forecastrnn.programs.seq2seq_assembly import Seq2SeqAssembly
from forecastrnn.programs.shapes import NO_DROPOUT, Dropout, Shape, shards_of
from forecastrnn.training.optimizers import OptimizerState, Rule
from forecastrnn.training.parallel_step import DeviceShare, check_rows, shared
from forecastrnn.training.seq2seq_batches import PairBatches, PairBatchIndex, PairWindows
from forecastrnn.training.seq2seq_step import OwnInput, PairBatchBuffers, PairData, PairStep
from forecastrnn.training.stepping import MAX_STEPS, PLAIN_RULE, BatchIndex, Stepper
from forecastrnn.training.training import Progress, ShouldStop, Trainer, TrainingPlan


@dataclass(frozen=True)
class Sampling:
    """Scheduled sampling: how outputs become inputs, and the chance of it.

    rate : the chance, which "linear" reaches at the end, from 0 at the first update on (Bengio et al. 2015,
    arXiv:1506.03099, whose epsilon is 1 minus this), and "constant" has all the time.
    """

    own: OwnInput
    rate: float
    schedule: str = "linear"

    def __post_init__(self) -> None:
        if not 0.0 <= self.rate <= 1.0:
            raise ValueError(f"rate must be between 0 and 1. Got {self.rate!r}.")
        if self.schedule not in ("linear", "constant"):
            raise ValueError(f"schedule must be 'linear' or 'constant'. Got {self.schedule!r}.")

    def chances(self, done: int, steps: int, total: int) -> np.ndarray:
        """Those of the updates done .. done + steps, of `total` in all."""
        if self.schedule == "constant":
            return np.full(steps, self.rate)
        return self.rate * np.minimum(np.arange(done, done + steps) / max(total - 1, 1), 1.0)


class PairProgram(Stepper):
    """Runs training steps on mini-batches of one size.

    Parameters
    ----------
    network, theta : the network and its parameters, updated in place
    optimizer : moments and count, updated in place; None computes gradients only
    source : where the pairs are
    steps : the longest source and the longest target
    rows : pairs of a mini-batch, of which those of a shard have their longest source first
    loss, rule : the loss, and the update rule
    dropout, seed : what is set to zero by chance, on both sides, and the seed of that and of `sampling`
    sampling : feed the decoder's own outputs by chance
    n_sampled : classes drawn for the softmax of a step, by the order in the source; 0: it is over all. Not together
        with sampling, for which all scores are needed
    device : where it runs
    shards, before : parts of these rows, if not as usual; rows of the mini-batch in front, which another program runs
    communicator : the other processes, with which the gradients are added up on the GPU
    """

    def __init__(
        self, network: Seq2SeqNetwork, theta: np.ndarray, optimizer: OptimizerState | None, source: PairData, *,
        steps: tuple[int, int], rows: int, loss: str, rule: Rule = PLAIN_RULE, dropout: Dropout = NO_DROPOUT,
        seed: int = 0, sampling: Sampling | None = None, n_sampled: int = 0, device: str = "cpu",
        shards: int | None = None, before: int = 0, communicator: Communicator | None = None,
    ) -> None:  # fmt: skip
        shape = Shape(
            steps[1], rows, training=True, shards=shards or shards_of(rows, device), dropout=dropout,
            sampled=n_sampled, device=device, before=before,
        )  # fmt: skip
        self.build = build = Seq2SeqAssembly(network, theta, shape, steps[0])
        self.program, self.shape, self.optimizer, self.rule = build.program, shape, optimizer, rule
        self.theta, self.seed, self.sampling = theta, seed, sampling
        self.most_steps = self.most_steps_of(rows)
        self.feed = self._feed()
        own = sampling.own if sampling else None
        self.step = PairStep(build, source, self.feed, loss, self._update(), own, communicator)

    def _feed(self) -> PairBatchBuffers:
        buffer, shape = self.program.buffer, (self.most_steps, self.shape.rows)
        names = ("starts", "y_starts", "lengths", "y_lengths", "samples")
        draws = self.shape.dropout or self.shape.sampled or self.sampling
        return PairBatchBuffers(
            **{name: buffer(name, shape, np.int64) for name in names},
            sums=buffer("sums", (MAX_STEPS, self.shape.shards, 2), np.float64),
            seeds=buffer("seeds", (MAX_STEPS,), np.int64) if draws else None,
            chances=buffer("chances", (MAX_STEPS,), np.float64) if self.sampling else None,
        )

    def _filled(self, index: BatchIndex) -> list[tuple[Buffer | None, np.ndarray | None]]:
        assert isinstance(index, PairBatchIndex)
        return [*super()._filled(index), (self.feed.y_lengths, index.y_lengths)]

    def write_chances(self, done: int, n: int, total: int) -> None:
        """Those of scheduled sampling."""
        if self.sampling is not None:
            self.feed.chances.put(self.sampling.chances(done, n, total))

    def attention(self) -> list[np.ndarray]:
        """The weights of the last step, for each shard (rows, target steps, source steps); views of what is there."""
        attention = self.build.attention
        if attention is None:
            raise ValueError("the network has no attention")
        return [attention.weights(s).array[:, :, : attention.J] for s in range(self.shape.shards)]


class DevicePairProgram(DeviceShare, PairProgram):
    """As a PairProgram of all rows, run by processes with a GPU each."""


class PairTrainer(Trainer):
    """Runs a plan on pairs of sequences; as `Trainer`, whose `last` and `checkpoint_steps` it does not use."""

    def __init__(
        self, network: Seq2SeqNetwork, progress: Progress, source: PairData, batches: PairBatches | PairWindows,
        plan: TrainingPlan, sampling: Sampling | None = None, validate: Callable[[np.ndarray], float] | None = None,
        watch: ShouldStop | None = None,
    ) -> None:  # fmt: skip
        super().__init__(network, progress, source, batches, plan, validate, watch)
        self.sampling = sampling

    def _build(self, rows: int, steps: tuple[int, int]) -> Any:
        plan = self.plan
        make = shared(PairProgram, DevicePairProgram, rows)
        return make(
            self.network, self.progress.theta, self.progress.optimizer, self.source, steps=steps, rows=rows,
            loss=plan.loss, rule=plan.rule, dropout=plan.dropout, seed=self.batches.seed, sampling=self.sampling,
            n_sampled=plan.n_sampled, device=plan.device,
        )  # fmt: skip

    def _check_memory(self) -> None:
        rows, (source, target) = self.batches.sizes[0]
        check_rows(rows, "pairs")
        need = sum(self._program(*size).program.nbytes for size in self.batches.sizes)
        have = memory_of(self.plan.device)
        check_fits(
            need, f"batch_size={rows}: mini-batches of {rows} pairs of {source} and {target} steps",
            f"About {int(rows * (have or machine_memory()) / max(need, 1))} such pairs fit. Lower batch_size.", have,
        )  # fmt: skip


def train_pairs(
    network: Seq2SeqNetwork, progress: Progress, source: PairData, batches: PairBatches | PairWindows,
    plan: TrainingPlan,
    sampling: Sampling | None = None, validate: Callable[[np.ndarray], float] | None = None,
    watch: ShouldStop | None = None,
) -> Progress:  # fmt: skip
    """Train `progress` in place and return it."""
    return PairTrainer(network, progress, source, batches, plan, sampling, validate, watch).run()
