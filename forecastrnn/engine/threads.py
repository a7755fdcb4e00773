"""How many threads to use: what `n_jobs` means."""

from __future__ import annotations

import os
import warnings
from functools import cache
from numbers import Integral

import joblib
from joblib import parallel

LIMITS = ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS")  # joblib sets them in its workers, so that all of them together fit
_OF_THIS_MACHINE = (
    parallel.LokyBackend, parallel.MultiprocessingBackend, parallel.SequentialBackend, parallel.ThreadingBackend,
)  # fmt: skip


def check_jobs(n_jobs: object) -> None:
    """Refuse a number of workers or threads that cannot be."""
    if n_jobs is not None and (isinstance(n_jobs, bool) or not isinstance(n_jobs, Integral) or n_jobs == 0):
        raise ValueError(f"n_jobs must be None or an int other than 0. Got {n_jobs!r:.80}.")


def thread_count(n_jobs: int | None) -> int:
    """Threads to use: all cores for None and -1, all but one for -2 and so on; a positive number, up to all."""
    check_jobs(n_jobs)
    if n_jobs is not None and n_jobs > 0:
        return min(int(n_jobs), _usable(_affinity(), physical=False))
    cores = min([_usable(_affinity(), physical=True), *_limits()])
    return max(1, cores + 1 + int(-1 if n_jobs is None else n_jobs))


def worker_count(n_jobs: int | None, tasks: int) -> int:
    """Workers of joblib for so many tasks: no more than these, nor than the processors that run them."""
    asked = min(joblib.effective_n_jobs(n_jobs), tasks)
    return max(1, min(asked, _usable(_affinity(), physical=False)) if _is_here() else asked)


def threads_each(n_threads: int, workers: int) -> int:
    """Threads of each of so many workers of joblib, which share the cores of this machine."""
    return max(1, n_threads // workers) if _is_here() else n_threads


def _is_here() -> bool:
    """Whether the workers of joblib are on this machine; other backends have machines of their own."""
    return isinstance(parallel.get_active_backend()[0], _OF_THIS_MACHINE)


def _limits() -> list[int]:
    """What the environment allows; read at each call, since a worker's is set after it has begun."""
    values = [os.environ.get(name, "").split(",")[0].strip() for name in LIMITS]  # OpenMP: a number for each nesting
    return [int(value) for value in values if value.isdecimal() and int(value) > 0]


def _affinity() -> frozenset[int] | None:
    """The cores that the system lets this process run on, where it tells."""
    return frozenset(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None


@cache
def _usable(affinity: frozenset[int] | None, *, physical: bool) -> int:
    """Cores of this process, also limited by cgroups and LOKY_MAX_CPU_COUNT; logical ones if not known otherwise."""
    if not physical:
        return joblib.cpu_count()
    with warnings.catch_warnings():  # joblib warns of what it cannot find, and prints where that was
        warnings.filterwarnings("error", "Could not find the number of physical cores", UserWarning)
        try:
            return joblib.cpu_count(only_physical_cores=True)
        except UserWarning:
            return joblib.cpu_count()
