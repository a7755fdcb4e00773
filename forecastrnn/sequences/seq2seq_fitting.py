"""What RNNSeq2Seq rests on: from token sequences to a trained encoder and decoder, and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from forecastrnn.data.tokens import padded_codes
from forecastrnn.engine.threads import thread_count
from forecastrnn.networks.network import Embedding, Layer, Network
from forecastrnn.networks.seq2seq_network import Seq2SeqNetwork
from forecastrnn.programs.shapes import Dropout
from forecastrnn.sequences.decoding import Found, Search, decode_codes
from forecastrnn.sequences.fitting import AUTO_BATCH
from forecastrnn.training.optimizers import OptimizerState
from forecastrnn.training.own_inputs import Sampling, own_token
from forecastrnn.training.pair_task import PairData
from forecastrnn.training.parameters import dropout_of, layers_of, rule_of
from forecastrnn.training.seq2seq_batches import PairBatches
from forecastrnn.training.training import Progress, ShouldStop, TrainingPlan, train


@dataclass
class FittedPairs:
    """A trained encoder and decoder with their vocabularies: all that a fitted estimator holds.

    The decoder's symbol behind the last token, len(target_tokens), begins a sequence as an input and ends it as an
    output. longest : tokens of the longest target of fit. writes_str : targets are texts. reverse : the encoder
    reads a source from its end on.
    """

    network: Seq2SeqNetwork
    progress: Progress
    source_tokens: np.ndarray
    target_tokens: np.ndarray
    longest: int
    writes_str: bool
    reverse: bool
    seed: int
    dropout: Dropout


@dataclass(frozen=True)
class TokenCodes:
    """Sequences as codes (all of them,), one behind the other, and their lengths (n,)."""

    codes: np.ndarray
    lengths: np.ndarray

    @property
    def n(self) -> int:
        """Number of sequences."""
        return len(self.lengths)

    @property
    def starts(self) -> np.ndarray:
        """Where each begins."""
        return np.cumsum(self.lengths) - self.lengths

    def take(self, rows: np.ndarray) -> TokenCodes:
        """Some of them."""
        lengths = self.lengths[rows]
        first = np.repeat(self.starts[rows] - (np.cumsum(lengths) - lengths), lengths)
        return TokenCodes(self.codes[first + np.arange(lengths.sum())], lengths)

    def reversed(self) -> TokenCodes:
        """Each from its end on."""
        last = np.repeat(2 * self.starts + self.lengths - 1, self.lengths)
        return TokenCodes(self.codes[last - np.arange(len(self.codes))], self.lengths)

    def padded(self) -> np.ndarray:
        """Codes (n, longest)."""
        return padded_codes(self.codes, self.lengths)


def network_of(estimator: Any, n_source: int, n_target: int) -> Seq2SeqNetwork:
    """Encoder and decoder for vocabularies of these sizes."""
    layers, dim = layers_of(estimator), int(estimator.embedding_dim)
    below = tuple(Layer(layer.cell, layer.width, layer_norm=layer.layer_norm) for layer in layers)
    encoder = Network(1, layers, embeddings=(Embedding(0, n_source, dim),))
    decoder = Network(1, below, n_target + 1, embeddings=(Embedding(0, n_target + 1, dim),))
    return Seq2SeqNetwork(encoder, decoder, estimator.attention)


def start(estimator: Any, tokens: tuple[np.ndarray, np.ndarray], y: TokenCodes, writes_str: bool) -> FittedPairs:
    """An untrained model for these vocabularies."""
    seed = int(check_random_state(estimator.random_state).randint(2**31 - 1))
    network = network_of(estimator, *map(len, tokens))
    dtype = "float32" if estimator.dtype == "auto" else estimator.dtype
    theta = network.init_theta(seed, dtype, estimator.initializer)
    progress = Progress(theta, OptimizerState.zeros(theta, rule_of(estimator).moments))
    return FittedPairs(
        network, progress, *tokens, int(y.lengths.max()), writes_str, bool(estimator.reverse_source), seed,
        dropout_of(estimator),
    )  # fmt: skip


def _source_of(fitted: FittedPairs, x: TokenCodes, y: TokenCodes, weight: np.ndarray | None) -> PairData:
    """Rows of codes: sources, targets behind the begin, targets with the end."""
    dtype, boundary = fitted.progress.theta.dtype, len(fitted.target_tokens)
    given = np.insert(y.codes, y.starts, boundary)
    asked = np.insert(y.codes, y.starts + y.lengths, boundary)
    X_in, X_out, out = (codes[:, None].astype(dtype) for codes in (x.codes, given, asked))
    order = np.argsort(-np.bincount(asked, minlength=boundary + 1), kind="stable")
    weight = None if weight is None else np.ascontiguousarray(weight, dtype)
    return PairData(X_in, X_out, out, weight=weight, class_order=order)


def _n_sampled(estimator: Any, fitted: FittedPairs) -> int:
    """Classes of a sampled softmax; 0 if it would not be fewer than all."""
    asked = estimator.n_sampled_tokens
    return int(asked) if asked is not None and asked < fitted.network.decoder.n_outputs else 0


def train_on(
    estimator: Any, fitted: FittedPairs, x: TokenCodes, y: TokenCodes, weight: np.ndarray | None, *,
    max_iter: int | None = None, validate: Any = None, watch: ShouldStop | None = None, device: str = "cpu",
) -> None:  # fmt: skip
    """Train `fitted` in place; it is a copy of what the estimator holds, so a failure loses nothing."""
    x = x.reversed() if fitted.reverse else x
    size = min(AUTO_BATCH, x.n) if estimator.batch_size == "auto" else min(int(estimator.batch_size), x.n)
    batches = PairBatches(
        starts=x.starts, lengths=x.lengths, y_starts=y.starts + np.arange(y.n), y_lengths=y.lengths + 1, batch=size,
        shuffle=estimator.shuffle, seed=fitted.seed, buckets=estimator.bucket_by_length, device=device,
    )  # fmt: skip
    sampling = None
    if estimator.scheduled_sampling:
        sampling = Sampling(own_token(fitted.network.decoder.n_outputs), float(estimator.scheduled_sampling))
    plan = TrainingPlan(
        loss="cross_entropy", rule=rule_of(estimator), max_iter=max_iter or estimator.max_iter, tol=estimator.tol,
        n_iter_no_change=estimator.n_iter_no_change, n_threads=thread_count(estimator.n_jobs),
        verbose=bool(estimator.verbose), dropout=dropout_of(estimator), sampling=sampling,
        n_sampled=_n_sampled(estimator, fitted), device=device,
    )  # fmt: skip
    source = _source_of(fitted, x, y, weight)
    train(fitted.network, fitted.progress, source, batches, plan, validate=validate, watch=watch)


def decode(
    fitted: FittedPairs, x: TokenCodes, search: Search, n_jobs: int | None, theta: np.ndarray | None = None,
    device: str = "cpu",
) -> Found:  # fmt: skip
    """Decode sources; weights of attention come in the order of the sources as given."""
    theta = fitted.progress.theta if theta is None else theta
    codes = (x.reversed() if fitted.reverse else x).padded()
    found = decode_codes(fitted.network, theta, codes, x.lengths, search, thread_count(n_jobs), device)
    if found.weights is not None and fitted.reverse:
        steps = np.arange(codes.shape[1])
        turned = np.where(steps < x.lengths[:, None], x.lengths[:, None] - 1 - steps, steps)
        found.weights[:] = np.take_along_axis(found.weights, turned[:, None], axis=2)
    return found


def matches(found: Found, y: TokenCodes) -> np.ndarray:
    """Which sequences are exactly those of y (n,)."""
    wanted = y.padded()
    steps = min(wanted.shape[1], found.symbols.shape[1])
    same = (wanted[:, :steps] == found.symbols[:, :steps]) | (np.arange(steps) >= y.lengths[:, None])
    return same.all(axis=1) & (found.sizes == y.lengths)
