"""Training of encoder and decoder: gradients beside the oracle and central differences, bits, memory, errors."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from forecastrnn import GRU, LSTM
from forecastrnn.networks.network import Embedding, Layer, Network
from forecastrnn.networks.seq2seq_network import Seq2SeqNetwork
from forecastrnn.programs.shapes import Dropout
from forecastrnn.training.optimizers import OptimizerState, Rule
from forecastrnn.training.own_inputs import Sampling, own_value
from forecastrnn.training.pair_task import PairData
from forecastrnn.training.stepping import TrainingProgram
from support.cases import CELLS, NORMED, layer, worst
from support.naive_training import numerical_gradient
from support.pair_cases import (
    PairProblem,
    attention_weights,
    by_name,
    draw_pairs,
    flat_theta,
    pair_gradients,
    pair_index,
    pair_program,
    small,
    source_of,
)
from support.pair_checks import ATTENTIONS, TOLERANCE, check

CHOSEN = [name for name in CELLS if name not in ("relu", "logistic")]


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("attention", ATTENTIONS)
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("name", CHOSEN)
def test_gradients(name: str, layers: int, attention: str | None, dtype: str) -> None:
    """Every cell, rows ragged on both sides."""
    check(draw_pairs(small(name, layers=layers), attention, weighted=layers == 2), dtype)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("attention", ATTENTIONS)
@pytest.mark.parametrize("name", CHOSEN)
def test_bidirectional_encoder(name: str, attention: str | None, dtype: str) -> None:
    """The decoder's layers begin with the states of both directions side by side."""
    check(draw_pairs(small(name, both=True, layers=2), attention), dtype)


@pytest.mark.parametrize("attention", [None, "dot"])
@pytest.mark.parametrize("name", NORMED)
def test_layer_norm(name: str, attention: str | None) -> None:
    """Sums are normalised on both sides, each with gains of its own."""
    check(draw_pairs(small(name, layers=2), attention), "float64")


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("attention", ATTENTIONS)
@pytest.mark.parametrize("loss", ["absolute_error", "huber", "cross_entropy"])
def test_losses(loss: str, attention: str | None, dtype: str) -> None:
    """Means over the valid steps of the targets, weighted or not."""
    check(draw_pairs(small("gru"), attention, loss=loss, outputs=5, weighted=loss == "huber"), dtype)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("sizes", [(1, 1, 1, 1), (16, 2, 5, 17), (70, 3, 37, 3), (17, 130, 3, 2)], ids=str)
@pytest.mark.parametrize("attention", ATTENTIONS)
def test_sizes(attention: str | None, sizes: tuple[int, ...], dtype: str) -> None:
    """Sizes = (units, rows, source steps, target steps); many rows make several shards."""
    units, n, J, T = sizes
    check(draw_pairs((layer("lstm", units),), attention, n=n, J=J, T=T), dtype)


@pytest.mark.parametrize("attention", ATTENTIONS)
def test_skip_connection(attention: str | None) -> None:
    """A linear map from the decoder's inputs to its outputs, beside the layers and the attention."""
    check(draw_pairs(small("gru"), attention, skip=True), "float64")


@pytest.mark.parametrize("attention", ATTENTIONS)
def test_empty_sources(attention: str | None) -> None:
    """The decoder then begins at zero and looks back at nothing."""
    problem = draw_pairs(small("lstm"), attention)
    lengths = np.where(np.arange(7) % 3, problem.pairs.lengths, 0)
    program = pair_program(problem, "float64")
    problem = replace(problem, pairs=problem.pairs._replace(lengths=lengths))
    index = pair_index(problem, program)
    assert differences(program, index) < 1e-8
    if attention:
        weights = np.concatenate(attention_weights(program))
        sums = weights.sum(axis=2)
        np.testing.assert_allclose(sums, np.repeat(index.lengths[0] > 0, 4).reshape(7, 4), rtol=0, atol=1e-12)


@pytest.mark.parametrize("attention", ATTENTIONS)
def test_missing_targets_count_for_nothing(attention: str | None) -> None:
    """A value that is NaN acts as if the target were shorter there."""
    problem = draw_pairs(small("lstm"), attention)
    pairs, short = problem.pairs, np.maximum(problem.pairs.y_lengths - 1, 1)
    y = np.where(np.arange(4)[:, None] < short[:, None, None], pairs.y, np.nan)
    expected = problem.solve(pairs._replace(y_lengths=short))
    loss, found = pair_gradients(replace(problem, pairs=pairs._replace(y=y)), "float64")
    assert loss == pytest.approx(expected.loss, rel=1e-12)
    assert worst(found, by_name(expected.d_theta)) < 1e-12


# Central differences of the engine's own loss: dropout, embeddings.


