"""What the parameters of an estimator mean for its network and its training, read once and checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from forecastrnn.data.coding import EmbeddingOptions
from forecastrnn.networks.network import Layer
from forecastrnn.programs.shapes import ALL, Dropout
from forecastrnn.training.divergence import WorstLoss
from forecastrnn.training.optimizers import Rule
from forecastrnn.training.own_inputs import Sampling
from forecastrnn.training.training import TrainingPlan

WORST = 3.0  # times the squared errors of outputs that say nothing, or those at first, that they may be at the end
BACK = 1.5  # the same where an epoch blew up: who came back from there is about as good as they, or better
AUTO_BATCH = 128  # rows of a mini-batch, if there are as many


@dataclass(frozen=True, kw_only=True)
class TrainingSettings:
    """What all networks of sequences share.

    batch_size : None is `AUTO_BATCH`. n_sampled : classes that the softmax of a mini-batch draws, None: it is over all.
    """

    layers: tuple[Layer, ...]
    initializer: str
    rule: Rule
    dropout: Dropout
    batch_size: int | None
    max_iter: int
    tol: float
    n_iter_no_change: int
    shuffle: bool
    bucket_by_length: bool
    n_sampled: int | None
    n_threads: int
    verbose: bool
    device: str

    def batch_of(self, n: int) -> int:
        """Rows of a mini-batch, where there are n."""
        return min(self.batch_size or AUTO_BATCH, n)

    def sampled_of(self, n_classes: int) -> int:
        """Classes drawn for the softmax of a mini-batch; 0: all count, as where more were asked for than there are."""
        return 0 if self.n_sampled is None or self.n_sampled >= n_classes else self.n_sampled

    def plan(
        self, loss: str, *, n_sampled: int, of_zeros: float, last: int = ALL, checkpoint_steps: int | None = None,
        sampling: Sampling | None = None,
    ) -> TrainingPlan:  # fmt: skip
        """The plan of a training; of_zeros : the loss of outputs that are all 0."""
        return TrainingPlan(
            loss=loss, last=last, rule=self.rule, max_iter=self.max_iter, tol=self.tol,
            n_iter_no_change=self.n_iter_no_change, n_threads=self.n_threads, verbose=self.verbose,
            checkpoint_steps=checkpoint_steps, dropout=self.dropout, n_sampled=n_sampled, sampling=sampling,
            device=self.device, worst=WorstLoss(times=WORST, of_zeros=of_zeros, back=BACK, loss=loss),
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class SequenceSettings(TrainingSettings):
    """Of a regressor or classifier; `scales_x`, `scales_y`: inputs and targets are standardised."""

    loss: str
    embedding: EmbeddingOptions
    scales_x: bool
    scales_y: bool
    bptt_steps: int | None
    checkpoint_steps: int | Literal["auto"] | None


@dataclass(frozen=True, kw_only=True)
class PairSettings(TrainingSettings):
    """Of an encoder and a decoder; `reverse`: sources are read from their end on."""

    dtype: str
    embedding_dim: int
    attention: str | None
    reverse: bool
    scheduled_sampling: float
