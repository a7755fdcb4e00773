"""Windows that mini-batches are made of: by chance from many, spread over all from few."""

from __future__ import annotations

import numpy as np
import pytest

from forecastrnn.training.window_batches import WindowBatches

LO, HI = np.array([0, 50, 90]), np.array([35, 50, 98])  # 36, 1 and 9 windows
CHANCE = np.array([6.0, 1.0, 3.0]) / 10.0


def starts(batch: int, total: int, *, is_spread: bool) -> np.ndarray:
    """Where windows begin (total, batch)."""
    batches = WindowBatches(
        lo=LO, hi=HI, chance=CHANCE, batch=batch, seed=0, steps_an_epoch=total, steps=5, total=total,
        is_spread=is_spread,
    )  # fmt: skip
    (index,) = batches.epoch(0)
    return index.x


@pytest.mark.parametrize("is_spread", [False, True])
def test_series_and_windows_come_as_often_as_they_should(is_spread: bool) -> None:
    found = starts(10, 2000, is_spread=is_spread).ravel()
    for lo, hi, chance in zip(LO, HI, CHANCE, strict=True):
        own = found[(lo <= found) & (found <= hi)]
        assert len(own) / len(found) == pytest.approx(chance, abs=0.02)
        counts = np.bincount(own - lo, minlength=hi - lo + 1)
        assert counts.min() > 0.7 * counts.mean() and counts.max() < 1.3 * counts.mean()
    assert np.isin(found, np.concatenate([np.arange(lo, hi + 1) for lo, hi in zip(LO, HI, strict=True)])).all()


def test_few_windows_are_spread_over_all_in_each_mini_batch() -> None:
    found = np.sort(starts(10, 500, is_spread=True), axis=1)
    assert (found[:, 6] == 50).all() and (found[:, 7:] >= 90).all()  # six tenths, one, and three
    six = found[:, :6] // 6
    np.testing.assert_array_equal(six, np.tile(np.arange(6), (500, 1)))
    assert len(np.unique(starts(10, 500, is_spread=False) <= 35, axis=0)) > 10
