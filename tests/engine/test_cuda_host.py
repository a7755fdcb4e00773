"""Runs `cuda_host.py` with a driver of CUDA that stands in for a GPU's, where numba-cuda and a C compiler are."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
COMPILER = shutil.which("cc")


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("numba_cuda") is None, reason="numba-cuda is not installed")
@pytest.mark.skipif(COMPILER is None, reason="there is no C compiler")
@pytest.mark.skipif(sys.platform != "linux", reason="the driver's name is that of Linux")
def test_the_host_side_of_a_gpu(tmp_path: Path) -> None:
    """All of its tests pass."""
    driver = tmp_path / "libcuda.so.1"
    subprocess.run([str(COMPILER), "-w", "-shared", "-fPIC", "-o", driver, HERE / "cuda_driver.c"], check=True)
    environment = {name: value for name, value in os.environ.items() if name != "NUMBA_ENABLE_CUDASIM"}
    environment |= {"LD_LIBRARY_PATH": str(tmp_path), "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "default", "-p", "no:cacheprovider", HERE / "cuda_host.py"],
        env=environment, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
