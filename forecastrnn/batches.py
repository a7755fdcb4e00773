"""Which samples go into which mini-batch: indices only, drawn anew for each epoch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forecastrnn.inference import sort_rows
from forecastrnn.shapes import shards_of
from forecastrnn.stepping import Index

SHUFFLE, SAMPLE = 1, 2  # streams of random numbers


@dataclass(frozen=True)
class ArrayBatches:
    """Mini-batches over n samples of `steps` rows each; with `window`, each is cut for truncated BPTT.

    The samples are in one array (n * steps, columns); targets begin at sample * target_steps.
    """

    n: int
    steps: int
    target_steps: int
    batch: int
    shuffle: bool
    seed: int
    lengths: np.ndarray | None = None
    window: int | None = None

    def epoch(self, number: int) -> list[Index]:
        """Indices of epoch `number`: all whole mini-batches, then what is left."""
        order = np.arange(self.n)
        if self.shuffle:
            order = np.random.default_rng([self.seed, SHUFFLE, number]).permutation(self.n)
        whole = self.n // self.batch * self.batch
        groups = [order[:whole].reshape(-1, self.batch), order[whole:].reshape(1, -1)]
        return [self._index(group) for group in groups if group.size]

    @property
    def sizes(self) -> list[int]:
        """Rows of the mini-batches: of whole ones, and of what is left."""
        rest = self.n % self.batch
        return [self.batch, rest] if rest else [self.batch]

    @property
    def window_steps(self) -> int:
        """Time steps of one training step."""
        return min(self.window or self.steps, self.steps)

    @property
    def ragged(self) -> bool:
        """Whether a training step can have rows of different lengths."""
        return self.lengths is not None or self.steps % self.window_steps > 0

    @property
    def carries(self) -> bool:
        """Whether a sample takes several training steps, the state carried on."""
        return self.window_steps < self.steps

    def _index(self, group: np.ndarray) -> Index:
        lengths = None
        if self.lengths is not None:
            shards = shards_of(group.shape[1])
            group = np.stack([row[sort_rows(self.lengths[row], shards)] for row in group])
            lengths = self.lengths[group]
        if not self.carries:
            return Index(group * self.steps, group * self.target_steps, group, lengths)
        return self._windows(group, np.full(group.shape, self.steps) if lengths is None else lengths)

    def _windows(self, group: np.ndarray, lengths: np.ndarray) -> Index:
        """Cut every mini-batch into consecutive windows; `keep` is 0 in the first of each."""
        k, width = self.window_steps, group.shape[1]
        count = -(-self.steps // k)
        offset = np.arange(count)[None, :, None] * k

        def spread(values: np.ndarray) -> np.ndarray:
            return (values[:, None] + offset).reshape(-1, width)

        samples = np.repeat(group, count, axis=0)
        left = np.clip(lengths[:, None] - offset, 0, k).reshape(-1, width)
        keep = (np.arange(len(samples)) % count > 0).astype(float)
        starts = spread(group * self.steps)
        index = Index(starts, spread(group * self.target_steps), samples, left if self.ragged else None, keep)
        return index.where((left > 0).sum(axis=1) > 0)  # windows behind the end of all their rows teach nothing


@dataclass(frozen=True)
class WindowBatches:
    """Windows drawn at random from many series: a series by its `chance`, then a start between lo and hi."""

    lo: np.ndarray
    hi: np.ndarray
    chance: np.ndarray
    batch: int
    seed: int
    steps_an_epoch: int
    window_steps: int
    total: int  # mini-batches of a fit: the last epoch may be shorter
    before: int = 0  # epochs of earlier fits
    ragged: bool = False
    carries: bool = False

    @property
    def sizes(self) -> list[int]:
        """Rows of the mini-batches."""
        return [self.batch]

    def epoch(self, number: int) -> list[Index]:
        """Indices of epoch `number`, counted from the first fit on."""
        rng = np.random.default_rng([self.seed, SAMPLE, number])
        left = self.total - (number - self.before) * self.steps_an_epoch
        shape = (min(self.steps_an_epoch, left), self.batch)
        which = rng.choice(len(self.lo), shape, p=self.chance)
        start = self.lo[which] + rng.integers(0, (self.hi - self.lo + 1)[which])
        return [Index(start, start, which)]
