"""The GPU engine without a GPU: its tests on Numba's CUDA simulator, in a process that is told of it at the start."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
COMMAND = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "ignore:overflow:RuntimeWarning"]


@pytest.mark.parametrize("name", ["programs", "estimators", "persistent"])
def test_on_the_simulator(name: str) -> None:
    """All of a file's tests pass. Whole numbers may wrap around as on a GPU, of which NumPy warns."""
    environment = os.environ | {"NUMBA_ENABLE_CUDASIM": "1"}
    done = subprocess.run(
        [*COMMAND, str(TESTS / f"cudasim_{name}.py")], env=environment, capture_output=True, text=True, cwd=TESTS.parent
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
