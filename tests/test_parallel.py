"""Training shared by several processes: to the same bits as in one, and errors reach the caller."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from functools import partial
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV
from sklearn.utils import check_random_state

from forecastrnn import SGD, Adam, Beam, RNNForecaster, RNNRegressor, RNNSeq2Seq, Seq2Seq, load, parallel
from forecastrnn.datasets import load_airline
from forecastrnn.engine import devices
from forecastrnn.engine.communicators import NcclCommunicator, SharedMemoryCommunicator, current, joined
from forecastrnn.exceptions import TrainingDivergedError
from forecastrnn.parallel import fit_parallel
from forecastrnn.programs.shapes import Dropout
from forecastrnn.training.optimizers import OptimizerState, Rule
from forecastrnn.training.own_inputs import Sampling, own_value
from forecastrnn.training.parallel_step import ParallelProgram
from forecastrnn.training.stepping import BatchIndex, TrainingProgram
from forecastrnn.training.training import Trainer
from support.cases import Problem, draw, index_of, layer, program_of
from support.pair_cases import PairProblem, draw_pairs, flat_theta, pair_index, pair_program, small, source_of

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((2, 13, 5, 1))
LENGTHS = RNG.integers(1, 6, 13)
OPTIONS = {"hidden_layer_sizes": 4, "batch_size": 6, "max_iter": 2, "random_state": 0, "solver": Adam(clip_norm=0.1),
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
    index: BatchIndex = index_of(problem, whole, np.arange(18).reshape(3, 6))
    return np.concatenate([program.run(index, 5, 1), program.theta])


@pytest.mark.parametrize(
    "rule", [Rule("adam", 0.05, clip_norm=0.1), Rule("sgd", 0.1, learning_rate="cosine")], ids=["adam", "sgd"]
)
def test_two_processes_are_two_shards(rule: Rule) -> None:
    """To the bit, with dropout and rows of different lengths."""
    problem = draw((layer("lstm", 5), layer("gru", 3)), n=18, T=4, ragged=True, weighted=True)
    alone = updated(problem, rule, Dropout(0.1, 0.2, 0.3), None)
    for found in as_threads(2, lambda c: updated(problem, rule, Dropout(0.1, 0.2, 0.3), c)):
        np.testing.assert_array_equal(found, alone)


def test_a_fit_in_two_processes() -> None:
    """A copy comes back fitted, with the bits of one process; a batch of one row is run by both.

    Without a random_state all processes draw the same numbers, by NumPy's global seed.
    """
    options, given = OPTIONS | {"random_state": None}, RNNRegressor(**OPTIONS | {"random_state": None})
    check_random_state(None).seed(3)
    both = fit_parallel(given, X, Y, lengths=LENGTHS, devices=["cpu", "cpu"])
    check_random_state(None).seed(3)
    check_random_state(None).seed(check_random_state(None).randint(2**31 - 1))
    alone = RNNRegressor(**options).fit(X, Y, lengths=LENGTHS)
    assert both.loss_curve_ == alone.loss_curve_
    np.testing.assert_array_equal(both.predict(X), alone.predict(X))
    assert current() is None and not hasattr(given, "loss_curve_")


# Pairs ------------------------------------------------------------------------------------------------
TEXTS = ["abc", "ba", "cab", "a", "bcc", "cc", "abca", "b", "acb", "bb", "ca"]
PAIRS = TEXTS, [text[::-1] for text in TEXTS]
PAIR_OPTIONS: dict[str, Any] = {
    "hidden_layer_sizes": 3, "embedding_dim": 2, "batch_size": 5, "max_iter": 2, "random_state": 0, "dtype": "float64",
    "decoding": Beam(max_length=4), "attention": "additive", "bidirectional": True, "scheduled_sampling": 0.5,
    "dropout": 0.2,
}  # fmt: skip


def updated_pairs(problem: PairProblem, communicator: Any, **options: Any) -> np.ndarray:
    """As `updated`, of an encoder and a decoder that reads some of its own outputs."""
    rule, source = Rule("adam", 0.05, clip_norm=0.1, gradient_noise=1e-3), source_of(problem, "float64")[0]
    order = np.arange(problem.network.decoder.n_outputs)[::-1].copy()
    theta, whole = flat_theta(problem, "float64"), pair_program(problem, "float64", rows=6)
    make = TrainingProgram if communicator is None else partial(ParallelProgram, communicator)
    program = make(
        problem.network, theta, OptimizerState.zeros(theta), replace(source, class_order=order), rule=rule, rows=6,
        steps=(5, 4), loss=problem.loss, seed=3, **options,
    )  # fmt: skip
    index = pair_index(problem, whole, np.arange(18).reshape(3, 6))
    losses = [program.run(index.part(k, k + 1), 5, 1) for k in range(3)]
    return np.concatenate([*losses, program.loss(index.part(0, 1), 1), theta])


def test_pairs_of_two_processes_are_two_shards() -> None:
    """To the bit, with dropout, own outputs fed back by rising chance, and rows ragged on both sides."""
    problem = draw_pairs(small("gru"), "dot", n=18, weighted=True)
    options: dict = {"sampling": Sampling(own_value(2), 0.9), "dropout": Dropout(0.1, 0.2, 0.3)}
    alone = updated_pairs(problem, None, **options)
    for found in as_threads(2, lambda c: updated_pairs(problem, c, **options)):
        np.testing.assert_array_equal(found, alone)


def test_sampled_softmax_of_two_processes() -> None:
    """All draw the same classes; shards are added up in another order."""
    problem = draw_pairs(small("gru"), n=18, loss="cross_entropy", outputs=7)
    alone = updated_pairs(problem, None, n_sampled=3)
    assert np.abs(alone - updated_pairs(problem, None)).max() > 1e-3
    for found in as_threads(2, lambda c: updated_pairs(problem, c, n_sampled=3)):
        np.testing.assert_allclose(found, alone, rtol=0, atol=1e-12)


@pytest.mark.slow  # in threads, above, it runs each time
def test_a_fit_of_pairs_in_two_processes() -> None:
    """With the bits of one process; a batch of one pair is run by both."""
    both = fit_parallel(RNNSeq2Seq(**PAIR_OPTIONS), *PAIRS, devices=["cpu", "cpu"])
    alone = RNNSeq2Seq(**PAIR_OPTIONS).fit(*PAIRS)
    assert both.loss_curve_ == alone.loss_curve_
    for name, weights in alone.weights_.items():
        np.testing.assert_array_equal(both.weights_[name], weights)


class Second:
    """The second of two processes, without the first: what it adds up is its own."""

    rank, size, on_device = 1, 2, False

    def add_up(self, array: np.ndarray) -> np.ndarray:
        """As if the first had no rows."""
        return array.copy()


@pytest.mark.parametrize("kind", ["tokens", "series"])
def test_a_process_trains_its_own_pairs(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of the rows of each mini-batch, but all of what has fewer rows than there are processes."""
    made: list[Any] = []
    build, expected = Trainer._build, [(ParallelProgram, 3, 2)]
    monkeypatch.setattr(Trainer, "_build", lambda *a: (made.append(build(*a)), made[-1])[1])
    with joined(cast(Any, Second())):
        if kind == "tokens":
            RNNSeq2Seq(**PAIR_OPTIONS | {"bucket_by_length": False, "max_iter": 1}).fit(*PAIRS)
            expected.append((TrainingProgram, 1, 0))
        else:
            options: dict = {"n_members": 1, "max_steps": 2, "hidden_layer_sizes": 3, "batch_size": 5}
            options |= {"dtype": "float64", "context_length": 4, "intervals": None, "candidates": "network"}
            RNNForecaster(strategy=Seq2Seq(2), random_state=0, **options).fit(load_airline()[:60])
    assert [(type(p), p.shape.rows, p.shape.before) for p in made] == expected


