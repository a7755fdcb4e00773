"""Kernels that are compiled in a second process, while this one compiles others: Numba's compiler has one lock.

The two share the cache on disk, and nothing else: what the second has written in time is read from there, what it has
not is compiled here, as it would be without it.
"""

from __future__ import annotations

import multiprocessing
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from forecastrnn.engine.cpu.stopping import Stoppable
from forecastrnn.engine.free_memory import free_memory

ROOM = 2**30  # bytes that must be free: a process that compiles takes 300 MB, and this one grows as well
_CODE = """
import importlib, sys
sys.path, module, function, *words = eval(sys.argv[1]), *sys.argv[2:]
getattr(importlib.import_module(module), function)(*words)
"""


@contextmanager
def compiling_beside(task: str, words: Sequence[str], *, unless: Stoppable) -> Iterator[None]:
    """Inside, "module:function" is called with words in a second process; not where `unless` is compiled already."""
    second = None if unless.is_ready() or not _is_plain() else _started(task, words)
    try:
        yield
    finally:
        if second is not None:
            second.kill()  # what it has not compiled by now nobody waits for
            second.wait()


def _is_plain() -> bool:
    """Whether this Python can be begun again: no worker, no program that has Python inside, and there is room."""
    is_python = Path(sys.executable or "").name.lower().startswith("python") and not getattr(sys, "frozen", False)
    return is_python and multiprocessing.parent_process() is None and free_memory() > ROOM


def _started(task: str, words: Sequence[str]) -> subprocess.Popen[bytes] | None:
    """The second process; None where the system does not let it begin."""
    paths = repr(sys.path)  # the same ones, so that it finds the same package
    command = [sys.executable, "-c", _CODE, paths, *task.split(":"), *words]
    silent = subprocess.DEVNULL
    try:
        return subprocess.Popen(command, stdin=silent, stdout=silent, stderr=silent)
    except OSError:
        return None
