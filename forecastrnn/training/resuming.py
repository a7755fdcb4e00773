"""A training as arrays: all that the rest of it depends on, and back.

What is drawn by chance is a function of the seed and of numbers of epochs and updates, so it needs no state of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from forecastrnn.keeping import ANY, Record, check, taken
from forecastrnn.training.network_progress import Progress, within_reach

if TYPE_CHECKING:
    from forecastrnn.engine.buffers import Place

_COUNTS = ("waited", "count", "is_over", "since_start", "best_iter", "stopped")
_NEVER = 2**40  # updates that no fit makes


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
    """All of it that does not follow from the rest, as vectors of their own."""
    if progress.fetch is not None:
        progress.fetch()
    counts = vars(progress.optimizer) | vars(progress) | vars(state)
    found = {
        "counts": np.array([counts[name] for name in _COUNTS], np.int64),
        "loss_curve": np.array(progress.loss_curve, float), "scores": np.array(progress.validation_scores, float),
        "theta": progress.theta.copy(),
    }  # fmt: skip
    found |= {f"moment {name}": moment.copy() for name, moment in progress.optimizer.moments.items()}
    return found if state.is_over else found | _of_loop(state)


def _of_loop(state: LoopState) -> dict[str, np.ndarray]:
    """What the epochs that are running have come to."""
    found = {
        "first_losses": np.array([state.first_loss, state.begun_at]), "step_losses": _joined(state.step_losses),
        "step_weights": _joined(state.step_weights),
    }  # fmt: skip
    found |= {f"carried {number}": values.copy() for number, values in enumerate(state.carried)}
    return found if state.kept is None else found | {"kept": state.kept.copy()}


def restored(record: Record, progress: Progress, max_iter: int, validates: bool) -> LoopState:
    """The loop that a record tells of; `progress` becomes what it was.

    Who can write to the file can have changed it: what follows from the rest is not in it, and all else must be what a
    training of `max_iter` epochs, with a score behind each if it `validates`, can have come to.
    """
    counts = dict(zip(_COUNTS, taken(record, "counts", len(_COUNTS), np.int64, (0, _NEVER)).tolist(), strict=True))
    state = LoopState(waited=counts["waited"], count=counts["count"], is_over=counts["is_over"])
    _restore_curves(record, progress, state, validates)
    check(state.looked + bool(state.count) <= max_iter, f"loss_curve is of more than {max_iter} epochs")
    _restore_network(record, progress)
    if not state.is_over:
        _restore_loop(record, progress.theta, state, keeps=validates and state.looked > 0)
    check(state.done <= counts["since_start"], "more updates are under way than were made")
    check(
        state.waited <= state.looked and counts["best_iter"] <= state.first, "it waits for more epochs than there are"
    )
    check(max(state.is_over, counts["stopped"]) <= 1 and bool(state.count) != bool(state.is_over), "counts are wrong")
    check(not state.is_over or min(state.looked, counts["since_start"]) > 0, "it is over, and has never begun")
    progress.best_iter, progress.stopped = counts["best_iter"], bool(counts["stopped"])
    progress.optimizer.since_start = counts["since_start"]
    progress.optimizer.count += counts["since_start"]
    check(record.keys() == record_of(state, progress).keys(), "it has vectors that nobody asks for")
    return state


def _restore_curves(record: Record, progress: Progress, state: LoopState, validates: bool) -> None:
    """Losses and scores, and what follows from them: how many epochs there were, and the best of them."""
    before, scored = len(progress.loss_curve), len(progress.validation_scores)
    progress.loss_curve[:] = taken(record, "loss_curve").tolist()
    progress.validation_scores[:] = taken(record, "scores").tolist()
    state.first = len(progress.loss_curve)
    state.looked = state.first - before
    scores = progress.validation_scores[scored:] if validates else [-loss for loss in progress.loss_curve[before:]]
    state.best = max(scores, default=-np.inf)
    check(state.looked >= 0 and len(scores) == state.looked, "loss_curve and scores do not fit together")
    check(validates or len(progress.validation_scores) == scored, "there are scores, and no validation")


def _restore_network(record: Record, progress: Progress) -> None:
    theta, moments = progress.theta, progress.optimizer.moments
    theta[:] = taken(record, "theta", theta.size, theta.dtype, within_reach(theta.dtype))
    for name, moment in moments.items():
        moment[:] = taken(record, f"moment {name}", moment.size, moment.dtype)


def _restore_loop(record: Record, theta: np.ndarray, state: LoopState, keeps: bool) -> None:
    """What the epochs that are running have come to; `keeps` : there are parameters that were best."""
    reach = within_reach(theta.dtype)
    state.first_loss, state.begun_at = taken(record, "first_losses", 2).tolist()
    losses = taken(record, "step_losses")
    state.made(losses, taken(record, "step_weights", len(losses), within=(0.0, ANY[1])))
    count = sum(name.startswith("carried ") for name in record)
    state.carried = [taken(record, f"carried {number}", None, theta.dtype, reach) for number in range(count)]
    state.kept = taken(record, "kept", theta.size, theta.dtype, reach).copy() if keeps else None


def carried_of(places: list[tuple[Place, int]]) -> list[np.ndarray]:
    """States that the next step begins with."""
    return [place.buffer.part(place.offset, size) for place, size in places]


def carry_on(places: list[tuple[Place, int]], states: list[np.ndarray]) -> None:
    """Put them where the next step looks for them."""
    check(len(places) == len(states), "the states that are carried on are too many or too few")
    for (place, size), state in zip(places, states, strict=True):
        check((state.size, state.dtype) == (size, place.buffer.dtype), "states that are carried on have another size")
        place.buffer.array.reshape(-1)[place.offset : place.offset + size] = state