# Errors -----------------------------------------------------------------------------------------------
class Failing(RNNRegressor):
    """The second process does what a test asks for; the first one trains, and waits for it."""

    def fit(self, X: Any, y: Any, *, how: str = "") -> Any:
        """Train, or fail."""
        communicator = current()
        assert communicator is not None
        if communicator.rank == 0:
            return super().fit(X, y)
        if how == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        raise OddError("row", 3)


class OddError(Exception):
    """It can be pickled, but not made again."""

    def __init__(self, what: str, number: int) -> None:
        super().__init__(f"{what} {number} is odd")


def check_refused(expected: type[BaseException], match: str, data: tuple = (X, Y), **options: Any) -> None:
    """An error at once, or as soon as a process has failed; the estimator that was given is as it was."""
    devices, params = options.pop("devices", ["cpu", "cpu"]), options.pop("params", {})
    given = Failing(**OPTIONS | options) if "how" in params else RNNRegressor(**OPTIONS | options)
    before, begun = given.get_params(), time.perf_counter()
    with pytest.raises(expected, match=match):
        fit_parallel(given, *data, devices=devices, **params)
    assert time.perf_counter() - begun < 60
    assert given.get_params() == before and not hasattr(given, "loss_curve_")


def test_an_error_of_a_process() -> None:
    """It is the caller's."""
    options = {"solver": SGD(1e6, clip_norm=None), "max_iter": 50}
    check_refused(TrainingDivergedError, "solver__learning_rate", **options)


