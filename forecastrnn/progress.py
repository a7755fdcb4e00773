"""What is under way, as its stages report it to whoever shows it.

A stage says what it is and what share of the stage around it it takes; a loop inside says how far it has come::

    with stage("member 2 of 5", share=1 / 5):
        told(150, 300, "update")

Where nobody looks, which is the usual case, both cost less than a microsecond.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

PATIENCE = 2.0  # seconds before anything is shown: what is over sooner needs no words
BETWEEN = 0.1  # seconds between two changes of what is shown
SOON = 0.02  # share of the whole behind which the time left can be told
Show = Callable[[str, float, float | None], None]  # takes words, the share that is done, and the seconds left


@dataclass
class _Stage:
    """Words, and the place in the whole, 0 .. 1; `done` is the share of the stage that is over."""

    words: str
    begin: float
    span: float
    done: float = 0.0

    @property
    def at(self) -> float:
        """How far the whole has come here."""
        return self.begin + self.span * min(self.done, 1.0)


class Watched:
    """One call of a user: its open stages, and what shows them."""

    def __init__(self, show: Show) -> None:
        self.show, self.stages = show, [_Stage("", 0.0, 1.0)]
        self.begun = time.perf_counter()
        self.next, self.apart = self.begun + PATIENCE, 0.0

    def say(self, words: str, can_tell: bool = True) -> None:
        """Show the open stages and these words, if it is time to."""
        now = time.perf_counter()
        if now < self.next:
            return
        self.next = now + BETWEEN
        done = self.stages[-1].at
        left = (now - self.begun - self.apart) * (1.0 - done) / done if done > SOON and can_tell else None
        self.show(", ".join(filter(None, [*(one.words for one in self.stages), words])), done, left)


_watched: ContextVar[Watched | None] = ContextVar("watched", default=None)


def is_watched() -> bool:
    """Whether somebody shows what is under way."""
    return _watched.get() is not None


@contextmanager
def watched(show: Show | None) -> Iterator[None]:
    """Inside, stages are shown by `show`; None: as before."""
    if show is None:
        yield
        return
    token = _watched.set(Watched(show))
    try:
        yield
    finally:
        _watched.reset(token)


@contextmanager
def stage(words: str, share: float = 1.0) -> Iterator[None]:
    """A part of what is under way, which takes about this share of it."""
    watch = _watched.get()
    if watch is None:
        yield
        return
    around = watch.stages[-1]
    watch.stages.append(_Stage(words, around.at, around.span * share))
    if words:
        watch.say("")
    try:
        yield
    finally:
        watch.stages.pop()
        around.done += share


def told(done: float, total: float, what: str) -> None:
    """So many of `total` are done in the open stage: updates, series, epochs."""
    watch = _watched.get()
    if watch is not None:
        watch.stages[-1].done = done / max(total, 1)
        watch.say(f"{what} {int(done)} of {int(total)}")


@contextmanager
def apart(words: str) -> Iterator[None]:
    """What happens once and says nothing of how long the rest takes: compilation."""
    watch = _watched.get()
    if watch is None:
        yield
        return
    begun = time.perf_counter()
    watch.say(words, can_tell=False)
    try:
        yield
    finally:
        watch.apart += time.perf_counter() - begun
