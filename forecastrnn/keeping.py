"""What a fit keeps so that it can go on after its process was killed.

A fit goes through the same trainings in the same order whenever it is run on the same data, and so a training is known
by its place in that order. Where one can say all that it has come to, it asks whether it is time to::

    here = next_slot()
    state = begun() if here.found is None else restored(here.found)
    ...
    if here.is_due():
        here.keep(lambda: arrays_of(state))
    here.finish(arrays_of(state))

All else is computed anew. Where nothing is kept, which is the usual case, this costs less than a microsecond.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np

from forecastrnn.exceptions import CheckpointError

Record = Mapping[str, np.ndarray]  # vectors, of one training
Records = dict[str, Record]  # by the name of their slot
Write = Callable[[Records], None]
ANY = (-np.finfo(float).max, np.finfo(float).max)  # what is finite
SEEDS = (0, 2**31 - 2)
BLAMED = 50.0  # times as long as a write takes, training goes on before the next: so it costs 2% at most


class UnfitError(CheckpointError):
    """A record is not one of the training that it stands for; it says what of it is wrong."""


class Keeper:
    """What one fit, or one backtest, keeps.

    every : seconds between two writes. write : what writes all records. records : those of a run that was killed.
    """

    def __init__(self, every: float, write: Write, records: Records) -> None:
        self.every, self.records = every, dict(records)
        self._write, self._next = write, time.monotonic() + every

    def is_due(self) -> bool:
        """Whether it is time for the next write."""
        return time.monotonic() >= self._next

    def write(self) -> None:
        """Write all records."""
        begun = time.monotonic()
        self._write(self.records)
        now = time.monotonic()
        self._next = now + max(self.every, BLAMED * (now - begun))


class Part:
    """The slots of one fit, which begin with some words where a backtest keeps several fits."""

    def __init__(self, keeper: Keeper, words: str = "") -> None:
        self.keeper, self.words, self._count = keeper, words, 0

    def slot(self) -> Slot:
        """The next one."""
        self._count += 1
        return Slot(self.keeper, f"{self.words}{self._count}")


class Slot:
    """Where one training keeps its state; without a keeper nothing is kept."""

    def __init__(self, keeper: Keeper | None = None, name: str = "") -> None:
        self._keeper, self._name = keeper, name

    @property
    def every(self) -> float | None:
        """Seconds between two writes; None: there are none."""
        return self._keeper.every if self._keeper else None

    @property
    def found(self) -> Record | None:
        """What a run that was killed has left here."""
        return self._keeper.records.get(self._name) if self._keeper else None

    def is_due(self) -> bool:
        """Whether it is time to keep the state."""
        return self._keeper is not None and self._keeper.is_due()

    def keep(self, state: Record) -> None:
        """Write how far this has come."""
        if self._keeper is not None:
            self._keeper.records[self._name] = state
            self._keeper.write()

    def finish(self, state: Callable[[], Record]) -> None:
        """Remember how this has ended, and write it if it is time to."""
        if self._keeper is not None:
            self._keeper.records[self._name] = {name: values.copy() for name, values in state().items()}
            if self._keeper.is_due():
                self._keeper.write()


def taken(
    record: Record, name: str, size: int | None = None, dtype: np.dtype | type = float,
    within: tuple[float, float] = ANY,
) -> np.ndarray:  # fmt: skip
    """A vector of a record, which must have this size and type, and its numbers lie within bounds."""
    values = record.get(name)
    if values is None or values.dtype != dtype or values.ndim != 1 or size not in (None, values.size):
        raise UnfitError(f"{name} is not there, or of another size or type")
    check(np.isfinite(values).all(), f"{name} has non-finite values")
    low, high = within
    check(
        not values.size or low <= values.min() and values.max() <= high, f"{name} does not lie within {low} .. {high}"
    )
    return values


def check(fits: object, what: str) -> None:
    """Refuse a record for what is wrong with it."""
    if not fits:
        raise UnfitError(what)


_part: ContextVar[Part | None] = ContextVar("part", default=None)


@contextmanager
def kept_in(part: Part | None) -> Iterator[None]:
    """Inside, trainings are kept there; None: they are not, also where this is inside of a fit that keeps its own."""
    token = _part.set(part)
    try:
        yield
    finally:
        _part.reset(token)


def is_kept() -> bool:
    """Whether the trainings that follow are kept."""
    return _part.get() is not None


def next_slot() -> Slot:
    """That of the training that begins here."""
    part = _part.get()
    return Slot() if part is None else part.slot()


def recalled(drawn: np.ndarray) -> np.ndarray:
    """Seeds that were drawn by chance: those of the run that was killed, if there was one."""
    here = next_slot()
    if here.found is not None:
        return taken(here.found, "drawn", drawn.size, drawn.dtype, SEEDS)
    here.finish(lambda: {"drawn": drawn})
    return drawn


def recalled_split(parts: tuple[np.ndarray, ...]) -> list[np.ndarray]:
    """Rows that were dealt by chance into parts of these sizes: as the run that was killed has dealt them."""
    here, dealt = next_slot(), np.concatenate(parts)
    if here.found is not None:
        found = taken(here.found, "dealt", dealt.size, dealt.dtype)
        check(np.array_equal(np.sort(found), np.sort(dealt)), "the rows held out are not some of those that there are")
        return np.split(found, np.cumsum([len(part) for part in parts])[:-1])
    here.finish(lambda: {"dealt": dealt})
    return list(parts)