def test_an_error_that_cannot_be_sent() -> None:
    """Its name and text are; the process that waits is ended."""
    check_refused(RuntimeError, "OddError: row 3 is odd", params={"how": "odd"})


def test_a_process_that_dies() -> None:
    """As when the system has no memory left."""
    check_refused(RuntimeError, 'process 2 of 2, on device "cpu", was killed by signal 9', params={"how": "killed"})


def test_what_is_no_estimator_of_ours() -> None:
    """Before processes are started for it."""
    for estimator in (3, RNNRegressor, GridSearchCV(RNNRegressor(), {"max_iter": [1]})):
        with pytest.raises(TypeError, match="fit_parallel fits estimators of forecastrnn, such as"):
            fit_parallel(estimator, X, Y, devices=["cpu", "cpu"])


def test_what_cannot_be_sent() -> None:
    """Said at once, by its name."""
    check_refused(TypeError, "but callback=.*lambda.* cannot be pickled", params={"callback": lambda epoch: None})


def test_a_process_that_may_start_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "current_process", lambda: SimpleNamespace(daemon=True))
    with pytest.raises(RuntimeError, match=r'This one is daemonic.*"distributed.worker.daemon": False'):
        fit_parallel(RNNRegressor(**OPTIONS), X, Y, devices=["cpu", "cpu"])


LAUNCHED = """
import os, sys
from forecastrnn import RNNRegressor
from forecastrnn.parallel import fit_parallel
from test_parallel import OPTIONS, X, Y

if __name__ == "__main__" and os.environ["LOCAL_RANK"] == "0":
    count = int(os.environ["LOCAL_WORLD_SIZE"])
    fit_parallel(RNNRegressor(**OPTIONS), X, Y, devices=["cpu"] * count).save(sys.argv[1])
"""


@pytest.mark.slow
def test_under_a_launcher(tmp_path: Path) -> None:
    """One that starts the script so many times, as torchrun does: one of them starts the processes that train."""
    script, saved = tmp_path / "script.py", tmp_path / "model.rnn"
    script.write_text(LAUNCHED)
    started = [
        subprocess.Popen(
            [sys.executable, script, saved],
            env=os.environ | {"LOCAL_RANK": str(rank), "RANK": str(rank), "LOCAL_WORLD_SIZE": "2", "WORLD_SIZE": "2"},
        )
        for rank in range(2)
    ]
    assert [one.wait(300) for one in started] == [0, 0]
    expected = RNNRegressor(**OPTIONS).fit(X, Y).predict(X)
    np.testing.assert_array_equal(load(saved).predict(X), expected)


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_as_a_task_of_dask() -> None:
    dask, distributed = pytest.importorskip("dask"), pytest.importorskip("distributed")
    options: dict[str, Any] = {"threads_per_worker": 1, "processes": True, "dashboard_address": None}
    with (
        dask.config.set({"distributed.worker.daemon": False}),
        distributed.LocalCluster(n_workers=1, **options) as cluster,
        distributed.Client(cluster) as client,
    ):
        task = client.submit(fit_parallel, RNNRegressor(**OPTIONS), X, Y, devices=["cpu", "cpu"])
        found = task.result(timeout=300).predict(X)
    np.testing.assert_array_equal(found, RNNRegressor(**OPTIONS).fit(X, Y).predict(X))


