"""Processes in which the GPU engine's tests run on Numba's CUDA simulator, which must be told of it at the start."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Of files that a process runs one after another. Each process compiles the CPU's kernels for itself, so there are only
# as many processes as share the work evenly between two cores.
GROUPS = ("programs cells norm heads", "pairs estimators persistent forecasts copies parallel failures")
# It gives way to the tests beside it, some of which measure times.
RUN = "import os, sys, pytest; getattr(os, 'nice', int)(5); sys.exit(pytest.main(sys.argv[1:]))"
OPTIONS = ["-q", "-p", "no:cacheprovider", "-W", "ignore:overflow:RuntimeWarning"]


def start(group: str) -> subprocess.Popen:
    """Run the tests of a group."""
    files = [str(ROOT / "tests" / "engine" / f"cudasim_{name}.py") for name in group.split()]
    return subprocess.Popen(
        [sys.executable, "-c", RUN, *OPTIONS, *files], env=os.environ | {"NUMBA_ENABLE_CUDASIM": "1"}, cwd=ROOT,
        text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def stop(process: subprocess.Popen) -> None:
    """End one that nobody has waited for."""
    if process.returncode is None:
        process.kill()
        process.communicate()
