"""Decoding by compiled beam search against a naive one on the same network, a source at a time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import naive_decoding as naive
from cases import layer
from forecastrnn import decoding
from forecastrnn.decoding import CALL_STEPS, Found, Search, decode_codes
from forecastrnn.network import Embedding, Network
from forecastrnn.seq2seq_network import Seq2SeqNetwork

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


@pytest.mark.parametrize("width", [1, 3])
@pytest.mark.parametrize("attention", [None, "dot", "additive"])
def test_decoding_is_that_of_the_naive_search(attention: str | None, width: int) -> None:
    found = check(network_of(attention=attention), Search(width, MOST, attends=True))
    assert found.ended.any() and (width > 1 or not found.ended.all())  # greedy search meets both kinds
    assert (found.weights is None) == (attention is None)


def test_deep_bidirectional_lstm_with_a_length_penalty() -> None:
    check(network_of("lstm", "dot", layers=2, both=True), Search(4, MOST, 0.7, attends=True))


def test_more_symbols_than_one_call() -> None:
    check(network_of(), Search(2, CALL_STEPS + 3), n=5)


def test_one_source_is_one_of_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks, shards, threads and what else is decoded change no bit."""
    network = network_of(attention="additive")
    theta, (codes, lengths) = weights_of(network, "float32"), sources(700, 20)
    search = Search(2, MOST, attends=True)
    whole, threads = (decode_codes(network, theta, codes, lengths, search, threads) for threads in (1, 2))
    for name in ("symbols", "log_probabilities", "weights"):
        np.testing.assert_array_equal(getattr(whole, name), getattr(threads, name))
    monkeypatch.setattr(decoding, "MOST_ROWS", 100)
    cut = decode_codes(network, theta, codes, lengths, search, 1)
    np.testing.assert_array_equal(cut.log_probabilities, whole.log_probabilities)
    for s in (0, 1, 350, 699):
        alone = decode_codes(network, theta, codes[s : s + 1], lengths[s : s + 1], search, 1)
        assert alone.symbols[0].tolist() == whole.symbols[s].tolist()
        assert alone.log_probabilities[0] == whole.log_probabilities[s]
        np.testing.assert_array_equal(alone.weights[0], whole.weights[s])


def test_a_program_is_used_again_with_other_weights() -> None:
    network, (codes, lengths) = network_of(attention="dot"), sources(10)
    search = Search(2, MOST)
    thetas = weights_of(network), weights_of(network, spread=0.5)
    first = [decode_codes(network, theta, codes, lengths, search, 1) for theta in thetas]
    again = [decode_codes(network, theta, codes, lengths, search, 1) for theta in thetas]
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one.log_probabilities, other.log_probabilities)
    assert (first[0].log_probabilities != first[1].log_probabilities).any()


def test_a_wider_beam_can_be_better_and_memory_is_refused() -> None:
    network, (codes, lengths) = network_of(), sources(60)
    theta = weights_of(network)
    narrow, wide = (decode_codes(network, theta, codes, lengths, Search(k, MOST), 1) for k in (1, 200))
    both = narrow.ended & wide.ended
    assert (wide.log_probabilities[both] >= narrow.log_probabilities[both] - 1e-12).all()
    assert (wide.log_probabilities[both] > narrow.log_probabilities[both] + 1e-6).any()
    with pytest.raises(ValueError, match="beam_width=1000000000: 1000000000 hypotheses of 7 symbols.*Lower beam_width"):
        decode_codes(network, theta, codes[:12], lengths[:12], replace(Search(1, MOST), width=10**9), 1)