def test_a_gpu_that_is_not_there() -> None:
    """Said before a process is started."""
    check_refused(RuntimeError, 'device="cuda:77"', devices=["cpu", "cuda:77"])


def test_a_gpu_named_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """NCCL would hang or fail with a number."""
    monkeypatch.setattr(parallel, "resolve", str)
    monkeypatch.setitem(sys.modules, "cupy", ModuleType("cupy"))
    nccl = SimpleNamespace(get_unique_id=lambda: b"")
    monkeypatch.setitem(sys.modules, "cupy.cuda", cast(ModuleType, SimpleNamespace(nccl=nccl)))
    check_refused(ValueError, "must name each GPU once", devices=["cuda:1", "cuda:1"])


def test_more_devices_than_rows() -> None:
    """A device would have nothing to do."""
    communicator = SimpleNamespace(rank=0, size=3, on_device=False)
    with joined(cast(Any, communicator)), pytest.raises(ValueError, match="2 sequences have fewer rows than the 3 dev"):
        RNNRegressor(**OPTIONS | {"batch_size": 2}).fit(X, Y)
    with joined(cast(Any, communicator)), pytest.raises(ValueError, match="2 pairs have fewer rows than the 3 devices"):
        RNNSeq2Seq(**PAIR_OPTIONS | {"batch_size": 2}).fit(*PAIRS)


def test_processes_that_do_not_come() -> None:
    """A process does not wait for ever."""
    memory = SharedMemory(create=True, size=256)
    communicator = SharedMemoryCommunicator(0, 2, threading.Barrier(2), memory.name, timeout=0.05)
    with pytest.raises(RuntimeError, match="process 1 of 2 has waited 0.05 seconds for the others"):
        communicator.add_up(np.zeros(2))
    communicator.close()
    memory.close()
    memory.unlink()


def test_nccl_is_told_of_arrays_on_the_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where they lie there, and which stream; nothing is copied."""
    calls: list[tuple] = []
    link = SimpleNamespace(allReduce=lambda *args: calls.append(args), destroy=lambda: calls.append(()))
    nccl = SimpleNamespace(
        NcclCommunicator=lambda *args: calls.append(args) or link, NCCL_FLOAT32=7, NCCL_FLOAT64=8, NCCL_SUM=0
    )
    device = lambda number: SimpleNamespace(use=lambda: calls.append((number,)))  # noqa: E731
    monkeypatch.setitem(sys.modules, "cupy", ModuleType("cupy"))
    monkeypatch.setitem(sys.modules, "cupy.cuda", cast(ModuleType, SimpleNamespace(Device=device, nccl=nccl)))
    communicator = NcclCommunicator(1, 2, b"id", 3)
    for dtype in (np.float32, np.float64):
        array = SimpleNamespace(__cuda_array_interface__={"data": (4096, False)}, dtype=np.dtype(dtype))
        communicator.sum_call(array, 5, 99)()
    communicator.close()
    assert calls == [(3,), (2, b"id", 1), (4096, 4096, 5, 7, 0, 99), (4096, 4096, 5, 8, 0, 99), ()]


@pytest.mark.parametrize("devices", [[], ["tpu"], ["auto", "cpu"], "cpu", None, [0, 1]], ids=str)
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


def test_gpus_without_nccl(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """Work too, but slower: the log says what to install."""
    monkeypatch.setitem(sys.modules, "cupy", None)
    devices.log_once.cache_clear()
    assert parallel._nccl_identity(["cuda:0", "cuda:1"]) is None
    assert 'pip install "forecastrnn[cuda,nccl]"' in caplog.text
    caplog.clear()
    assert parallel._nccl_identity(["cuda:0", "cpu"]) is None
    assert not caplog.text
