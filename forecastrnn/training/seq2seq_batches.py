"""Which pairs of sequences go into which mini-batch: indices only, drawn anew for each epoch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forecastrnn.training.batches import Shuffled, by_length
from forecastrnn.training.stepping import BatchIndex


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
