"""How many bytes this process can still have: of the machine, of its container, and by the limits of its user."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from pathlib import Path

UNKNOWN = 2**36  # taken where the system does not tell
NO_LIMIT = 2**60  # from here on a number stands for none
KIB = 1024
MEMINFO, STATUS, GROUPS, MOUNTS = "proc/meminfo", "proc/self/status", "proc/self/cgroup", "sys/fs/cgroup"


def free_memory(root: Path = Path("/")) -> int:
    """Bytes that can be had now; `root` is where the system's files lie."""
    return max(0, min([_of_machine(root), *_of_groups(root), *_of_limits(root)]))


def _of_machine(root: Path) -> int:
    """What no other process uses, and what may be swapped out."""
    told = _sizes(root / MEMINFO)
    if "MemAvailable" in told:
        return told["MemAvailable"] + told.get("SwapFree", 0)
    if sys.platform == "win32":
        return _of_windows()
    names = getattr(os, "sysconf_names", {})
    pages = next((name for name in ("SC_AVPHYS_PAGES", "SC_PHYS_PAGES") if name in names), None)
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf(pages) if pages else UNKNOWN


def _of_windows() -> int:
    """What Windows says that can still be committed."""

    class Status(ctypes.Structure):
        """MEMORYSTATUSEX."""

        _fields_ = (
            ("length", ctypes.c_ulong), ("load", ctypes.c_ulong),
            *((name, ctypes.c_ulonglong) for name in ("whole", "free", "page", "free_page", "virtual", "left", "more")),
        )  # fmt: skip

    status = Status(length=ctypes.sizeof(Status))
    said = ctypes.WinDLL("kernel32").GlobalMemoryStatusEx(ctypes.byref(status))  # type: ignore[attr-defined]
    return min(int(status.free_page), int(status.left)) if said else UNKNOWN


def _of_groups(root: Path) -> Iterator[int]:
    """What control groups leave: the process's own and those above it, of both versions, as a container sees them."""
    for line in _lines(root / GROUPS):
        _, kinds, path = line.split(":", 2)
        if not kinds:
            names = "memory.max", "memory.current", "inactive_file"
            tops = [root / MOUNTS, root / MOUNTS / "unified"]
        elif "memory" in kinds.split(","):
            names = "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"
            tops = [root / MOUNTS / "memory"]
        else:
            continue
        for top in tops:
            for folder in _upwards(top, path):
                yield from _of_group(folder, *names)


def _upwards(top: Path, path: str) -> Iterator[Path]:
    """The folder of a group, where a container shows it, and all above it."""
    parts = [part for part in path.split("/") if part not in ("", "..")]
    for count in range(len(parts), -1, -1):
        yield top.joinpath(*parts[:count])


def _of_group(folder: Path, limit: str, usage: str, cache: str) -> Iterator[int]:
    """What one group leaves, if it has a limit: files in its cache are given up when there is need."""
    most, used = _number(folder / limit), _number(folder / usage)
    if most is not None and used is not None and most < NO_LIMIT:
        yield most - used + _sizes(folder / "memory.stat").get(cache, 0)


def _of_limits(root: Path) -> Iterator[int]:
    """What `ulimit` leaves of the address space and of data."""
    if sys.platform == "win32":
        return
    import resource

    told = _sizes(root / STATUS)
    for limit, used in (("RLIMIT_AS", "VmSize"), ("RLIMIT_DATA", "VmData")):
        most = resource.getrlimit(getattr(resource, limit))[0] if hasattr(resource, limit) else -1
        if most != resource.RLIM_INFINITY and 0 <= most < NO_LIMIT:
            yield most - told.get(used, 0)


def _lines(path: Path) -> list[str]:
    """The lines of a file, none if it cannot be read."""
    try:
        return path.read_text().splitlines()
    except OSError:
        return []


def _number(path: Path) -> int | None:
    """The number in a file, None if there is none ("max")."""
    text = "".join(_lines(path)).strip()
    return int(text) if text.isdecimal() else None


def _sizes(path: Path) -> dict[str, int]:
    """Bytes by name, of lines such as "MemFree: 1 kB" or "inactive_file 1024"."""
    found = {}
    for line in _lines(path):
        name, *rest = line.replace(":", " ").split() or [""]
        if rest and rest[0].isdecimal():
            found[name] = int(rest[0]) * (KIB if rest[1:] == ["kB"] else 1)
    return found
