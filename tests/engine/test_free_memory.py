"""What is free: of the machine, in control groups of both versions, by the limits of the user."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from forecastrnn.engine.free_memory import free_memory
from forecastrnn.engine.memory import KEPT, check_fits

GIB = 2**30


def system(root: Path, groups: str = "", **files: str) -> Path:
    """The files of a machine with 8 GiB of memory, of which 5 GiB are free and 1 GiB can be swapped out."""
    known = {
        "proc/meminfo": f"MemTotal: {8 * 2**20} kB\nMemAvailable: {4 * 2**20} kB\nSwapFree:   {2**20} kB\n",
        "proc/self/status": "Name: python\nVmSize: 1048576 kB\nVmData: 524288 kB\n",
        "proc/self/cgroup": groups,
    }
    for name, text in (known | files).items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def group(folder: str, version: int, limit: object, used: int, cache: int = 0) -> dict[str, str]:
    """The files of one control group."""
    top, names = ("sys/fs/cgroup", ("memory.max", "memory.current", "inactive_file"))
    if version == 1:
        top, names = "sys/fs/cgroup/memory", ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
    place = f"{top}/{folder}".rstrip("/")
    texts = f"{limit}\n", f"{used}\n", f"anon 5\n{names[2]} {cache}\n"
    return {f"{place}/{name}": text for name, text in zip((*names[:2], "memory.stat"), texts, strict=True)}


linux = pytest.mark.skipif(sys.platform == "win32", reason="Windows tells it otherwise")


@linux
def test_what_other_processes_use_is_not_free(tmp_path: Path) -> None:
    assert free_memory(system(tmp_path)) == 5 * GIB


@linux
@pytest.mark.parametrize(("version", "line"), [(2, "0::/a/b"), (1, "4:memory:/a/b"), (1, "4:cpu,memory:/a/b")])
def test_a_control_group_and_those_above_it_limit(tmp_path: Path, version: int, line: str) -> None:
    """What a group has used is gone, but for files in its cache; "max" and the largest number are no limits."""
    none = "max" if version == 2 else 2**63 - 4096
    own, above = (group(name, version, none, GIB) for name in ("a/b", "a"))
    assert free_memory(system(tmp_path / "none", line, **own, **above)) == 5 * GIB
    own = group("a/b", version, 3 * GIB, 2 * GIB, GIB // 2)
    assert free_memory(system(tmp_path / "own", line, **own, **above)) == 3 * GIB // 2
    above = group("a", version, 3 * GIB, 2 * GIB)
    assert free_memory(system(tmp_path / "above", line, **own, **above)) == GIB
    inside = group("", version, 2 * GIB, 3 * GIB)  # a container, which sees its group as the root
    assert free_memory(system(tmp_path / "inside", line, **inside)) == 0


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limits")
@pytest.mark.parametrize(("name", "used"), [("RLIMIT_AS", GIB), ("RLIMIT_DATA", GIB // 2)])
def test_limits_of_the_user_count(tmp_path: Path, name: str, used: int, monkeypatch: pytest.MonkeyPatch) -> None:
    import resource

    ours, unlimited = getattr(resource, name), resource.RLIM_INFINITY
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (3 * GIB if kind == ours else unlimited, unlimited))
    assert free_memory(system(tmp_path)) == 3 * GIB - used


def test_a_system_that_does_not_tell(tmp_path: Path) -> None:
    """Nothing is refused for want of a number: at least the machine's own memory is taken."""
    assert free_memory(tmp_path) > 2**27


def test_this_machine_has_memory() -> None:
    assert 2**24 < free_memory() < 2**50


def test_the_error_says_what_is_needed_and_what_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("forecastrnn.engine.memory.free_memory", lambda: 4 * GIB)
    check_fits(int(KEPT * 4 * GIB), "n=1: all", "Take less.")
    with pytest.raises(ValueError, match=r"^n=1: all need 5 GiB, but this machine has 3\.88 GiB free\. Take less\.$"):
        check_fits(5 * GIB, "n=1: all", "Take less.")
    with pytest.raises(ValueError, match=r"^n=1: all need 5 GiB, but the GPU has 2 GiB\. Room for 1\.$"):
        check_fits(5 * GIB, "n=1: all", lambda room: f"Room for {room.nbytes // 2**31}.", 2 * GIB)
