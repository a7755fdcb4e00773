"""Threads: how many, that they change no bit, beside other threads, processes and forks, and Ctrl-C."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator

import joblib
import numpy as np
import pytest
from joblib import parallel_config
from sklearn.model_selection import GridSearchCV

from forecastrnn import Adam, RNNClassifier, RNNForecaster, RNNRegressor
from forecastrnn.engine import threads
from forecastrnn.engine.threads import thread_count
from forecastrnn.programs.shapes import shards_of
from forecastrnn.training.optimizers import Rule
from support.cases import CELLS, draw, index_of, layer, program_of
from support.forecaster_cases import monthly, quick

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((800, 5, 2)), RNG.standard_normal(800)
LENGTHS = RNG.integers(1, 6, 800)
ESTIMATORS = (RNNRegressor, RNNClassifier, RNNForecaster)


# How many ---------------------------------------------------------------------------------------------
@pytest.fixture
def four_cores(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A process that may use four cores, with nothing in its environment."""
    for name in threads.LIMITS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(joblib, "cpu_count", lambda only_physical_cores=False: 4 if only_physical_cores else 8)
    threads._usable.cache_clear()
    yield
    threads._usable.cache_clear()


@pytest.fixture
def many_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many threads as are asked for, on any machine."""
    monkeypatch.setattr(threads, "_usable", lambda *_, **__: 64)


@pytest.mark.parametrize(
    ("n_jobs", "count"), [(None, 4), (-1, 4), (-2, 3), (-4, 1), (-9, 1), (1, 1), (7, 7), (8, 8), (10**6, 8)]
)
def test_n_jobs_counts_as_in_joblib(n_jobs: int | None, count: int, four_cores: None) -> None:
    assert thread_count(n_jobs) == count
    assert thread_count(None if n_jobs is None else np.int64(n_jobs)) == count


@pytest.mark.parametrize("name", threads.LIMITS)
def test_the_environment_limits_what_is_not_asked_for(
    name: str, four_cores: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for value, count in (("2", 2), ("1", 1), ("9", 4), (" 3,1", 3), ("0", 4), ("many", 4), ("", 4)):
        monkeypatch.setenv(name, value)
        assert thread_count(None) == count
        assert (thread_count(-2), thread_count(8)) == (max(1, count - 1), 8)


def test_cores_that_joblib_does_not_find(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture) -> None:
    def not_found(only_physical_cores: bool = False) -> int:
        if only_physical_cores:
            warnings.warn("Could not find the number of physical cores for the following reason: none", stacklevel=1)
            print("a traceback", file=sys.stderr)
        return 6

    monkeypatch.setattr(joblib, "cpu_count", not_found)
    for name in threads.LIMITS:
        monkeypatch.delenv(name, raising=False)
    threads._usable.cache_clear()
    assert thread_count(None) == 6
    threads._usable.cache_clear()
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("n_jobs", "tasks", "count"), [(10**6, 3, 3), (10**6, 100, 8), (2, 100, 2), (None, 5, 1), (1, 5, 1)]
)
def test_workers_are_no_more_than_tasks_or_cores(n_jobs: int | None, tasks: int, count: int, four_cores: None) -> None:
    assert threads.worker_count(n_jobs, tasks) == count
    with parallel_config("threading", n_jobs=10**6):
        assert threads.worker_count(None, tasks) == min(tasks, 8)


def test_a_million_jobs_begin_no_more_threads_than_there_are_cores() -> None:
    """Nor work spaces for them, of networks for each series and of forecasts."""
    before = threading.active_count()
    model = quick(n_jobs=10**6, global_model=False, max_steps=2).fit(monthly(60))
    model.set_params(n_jobs=10**6).cross_validation(monthly(60), 3, n_windows=2, n_jobs=1)
    assert threading.active_count() - before <= joblib.cpu_count()


def test_a_process_uses_the_cores_that_it_may() -> None:
    assert 1 <= thread_count(None) <= (os.cpu_count() or 1)
    if hasattr(os, "sched_getaffinity"):
        assert thread_count(None) <= len(os.sched_getaffinity(0))


@pytest.mark.parametrize("n_jobs", [0, 1.5, "2", True], ids=str)
@pytest.mark.parametrize("kind", ESTIMATORS)
def test_what_n_jobs_may_not_be(kind: type, n_jobs: object) -> None:
    with pytest.raises(ValueError, match="n_jobs"):
        thread_count(n_jobs)
    data = (monthly(40),) if kind is RNNForecaster else (X[:20], (Y[:20] > 0).astype(int))
    with pytest.raises(ValueError, match=f"'n_jobs' parameter of {kind.__name__} must be"):
        kind(n_jobs=n_jobs).fit(*data)


# The same bits ----------------------------------------------------------------------------------------
def regressor(**options: object) -> RNNRegressor:
    settings = {
        "hidden_layer_sizes": 5,
        "max_iter": 2,
        "random_state": 0,
        "dtype": "float32",
        "solver": Adam(clip_norm=1.0),
    }
    return RNNRegressor(**(settings | options))


def bits(model: RNNRegressor | RNNForecaster) -> bytes:
    """All that training leaves: parameters, both moments, losses."""
    members = model._model.trained.members if isinstance(model, RNNForecaster) else [model._fitted.progress]
    arrays = [a for m in members for a in (m.theta, *m.optimizer.moments.values(), np.array(m.loss_curve))]
    return b"".join(a.tobytes() for a in arrays)


@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["full", "ragged"])
@pytest.mark.parametrize(("rows", "shards"), [(1, 1), (6, 2), (130, 4), (530, 8)])
@pytest.mark.parametrize("name", CELLS)
def test_fits_with_any_number_of_threads(
    name: str, rows: int, shards: int, lengths: np.ndarray | None, many_cores: None
) -> None:
    assert shards_of(rows) == shards
    n = rows + rows // 2 + 1  # a second mini-batch, of another size
    own = None if lengths is None else lengths[:n]

    def fitted(n_jobs: int) -> bytes:
        model = regressor(cell=CELLS[name].cell, batch_size=rows, n_jobs=n_jobs)
        return bits(model.fit(X[:n], Y[:n], lengths=own))

    serial = fitted(1)
    assert all(fitted(n_jobs) == serial for n_jobs in (2, 3, 4, 8))


@pytest.mark.parametrize("rows", [1, 6, 130, 530])
def test_forecasters_with_any_number_of_threads(rows: int, many_cores: None) -> None:
    def fitted(n_jobs: int) -> bytes:
        return bits(quick(n_jobs=n_jobs, batch_size=rows, max_steps=4, early_stopping=True).fit(monthly(60)))

    serial = fitted(1)
    assert all(fitted(n_jobs) == serial for n_jobs in (2, 3, 4, 8))


# Beside others ----------------------------------------------------------------------------------------
def test_two_threads_fit_at_once() -> None:
    """One of them is the main thread; neither waits for the other for ever."""
    sizes = (130, 530)
    serial = [bits(regressor(n_jobs=1, batch_size=n).fit(X, Y)) for n in sizes]
    found: dict[int, list[bytes]] = {}

    def fit(k: int) -> None:
        found[k] = [bits(regressor(n_jobs=2, batch_size=sizes[k]).fit(X, Y)) for _ in range(10)]

    other = threading.Thread(target=fit, args=(1,), daemon=True)
    other.start()
    fit(0)
    other.join(60)
    assert not other.is_alive()
    assert all(found[k] == [serial[k]] * 10 for k in range(2))


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_searches_in_parallel(backend: str) -> None:
    def search(n_jobs: int) -> GridSearchCV:
        grid = {"hidden_layer_sizes": [3, 5], "n_jobs": [None, 2]}
        return GridSearchCV(regressor(batch_size=130), grid, cv=2, n_jobs=n_jobs, error_score="raise").fit(X, Y)

    serial = search(1)
    with parallel_config(backend):
        parallel = search(2)
    for name in ("split0_test_score", "split1_test_score"):
        np.testing.assert_array_equal(parallel.cv_results_[name], serial.cv_results_[name])
    assert bits(parallel.best_estimator_) == bits(serial.best_estimator_)


FORK = """
import os, threading, time, warnings
from forecastrnn import EarlyStopping
from test_threads import X, Y, bits, regressor

