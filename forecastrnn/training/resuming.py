"""A training as arrays: all that the rest of it depends on, and back.

What is drawn by chance is a function of the seed and of numbers of epochs and updates, so it needs no state of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from forecastrnn.exceptions import CheckpointError
from forecastrnn.keeping import UNFIT, Record, taken
from forecastrnn.training.optimizers import OptimizerState

if TYPE_CHECKING:
    from forecastrnn.engine.buffers import Place
    from forecastrnn.training.network_progress import Progress

_COUNTS = ("looked", "waited", "first", "count", "is_over")
_NUMBERS = ("best", "first_loss", "begun_at")


@dataclass
class LoopState:
    """How far the loop over epochs has come.

    looked : epochs whose loss somebody has looked at; `losses` are those of the next ones, which have run.
    best, waited, kept : the best score, the epochs since it, and its parameters, where they are validated.
    first, count : epochs that are running together. step_losses, step_weights : of their updates so far.
    carried : states behind the last of these, where the next one begins with them.
    first_loss, begun_at : losses before the first update, by which later ones are judged; NaN and inf before it.
    is_over : all is done.
    """

    looked: int = 0
    waited: int = 0
    first: int = 0
    count: int = 0
    is_over: int = 0
    best: float = -np.inf
    first_loss: float = np.nan
    begun_at: float = np.inf
    losses: list[float] = field(default_factory=list)
    kept: np.ndarray | None = None
    step_losses: list[np.ndarray] = field(default_factory=list)
    step_weights: list[np.ndarray] = field(default_factory=list)
    carried: list[np.ndarray] = field(default_factory=list)

    @property
    def done(self) -> int:
        """Updates made in the epochs that are running."""
        return sum(map(len, self.step_losses))

    def made(self, losses: np.ndarray, weights: np.ndarray) -> None:
        """Some more updates were made."""
        self.step_losses.append(losses)
        self.step_weights.append(weights)

    def ended(self) -> tuple[np.ndarray, np.ndarray]:
        """Losses and weights of all updates of the epochs, which are over."""
        found = _joined(self.step_losses), _joined(self.step_weights)
        self.count, self.step_losses, self.step_weights = 0, [], []
        return found


def _joined(parts: list[np.ndarray]) -> np.ndarray:
    return np.concatenate(parts) if parts else np.zeros(0)


def record_of(state: LoopState, progress: Progress) -> Record:
    """All of it, as vectors of their own."""
    if progress.fetch is not None:
        progress.fetch()
    optimizer = progress.optimizer
    found = {
        "counts": np.array([getattr(state, name) for name in _COUNTS], np.int64),
        "numbers": np.array([getattr(state, name) for name in _NUMBERS]),
        "progress": np.array([optimizer.count, optimizer.since_start, progress.best_iter, progress.stopped], np.int64),
        "loss_curve": np.array(progress.loss_curve, float), "scores": np.array(progress.validation_scores, float),
        "losses": np.array(state.losses, float), "step_losses": _joined(state.step_losses),
        "step_weights": _joined(state.step_weights), "theta": progress.theta.copy(),
    }  # fmt: skip
    found |= {f"moment {name}": moment.copy() for name, moment in optimizer.moments.items()}
    found |= {f"carried {number}": values.copy() for number, values in enumerate(state.carried)}
    return found if state.kept is None else found | {"kept": state.kept.copy()}


def restored(record: Record, progress: Progress) -> LoopState:
    """The loop that a record tells of; `progress` becomes what it was."""
    state, optimizer = LoopState(), progress.optimizer
    counts, numbers, of_progress = (
        taken(record, name, size, dtype)
        for name, size, dtype in (("counts", 5, np.int64), ("numbers", 3, float), ("progress", 4, np.int64))
    )
    for name, count in zip(_COUNTS, counts.tolist(), strict=True):
        setattr(state, name, count)
    for name, number in zip(_NUMBERS, numbers.tolist(), strict=True):
        setattr(state, name, number)
    progress.theta[:] = taken(record, "theta", progress.theta.size, progress.theta.dtype)
    _restore_moments(record, optimizer)
    optimizer.count, optimizer.since_start, progress.best_iter, stopped = of_progress.tolist()
    progress.stopped = bool(stopped)
    progress.loss_curve[:] = taken(record, "loss_curve").tolist()
    progress.validation_scores[:] = taken(record, "scores").tolist()
    state.losses = taken(record, "losses").tolist()
    state.made(taken(record, "step_losses"), taken(record, "step_weights", len(record["step_losses"])))
    count = sum(name.startswith("carried ") for name in record)
    state.carried = [taken(record, f"carried {number}", None, progress.theta.dtype) for number in range(count)]
    if "kept" in record:
        state.kept = taken(record, "kept", progress.theta.size, progress.theta.dtype).copy()
    return state


def _restore_moments(record: Record, optimizer: OptimizerState) -> None:
    if {name for name in record if name.startswith("moment ")} != {f"moment {name}" for name in optimizer.moments}:
        raise CheckpointError(UNFIT)
    for name, moment in optimizer.moments.items():
        moment[:] = taken(record, f"moment {name}", moment.size, moment.dtype)


def carried_of(places: list[tuple[Place, int]]) -> list[np.ndarray]:
    """States that the next step begins with."""
    return [place.buffer.part(place.offset, size) for place, size in places]


def carry_on(places: list[tuple[Place, int]], states: list[np.ndarray]) -> None:
    """Put them where the next step looks for them."""
    if len(places) != len(states):
        raise CheckpointError(UNFIT)
    for (place, size), state in zip(places, states, strict=True):
        if (state.size, state.dtype) != (size, place.buffer.dtype):
            raise CheckpointError(UNFIT)
        place.buffer.array.reshape(-1)[place.offset : place.offset + size] = state
