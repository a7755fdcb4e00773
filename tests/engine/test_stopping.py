"""Ctrl-C in compiled passes over series: they end soon, and nothing of them runs on."""

from __future__ import annotations

import signal
import threading
import time

import numpy as np
import pytest

from forecastrnn.engine.cpu import stopping
from forecastrnn.engine.cpu.series import go_on_naive, mean_changes

PLACES, VALUES = 20_000, 10**6  # two looks at each place for each value: half a minute


def test_a_long_pass_ends_at_ctrl_c() -> None:
    """On another thread, which is gone when the error comes: what it wrote to stays as it is."""
    figure = np.random.default_rng(0).standard_normal((1, PLACES))
    offsets, rows = np.array([0, VALUES]), np.zeros(1, np.int64)
    go_on_naive(np.zeros(10), np.array([0, 10]), rows, figure.copy())  # compiled
    threading.Timer(0.3, signal.raise_signal, [signal.SIGINT]).start()
    begun = time.perf_counter()
    with pytest.raises(KeyboardInterrupt):
        go_on_naive(np.ones(VALUES), offsets, rows, figure)
    assert time.perf_counter() - begun < 8.0
    left = figure.copy()
    time.sleep(0.05)
    np.testing.assert_array_equal(figure, left)


@pytest.mark.parametrize("seconds", [np.inf, 0.0], ids=["on another thread", "on this one"])
def test_where_it_runs_changes_no_bit(seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does it where the caller is not the main thread."""
    z, offsets, periods = np.random.default_rng(0).standard_normal(900), np.array([0, 400, 900]), np.array([7, 7])
    wanted = [np.abs(part[7:] - part[:-7]).mean() for part in (z[:400], z[400:])]
    monkeypatch.setattr(stopping, "SLOWEST", seconds)
    found, beside = np.empty((2, 2))
    mean_changes(z, offsets, periods, found)
    other = threading.Thread(target=mean_changes, args=(z, offsets, periods, beside))
    other.start()
    other.join()
    np.testing.assert_array_equal(found, beside)
    np.testing.assert_allclose(found, wanted, rtol=1e-12)
