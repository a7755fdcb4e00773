"""Mini-batches of pairs, and the loop that trains on them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from forecastrnn import TrainingDivergedError
from forecastrnn.networks.network import Embedding, Network
from forecastrnn.networks.seq2seq_network import Seq2SeqNetwork
from forecastrnn.programs.shapes import shards_of
from forecastrnn.training.network_progress import Progress
from forecastrnn.training.optimizers import OptimizerState, Rule
from forecastrnn.training.own_inputs import Sampling, own_token
from forecastrnn.training.pair_task import PairData
from forecastrnn.training.seq2seq_batches import PairBatches
from forecastrnn.training.training import Trainer, TrainingPlan, train
from support import naive_training as oracle
from support.cases import layer, worst
from support.known_inputs import forward_pairs
from support.pair_cases import by_name, draw_pairs, pair_index, pair_program, small

# Mini-batches.


def batches_of(n: int = 50, **options: Any) -> PairBatches:
    """Pairs of up to 40 and 20 steps."""
    rng = np.random.default_rng(0)
    lengths, y_lengths = rng.integers(1, 41, n), rng.integers(1, 21, n)
    lengths[0], y_lengths[1] = 40, 20
    starts = [np.cumsum(many) - many for many in (lengths, y_lengths)]
    sides = {"starts": starts[0], "lengths": lengths, "y_starts": starts[1], "y_lengths": y_lengths}
    return PairBatches(**sides, **{"batch": 8, "seed": 3} | options)


@pytest.mark.parametrize("buckets", [False, True])
def test_every_pair_once_an_epoch(buckets: bool) -> None:
    """Each with its own starts and lengths, on a program that has room and that was foreseen."""
    batches = batches_of(buckets=buckets)
    for number in range(3):
        found = batches.epoch(number)
        samples = np.concatenate([index.sample.ravel() for index in found])
        np.testing.assert_array_equal(np.sort(samples), np.arange(50))
        for index in found:
            np.testing.assert_array_equal(index.x, batches.starts[index.sample])
            np.testing.assert_array_equal(index.y, batches.y_starts[index.sample])
            np.testing.assert_array_equal(index.lengths, batches.lengths[index.sample])
            np.testing.assert_array_equal(index.y_lengths, batches.y_lengths[index.sample])
            source, target = batches.steps_of(index)
            assert index.lengths.max() <= source
            assert index.y_lengths.max() <= target
            assert (index.x.shape[1], (source, target)) in batches.sizes


def test_rows_of_a_shard_are_sorted() -> None:
    """The longest source of each shard comes first."""
    for index in batches_of().epoch(0):
        rows = index.lengths.shape[1]
        shards = shards_of(rows)
        for s in range(shards):
            assert (np.diff(index.lengths[:, rows * s // shards : rows * (s + 1) // shards], axis=1) <= 0).all()


def test_few_programs() -> None:
    """Both lengths halve together; without buckets there is one for whole mini-batches and one for the rest."""
    assert batches_of(buckets=False).sizes == [(8, (40, 20)), (2, (40, 20))]
    ladder = batches_of().ladder
    np.testing.assert_array_equal(ladder, [[5, 3], [10, 5], [20, 10], [40, 20]])
    assert {steps for _, steps in batches_of().sizes} <= {tuple(rung) for rung in ladder.tolist()}


def test_epochs_differ_and_repeat() -> None:
    """By their number and the seed alone; without shuffling they are all in the given order."""
    first, again, other = (batches_of(buckets=False).epoch(k)[0].sample for k in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    plain = batches_of(buckets=False, shuffle=False).epoch(4)[0].sample
    np.testing.assert_array_equal(np.sort(plain, axis=1), np.arange(48).reshape(6, 8))


def test_part_of_an_index() -> None:
    """Both sides are cut alike."""
    index = batches_of(buckets=False).epoch(0)[0]
    part = index.part(2, 4)
    for name in ("x", "y", "sample", "lengths", "y_lengths"):
        np.testing.assert_array_equal(getattr(part, name), getattr(index, name)[2:4])


def test_rows_of_an_index() -> None:
    """Those of every array that has rows; what a step has once stays."""
    index = replace(batches_of(buckets=False).epoch(0)[0], keep=np.ones(6))
    some = index.rows(slice(2, 5))
    for name in ("x", "y", "sample", "lengths", "y_lengths"):
        np.testing.assert_array_equal(getattr(some, name), getattr(index, name)[:, 2:5])
    np.testing.assert_array_equal(some.keep, np.ones(6))


# Updates, and the loop.


@pytest.mark.parametrize("rule", ["adam", "adamw"])
def test_updates_beside_the_oracle(rule: str) -> None:
    """Two updates with a clipped norm and L2 or decay on matrices alone, those of attention too."""
    problem = draw_pairs(small("gru"), "additive")
    program = pair_program(problem, "float64", rule=Rule(rule, 0.01, alpha=0.1, clip_norm=0.05))
    how = (
        oracle.Update(rule, 0.01, 0.1, 0.05) if rule == "adam" else oracle.Update(rule, 0.01, 0.0, 0.05, {"decay": 0.1})
    )
    theta, moments = problem.theta, None
    for step in (1, 2):
        gradients = oracle.flatten(
            type(problem)(problem.layers, "additive", problem.loss, theta, problem.pairs).solve().d_theta
        )
        theta, moments = oracle.update(how, theta, oracle.unflatten(gradients, theta), moments, step)
        program.run(pair_index(problem, program), 1, 1)
    assert worst(problem.network.views(program.theta), by_name(theta)) < 1e-11


def reversals(n: int, seed: int = 0) -> tuple[PairData, PairBatches, np.ndarray]:
    """Sequences of 2 to 5 of three symbols, to be told backwards, then an end; token 0 begins, class 3 ends."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(2, 6, n)
    words = [rng.integers(3, size=length) for length in lengths]
    y = np.concatenate([np.append(word[::-1], 3) for word in words])
    given = np.concatenate([np.append(0, word[::-1] + 1) for word in words])
    rows = [np.ascontiguousarray(a[:, None], "float32") for a in (np.concatenate(words), given, y)]
    starts, y_starts = np.cumsum(lengths) - lengths, np.cumsum(lengths + 1) - lengths - 1
    sides = {"starts": starts, "lengths": lengths, "y_starts": y_starts, "y_lengths": lengths + 1}
    return PairData(*rows), PairBatches(**sides, batch=32, seed=1), lengths


