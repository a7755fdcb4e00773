"""Scheduled sampling: which inputs are replaced, by what, beside the oracle's two passes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from forecastrnn.networks.network import Embedding
from forecastrnn.training.own_inputs import OwnInput, Sampling, own_one_hot, own_token, own_value
from forecastrnn.training.pair_task import PairData
from forecastrnn.training.stepping import TrainingProgram, dropout_seeds
from support import pair_cases
from support.cases import worst
from support.naive_seq2seq import replaced, sampled_inputs
from support.pair_cases import PairProblem, draw_pairs, pair_index, small, sorted_pairs
from support.scheduled_cases import sampled, solved

ATTENTIONS = [None, "dot", "additive"]
OUTPUTS = 3
KINDS = {"value": own_value(OUTPUTS), "one_hot": own_one_hot(OUTPUTS)}


def problem_of(kind: str, attention: str | None, n: int = 9) -> PairProblem:
    """A problem whose decoder reads what it puts out: values, or columns of classes."""
    loss = "squared_error" if kind == "value" else "cross_entropy"
    return draw_pairs(small("gru"), attention, n=n, T=6, inputs=(2, OUTPUTS), outputs=OUTPUTS, loss=loss)


@pytest.mark.parametrize("rate", [0.4, 1.0])
@pytest.mark.parametrize("attention", ATTENTIONS)
@pytest.mark.parametrize("kind", KINDS)
def test_beside_the_oracle(kind: str, attention: str | None, rate: float) -> None:
    """Loss and gradients are those of the second pass; at rate 1 it reads its own outputs only."""
    problem = problem_of(kind, attention)
    program = sampled(problem, KINDS[kind], rate)
    index = pair_index(problem, program)
    expected = solved(sorted_pairs(problem, index), kind, rate)
    assert program.run(index, 1, 1)[0] == pytest.approx(expected.loss, rel=1e-11)
    assert worst(problem.network.views(program.grad), pair_cases.by_name(expected.d_theta)) < 1e-11
    assert expected.loss != problem.solve().loss


@pytest.mark.parametrize("attention", ATTENTIONS)
@pytest.mark.parametrize("kind", KINDS)
def test_rate_zero_is_teacher_forcing(kind: str, attention: str | None) -> None:
    """To the last bit."""
    problem = problem_of(kind, attention)
    program, plain = sampled(problem, KINDS[kind], 0.0), pair_cases.pair_program(problem, "float64")
    index = pair_index(problem, program)
    assert program.run(index, 1, 1)[0] == plain.run(index, 1, 1)[0]
    np.testing.assert_array_equal(program.grad, plain.grad)


def token_program(problem: PairProblem, table: np.ndarray, codes: np.ndarray, rate: float) -> TrainingProgram:
    """The problem with a decoder that reads codes (n, T) through a table (tokens, columns)."""
    network, pairs = problem.network, problem.pairs
    reads = Embedding(0, len(table), table.shape[1])
    network = replace(network, decoder=replace(network.decoder, n_inputs=1, embeddings=(reads,)))
    theta, given = np.zeros(network.size), problem.network.views(pair_cases.flat_theta(problem, "float64"))
    for name, view in network.views(theta).items():
        if name in given:
            view[...] = given[name]
        else:
            view[:-1] = table
    source, *_ = pair_cases.source_of(problem, "float64")
    rows = np.concatenate([one[:length] for one, length in zip(codes, pairs.y_lengths, strict=True)])
    source = PairData(source.X_in, rows[:, None].astype(float), source.y)
    program = TrainingProgram(
        network, theta, None, source, steps=(pairs.x.shape[1], pairs.x_out.shape[1]), rows=len(pairs.x),
        loss=problem.loss, seed=7, sampling=Sampling(own_token(OUTPUTS, shift=1), rate, "constant"),
    )  # fmt: skip
    program.feed.chances.array[0] = rate
    return program


def test_tokens() -> None:
    """Class k is token k + 1, where token 0 begins a sequence."""
    rng, problem = np.random.default_rng(0), problem_of("token", "dot")
    table = rng.standard_normal((OUTPUTS + 1, OUTPUTS))
    codes = rng.integers(1, OUTPUTS + 1, problem.pairs.x_out.shape[:2])
    codes[:, 0] = 0
    problem = replace(problem, pairs=problem.pairs._replace(x_out=table[codes]))
    program = token_program(problem, table, codes, 0.5)
    index = pair_index(problem, program)
    order = index.sample[0]
    inner = sorted_pairs(problem, index)
    chosen = replaced(int(dropout_seeds(7, 0, 1)[0]), *codes.shape, 0.5)
    given = sampled_inputs(codes[order][:, :, None], inner.solve().outputs + 0.0, chosen, "token")
    given[:, 1:][chosen[:, 1:]] += 1
    expected = inner.solve(inner.pairs._replace(x_out=table[given[:, :, 0].astype(int)]))
    assert program.run(index, 1, 1)[0] == pytest.approx(expected.loss, rel=1e-12)


def test_units_of_values() -> None:
    """Outputs times gain plus shift, in the columns that are named; others stay as they are."""
    problem = draw_pairs(small("tanh"), n=9, T=6, inputs=(2, 3), outputs=1)
    own = OwnInput("value", np.array([2.0]), np.array([-0.5]), column=1)
    program = sampled(problem, own, 0.5)
    index = pair_index(problem, program)
    inner = sorted_pairs(problem, index)
    chosen = replaced(int(dropout_seeds(7, 0, 1)[0]), 9, 6, 0.5)
    x_out = inner.pairs.x_out.copy()
    x_out[:, :, 1:2] = sampled_inputs(x_out[:, :, 1:2], inner.solve().outputs * 2.0 - 0.5, chosen, "value")
    expected = inner.solve(inner.pairs._replace(x_out=x_out)).loss
    assert program.run(index, 1, 1)[0] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_share_that_is_replaced(rate: float) -> None:
    """As large as the chance says, in each step anew, and never the first input of a sequence."""
    problem = draw_pairs(small("tanh"), n=130, T=9, inputs=(1, OUTPUTS), outputs=OUTPUTS)
    problem = replace(problem, pairs=problem.pairs._replace(y_lengths=np.full(130, 9)))
    program, found = sampled(problem, own_value(OUTPUTS), rate), []
    index = pair_index(problem, program)
    given = problem.pairs.x_out[index.sample[0]].transpose(1, 0, 2)
    for _ in range(3):
        program.run(index, 1, 2)
        parts = [program.program.buffers[f"decoder.x[{s}]"].array for s in range(program.shape.shards)]
        found.append((np.concatenate(parts, axis=1) != given).all(axis=2))
    assert not np.array([f[0] for f in found]).any()
    share = np.array([f[1:] for f in found])
    n = share.size
    assert abs(share.mean() - rate) < 5 * np.sqrt(rate * (1 - rate) / n)
    assert (found[0] != found[1]).any()
    for axis in range(3):
        z = (share - rate) / np.sqrt(rate * (1 - rate))
        near = np.take(z, range(1, share.shape[axis]), axis) * np.take(z, range(share.shape[axis] - 1), axis)
        assert abs(near.mean()) < 5 / np.sqrt(near.size)


def test_chances_rise() -> None:
    """From zero at the first update to the rate at the last, or the same all the time."""
    own = own_value(1)
    np.testing.assert_allclose(Sampling(own, 0.5).chances(0, 5, 5), [0, 0.125, 0.25, 0.375, 0.5])
    np.testing.assert_allclose(Sampling(own, 0.5).chances(4, 3, 5), 0.5)
    np.testing.assert_allclose(Sampling(own, 0.5, "constant").chances(0, 2, 5), 0.5)
    assert Sampling(own, 0.5).chances(0, 1, 1) == 0.0


@pytest.mark.parametrize("bad", [{"rate": 1.5}, {"rate": np.nan}, {"rate": 0.5, "schedule": "cosine"}], ids=str)
def test_bad_sampling_is_refused(bad: dict) -> None:
    with pytest.raises(ValueError, match="must be .* Got "):
        Sampling(own_value(1), **bad)
