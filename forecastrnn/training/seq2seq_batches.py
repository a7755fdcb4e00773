"""Which pairs of sequences go into which mini-batch: indices only, drawn anew for each epoch."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from forecastrnn.training.batches import SHORTEST, Shuffled, WindowBatches, by_length
from forecastrnn.training.stepping import BatchIndex


@dataclass(frozen=True, kw_only=True)
class PairBatches(Shuffled):
    """Mini-batches over pairs, by where each begins and how long it is in the source's and the target's rows: (n,).

    With `buckets`, whole mini-batches are of pairs of like length, and run on a program of about as many time steps.
    Programs halve in both lengths at once, so that there are few: a pair runs on the shortest that has room for both.
    """

    starts: np.ndarray
    lengths: np.ndarray
    y_starts: np.ndarray
    y_lengths: np.ndarray
    batch: int
    shuffle: bool = True
    seed: int = 0
    buckets: bool = True
    device: str = "cpu"  # which says into how many shards a mini-batch is cut

    ragged, carries = True, False

    @property
    def n(self) -> int:  # type: ignore[override]
        """Number of pairs."""
        return len(self.starts)

    @cached_property
    def ladder(self) -> np.ndarray:
        """Most steps of source and target, rising (programs, 2)."""
        sides = (self.lengths, self.y_lengths)
        rungs, least = [[int(side.max()) for side in sides]], [max(SHORTEST, int(side.min())) for side in sides]
        while self.buckets and any(steps > few for steps, few in zip(rungs[-1], least, strict=True)):
            rungs.append([-(-steps // 2) for steps in rungs[-1]])
        return np.array(rungs[::-1])

    @cached_property
    def rungs(self) -> np.ndarray:
        """The bucket of each pair, by its place in the ladder."""
        return self._rungs_of(self.lengths, self.y_lengths)

    def _rungs_of(self, lengths: np.ndarray, y_lengths: np.ndarray) -> np.ndarray:
        sides = ((0, lengths), (1, y_lengths))
        return np.maximum(*(np.searchsorted(self.ladder[:, side], values) for side, values in sides))

    def steps_of(self, index: BatchIndex) -> tuple[int, int]:
        """Time steps, of source and target, of the program that runs these mini-batches."""
        assert index.lengths is not None and index.y_lengths is not None
        source, target = self.ladder[self._rungs_of(index.lengths, index.y_lengths).max()]
        return int(source), int(target)

    @property
    def step_counts(self) -> list[tuple[int, int]]:
        """Time steps, of source and target, of the programs, the longest first."""
        return [(source, target) for source, target in self.ladder[np.unique(self.rungs)][::-1].tolist()]

    def _index(self, group: np.ndarray) -> BatchIndex:
        group = by_length(group, self.lengths, self.device)
        arrays = (self.starts[group], self.y_starts[group], group, self.lengths[group])
        return BatchIndex(*arrays, y_lengths=self.y_lengths[group])


@dataclass(frozen=True, kw_only=True)
class PairWindows(WindowBatches):
    """Windows of whose steps the encoder reads the first `source`, and the decoder the others."""

    source: int = 1

    @property
    def pair(self) -> tuple[int, int]:
        """Steps of the encoder and of the decoder."""
        return self.source, self.window_steps - self.source

    @property
    def sizes(self) -> list:
        """Rows and time steps of the mini-batches."""
        return [(self.batch, self.pair)]

    def steps_of(self, index: BatchIndex) -> tuple[int, int]:  # type: ignore[override]
        """Time steps of the program that runs these mini-batches."""
        return self.pair

    def epoch(self, number: int) -> list[BatchIndex]:
        """Indices of epoch `number`, counted from the first fit on."""
        return [pair_index(index.x, self.pair) for index in super().epoch(number)]


def pair_index(starts: np.ndarray, steps: tuple[int, int]) -> BatchIndex:
    """Windows starts (steps, rows), each cut into its context and what comes behind."""
    source, target = (np.full_like(starts, count) for count in steps)
    return BatchIndex(starts, starts + source, starts, source, y_lengths=target)
