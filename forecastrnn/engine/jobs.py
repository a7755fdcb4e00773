"""Many jobs in one call, and programs that are kept for the next call."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from forecastrnn.engine.cpu.jobs import JobTape
from forecastrnn.engine.program import Program

SMALL = 16 * 2**20  # bytes of a program that is kept
KEPT = 32  # kinds of programs that are kept


class Jobs:
    """Programs of the same make and of one shard, one for each thread: they run many jobs in one call.

    A job runs round k of its program `repeats[k]` times, with its own values of the program's arguments. Jobs need
    not meet; which thread runs one changes no bit.
    """

    def __init__(self, lanes: list[Program]) -> None:
        self.lanes = lanes
        self._tape: JobTape | None = None

    @property
    def nbytes(self) -> int:
        """Memory of all lanes."""
        return sum(lane.nbytes for lane in self.lanes)

    def prepare(self) -> JobTape:
        """Allocate, compile and write the tape."""
        if self._tape is None:
            rounds = [[[o.written for o in turn[0]] for turn in lane.rounds] for lane in self.lanes]
            self._tape = JobTape(rounds, self.lanes[0].dtype)
        return self._tape

    def run(
        self, count: int, repeats: tuple[int, ...], n_threads: int, seconds: float, **arguments: np.ndarray | int
    ) -> None:
        """Run `count` jobs; `seconds` is a high guess of how long that takes.

        An argument is one value for all, or an int64 array (count,), such as `addresses`.
        """
        made = self.prepare()
        table = np.empty((count, len(made.names)), np.int64)
        for k, name in enumerate(made.names):
            table[:, k] = arguments[name]
        made.run(table, repeats, n_threads, seconds, (self, arguments))


def addresses(array: np.ndarray) -> np.ndarray:
    """Where each array[k] begins."""
    return array.ctypes.data + np.arange(len(array)) * array.strides[0]


_idle: dict[Hashable, list[Any]] = {}


@contextmanager
def borrowed(key: Hashable, build: Callable[[], Any]) -> Iterator[Any]:
    """A program for what `key` says, used by nobody else meanwhile; small ones are kept for the next call.

    Building one takes a millisecond, running it for one row some microseconds.
    """
    idle = _idle.get(key)  # found once: a key takes some microseconds
    try:
        program = idle.pop() if idle else build()
    except IndexError:  # another thread was faster
        program = build()
    yield program
    if program.nbytes <= SMALL:
        if idle is None:
            if len(_idle) >= KEPT:
                _idle.pop(next(iter(_idle)), None)  # the oldest kind
            idle = _idle.setdefault(key, [])
        idle.append(program)
