"""What tests of the engine share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from forecastrnn.engine.compiling import sources_digest
from support.cache_runs import forward


@pytest.fixture(scope="session")
def filled(run_script: Callable[..., str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that one process has filled, not to be written."""
    root = tmp_path_factory.mktemp("cache")
    folder, files = forward(run_script, NUMBA_CACHE_DIR=str(root))
    assert folder == str(root / f"forecastrnn-{sources_digest()}")
    assert files > 0
    return root
