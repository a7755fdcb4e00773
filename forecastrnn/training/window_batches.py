"""Mini-batches of windows from many series, drawn at random."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from forecastrnn.training.batches import Batches
from forecastrnn.training.stepping import BatchIndex, Steps

SAMPLE = 2  # a stream of random numbers


@dataclass(frozen=True, kw_only=True)
class WindowBatches(Batches):
    """Windows of some steps: a series by its `chance`, then a start between lo and hi.

    As a pair, the encoder reads the first of its steps, the decoder those behind them. is_spread : all windows are in
    line, and a mini-batch has one from each of as many parts of them as it has rows.
    """

    lo: np.ndarray
    hi: np.ndarray
    chance: np.ndarray
    batch: int
    seed: int
    steps_an_epoch: int
    steps: Steps
    total: int  # mini-batches of a fit: the last epoch may be shorter
    before: int = 0
    is_spread: bool = False
    apart: bool = False  # X has the rows of each window by itself, in the order in which they are drawn

    @property
    def sizes(self) -> list[tuple[int, Steps]]:
        """Rows and time steps of the mini-batches."""
        return [(self.batch, self.steps)]

    def steps_of(self, index: BatchIndex) -> Steps:
        """Time steps of the program that runs these mini-batches."""
        return self.steps

    def epoch(self, number: int) -> list[BatchIndex]:
        """Indices of epoch `number`, counted from the first fit on."""
        rng = np.random.default_rng([self.seed, SAMPLE, number])
        left = self.total - (number - self.before) * self.steps_an_epoch
        shape = (min(self.steps_an_epoch, left), self.batch)
        if self.is_spread:
            share = (np.arange(self.batch) + rng.random(shape)) / self.batch
            return [self._index(self._windows_at(share), number)]
        which = rng.choice(len(self.lo), shape, p=self.chance)
        return [self._index(self.lo[which] + rng.integers(0, (self.hi - self.lo + 1)[which]), number)]

    def all_starts(self) -> np.ndarray:
        """Where all windows of the fit begin, in the order in which they are drawn."""
        epochs = range(self.before, self.before - (-self.total // self.steps_an_epoch))
        return np.concatenate([index.y.reshape(-1) for number in epochs for index in self.epoch(number)])

    def _index(self, starts: np.ndarray, number: int) -> BatchIndex:
        """Windows (steps, rows) of an epoch."""
        index = window_index(starts, self.steps)
        if not self.apart:
            return index
        assert not isinstance(self.steps, tuple)
        first = (number - self.before) * self.steps_an_epoch * self.batch
        return replace(index, x=(first + np.arange(starts.size)).reshape(starts.shape) * self.steps)

    def _windows_at(self, share: np.ndarray) -> np.ndarray:
        """Where the windows begin that lie at a share, 0 .. 1, of all, series by series, each as long as its chance."""
        ends = np.cumsum(self.chance)
        which = np.minimum(np.searchsorted(ends, share, side="right"), len(ends) - 1)
        inside = 1.0 - (ends[which] - share) / self.chance[which]
        room = (self.hi - self.lo + 1)[which]
        return self.lo[which] + np.clip((inside * room).astype(np.int64), 0, room - 1)


def window_index(starts: np.ndarray, steps: Steps) -> BatchIndex:
    """Windows starts (steps, rows); as a pair, each cut into its context and what comes behind."""
    if not isinstance(steps, tuple):
        return BatchIndex(starts, starts, starts)
    source, target = (np.full_like(starts, count) for count in steps)
    return BatchIndex(starts, starts + source, starts, source, y_lengths=target)
