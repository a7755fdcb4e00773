"""Which pairs of sequences go into which mini-batch: indices only, drawn anew for each epoch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forecastrnn.training.batches import Shuffled, WindowBatches, by_length
from forecastrnn.training.stepping import BatchIndex, Steps


@dataclass(frozen=True, kw_only=True)
class PairBatches(Shuffled):
    """Mini-batches over pairs, by where each begins and how long it is in the source's and the target's rows: (n,)."""

    starts: np.ndarray
    lengths: np.ndarray
    y_starts: np.ndarray
    y_lengths: np.ndarray
    batch: int
    shuffle: bool = True
    seed: int = 0
    buckets: bool = True
    device: str = "cpu"  # which says into how many shards a mini-batch is cut

    @property
    def n(self) -> int:  # type: ignore[override]
        """Number of pairs."""
        return len(self.starts)

    @property
    def sides(self) -> tuple[np.ndarray, np.ndarray]:
        """Lengths of the sources and of the targets."""
        return self.lengths, self.y_lengths

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
    def sizes(self) -> list[tuple[int, Steps]]:
        """Rows and time steps of the mini-batches."""
        return [(self.batch, self.pair)]

    def steps_of(self, index: BatchIndex) -> tuple[int, int]:
        """Time steps of the program that runs these mini-batches."""
        return self.pair

    def epoch(self, number: int) -> list[BatchIndex]:
        """Indices of epoch `number`, counted from the first fit on."""
        return [pair_index(index.x, self.pair) for index in super().epoch(number)]


def pair_index(starts: np.ndarray, steps: tuple[int, int]) -> BatchIndex:
    """Windows starts (steps, rows), each cut into its context and what comes behind."""
    source, target = (np.full_like(starts, count) for count in steps)
    return BatchIndex(starts, starts + source, starts, source, y_lengths=target)
