"""Processes that are killed by SIGKILL at random moments: what goes on has the bits of what was never stopped."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import pytest

from support.resume_cases import KINDS, digest, in_child

pytestmark = [
    pytest.mark.skipif(os.name == "nt", reason="no fork and no SIGKILL"),
    pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning"),  # its threads are idle
]
KILLS = int(os.environ.get("FORECASTRNN_KILLS", "500"))  # of all kinds together


def killed_until_it_ends(kind: str, folder: Path, rng: np.random.Generator, kills: int) -> int:
    """Fits of a kind, again and again, until so many were killed; each ends with the right bits and leaves nothing."""
    right = digest(KINDS[kind](None))
    begun = time.perf_counter()
    assert in_child(kind, str(folder / "run.ckpt"), 600.0) == right
    whole, made = time.perf_counter() - begun, 0
    while made < kills:
        found = in_child(kind, str(folder / "run.ckpt"), rng.uniform(0.0, whole))
        if found is None:
            made += 1
            continue
        assert found == right
        assert not list(folder.iterdir()), "a file stays"
    assert in_child(kind, str(folder / "run.ckpt"), 600.0) == right
    assert not list(folder.iterdir()), "a file stays"
    return made


@pytest.mark.parametrize("kind", ["regressor", "local"])
def test_some_kills(kind: str, tmp_path: Path) -> None:
    assert killed_until_it_ends(kind, tmp_path, np.random.default_rng(3), kills=2) == 2


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_many_kills(kind: str, tmp_path: Path) -> None:
    kills = -(-KILLS // len(KINDS))
    assert killed_until_it_ends(kind, tmp_path, np.random.default_rng(len(kind)), kills) == kills
