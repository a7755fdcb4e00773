"""The GPU engine without a GPU: its tests on Numba's CUDA simulator, in processes that run beside all other tests."""

from __future__ import annotations

import subprocess

import pytest

from support.simulators import GROUPS


@pytest.mark.parametrize("group", GROUPS)
def test_on_the_simulator(group: str, simulators: dict[str, subprocess.Popen]) -> None:
    """All tests of a group pass. Whole numbers may wrap around as on a GPU, of which NumPy warns."""
    said, _ = simulators[group].communicate()
    assert simulators[group].returncode == 0, said[-8000:]