def differences(program: TrainingProgram, index: Any) -> float:
    """The largest error of the gradient, relative to its largest number."""
    program.run(index, 1, 1)
    found = program.grad.copy()
    expected = numerical_gradient(lambda: program.loss(index, 1)[0], program.theta)
    return float(np.abs(found - expected).max() / np.abs(expected).max())


@pytest.mark.parametrize("attention", ATTENTIONS)
@pytest.mark.parametrize("name", CHOSEN)
def test_dropout(name: str, attention: str | None) -> None:
    """Of inputs, outputs and states on both sides, with the same masks each time."""
    problem = draw_pairs((layer(name, 2), layer(name, 3)), attention, n=3, inputs=(2, 2), loss="huber")
    program = pair_program(problem, "float64", dropout=Dropout(0.2, 0.3, 0.4), seed=3)
    index = pair_index(problem, program)
    assert differences(program, index) < 1e-8
    assert program.loss(index, 1)[0] != problem.solve().loss


def test_both_sides_have_masks_of_their_own() -> None:
    """Encoder and decoder that read the same lose different inputs."""
    problem = draw_pairs(small("gru"), n=64, J=6, T=6, inputs=(2, 2))
    problem = replace(problem, pairs=problem.pairs._replace(lengths=np.full(64, 6), y_lengths=np.full(64, 6)))
    program = pair_program(problem, "float64", dropout=Dropout(inputs=0.5), seed=3)
    program.loss(pair_index(problem, program), 1)
    lost = [program.program.buffers[f"{side}.x[0]"].array == 0.0 for side in ("encoder", "decoder")]
    assert 0.4 < (lost[0] == lost[1]).mean() < 0.6  # as often as not, if they have nothing to do with one another


def tokens(rng: np.random.Generator, lengths: np.ndarray, size: int) -> np.ndarray:
    """Codes of all rows, one column."""
    return rng.integers(size, size=(lengths.sum(), 1)).astype(float)


@pytest.mark.parametrize("attention", ATTENTIONS)
def test_embeddings(attention: str | None) -> None:
    """Tokens on both sides, whose vectors are learned."""
    problem, rng = draw_pairs(small("lstm"), attention, n=4, loss="cross_entropy", outputs=3), np.random.default_rng(1)
    layers, pairs = small("lstm"), problem.pairs
    sides = (
        Network(1, layers, embeddings=(Embedding(0, 4, 2),)),
        Network(1, layers, 3, embeddings=(Embedding(0, 3, 2),)),
    )
    network = Seq2SeqNetwork(*sides, attention)
    theta, index = network.init_theta(0, "float64"), pair_index(problem, pair_program(problem, "float64"))
    y = rng.integers(3, size=(pairs.y_lengths.sum(), 1)).astype(float)
    source = PairData(tokens(rng, pairs.lengths, 4), tokens(rng, pairs.y_lengths, 3), y)
    program = TrainingProgram(network, theta, None, source, steps=(5, 4), rows=4, loss="cross_entropy")
    program.run(index, 1, 1)
    named = network.views(program.grad)
    assert not named["encoder.embeddings.0.vectors"][-1].any()  # of what is not known
    for side in ("encoder", "decoder"):
        name = f"{side}.embeddings.0.vectors"
        found = named[name][:-1].copy()
        view = network.views(theta)[name][:-1]
        expected = numerical_gradient(lambda: program.loss(index, 1)[0], view)
        assert np.abs(found - expected).max() < 1e-8 * np.abs(expected).max()


# Bits.


def trained(problem: PairProblem, n_threads: int) -> tuple[np.ndarray, np.ndarray]:
    """Losses and parameters after four updates with everything that training has."""
    rule = Rule("adam", 0.01, alpha=0.01, clip_norm=0.1, gradient_noise=1e-4)
    sampling = Sampling(own_value(2), 0.5, "constant")
    program = pair_program(problem, "float32", rule=rule, dropout=Dropout(0.1, 0.2, 0.3), seed=5, sampling=sampling)
    n = len(problem.pairs.x)
    order = np.stack([np.random.default_rng(step).permutation(n) for step in range(4)])
    return program.run(pair_index(problem, program, order), 4, n_threads), program.theta


def test_layer_normalisation() -> None:
    """On both sides."""
    problem = draw_pairs(small("gru"), n=3)
    layers = tuple(replace(one, layer_norm=True) for one in small("gru"))
    network = Seq2SeqNetwork(replace(problem.network.encoder, layers=layers), Network(2, layers, 2), "dot")
    theta, source = network.init_theta(0, "float64"), source_of(problem, "float64")[0]
    program = TrainingProgram(network, theta, None, source, steps=(5, 4), rows=3, loss="squared_error")
    index = pair_index(problem, program)
    program.run(index, 1, 1)
    found = program.grad.copy()
    expected = numerical_gradient(lambda: program.loss(index, 1)[0], theta)
    assert np.abs(found - expected).max() < 1e-7 * np.abs(expected).max()