warnings.simplefilter("ignore", DeprecationWarning)  # of a fork beside threads: that is what is tested
serial = regressor(n_jobs=1, batch_size=130).fit(X, Y)
long = regressor(n_jobs=2, batch_size=130, max_iter=10**6, early_stopping=EarlyStopping(None, patience=10**6))
threading.Thread(target=long.fit, args=(X, Y), daemon=True).start()
time.sleep(0.2)
child = os.fork()
same = regressor(n_jobs=2, batch_size=130).fit(X, Y)
equal = bits(same) == bits(serial) and (same.predict(X) == serial.predict(X)).all()
if child == 0:
    os._exit(0 if equal else 3)
print(equal, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
os._exit(0)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_fork_while_another_thread_fits(run_script: Callable[..., str]) -> None:
    assert run_script(FORK).split() == ["True", "0"]


# Ctrl-C -----------------------------------------------------------------------------------------------
INTERRUPT = """
import _thread, threading, time
import numpy as np
from forecastrnn import EarlyStopping
from support.forecaster_cases import monthly, quick
from test_threads import X, Y, bits, regressor

NEVER = EarlyStopping(None, patience=10**6)

def big_steps():
    "A training step takes more than a second, and so do single operations of it."
    values = np.random.default_rng(0).standard_normal((2, 6000, 1))
    options = {"hidden_layer_sizes": 512, "initializer": "uniform", "max_iter": 10**6, "early_stopping": NEVER}
    return regressor(dtype="float64"), (X, Y), options, (values, Y[:2])

def small_steps():
    return regressor(), (X, Y), {"max_iter": 10**6, "early_stopping": NEVER}, (X[:30], Y[:30])

def forecaster():
    return quick(), (monthly(60),), {"max_steps": 10**6}, (monthly(60),)

pressed = []

def press():
    pressed.append(time.perf_counter())
    _thread.interrupt_main()

def interrupted(case):
    "How late it stops, and whether nothing of it is left."
    model, few, options, many = case()
    before, small = bits(model.fit(*few)), model.get_params(deep=False)
    model.set_params(**options)
    threading.Timer(0.6, press).start()
    try:
        model.fit(*many)
        raise SystemExit("not interrupted")
    except KeyboardInterrupt:
        late = time.perf_counter() - pressed[-1]
    assert bits(model) == before
    return late, bits(model.set_params(**small).fit(*few)) == before

for case in (small_steps, big_steps, forecaster):
    print(*interrupted(case))
"""


def test_ctrl_c_stops_soon_and_keeps_the_old_model(run_script: Callable[..., str]) -> None:
    found = [line.split() for line in run_script(INTERRUPT).splitlines()]
    assert len(found) == 3 and all(float(late) < 0.5 and same == "True" for late, same in found)


# A busy core ------------------------------------------------------------------------------------------
BUSY = """
import os, sys
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
print("busy", flush=True)
while True:
    pass
"""


def seconds(step: Callable[[], object], repeats: int) -> np.ndarray:
    """How long a step takes, each time."""
    times = np.empty(repeats)
    for k in range(repeats):
        begun = time.perf_counter()
        step()
        times[k] = time.perf_counter() - begun
    return times


def busy_ratio(step: Callable[[], object]) -> float:
    """Median time of a step while another process keeps a core busy, over that without."""
    quiet, busy = [], []
    for _ in range(5):
        quiet.append(seconds(step, 200))
        with subprocess.Popen([sys.executable, "-c", BUSY], stdout=subprocess.PIPE) as process:
            try:
                assert process.stdout is not None and process.stdout.readline()
                busy.append(seconds(step, 200))
            finally:
                process.kill()
    return float(np.median(np.concatenate(busy)) / np.median(np.concatenate(quiet)))


@pytest.mark.slow
@pytest.mark.skipif(thread_count(None) < 2, reason="needs two cores")
def test_a_busy_core_does_not_hold_up_a_step() -> None:
    problem = draw((layer("lstm", 32),), n=32, T=24, steps="last")
    program = program_of(problem, "float32", rule=Rule())
    index = index_of(problem, program, np.arange(32)[None])
    assert min(busy_ratio(lambda: program.run(index, 1, 2)) for _ in range(3)) < 1.5
