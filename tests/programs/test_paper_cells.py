"""Cells of papers beside naive loops: states and outputs, and gradients beside differences of the naive loss."""

from __future__ import annotations

import numpy as np
import pytest

from forecastrnn import SLSTM
from forecastrnn.functional import dynamic_rnn
from forecastrnn.networks.network import Layer, Network
from forecastrnn.networks.seq2seq_network import Seq2SeqNetwork
from forecastrnn.programs.inference import sort_rows
from forecastrnn.training.pair_task import PairData
from forecastrnn.training.sequence_task import TrainingData
from forecastrnn.training.stepping import BatchIndex, TrainingProgram
from support.naive_papers import run, run_stack
from support.naive_training import numerical_gradient
from support.pair_cases import packed_rows
from support.paper_cells import CELLS, Problem, draw, flat, layer, named_weights, random_state, random_weights

TOLERANCE = {"float32": 2e-5, "float64": 1e-12}
each_cell = pytest.mark.parametrize("name", CELLS)


# Forward -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("sizes", [(5, 5, 7, 3), (20, 130, 3, 1), (16, 2, 4, 4)], ids=str)
@each_cell
def test_states_and_outputs(name: str, sizes: tuple[int, ...], dtype: str) -> None:
    """From zero and from states that are given; sizes = (units, rows, steps, inputs)."""
    units, n, T, inputs = sizes
    rng, problem = np.random.default_rng(1), draw(layer(name, units), n=n, T=T, inputs=inputs)
    (one,), (weights,) = problem.layers, random_weights(problem.layers[0], inputs, rng)
    for start in (None, random_state(one, n, rng)):
        expected, states = run(problem.naive[0], weights, problem.x, problem.lengths, start)
        given = None if start is None else tuple(start.values()) if len(start) > 1 else start["h"]
        found, final = dynamic_rnn(
            one.cell, problem.x.astype(dtype), weights, initial_state=given, lengths=problem.lengths
        )
        np.testing.assert_allclose(found, expected, rtol=0.0, atol=TOLERANCE[dtype])
        for value, own in zip(flat(final), states.values(), strict=True):
            np.testing.assert_allclose(value, own, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])


NORMED = {"mgu", "slstm", "mingru", "indrnn"}  # two stages, four states, no product with the old state: one of each


def stacks(name: str, units: int) -> tuple[Layer, ...]:
    """Two layers, the first in both directions, the second normalised if that is another way of computing."""
    return layer(name, units, True), layer(f"{name}+norm" if name in NORMED else name, 3)


@each_cell
def test_stacks_both_ways_and_normalised(name: str) -> None:
    problem = draw(*stacks(name, 4), T=6)
    network, rng = Network(3, problem.layers), np.random.default_rng(0)
    weights = named_weights(network, rng.normal(scale=0.5, size=network.size))
    given = [own if len(own) > 1 else own[0] for own in weights]
    found, _ = dynamic_rnn([one.cell for one in problem.layers], problem.x, given, lengths=problem.lengths)
    np.testing.assert_allclose(found, run_stack(problem.naive, weights, problem.x, problem.lengths), atol=1e-11)


@pytest.mark.parametrize("forget", ["sigmoid", "exp"])
def test_an_slstm_is_stable_where_its_equations_overflow(forget: str) -> None:
    """Gates of exp(60) and more, and of exp(-60): the output is the weighted mean that it should be."""
    weights = {"kernel": np.array([[40.0, 0.0, 1.0, 0.0]]), "recurrent_kernel": np.zeros((1, 4)), "bias": np.zeros(4)}
    x = np.array([-1.5, 0.0, 2.0, 2.0, -2.0, 0.5, 5.0, 0.1], np.float32)
    found, _ = dynamic_rnn(SLSTM(forget), x.reshape(1, -1, 1), weights)
    keep = 0.0 if forget == "exp" else np.log(0.5)
    for t in range(len(x)):
        weight = 40.0 * x[: t + 1].astype(float) + keep * np.arange(t, -1, -1)
        share = np.exp(weight - weight.max())
        expected = 0.5 * (share * np.tanh(x[: t + 1])).sum() / share.sum()
        assert found[0, t, 0] == pytest.approx(expected, abs=1e-5)


# Gradients ---------------------------------------------------------------------------------------------------