@pytest.mark.parametrize("attention", [None, "additive"])
def test_sampled_softmax(attention: str | None) -> None:
    """The gradient is that of the engine's own loss, for one draw of the classes and one of dropout."""
    problem = draw_pairs(small("gru"), attention, n=4, loss="cross_entropy", outputs=20)
    source = replace(source_of(problem, "float64")[0], class_order=np.arange(20))
    theta, index = flat_theta(problem, "float64"), pair_index(problem, pair_program(problem, "float64"))
    program = TrainingProgram(
        problem.network, theta, None, source, steps=(5, 4), rows=4, loss="cross_entropy", n_sampled=6,
        dropout=Dropout(outputs=0.3), seed=3,
    )  # fmt: skip
    program.run(index, 1, 1)
    found = program.grad.copy()
    expected = numerical_gradient(lambda: program.loss(index, 1)[0], theta)
    assert np.abs(found - expected).max() < 1e-8 * np.abs(expected).max()


@pytest.mark.parametrize("attention", ["dot", "additive"])
def test_threads_change_no_bit(attention: str) -> None:
    """Two to four threads beside one, on a mini-batch of several shards."""
    problem = draw_pairs((layer("lstm", 5, True), layer("lstm", 3)), attention, n=130, weighted=True)
    losses, theta = trained(problem, 1)
    assert np.isfinite(losses).all()
    for n_threads in (2, 3, 4):
        again = trained(problem, n_threads)
        np.testing.assert_array_equal(again[0], losses)
        np.testing.assert_array_equal(again[1], theta)


@pytest.mark.parametrize("attention", ATTENTIONS)
def test_a_program_leaves_no_trace(attention: str | None) -> None:
    """The second run has the bits of the first, whatever ran between."""
    problem = draw_pairs(small("peephole_lstm", layers=2), attention)
    program = pair_program(problem, "float32")
    index = pair_index(problem, program)
    first = program.run(index, 1, 1)[0], program.grad.copy()
    program.run(pair_index(problem, program, np.full((1, 7), 3)), 1, 1)
    assert program.run(index, 1, 1)[0] == first[0]
    np.testing.assert_array_equal(program.grad, first[1])


# Memory, and networks that do not fit together.


def test_memory_is_stated_before() -> None:
    """Building a program allocates nothing; what it says is what it takes."""
    problem = draw_pairs(small("lstm"), "additive", n=50, J=40, T=30)
    program = pair_program(problem, "float32").program
    stated, own = program.nbytes, [b for b in program.buffers.values() if b.nbytes]
    assert stated > 50 * 40 * 30 * 4  # the weights of attention alone
    assert [b.name for b in own if b._array is not None] == []
    program.prepare()
    assert program.nbytes == stated == sum(b.array.nbytes for b in own)


def refused(match: str, encoder: Network, decoder: Network, attention: str | None = None) -> None:
    with pytest.raises(ValueError, match=match):
        Seq2SeqNetwork(encoder, decoder, attention)


def test_networks_that_do_not_fit() -> None:
    """Each reason says what to change."""
    one, two, other = (Layer(GRU(), 4),), (Layer(GRU(), 4), Layer(GRU(), 4)), (Layer(LSTM(), 4),)
    good = Network(2, one), Network(2, one, 3)
    refused("attention must be one of .* Got 'luong'", *good, "luong")
    refused("the encoder has 2 layers and the decoder 1", Network(2, two), good[1])
    refused("the decoder needs an output projection", good[0], good[0])
    refused("the encoder has none", good[1], good[1])
    refused("decoder's layer 0 is bidirectional", good[0], Network(2, (Layer(GRU(), 4, True),), 3))
    refused(r"the same cell and 4 units. Got GRU\(.*LSTM\(", good[0], Network(2, other, 3))
    refused("and 8 units", Network(2, (Layer(GRU(), 4, True),)), good[1])


def test_first_values() -> None:
    """Both networks and the attention begin as dense and recurrent layers do, by the same seed alike."""
    network = Seq2SeqNetwork(Network(2, small("lstm")), Network(2, small("lstm"), 3), "additive")
    theta = network.init_theta(0, "float32")
    np.testing.assert_array_equal(theta, network.init_theta(0, "float32"))
    assert theta.size == network.size == OptimizerState.zeros(theta).moments["m"].size
    views = network.views(theta)
    assert not views["attention.bias"].any()
    for name in ("query_kernel", "key_kernel", "score_kernel", "context_kernel", "state_kernel"):
        values = views[f"attention.{name}"]
        assert np.abs(values).max() <= np.sqrt(6 / 6)
        assert values.std() > 0.1
    assert (views["encoder.layers.0.bias"][5:10] == 1.0).all()  # the forget gate's
