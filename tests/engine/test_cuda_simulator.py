"""The GPU engine without a GPU: its tests on Numba's CUDA simulator, in a process that is told of it at the start."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
COMMAND = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "ignore:overflow:RuntimeWarning"]


NAMES = ("programs", "cells", "estimators", "persistent", "norm", "pairs", "forecasts copies parallel failures")


@pytest.fixture(scope="module")
def running() -> Iterator[dict[str, subprocess.Popen]]:
    """The tests of each file, or of several quick ones, in a process, side by side."""
    environment = os.environ | {"NUMBA_ENABLE_CUDASIM": "1"}
    started = {
        name: subprocess.Popen(
            [*COMMAND, *(str(TESTS / f"cudasim_{part}.py") for part in name.split())], env=environment,
            cwd=TESTS.parents[1], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )
        for name in NAMES
    }  # fmt: skip
    yield started
    for process in started.values():
        if process.returncode is None:  # nobody has waited for it
            process.kill()
            process.communicate()


@pytest.mark.parametrize("name", NAMES)
def test_on_the_simulator(name: str, running: dict[str, subprocess.Popen]) -> None:
    """All of a file's tests pass. Whole numbers may wrap around as on a GPU, of which NumPy warns."""
    said, _ = running[name].communicate()
    assert running[name].returncode == 0, said[-8000:]