@each_cell
def test_gradients_are_those_of_the_naive_loss(name: str) -> None:
    problem = draw(*stacks(name, 2), n=2, T=3, inputs=2)
    network, rng = Network(2, problem.layers, 2), np.random.default_rng(0)
    theta, y = rng.normal(scale=0.5, size=network.size), rng.standard_normal((2, 3, 2))
    valid = np.arange(3) < problem.lengths[:, None]

    def naive_loss() -> float:
        outputs = run_stack(problem.naive, named_weights(network, theta), problem.x, problem.lengths)
        head = network.views(theta)
        wrong = outputs @ head["output.kernel"] + head["output.bias"] - y
        return float((wrong[valid] ** 2).mean())

    source = TrainingData(problem.x.reshape(-1, 2), y.reshape(-1, 2), y_steps=3)
    program = TrainingProgram(network, theta, None, source, steps=3, rows=2, loss="squared_error", last=0, lengths=True)
    loss = program.run(sequences(problem), 1, 1)[0]
    assert loss == pytest.approx(naive_loss(), rel=1e-12)
    np.testing.assert_allclose(program.grad, numerical_gradient(naive_loss, theta, sharp=True), rtol=1e-6, atol=1e-8)


def sequences(problem: Problem) -> BatchIndex:
    """All rows as one mini-batch, the longest first."""
    order = sort_rows(problem.lengths, 1)[None]
    begins = order * problem.x.shape[1]
    return BatchIndex(begins, begins, order, problem.lengths[order])


@pytest.mark.parametrize("attention", [None, "dot"])
@pytest.mark.parametrize("both", [False, True], ids=["forward", "bidirectional"])
@each_cell
def test_derivatives_into_all_states(name: str, both: bool, attention: str | None) -> None:
    """An encoder hands all its states to a decoder, which gives derivatives back: differences of the loss.

    Those of an sLSTM by c and n come from outputs alone, and none goes through m.
    """
    network, data, index = pairs(layer(name, 3, both), layer(name, 6 if both else 3), attention)
    theta = np.random.default_rng(2).normal(scale=0.5, size=network.size)
    program = TrainingProgram(network, theta, None, data, rows=3, steps=(4, 3), loss="squared_error")
    program.run(index, 1, 1)
    found = program.grad.copy()
    expected = numerical_gradient(lambda: program.loss(index, 1)[0], program.theta)
    np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-9)


def pairs(reads: Layer, writes: Layer, attention: str | None) -> tuple[Seq2SeqNetwork, PairData, BatchIndex]:
    """An encoder and a decoder of a layer each, and three pairs."""
    rng, lengths, y_lengths = np.random.default_rng(3), np.array([4, 3, 1]), np.array([2, 3, 3])
    (x, begins), (x_out, y_begins), (y, _) = (
        packed_rows(rng.standard_normal((3, 4, 2)), own, "float64") for own in (lengths, y_lengths, y_lengths)
    )
    network = Seq2SeqNetwork(Network(2, (reads,)), Network(2, (writes,), 2), attention)
    index = BatchIndex(begins[None], y_begins[None], np.arange(3)[None], lengths[None], y_lengths=y_lengths[None])
    return network, PairData(x, x_out, y), index


@each_cell
def test_a_decoder_goes_on_from_all_states(name: str) -> None:
    """The loss of an encoder and a decoder is that of naive loops."""
    network, data, index = pairs(layer(name, 3), layer(name, 3), None)
    theta = np.random.default_rng(2).normal(scale=0.5, size=network.size)
    program = TrainingProgram(network, theta, None, data, rows=3, steps=(4, 3), loss="squared_error")
    (reads,), (writes,) = (draw(layer(name, 3)).naive for _ in range(2))
    wrong = []
    for begin, length, y_begin, y_length in zip(index.x[0], index.lengths[0], index.y[0], index.y_lengths[0]):
        known, own = data.X_in[None, begin : begin + length], data.X_out[None, y_begin : y_begin + y_length]
        (encoder,), (decoder,) = (named_weights(network, theta, f"{part}.") for part in ("encoder", "decoder"))
        _, states = run(reads, encoder[0], known, np.array([length]))
        outputs, _ = run(writes, decoder[0], own, np.array([y_length]), states)
        views = network.views(theta)
        outputs = outputs[0] @ views["decoder.output.kernel"] + views["decoder.output.bias"]
        wrong.append(outputs - data.y[y_begin : y_begin + y_length])
    assert program.run(index, 1, 1)[0] == pytest.approx((np.concatenate(wrong) ** 2).mean(), rel=1e-12)
