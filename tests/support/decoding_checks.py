"""Decoding of a small network beside the oracle's."""

from __future__ import annotations

import numpy as np
import pytest

from forecastrnn.networks.network import Embedding, Network
from forecastrnn.networks.seq2seq_network import Seq2SeqNetwork
from forecastrnn.sequences.decoding import Found, Search, decode_codes
from support import naive_decoding as naive
from support.cases import layer

V, SOURCE_SYMBOLS, MOST = 6, 4, 7  # the last of the V symbols is the end


NAMES = {"gru": ("gru", {}), "lstm": ("lstm", {})}


def network_of(cell: str = "gru", attention: str | None = None, layers: int = 1, both: bool = False) -> Seq2SeqNetwork:
    units = 5
    encoder = Network(1, (layer(cell, units, both),) * layers, embeddings=(Embedding(0, SOURCE_SYMBOLS, 3),))
    decoder = Network(1, (layer(cell, units * (1 + both)),) * layers, V, embeddings=(Embedding(0, V, 4),))
    return Seq2SeqNetwork(encoder, decoder, attention)


def weights_of(network: Seq2SeqNetwork, dtype: str = "float64", spread: float = 1.5) -> np.ndarray:
    theta = np.random.default_rng(6).normal(scale=spread, size=network.size)
    return theta.astype(dtype)


def sources(n: int, longest: int = 9, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, longest + 1, n)
    return rng.integers(SOURCE_SYMBOLS, size=(n, longest)), lengths


def expected(
    network: Seq2SeqNetwork, theta: np.ndarray, codes: np.ndarray, search: Search
) -> tuple[naive.Hypothesis, naive.Translator]:  # fmt: skip
    """The hypothesis that the naive search chooses, and the oracle."""
    cell, both = type(network.decoder.layers[0].cell).__name__.lower(), network.encoder.layers[0].bidirectional
    count = len(network.decoder.layers)
    oracle = naive.Translator(network.views(theta), NAMES[cell], count, codes.tolist(), network.attention, both)
    return naive.chosen(naive.beam(oracle.scores, search.width, search.most, search.penalty)), oracle


def check(network: Seq2SeqNetwork, search: Search, n: int = 12, device: str = "cpu") -> Found:
    theta, (codes, lengths) = weights_of(network), sources(n)
    found = decode_codes(network, theta, codes, lengths, search, 1, device)
    for s in range(n):
        (_, total, symbols, ended), oracle = expected(network, theta, codes[s, : lengths[s]], search)
        assert bool(found.ended[s]) == ended
        size = found.sizes[s]
        assert tuple(found.symbols[s, :size]) == symbols[:-1]  # cut before the end, or before the last one
        log = total if ended else naive.log_probability(oracle.scores, symbols[:-1])
        assert found.log_probabilities[s] == pytest.approx(log, abs=1e-11)
        if found.weights is not None:
            for t in range(size):
                expected_weights = oracle.attention(symbols[:t])
                np.testing.assert_allclose(found.weights[s, t, : lengths[s]], expected_weights, atol=1e-12)
            assert not found.weights[s, size:].any()
            assert not found.weights[s, :, lengths[s] :].any()
    return found
