"""Encoder and decoder forward beside the oracle, in one call and step by step."""

from __future__ import annotations

import numpy as np
import pytest

from forecastrnn.programs.seq2seq_inference import encode
from support.known_inputs import KnownInputs, forward_pairs
from support.pair_cases import PairProblem, draw_pairs, flat_theta, small

ATTENTIONS = [None, "dot", "additive"]
CELLS = ["tanh", "peephole_lstm", "gru", "gru_before"]
TOLERANCE = {"float32": 2e-5, "float64": 1e-12}


def problem_of(name: str, attention: str | None, both: bool = False) -> PairProblem:
    """Two layers, and rows for several shards."""
    return draw_pairs(small(name, both=both, layers=2), attention, n=9)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("both", [False, True], ids=["forward", "bidirectional"])
@pytest.mark.parametrize("attention", ATTENTIONS)
@pytest.mark.parametrize("name", CELLS)
def test_known_inputs(name: str, attention: str | None, both: bool, dtype: str) -> None:
    """Outputs and weights over all steps."""
    problem = problem_of(name, attention, both)
    theta, pairs, expected = flat_theta(problem, dtype), problem.pairs, problem.solve()
    found = forward_pairs(problem.network, theta, pairs.x.astype(dtype), pairs.x_out.astype(dtype), pairs.lengths)
    np.testing.assert_allclose(found.outputs, expected.outputs, rtol=0, atol=TOLERANCE[dtype])
    if attention:
        np.testing.assert_allclose(found.attention, expected.attention, rtol=0, atol=TOLERANCE[dtype])
        assert not found.attention[np.arange(5) >= pairs.lengths[:, None, None].repeat(4, 1)].any()
    else:
        assert found.attention is None


@pytest.mark.parametrize("attention", ATTENTIONS)
@pytest.mark.parametrize("name", CELLS)
def test_step_by_step(name: str, attention: str | None) -> None:
    """A step a call, the states going on; a program that is used again begins anew."""
    problem = problem_of(name, attention)
    theta, pairs, expected = flat_theta(problem, "float64"), problem.pairs, problem.solve()
    encoded = encode(problem.network, theta, pairs.x, pairs.lengths)
    decoding = KnownInputs(problem.network, "float64", 9, 5)
    for _ in range(2):
        decoding.start(theta, encoded)
        for t in range(pairs.x_out.shape[1]):
            found = decoding.step(pairs.x_out[:, t])[:, 0]
            np.testing.assert_allclose(found, expected.outputs[:, t], rtol=0, atol=1e-12)
            if attention:
                np.testing.assert_allclose(
                    decoding.attention_weights()[:, 0], expected.attention[:, t], rtol=0, atol=1e-12
                )


def test_rows_several_times() -> None:
    """Sources for several hypotheses each: those of the rows taken."""
    problem = problem_of("lstm", "dot")
    theta, pairs = flat_theta(problem, "float64"), problem.pairs
    encoded, rows = encode(problem.network, theta, pairs.x, pairs.lengths), np.array([4, 4, 0, 8])
    decoding = KnownInputs(problem.network, "float64", 4, 5)
    decoding.start(theta, encoded.take(rows))
    found = decoding.step(pairs.x_out[rows, 0])[:, 0]
    np.testing.assert_allclose(found, problem.solve().outputs[rows, 0], rtol=0, atol=1e-12)
    for layer in decoding.state():
        for values in layer[0].values():
            np.testing.assert_array_equal(values[0], values[1])


def test_no_attention_to_look_at() -> None:
    """A network without attention has no weights."""
    decoding = KnownInputs(problem_of("gru", None).network, "float32", 2, 5)
    with pytest.raises(ValueError, match="no attention"):
        decoding.attention_weights()


@pytest.mark.parametrize("attention", ATTENTIONS)
def test_chunks_and_threads(attention: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads change no bit; work space for a part of the rows gives what all of them at once do."""
    problem = draw_pairs(small("gru"), attention, n=40)
    theta, pairs = flat_theta(problem, "float32"), problem.pairs
    given = pairs.x.astype("float32"), pairs.x_out.astype("float32"), pairs.lengths
    whole = forward_pairs(problem.network, theta, *given)
    for threads in (2, 3):
        again = forward_pairs(problem.network, theta, *given, n_threads=threads)
        np.testing.assert_array_equal(again.outputs, whole.outputs)
    monkeypatch.setattr("forecastrnn.programs.seq2seq_inference.CHUNK_BYTES", 1)
    parts = forward_pairs(problem.network, theta, *given)
    np.testing.assert_allclose(parts.outputs, whole.outputs, rtol=0, atol=1e-6)


@pytest.mark.parametrize("attention", ATTENTIONS)
def test_skip_connection(attention: str | None) -> None:
    """The head reads the first columns of the inputs, the layers the others."""
    problem = draw_pairs(small("gru"), attention, n=9, skip=True)
    theta, pairs = flat_theta(problem, "float64"), problem.pairs
    given = np.concatenate([pairs.x_out, pairs.x_out], axis=2)
    found = forward_pairs(problem.network, theta, pairs.x, given, pairs.lengths).outputs
    np.testing.assert_allclose(found, problem.solve().outputs, rtol=0, atol=1e-12)
