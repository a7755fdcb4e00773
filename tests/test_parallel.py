"""Training shared by several processes: to the same bits as in one, and errors reach the caller."""

from __future__ import annotations

import threading
from multiprocessing.shared_memory import SharedMemory
from typing import Any

import numpy as np
import pytest

from cases import Problem, draw, index_of, layer, program_of
from forecastrnn import RNNRegressor
from forecastrnn.communicators import SharedMemoryCommunicator, current, joined
from forecastrnn.exceptions import TrainingDivergedError
from forecastrnn.optimizers import OptimizerState, Rule
from forecastrnn.parallel import fit_parallel
from forecastrnn.parallel_step import ParallelProgram
from forecastrnn.shapes import Dropout
from forecastrnn.stepping import Index

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((2, 13, 5, 1))
LENGTHS = RNG.integers(1, 6, 13)
OPTIONS = {"hidden_layer_sizes": 4, "batch_size": 6, "max_iter": 2, "random_state": 0, "clip_norm": 0.1,
           "dropout": 0.2, "dtype": "float64"}  # fmt: skip


def as_threads(size: int, work: Any) -> list:
    """Run work(communicator) for each of `size` communicators, as if they were in processes."""
    memory, barrier = SharedMemory(create=True, size=4096 * size), threading.Barrier(size)
    found: list = [None] * size

    def run(rank: int) -> None:
        communicator = SharedMemoryCommunicator(rank, size, barrier, memory.name)
        found[rank] = work(communicator)
        communicator.close()

    threads = [threading.Thread(target=run, args=(rank,)) for rank in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    memory.close()
    memory.unlink()
    return found


def test_sums_are_the_same_everywhere() -> None:
    """Each process adds in the order of their numbers."""
    values = RNG.standard_normal((3, 2, 5)).astype(np.float32) * [[[1e8]], [[1.0]], [[1e8]]]
    found = as_threads(3, lambda c: [c.add_up(values[c.rank]), c.add_up(values[c.rank][0])])
    for whole, part in found:
        np.testing.assert_array_equal(whole, (values[0] + values[1]) + values[2])
        np.testing.assert_array_equal(part, whole[0])


def test_too_large_an_array() -> None:
    """There is room for so many bytes."""
    memory = SharedMemory(create=True, size=256)
    communicator = SharedMemoryCommunicator(0, 2, None, memory.name)
    with pytest.raises(ValueError, match="has 128 bytes for each process, but 136 are needed"):
        communicator.add_up(np.zeros(17))
    communicator.close()
    memory.close()
    memory.unlink()


def updated(problem: Problem, rule: Rule, dropout: Dropout, communicator: Any) -> np.ndarray:
    """Losses and parameters after three updates, by a process of several or, without a communicator, by one."""
    if communicator is None:
        program: Any = program_of(problem, "float64", rows=6, rule=rule, dropout=dropout, seed=3)
    else:
        one = program_of(problem, "float64", rows=6)
        program = ParallelProgram(
            communicator, problem.network, one.theta, OptimizerState.zeros(one.theta), one.source,
            rows=6, steps=one.shape.steps, loss=problem.loss, rule=rule, dropout=dropout, seed=3, lengths=True,
        )  # fmt: skip
    whole = program_of(problem, "float64", rows=6)  # two shards, each with its longest rows first
    index: Index = index_of(problem, whole, np.arange(18).reshape(3, 6))
    return np.concatenate([program.run(index, 5, 1), program.theta])


@pytest.mark.parametrize("rule", [Rule("adam", 0.05, clip_norm=0.1), Rule("sgd", 0.1, "cosine")], ids=["adam", "sgd"])
def test_two_processes_are_two_shards(rule: Rule) -> None:
    """To the bit, with dropout and rows of different lengths."""
    problem = draw((layer("lstm", 5), layer("gru", 3)), n=18, T=4, ragged=True, weighted=True)
    alone = updated(problem, rule, Dropout(0.1, 0.2, 0.3), None)
    for found in as_threads(2, lambda c: updated(problem, rule, Dropout(0.1, 0.2, 0.3), c)):
        np.testing.assert_array_equal(found, alone)


def test_a_fit_in_two_processes() -> None:
    """The estimator comes back fitted, with the bits of one process; a batch of one row is run by both."""
    alone = RNNRegressor(**OPTIONS).fit(X, Y, lengths=LENGTHS)
    both = fit_parallel(RNNRegressor(**OPTIONS), X, Y, lengths=LENGTHS, devices=["cpu", "cpu"])
    assert both.loss_curve_ == alone.loss_curve_
    np.testing.assert_array_equal(both.predict(X), alone.predict(X))
    assert current() is None


def test_an_error_of_a_process() -> None:
    """It is the caller's."""
    with pytest.raises(TrainingDivergedError, match="learning_rate_init"):
        fit_parallel(
            RNNRegressor(**OPTIONS | {"learning_rate_init": 1e6, "clip_norm": None, "solver": "sgd", "max_iter": 50}),
            X, Y, devices=["cpu", "cpu"],
        )  # fmt: skip


@pytest.mark.parametrize("devices", [[], ["tpu"], ["auto", "cpu"]], ids=str)
def test_bad_devices(devices: list[str]) -> None:
    """Said at once."""
    with pytest.raises(ValueError, match='devices must be a list such as \\["cuda:0", "cuda:1"\\]'):
        fit_parallel(RNNRegressor(), X, Y, devices=devices)


def test_one_device_needs_no_processes() -> None:
    """It is a fit."""
    model = fit_parallel(RNNRegressor(**OPTIONS), X, Y, devices=["cpu"])
    np.testing.assert_array_equal(model.predict(X), RNNRegressor(**OPTIONS).fit(X, Y).predict(X))


def test_joined_ends() -> None:
    """Also by an error."""
    with pytest.raises(KeyError), joined(None):  # type: ignore[arg-type]
        raise KeyError
    assert current() is None
