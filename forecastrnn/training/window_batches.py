"""Mini-batches of windows from many series, drawn at random."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forecastrnn.training.batches import Batches
from forecastrnn.training.stepping import BatchIndex, Steps

SAMPLE = 2  # a stream of random numbers


@dataclass(frozen=True, kw_only=True)
class WindowBatches(Batches):
    """Windows of some steps: a series by its `chance`, then a start between lo and hi.

    As a pair, the encoder reads the first of its steps, the decoder those behind them.
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
        which = rng.choice(len(self.lo), shape, p=self.chance)
        return [window_index(self.lo[which] + rng.integers(0, (self.hi - self.lo + 1)[which]), self.steps)]


def window_index(starts: np.ndarray, steps: Steps) -> BatchIndex:
    """Windows starts (steps, rows); as a pair, each cut into its context and what comes behind."""
    if not isinstance(steps, tuple):
        return BatchIndex(starts, starts, starts)
    source, target = (np.full_like(starts, count) for count in steps)
    return BatchIndex(starts, starts + source, starts, source, y_lengths=target)
