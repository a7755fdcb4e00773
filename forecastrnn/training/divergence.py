"""How large a loss may be at the end of a training, against that at first and that of a network which says nothing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forecastrnn.networks.losses import LOSSES, AnyLoss

BLOW_UP = 1e4  # a loss this many times the first one counts as diverged at any time
SMALL = 0.05  # of a first loss: below it the loss at the end is not compared with it
ROWS = 64  # samples whose loss is looked at, at least
UPDATES = 50  # for each further mini-batch that is looked at: it costs little then


@dataclass(frozen=True, kw_only=True)
class WorstLoss:
    """What the loss behind the last update may be: a bounded one never blows up, but tells that nothing was learned.

    times : what it may be, in losses before the first update; infinite: anything
    of_zeros : the loss of a network that puts out zeros; what counts is the larger of the two
    beyond : how much more it may be in any case: logarithms of densities may be 0 or less at first
    """

    times: float = np.inf
    of_zeros: float = SMALL
    beyond: float = 0.0

    def behind(self, first: np.ndarray | float) -> np.ndarray:
        """The largest loss behind the last update that is not diverged, by that before the first one."""
        base = np.maximum(first, self.of_zeros)
        if not np.isfinite(self.times):
            return np.full_like(base, np.inf)
        return base + np.maximum((self.times - 1.0) * np.abs(base), self.beyond)


ANY_LOSS = WorstLoss()


def loss_of_zeros(loss: AnyLoss, targets: np.ndarray, weight: np.ndarray, n_outputs: int) -> float:
    """The mean loss of outputs that are all 0, SMALL at least; of losses that others wrote nothing is known.

    targets (rows, outputs) : NaN where nothing is asked; weight (rows,) : of each row, in any unit. A mini-batch may be
    of rows that hardly count: their loss is as large as they are, so the mean without weights is looked at as well.
    """
    known = LOSSES.get(loss) if isinstance(loss, str) else None
    if known is None or known.kernel not in ("elementwise_loss", "cross_entropy"):
        return SMALL
    if known.takes_classes:
        return float(np.log(n_outputs))
    size = np.abs(targets.astype(np.float64))
    each = (size**2, size, np.where(size <= 1.0, 0.5 * size**2, size - 0.5))[known.kind]
    share = np.stack([weight / weight.max(), weight > 0.0])[:, :, None]
    counted = np.where(np.isnan(each), 0.0, share)
    means = np.nansum(each * counted, axis=(1, 2)) / np.maximum(counted.sum(axis=(1, 2)), np.finfo(float).tiny)
    return max(*means.tolist(), SMALL)
