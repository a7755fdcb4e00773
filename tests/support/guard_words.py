"""Guard words around all that kernels are handed, checked after each run of a program: `pytest --guards`.

Buffers of programs get words in front of and behind them, there a vector's width further on, which `allocate` grants
to kernels that write whole vectors. Arrays of callers, bound to a name or given with a call, are
replaced by copies with such words while a program runs, and their new numbers copied back. As floats the words are NaN,
so that a number taken from them does not stay unseen. Kernels that Python calls on arrays are not of programs: those
are what `NUMBA_BOUNDSCHECK=1` is for, which in turn does not see pointers.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, cast
from unittest.mock import patch

import numpy as np

from forecastrnn.engine.buffers import ALIGN, Buffer
from forecastrnn.engine.cpu.simd import VECTOR_BYTES
from forecastrnn.engine.jobs import Jobs
from forecastrnn.engine.program import Program
from forecastrnn.sequences.generation import Stream

WORD = 0xFFFA0000  # a NaN as float32, and twice as float64; arithmetic on NaN keeps it, so that each array has its own
NUMBERS = itertools.count(0x5A5A, 7)
ROOM = 1024  # bytes of words on either side


class BrokenGuard(AssertionError):
    """A kernel wrote outside of a buffer."""


@dataclass
class Guarded:
    """An array between guard words."""

    inside: np.ndarray
    before: np.ndarray
    behind: np.ndarray
    words: np.ndarray  # what both of them are

    @classmethod
    def zeros(cls, shape: tuple[int, ...], dtype: np.dtype, spare: int = 0) -> Guarded:
        """It begins at a cache line; the words behind begin at its end, or so many bytes further on."""
        nbytes = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
        raw = np.zeros(nbytes + spare + 2 * ROOM + ALIGN, np.uint8)
        start = (ROOM - raw.ctypes.data) % ALIGN
        before, inside, _, behind = np.split(raw[start:], np.cumsum([ROOM, nbytes, spare]))
        words = np.full(ROOM // 4, WORD | next(NUMBERS) % 2**16, np.uint32).view(np.uint8)
        before[...] = behind[:ROOM] = words
        return cls(inside.view(dtype).reshape(shape), before, behind[:ROOM], words)

    @classmethod
    def of(cls, array: np.ndarray) -> Guarded:
        """A copy."""
        made = cls.zeros(array.shape, array.dtype)
        made.inside[...] = array
        return made

    def check(self, name: str, program: Program) -> None:
        """Raise if a word has changed."""
        for words, place in ((self.before, "in front of"), (self.behind, "behind")):
            wrong = np.flatnonzero(words != self.words)
            if len(wrong):
                far = ROOM - wrong[-1] if place == "in front of" else wrong[0] + 1
                raise BrokenGuard(
                    f"a kernel wrote {place} buffer {name!r}, {self.inside.dtype} {self.inside.shape}, byte {far} from "
                    f"its edge; those that work on it:  {kernels_of(name, program)}"
                )


def kernels_of(name: str, program: Program) -> list[str]:
    """Which kernels of a program work on a buffer."""
    operations = (o for turn in program.rounds for shard in turn for o in shard)
    return sorted({o.kernel for o in operations if name in [buffer.name for buffer in o.buffers]})


class Guards:
    """The checks behind runs, and how many there were."""

    def __init__(self) -> None:
        self.lock, self.runs, self.looked = threading.RLock(), 0, 0

    def around(self, programs: list[Program], run: Callable[..., Any], arguments: dict[str, Any]) -> Any:
        """Run, one call at a time: what is bound or given lies elsewhere while it lasts."""
        if any(program.device != "cpu" for program in programs):
            return run(**arguments)
        with self.lock:
            given = {k: v for k, v in arguments.items() if isinstance(v, np.ndarray) and not jobs_of(programs)}
            lent = [(name, array, Guarded.of(array)) for name, array in given.items()]
            buffers = {id(buffer): buffer for program in programs for buffer in program.buffers.values()}.values()
            bound = [(b.name, b.array, guarded(b)) for b in buffers if b.bound]
            for _, array, copy in bound:
                copy.inside[...] = array
            try:
                return run(**arguments | {name: copy.inside for name, _, copy in lent})
            finally:
                self.runs += 1
                own = [(b.name, b.allocated, guarded(b)) for b in buffers if hasattr(b, "guarded") and not b.bound]
                for name, array, copy in [*lent, *bound, *own]:
                    self.check(copy, name, array, programs[0])

    def check(self, copy: Guarded, name: str, array: np.ndarray, program: Program) -> None:
        """Look at the words, and hand back what was written."""
        self.looked += 1
        copy.check(name, program)
        if copy.inside is not array and array.tobytes() != copy.inside.tobytes():
            array[...] = copy.inside


def jobs_of(programs: list[Program]) -> bool:
    """Whether it is a call of many jobs, whose arrays are addresses or one number a job."""
    return len(programs) > 1 or any(buffer.given for buffer in programs[0].buffers.values())


def guarded(buffer: Buffer) -> Guarded:
    """What stands for a bound array, always at one place, since tapes know it; or holds an own one."""
    if not hasattr(buffer, "guarded"):
        buffer.guarded = Guarded.of(buffer.array)  # type: ignore[attr-defined]
    return buffer.guarded  # type: ignore[attr-defined]


def _made(buffer: Buffer) -> np.ndarray:
    """In place of `Buffer._made`."""
    if buffer._array is None:
        buffer.guarded = Guarded.zeros(buffer.shape, buffer.dtype, VECTOR_BYTES)  # type: ignore[attr-defined]
        buffer._array = buffer.guarded.inside  # type: ignore[attr-defined]
        buffer._array[...] = buffer.fill
    return buffer._array


@contextmanager
def guards() -> Iterator[Guards]:
    """All programs that are made and run inside have them."""
    found, run, run_jobs, step = Guards(), Program.run, Jobs.run, Stream.step
    address = cast(Any, Buffer.address).fget

    def where(buffer: Buffer) -> int:
        return guarded(buffer).inside.ctypes.data if buffer.bound else address(buffer)

    def guarded_run(program: Program, *args: Any, **given: Any) -> None:
        found.around([program], partial(run, program, *args), given)

    def guarded_jobs(jobs: Jobs, *args: Any, **given: Any) -> None:
        found.around(jobs.lanes, partial(run_jobs, jobs, *args), given)

    def guarded_step(stream: Stream, x: object) -> np.ndarray:
        return found.around([stream._step.build.program], partial(step, stream, x), {})

    with (
        patch.object(Buffer, "_made", _made), patch.object(Buffer, "address", property(where)),
        patch.object(Program, "run", guarded_run), patch.object(Jobs, "run", guarded_jobs),
        patch.object(Stream, "step", guarded_step),
    ):  # fmt: skip
        yield found
