"""What tests of several files share."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from forecastrnn import RNNForecaster
from forecastrnn.datasets import load_airline
from support import simulators as processes
from support.forecaster_cases import quick
from support.results import Results

TESTS = Path(__file__).parent
ROOT = TESTS.parent

collect_ignore = ["support"]  # no tests; and toys.py registers what it makes as soon as it is imported
collect_ignore_glob = ["conftest.py", "*/conftest.py"]  # no doctests: imported for them, they have one name

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in a job that a shell runs in the background
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    """What only some runs of the tests do."""
    parser.addoption("--results", action="store_true", help="write docs/results.md from what the slow tests measure")
    parser.addoption("--messages", action="store_true", help="rules for the text of every error that a test expects")
    parser.addoption("--guards", action="store_true", help="guard words around all that kernels are handed")


def waits_for_simulators(item: pytest.Item) -> bool:
    """Whether a test only asks for what a process beside this one has found."""
    return item.path.name == "test_cuda_simulator.py"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Those come last."""
    items.sort(key=waits_for_simulators)


@pytest.fixture(scope="session", autouse=True)
def simulators(request: pytest.FixtureRequest) -> Iterator[dict[str, subprocess.Popen]]:
    """The processes that were asked for, from the first test on: this one needs little more than one core."""
    waiting = filter(waits_for_simulators, request.session.items)
    started = {group: processes.start(group) for group in (item.callspec.params["group"] for item in waiting)}
    yield started
    for process in started.values():
        processes.stop(process)


@pytest.fixture(scope="session", autouse=True)
def guarded(request: pytest.FixtureRequest) -> Iterator[None]:
    """With `--guards`, words around all buffers, looked at behind each run of a program."""
    if not request.config.getoption("--guards"):
        yield
        return
    from support.guard_words import guards  # imported late: it brings the compiler

    with guards() as found:
        yield
    print(f"\n{found.looked:,} looks at guard words behind {found.runs:,} runs")


@pytest.fixture(scope="session", autouse=True)
def linted(request: pytest.FixtureRequest) -> Iterator[None]:
    """With `--messages`, what `pytest.raises` has caught from the package is short and leaks nothing."""
    if not request.config.getoption("--messages"):
        yield
        return
    from support.messages import leaks_of, passed_through

    leaves = pytest.RaisesExc.__exit__

    def looks(caught: Any, kind: Any, error: Any, trace: Any) -> bool:
        expected = leaves(caught, kind, error, trace)
        if expected and error is not None and passed_through(error):
            assert leaks_of(str(error)) == [], str(error)
        return expected

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(pytest.RaisesExc, "__exit__", looks)
        yield


@pytest.fixture(scope="module")
def results(request: pytest.FixtureRequest) -> Iterator[Results]:
    """Takes what the long runs measure."""
    found = Results()
    yield found
    if request.config.getoption("--results"):
        found.write()


@pytest.fixture(scope="session")
def run_script() -> Callable[..., str]:
    """Run code in a new Python process, with variables added to its environment; returns what it prints."""

    def run(code: str, **variables: str) -> str:
        rooms = sorted(str(folder) for folder in TESTS.iterdir() if folder.is_dir())  # a script may import its test
        paths = os.pathsep.join([str(ROOT), str(TESTS), *rooms])
        environment = os.environ | {"PYTHONPATH": paths} | variables
        done = subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.fixture(scope="module")
def airline() -> pd.Series:
    return load_airline()


@pytest.fixture(scope="module")
def fitted(airline: pd.Series) -> RNNForecaster:
    return quick(n_members=3, max_steps=50).fit(airline)
