"""What RNNSeq2Seq rests on: from token sequences to a trained encoder and decoder, and back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forecastrnn.data.tokens import padded_codes
from forecastrnn.engine.memory import check_fits
from forecastrnn.engine.threads import thread_count
from forecastrnn.networks.head import Head
from forecastrnn.networks.network import Embedding, Layer, Network
from forecastrnn.networks.seq2seq_network import Seq2SeqNetwork
from forecastrnn.programs.shapes import Dropout
from forecastrnn.sequences.decoding import Found, Search, decode_codes
from forecastrnn.sequences.samples import Samples
from forecastrnn.sequences.settings import PairSettings
from forecastrnn.training.network_progress import Progress
from forecastrnn.training.optimizers import OptimizerState
from forecastrnn.training.own_inputs import Sampling, own_token
from forecastrnn.training.pair_task import PairData
from forecastrnn.training.parameter_memory import check_networks
from forecastrnn.training.seq2seq_batches import PairBatches
from forecastrnn.training.training import Trainer

PADDED_BYTES = 17  # of a code: itself, where it lies, and whether it is one


@dataclass(kw_only=True)
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
        longest = int(self.lengths.max())
        what = f"X or y: {self.n} sequences, padded to the {longest} tokens of the longest,"
        check_fits(PADDED_BYTES * self.n * longest, what, "Take fewer at a time, or cut the longest.")
        return padded_codes(self.codes, self.lengths)


PairSamples = Samples[TokenCodes, TokenCodes]


def network_of(settings: PairSettings, n_source: int, n_target: int) -> Seq2SeqNetwork:
    """Encoder and decoder for vocabularies of these sizes."""
    layers, dim = settings.layers, settings.embedding_dim
    below = tuple(Layer(layer.cell, layer.width, layer_norm=layer.layer_norm) for layer in layers)
    encoder = Network(1, layers, embeddings=(Embedding(0, n_source, dim),))
    head = Head(numbers=n_target + 1)
    decoder = Network(1, below, head.n_outputs, embeddings=(Embedding(0, n_target + 1, dim),))
    return Seq2SeqNetwork(encoder, decoder, settings.attention)


def start(
    settings: PairSettings, tokens: tuple[np.ndarray, np.ndarray], y: TokenCodes, writes_str: bool, seed: int
) -> FittedPairs:
    """An untrained model for these vocabularies."""
    network = network_of(settings, *map(len, tokens))
    check_networks(network, settings.dtype, settings.rule)
    theta = network.init_theta(seed, settings.dtype, settings.initializer)
    progress = Progress(theta, OptimizerState.zeros(theta, settings.rule.moments))
    return FittedPairs(
        network=network, progress=progress, source_tokens=tokens[0],
        target_tokens=tokens[1], longest=int(y.lengths.max()), writes_str=writes_str, reverse=settings.reverse,
        seed=seed, dropout=settings.dropout,
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


def trainer_of(settings: PairSettings, fitted: FittedPairs, samples: PairSamples) -> Trainer:
    """Trains `fitted` in place; it is a copy of what the estimator holds, so a failure loses nothing."""
    x, y, classes = samples.X.reversed() if fitted.reverse else samples.X, samples.y, fitted.network.decoder.n_outputs
    batches = PairBatches(
        starts=x.starts, lengths=x.lengths, y_starts=y.starts + np.arange(y.n), y_lengths=y.lengths + 1,
        batch=settings.batch_of(x.n), shuffle=settings.shuffle, seed=fitted.seed, buckets=settings.bucket_by_length,
        device=settings.device,
    )  # fmt: skip
    sampling = None
    if settings.scheduled_sampling:
        sampling = Sampling(own_token(classes), settings.scheduled_sampling)
    plan = settings.plan(
        "cross_entropy", n_sampled=settings.sampled_of(classes), sampling=sampling, of_zeros=float(np.log(classes))
    )
    source = _source_of(fitted, x, y, samples.weight)
    return Trainer(fitted.network, fitted.progress, source, batches, plan)


def decode(
    fitted: FittedPairs, x: TokenCodes, search: Search, n_jobs: int | None, theta: np.ndarray | None = None,
    device: str = "cpu",
) -> Found:  # fmt: skip
    """Decode sources; weights of attention come in the order of the sources as given."""
    theta = fitted.progress.theta if theta is None else theta
    codes = (x.reversed() if fitted.reverse else x).padded()
    found = decode_codes(fitted.network, theta, codes, x.lengths, search, n_threads=thread_count(n_jobs), device=device)
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
