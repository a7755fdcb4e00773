"""The memory that is free, and the error for what would not fit into it, raised before anything is allocated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from forecastrnn.engine.free_memory import free_memory

SMALL = 2**20  # bytes that are not worth asking the system for
KEPT = 31 / 32  # of what is free: the rest is for what nobody counts, such as stacks of threads and compiled code


@dataclass(frozen=True)
class Room:
    """Bytes that can be had, and whose they are."""

    nbytes: int
    owner: str


def room_of(gpu: int = 0) -> Room:
    """What this process can still have, or a GPU of so many bytes."""
    return Room(gpu, "the GPU") if gpu else Room(int(KEPT * free_memory()), "this machine")


def gib(n_bytes: float) -> str:
    """A size for people."""
    return f"{n_bytes / 2**30:.3g} GiB"


def check_fits(need: int, what: str, advice: str | Callable[[Room], str], gpu: int = 0) -> None:
    """Raise a ValueError if `what` needs more bytes than are free on this machine, or than a GPU has of so many.

    advice : what to do about it; a function is told the room that there is.
    """
    if need <= SMALL and not gpu:
        return
    room = room_of(gpu)
    if need > room.nbytes:
        said = advice if isinstance(advice, str) else advice(room)
        free = "" if gpu else " free"
        raise ValueError(f"{what} need {gib(need)}, but {room.owner} has {gib(room.nbytes)}{free}. {said}")
