"""How the members of a forecaster are trained, and the network and the number of updates that follow."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from forecastrnn.forecasting.input_layout import InputLayout
from forecastrnn.forecasting.preparation import Prepared
from forecastrnn.networks.head import Head
from forecastrnn.networks.likelihood import Likelihood
from forecastrnn.networks.losses import AnyLoss, loss_of, numbers_of
from forecastrnn.networks.network import Ahead, AnyNetwork, Embedding, Layer, Network
from forecastrnn.networks.seq2seq_network import Seq2SeqNetwork
from forecastrnn.programs.shapes import NO_DROPOUT, Dropout
from forecastrnn.training.network_progress import Progress
from forecastrnn.training.optimizers import OptimizerState, Rule

FEWEST = 9.0  # counts: a logarithm of few is mostly noise
MANY = 20_000  # values from which on a set is large: the values one season ago are inputs too
WINDOWS = 64  # in a mini-batch
HEAD = 0.05  # first weights of the dense layer are drawn from U(-HEAD, HEAD): a forecast starts as the last value


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How members are trained."""

    layers: tuple[Layer, ...]
    initializer: str
    loss: str
    rule: Rule
    batch_size: int
    max_steps: int | None
    horizon: int
    n_iter_no_change: int
    validation_fraction: float | None
    n_threads: int
    verbose: bool
    dtype: str
    is_local: bool = False  # a network for each series, not one for all
    dropout: Dropout = NO_DROPOUT
    embeddings: tuple[Embedding, ...] = ()  # of the series' codes, which are the last columns of the inputs
    has_decoder: bool = False  # forecasts are made with weights of their own
    tol: float = field(default=0.0, metadata={"later": True})  # what counts as a better score on what is held out
    loss_options: tuple[float, ...] = field(default=(), metadata={"later": True})  # of a likelihood
    is_spread: bool = field(default=False, metadata={"later": True})  # the windows of a mini-batch, over all there are

    @property
    def any_loss(self) -> AnyLoss:
        """The loss, or the likelihood that its name stands for."""
        return loss_of(self.loss, self.loss_options)

    @property
    def likelihood(self) -> Likelihood | None:
        """How values are distributed, if the loss says it."""
        loss = self.any_loss
        return loss if isinstance(loss, Likelihood) else None

    @property
    def is_raw(self) -> bool:
        """Whether values are learned as they are, not their changes."""
        return self.likelihood is not None and not self.likelihood.is_scaled

    @property
    def least(self) -> float:
        """Above what all values of a series must be to become logarithms; several raw ones at once never do."""
        if not self.is_raw:
            return 0.0
        return np.inf if self.horizon > 1 else FEWEST if self.is_counted else 0.0

    @property
    def is_counted(self) -> bool:
        """Whether values are counts."""
        return self.likelihood is not None and self.likelihood.domain == "counts"

    @property
    def head(self) -> Head:
        """What the networks put out."""
        return Head(numbers=numbers_of(self.any_loss), steps=self.horizon)


def use_lags(prepared: Prepared, is_local: bool) -> bool:
    """Whether a network has data enough for the inputs of one season ago."""
    return prepared.n_observations >= MANY * (prepared.n_series if is_local else 1)


def update_count(prepared: Prepared, settings: Settings) -> int:
    """Updates of one network: 2 sqrt(observations that it learns from), between 300 and 1200; 0: it knows enough."""
    count = prepared.observed.sum() / (prepared.n_series if settings.is_local else 1)
    return int(np.clip(2.0 * np.sqrt(count), 300, 1200)) if settings.max_steps is None else settings.max_steps


def network_of(inputs: InputLayout, settings: Settings) -> AnyNetwork:
    """The layers read the squashed columns and the vectors of the series, the linear skip the raw columns."""
    columns = inputs.n_columns
    embeddings = tuple(replace(e, column=columns + e.column) for e in settings.embeddings)
    network = Network(columns + len(embeddings), settings.layers, settings.head.n_outputs, columns, embeddings)
    network = replace(network, ahead=_ahead(inputs, settings))
    return Seq2SeqNetwork(replace(network, n_outputs=0), network) if settings.has_decoder else network


def _ahead(inputs: InputLayout, settings: Settings) -> Ahead | None:
    """What several outputs at once read of their own times; one at a time finds it in its row."""
    is_read = settings.head.at_once and any(inputs.known_ahead)
    return Ahead(settings.head.steps, *inputs.known_ahead) if is_read else None


def start_member(network: AnyNetwork, settings: Settings, seed: int) -> Progress:
    """First parameters of a member."""
    theta = network.init_theta(seed, settings.dtype, settings.initializer)
    rng = np.random.default_rng([seed, 3])
    kernel = network.writer.views(network.writer_theta(theta))["output.kernel"]
    kernel[...] = rng.uniform(-HEAD, HEAD, kernel.shape)
    return Progress(theta, OptimizerState.zeros(theta, settings.rule.moments))
