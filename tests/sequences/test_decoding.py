"""Decoding by compiled beam search against a naive one on the same network, a source at a time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from forecastrnn.sequences import decoding
from forecastrnn.sequences.decoding import CALL_STEPS, Search, decode_codes
from support.decoding_checks import MOST, check, network_of, sources, weights_of


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
