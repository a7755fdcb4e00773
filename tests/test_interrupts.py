"""Ctrl-C in jobs of all kinds, at moments drawn by chance: heard within half a second, the old model whole."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from support.long_jobs import JOBS

LATEST, SHARED = 0.5, 3.0  # seconds, and so many times what plain Python takes, where others use the machine too
LONGEST = 4.0  # seconds until the signal, at most
MOMENTS = int(os.environ.get("FORECASTRNN_MOMENTS", "2"))  # of each job

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT to a process of its own"),
]


def interrupted(name: str, wait: float) -> tuple[dict[str, object], float, float]:
    """What a job said that was interrupted so long after it began; seconds until it heard, and until it was gone."""
    tests = str(Path(__file__).parent)
    command = [sys.executable, "-m", "support.long_jobs", name]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([tests, os.environ.get("PYTHONPATH", "")])}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        time.sleep(wait)
        sent = time.perf_counter()
        process.send_signal(signal.SIGINT)
        said = json.loads(process.stdout.readline())
        process.wait()
    heard = float(said.get("at", sent)) - sent
    return said, heard, time.perf_counter() - float(said["last"])


@pytest.fixture(scope="module")
def usual() -> tuple[float, float]:
    """Seconds until plain Python hears of it, and until it is gone, the longest of some."""
    found = [interrupted("plain_python", 0.2)[1:] for _ in range(3)]
    return max(heard for heard, _ in found), max(left for _, left in found)


@pytest.mark.parametrize("name", [name for name in JOBS if name != "plain_python"])
def test_ctrl_c_is_heard_soon(name: str, usual: tuple[float, float]) -> None:
    """What was fitted before forecasts as it did, and no thread holds up the end of the process."""
    rng = np.random.default_rng(list(name.encode()))
    for wait in rng.uniform(0.05, LONGEST, MOMENTS):
        said, heard, left = interrupted(name, float(wait))
        print(f"{name}: after {wait:.2f} s {said['end']}, heard within {heard:.3f} s, gone within {left:.3f} s")
        assert said["end"] == "heard"
        assert said["same"]
        assert not said["threads"]
        assert heard < LATEST + SHARED * usual[0]
        assert left < LATEST + SHARED * usual[1]  # compiled code is freed, which takes a second
