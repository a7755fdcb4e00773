"""What tests of pictures share: no window, and no figure left open."""

from __future__ import annotations

from collections.abc import Iterator

import matplotlib
import matplotlib.pyplot as plt
import pytest

matplotlib.use("Agg")


@pytest.fixture(autouse=True)
def no_figure_is_left() -> Iterator[None]:
    plt.close("all")
    yield
    plt.close("all")


@pytest.fixture
def figures() -> Iterator[list[int]]:
    """Those that pyplot has before the test."""
    yield plt.get_fignums()
