"""Files put in place whole: what fails or kills a save, what is left of it, and who clears it."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from forecastrnn.persistence import replacing
from forecastrnn.persistence.replacing import clear_leftovers, replace_file

OLD, NEW = b"old", [b"new " * 400_000, b"end"]  # two pieces and a bit
needs_locks = pytest.mark.skipif(replacing.fcntl is None, reason="there are no locks of files here")

SAVES = """
import os, signal, sys, threading, time
from forecastrnn.persistence.replacing import replace_file

def blocks():
    yield b"begin"
    print("writing", flush=True)
    if sys.argv[2] == "waits":
        time.sleep(60)
    elif sys.argv[2] == "goes on":
        sys.stdin.read()
    yield b"end"

replace_file(sys.argv[1], blocks())
print("written", flush=True)
"""


@pytest.fixture
def target(tmp_path: Path) -> Path:
    path = tmp_path / "model.rnn"
    path.write_bytes(OLD)
    return path


def other_process(target: Path, how: str) -> subprocess.Popen:
    """A process in the middle of a save."""
    found = subprocess.Popen(
        [sys.executable, "-c", SAVES, str(target), how], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert found.stdout is not None and found.stdout.readline() == "writing\n"
    return found


def names(target: Path) -> list[str]:
    return sorted(os.listdir(target.parent))


# Errors -----------------------------------------------------------------------------------------------------------
class Failing:
    """Counts the calls that touch the disk, and lets one of them fail."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, fails: int, error: BaseException) -> None:
        self.count, self.fails, self.error = 0, fails, error
        for name in ("fsync", "replace", "chmod"):
            monkeypatch.setattr(os, name, self.watched(getattr(os, name)))
        monkeypatch.setattr(replacing, "open", self.opened, raising=False)

    def watched(self, call: Any) -> Any:
        def instead(*given: Any, **named: Any) -> Any:
            self.count += 1
            if self.count == self.fails:
                raise self.error
            return call(*given, **named)

        return instead

    def opened(self, *given: Any) -> Any:
        failing, handle = self, self.watched(open)(*given)

        class Watched:
            def __enter__(self) -> Any:
                return self

            def __exit__(self, *error: object) -> None:
                handle.close()

            def __getattr__(self, name: str) -> Any:
                found = getattr(handle, name)
                return failing.watched(found) if name in ("write", "flush") else found

        return Watched()


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()], ids=str)
def test_an_error_at_any_call_leaves_one_whole_file(
    target: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    """The old file if it fails before the new one is in its place, the new one behind that; nothing else, ever."""
    seen = []
    for fails in range(1, 50):
        target.write_bytes(OLD)
        with monkeypatch.context() as patched:
            watch = Failing(patched, fails, error)
            try:
                replace_file(str(target), NEW)
            except (OSError, KeyboardInterrupt) as raised:
                assert type(raised) is type(error)
                assert not isinstance(raised, OSError) or raised.filename in (str(target), str(target.parent))
        assert names(target) == ["model.rnn"]
        found = target.read_bytes()
        assert found in (OLD, b"".join(NEW))
        seen.append(found == OLD)
        if watch.count < fails:
            break
    assert len(seen) > 8 and seen == sorted(seen, reverse=True) and seen.count(False) == 2


def test_a_directory_that_cannot_be_synced_is_no_error(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, fsync = [], os.fsync

    def refuse(handle: int) -> None:
        if whole:
            raise OSError(errno.EINVAL, "Invalid argument")
        whole.append(fsync(handle))

    monkeypatch.setattr(os, "fsync", refuse)
    replace_file(str(target), NEW)
    assert target.read_bytes() == b"".join(NEW)


# Processes that are killed ----------------------------------------------------------------------------------------
@needs_locks
def test_the_next_save_clears_what_a_killed_one_left(target: Path) -> None:
    killed, running = other_process(target, "waits"), other_process(target, "goes on")
    try:
        killed.kill()
        killed.wait()
        assert len(names(target)) == 3
        replace_file(str(target), NEW)
        left = names(target)
        assert len(left) == 2 and left[1] == "model.rnn"  # that of the process that runs is not touched
        assert target.read_bytes() == b"".join(NEW)
        assert running.communicate("", timeout=60)[0] == "written\n"
    finally:
        running.kill()
        killed.communicate()
    assert names(target) == ["model.rnn"] and target.read_bytes() == b"beginend"


@pytest.mark.skipif(os.name == "nt", reason="there is no SIGTERM to wait for")
def test_sigterm_ends_a_save_without_a_trace(target: Path) -> None:
    process = other_process(target, "goes on")
    process.terminate()
    time.sleep(0.05)
    process.communicate("", timeout=60)
    assert process.returncode == -signal.SIGTERM
    assert names(target) == ["model.rnn"] and target.read_bytes() == OLD


def test_a_handler_of_sigterm_stays(target: Path) -> None:
    def own(number: int, frame: object) -> None:
        raise SystemExit(3)

    before = signal.signal(signal.SIGTERM, own)
    try:
        replace_file(str(target), NEW)
        assert signal.getsignal(signal.SIGTERM) is own
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        replace_file(str(target), NEW)
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    finally:
        signal.signal(signal.SIGTERM, before)


def test_other_threads_save_as_well(target: Path) -> None:
    """Only a main thread may say what signals do."""
    each = [[bytes([65 + k]) * 2**21] for k in range(6)]
    threads = [threading.Thread(target=replace_file, args=(str(target), one)) for one in each]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [target.read_bytes()] in each and names(target) == ["model.rnn"]


@needs_locks
def test_only_leftovers_of_ours_are_cleared(tmp_path: Path) -> None:
    """Files of other names stay, and those of another machine for a week."""
    here, there = replacing._machine(), "0" * 8
    assert here != there
    dead, old, young = (f".forecastrnn-{machine}-{k * 24}.tmp" for machine, k in zip((here, there, there), "123"))
    others = [".forecastrnn-.tmp", "model.tmp", f"{dead}.gz", f".{'a' * 24}.tmp"]
    for name in (dead, old, young, *others):
        (tmp_path / name).touch()
    week = time.time() - 8 * 86_400
    os.utime(tmp_path / old, (week, week))
    os.utime(tmp_path / others[1], (week, week))
    clear_leftovers(str(tmp_path))
    assert sorted(os.listdir(tmp_path)) == sorted([young, *others])
    clear_leftovers(str(tmp_path / "none"))
