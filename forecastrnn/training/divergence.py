"""How large a loss may be at the end of a training, against that at first and that of a network which says nothing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forecastrnn.networks.losses import LOSSES, AnyLoss

BLOW_UP = 1e4  # a loss this many times the first one counts as diverged at any time
SMALL = 0.05  # of a first loss: below it the loss at the end is not compared with it
ROWS = 64  # samples whose loss is looked at, at least
UPDATES = 50  # for each further mini-batch that is looked at: it costs little then
GREW = 10.0  # times as large as at first, in squares, that the errors of an epoch are where training blew up


@dataclass(frozen=True, kw_only=True)
class WorstLoss:
    """What the loss behind the last update may be: a bounded one never blows up, but tells that nothing was learned.

    times : what it may be, in losses before the first update; infinite: anything
    of_zeros : the loss of a network that puts out zeros; what counts is the larger of the two
    beyond : how much more it may be in any case: logarithms of densities may be 0 or less at first
    back : the same as `times` for a training that blew up on its way, and must have come back from there
    loss : how it grows with errors: `times` and `back` are those of their squares, whatever the loss is
    """

    times: float = np.inf
    of_zeros: float = SMALL
    beyond: float = 0.0
    back: float = np.inf
    loss: AnyLoss = "squared_error"

    def behind(self, first: np.ndarray | float, blew_up: bool = False) -> np.ndarray:
        """The largest loss behind the last update that is not diverged, by that before the first one."""
        base = np.maximum(first, self.of_zeros)
        times = min(self.times, self.back) if blew_up else self.times
        if not np.isfinite(times):
            return np.full_like(base, np.inf)
        return base + np.maximum(_grown(self.loss, np.abs(base), times) - np.abs(base), self.beyond)

    def blew_up(self, losses: list[float], first: float) -> bool:
        """Whether an epoch, of which these are the losses, has left all that can be learned from."""
        if not np.isfinite(self.back):
            return False
        return bool(max(losses, default=-np.inf) > _grown(self.loss, np.maximum(first, self.of_zeros), GREW))


def _grown(loss: AnyLoss, value: np.ndarray, times: float) -> np.ndarray:
    """What a loss becomes where the squares of errors are so many times as large: of absolute ones, their root."""
    root = np.sqrt(times)
    if loss == "absolute_error":
        return value * root
    if loss == "huber":
        size = np.where(value <= 0.5, np.sqrt(2.0 * value), value + 0.5) * root
        return np.where(size <= 1.0, 0.5 * size**2, size - 0.5)
    return value * times


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
