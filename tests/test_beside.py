"""Models that many ask at once, in threads and processes, answer with the bits of one; and long use takes no memory."""

from __future__ import annotations

import gc
import multiprocessing
import os
import tempfile
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest

from forecastrnn import load
from support.lives import KINDS, Kind, bits

EVERY = [(group, name) for group, kinds in KINDS.items() for name in kinds]
FEW = [("regressor", "numbers"), ("forecaster", "one series")]
HOURS = float(os.environ.get("FORECASTRNN_HOURS", "2"))  # of `test_memory_in_the_long_run`
MOST_AN_HOUR = 2**20  # bytes
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")


@cache
def model_of(group: str, name: str) -> Any:
    """A fitted model."""
    args, options = KINDS[group][name].data(0)
    return KINDS[group][name].make().fit(*args, **options)


def answers(group: str, name: str, model: Any) -> list[Any]:
    """All that can be asked of a model, to the bit."""
    return [bits(value) for value in KINDS[group][name].asks(model)]


def differing(found: Any, expected: Any) -> int:
    """How many are not as they should be."""
    return sum(one != expected for one in found)


def in_threads(group: str, name: str, threads: int, calls: int) -> int:
    """How many of so many answers differ."""
    model = model_of(group, name)
    expected = answers(group, name, model)
    with ThreadPoolExecutor(threads) as pool:
        return differing(pool.map(lambda _: answers(group, name, model), range(calls)), expected)


def in_processes(backend: str, group: str, name: str, calls: int) -> int:
    """The same in processes: copies of the model, or what a fork has left of it."""
    model, ask = model_of(group, name), (group, name)
    expected = answers(*ask, model)
    if backend == "loky":
        with joblib.parallel_config("loky", n_jobs=2):
            return differing(joblib.Parallel()(joblib.delayed(answers)(*ask, model) for _ in range(calls)), expected)
    with multiprocessing.get_context(backend).Pool(2) as pool:
        return differing(pool.starmap(answers, [(*ask, model)] * calls), expected)


@pytest.mark.parametrize(("group", "name"), FEW)
def test_threads(group: str, name: str) -> None:
    assert in_threads(group, name, threads=16, calls=48) == 0


@needs_fork
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_forks() -> None:
    assert in_processes("fork", "forecaster", "one series", calls=4) == 0


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("group", "name"), EVERY)
def test_10000_questions_in_threads(group: str, name: str) -> None:
    """Over all kinds of models."""
    assert in_threads(group, name, threads=16, calls=-(-10000 // len(EVERY))) == 0


@pytest.mark.slow
@needs_fork
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("backend", ["loky", "fork", "spawn"])
@pytest.mark.parametrize(("group", "name"), EVERY)
def test_processes(backend: str, group: str, name: str) -> None:
    assert in_processes(backend, group, name, calls=8) == 0


# Memory -----------------------------------------------------------------------------------------------
def resident() -> int:
    """Bytes of this process in memory."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def live(kind: Kind, folder: str) -> None:
    """Fit, ask, save, load, ask."""
    args, options = kind.data(0)
    model = kind.make().fit(*args, **options)
    kind.asks(model)
    model.save(f"{folder}/model")
    kind.asks(load(f"{folder}/model"))


def slope(seconds: float) -> float:
    """Bytes an hour that lives of all kinds of models add, from the second fifth of the time on."""
    seen, begun = [], time.monotonic()
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        while (passed := time.monotonic() - begun) < seconds:
            for group, name in EVERY:
                live(KINDS[group][name], folder)
            if passed > seconds / 5:
                seen.append((passed / 3600, resident()))
    return float(np.polyfit(*np.transpose(seen), 1)[0])


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="this system does not tell a process its memory")
def test_memory_in_the_long_run() -> None:
    """Two hours, or FORECASTRNN_HOURS; what is short of half an hour sees the noise of the first minutes."""
    assert slope(HOURS * 3600) < MOST_AN_HOUR