def reverser(attention: str | None) -> Seq2SeqNetwork:
    """One layer of GRU on each side."""
    sides = (
        Network(1, (layer("gru", 16),), embeddings=(Embedding(0, 3, 4),)),
        Network(1, (layer("gru", 16),), 4, embeddings=(Embedding(0, 4, 4),)),
    )
    return Seq2SeqNetwork(*sides, attention)


def started(network: Seq2SeqNetwork) -> Progress:
    """First values, nothing learned."""
    theta = network.init_theta(0, "float32")
    return Progress(theta, OptimizerState.zeros(theta))


def plan_of(max_iter: int, **options: Any) -> TrainingPlan:
    """Adam on cross-entropy."""
    rule = Rule("adam", options.pop("rate", 0.01), clip_norm=1.0)
    return TrainingPlan(loss="cross_entropy", rule=rule, max_iter=max_iter, **{"stop_early": False} | options)


@pytest.mark.parametrize("attention", [None, "dot", "additive"])
def test_learns_to_reverse(attention: str | None) -> None:
    """With and without attention, fed with its own outputs now and then."""
    network, (source, batches, _) = reverser(attention), reversals(256)
    sampling = Sampling(own_token(4, shift=1), 0.25)
    progress = train(network, started(network), source, batches, plan_of(60, sampling=sampling))
    assert progress.loss_curve[0] > 0.9
    assert progress.loss_curve[-1] < 0.25
    assert progress.optimizer.count == 60 * 8
    (test, rest, lengths), hits = reversals(50, seed=9), []
    for k, length in enumerate(lengths):
        X = test.X_in[rest.starts[k] :][:length][None]
        X_out = test.X_out[rest.y_starts[k] :][: length + 1][None]
        best = forward_pairs(network, progress.theta, X, X_out).outputs[0].argmax(axis=1)
        hits.append(best == test.y[rest.y_starts[k] :][: length + 1, 0])
    assert np.concatenate(hits).mean() > 0.9


def test_the_loop_is_that_of_all_training(capsys: pytest.CaptureFixture[str]) -> None:
    """Scores, the best parameters kept, early stopping, what is printed, and a look at every epoch."""
    network, (source, batches, _), seen = reverser("dot"), reversals(40), []
    scores = iter([1.0, 3.0, 2.0, 2.0, 2.0])
    kept = []

    def validate(theta: np.ndarray) -> float:
        kept.append(theta.copy())
        return next(scores)

    plan = plan_of(10, stop_early=True, n_iter_no_change=3, verbose=True)
    progress = train(
        network, started(network), source, batches, plan, validate=validate,
        watch=lambda loss, score: bool(seen.append((loss, score))),
    )  # fmt: skip
    assert progress.stopped
    assert progress.best_iter == 2
    np.testing.assert_array_equal(progress.theta, kept[1])
    assert [score for _, score in seen] == progress.validation_scores == [1.0, 3.0, 2.0, 2.0, 2.0]
    assert "Iteration 5, loss = " in capsys.readouterr().out


def test_divergence_is_an_error() -> None:
    """With what to do about it."""
    network, (source, batches, _) = reverser(None), reversals(64)
    with pytest.raises(TrainingDivergedError, match="Lower solver__learning_rate"):
        train(network, started(network), source, batches, plan_of(50, rate=1e38))


def test_too_large_mini_batches_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is allocated."""
    monkeypatch.setattr("forecastrnn.engine.memory.free_memory", lambda: 10**5)
    monkeypatch.setattr("forecastrnn.engine.memory.SMALL", 0)
    network, (source, batches, _) = reverser("dot"), reversals(64)
    with pytest.raises(ValueError, match="batch_size=32: mini-batches of 32 pairs of 5 and 6 steps need .* Lower"):
        Trainer(network, started(network), source, batches, plan_of(1)).run()
