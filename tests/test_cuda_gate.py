"""Every kernel of the GPU engine compiles for a GPU, on a machine without one, and stays in registers."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

GATE = Path(__file__).with_name("cuda_gate.py")


def run_gate(*arguments: str) -> subprocess.CompletedProcess:
    """Run the gate in a process of its own, without the simulator."""
    environment = {name: value for name, value in os.environ.items() if name != "NUMBA_ENABLE_CUDASIM"}
    paths = os.pathsep.join([str(GATE.parents[1]), str(GATE.parent)])
    return subprocess.run(
        [sys.executable, str(GATE), *arguments], env=environment | {"PYTHONPATH": paths}, capture_output=True, text=True
    )


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("numba_cuda") is None, reason="numba-cuda is not installed")
def test_every_kernel_compiles_for_a_gpu() -> None:
    """No local memory, no spilled registers, no float64 beside float32."""
    done = run_gate()
    if "ptxas is not installed" in done.stderr:
        pytest.skip("ptxas is not installed")
    assert done.returncode == 0, done.stdout + done.stderr


def test_gate_says_what_is_missing() -> None:
    """Without the compiler it ends with an error that names it, or it lists kernels."""
    done = run_gate("--only", "no kernel has this name")
    if importlib.util.find_spec("numba_cuda") is None:
        assert done.returncode == 2
        assert "numba-cuda is not installed" in done.stderr
    else:
        assert done.stdout.startswith("| kernel |") or "ptxas is not installed" in done.stderr
