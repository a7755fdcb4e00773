"""Every kernel of the GPU engine compiles for a GPU, on a machine without one, and stays in registers."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import cuda_gate
import numpy as np
import pytest
from numba import cuda, float32

from forecastrnn.engine.cuda.build import Handle, Launch, Spot, device_kernel

GATE = Path(__file__).with_name("cuda_gate.py")


def run_gate(*arguments: str) -> subprocess.CompletedProcess:
    """Run the gate in a process of its own, without the simulator."""
    environment = {name: value for name, value in os.environ.items() if name != "NUMBA_ENABLE_CUDASIM"}
    paths = os.pathsep.join([str(GATE.parents[2]), str(GATE.parents[1])])
    return subprocess.run(
        [sys.executable, str(GATE), *arguments], env=environment | {"PYTHONPATH": paths}, capture_output=True, text=True
    )


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("numba_cuda") is None, reason="numba-cuda is not installed")
def test_every_kernel_compiles_for_a_gpu() -> None:
    """No local memory, no spilled registers, no float64 beside float32."""
    done = run_gate("--scope", "cells")
    if "ptxas is not installed" in done.stderr:
        pytest.skip("ptxas is not installed")
    assert done.returncode == 0, done.stdout + done.stderr


GOOD = cuda_gate.Result("k", 256, 64, 0, 0, 1024, 0, (False, 0), 0.1)


def test_a_kernel_within_all_limits_has_no_fault() -> None:
    assert GOOD.faults == []
    assert GOOD._replace(stack=8, fp64=3, allowed=(True, 8)).faults == []


@pytest.mark.parametrize(
    ("over", "said"),
    [
        ({"stack": 8}, "8 bytes of local memory"),
        ({"spills": 4}, "4 bytes spilled"),
        ({"registers": 257}, "257 registers for each of 256 threads"),
        ({"shared": 49_153}, "49153 bytes of shared memory"),
        ({"fp64": 2}, "2 instructions on float64"),
    ],
)
def test_each_fault_is_named(over: dict, said: str) -> None:
    assert GOOD._replace(**over).faults == [f"k: {said}"]


CODE = """
        /*0000*/                   MOV R1, c[0x0][0x28] ;
.L_x_1:
        /*0010*/                   LDG.E R2, desc[UR4][R4.64] ;
        /*0020*/               @P0 BRA `(.L_x_1) ;
.L_x_2:
        /*0030*/                   LDS.128 R8, [R3] ;
        /*0040*/              @!P1 BRA `(.L_x_3) ;
        /*0050*/                   FFMA R0, R8, R9, R0 ;
.L_x_3:
        /*0060*/                   BAR.SYNC.DEFER_BLOCKING 0x0 ;
        /*0070*/              @!P0 BRA `(.L_x_2) ;
        /*0080*/                   EXIT ;
.L_x_4:
        /*0090*/                   BRA `(.L_x_4);
"""


def test_instructions_of_the_main_loop() -> None:
    """Of two loops the one that multiplies; a jump ahead is none, and the last one is only padding."""
    loop = cuda_gate.main_loop(CODE)
    assert loop == {"all": 5, "FFMA": 1, "LDS": 1, "LDG": 0, "LDL": 0, "BAR": 1}
    assert GOOD._replace(loop=loop).row.endswith("| 5 | 1 | 1 | 0 | 0 | 1 | 0.01 |")
    assert cuda_gate.main_loop(CODE.replace("L_x_1", "L_x_9", 1).replace("L_x_2", "L_x_8", 1)) is None


@pytest.mark.slow
@pytest.mark.skipif(bool(cuda_gate.missing()), reason="the compiler of the gate is not installed")
def test_local_memory_and_float64_are_found() -> None:
    """A kernel that has both."""

    def faulty(x, x0, n):
        kept = cuda.local.array(64, float32)
        for i in range(n):
            kept[i % 64] = x[x0 + i]
        x[x0] = kept[n % 64] + 0.1

    launch = Launch(device_kernel(threads=32)(faulty), (1,), 32, (Spot(Handle(9, np.float32)), 9))
    result = cuda_gate.compile_one(launch.kernel, cuda_gate.types_of(launch))
    assert result.stack >= 256
    assert result.fp64 > 0


def test_gate_says_what_is_missing() -> None:
    """Without the compiler it ends with an error that names it, or it lists kernels."""
    done = run_gate("--only", "no kernel has this name")
    if importlib.util.find_spec("numba_cuda") is None:
        assert done.returncode == 2
        assert "numba-cuda is not installed" in done.stderr
    else:
        assert done.stdout.startswith("| kernel |") or "ptxas is not installed" in done.stderr
