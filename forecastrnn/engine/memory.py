"""What this machine can hold, and the error for what it cannot, raised before anything is allocated."""

from __future__ import annotations

import os
from pathlib import Path

UNKNOWN = 2**36  # taken where the system does not tell
_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")  # of a container


def machine_memory() -> int:
    """Bytes of memory of this machine, or of its container if that has less."""
    if not hasattr(os, "sysconf"):
        return UNKNOWN
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([whole, *(limit for path in _LIMITS if (limit := _read_limit(Path(path))))])


def _read_limit(path: Path) -> int:
    """The number in a file, 0 if there is none."""
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return 0


def gib(n_bytes: float) -> str:
    """A size for people."""
    return f"{n_bytes / 2**30:.3g} GiB"


def check_fits(need: int, what: str, advice: str, gpu: int = 0) -> None:
    """Raise a ValueError if `what` needs more bytes than the machine has, or than a GPU if its memory is given."""
    have, owner = gpu or machine_memory(), "the GPU" if gpu else "this machine"
    if need > have:
        raise ValueError(f"{what} need {gib(need)}, but {owner} has {gib(have)}. {advice}")
