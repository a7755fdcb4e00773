"""What tests of several files share."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LEFT_OUT = ("NUMBA_DISABLE_JIT", "NUMBA_CACHE_DIR", "XDG_CACHE_HOME", "FORECASTRNN_LANES")


@pytest.fixture
def run_script() -> Callable[..., str]:
    """Run code in a new Python process, with variables added to its environment; returns what it prints."""

    def run(code: str, **variables: str) -> str:
        kept = {name: value for name, value in os.environ.items() if name not in LEFT_OUT}
        inherited = {n: os.environ[n] for n in ("NUMBA_CACHE_DIR",) if n in os.environ}
        paths = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
        environment = kept | inherited | {"PYTHONPATH": paths} | variables
        done = subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run
