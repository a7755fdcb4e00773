"""Makes Numba's CUDA simulator quick enough for tests, and strict: import it before the first launch.

The simulator's block manager polls its threads in a loop that keeps the interpreter's lock from them. Here a kernel
without barriers runs its threads one after another, and the others meet at barriers of Python. Shared memory begins as
NaN, so that a read before a write shows. After each barrier one warp is late by `DELAY` seconds, another one each
time: a missing barrier then gives wrong numbers. Warps have shuffles, which the simulator lacks.
"""

from __future__ import annotations

import sys
import threading
import time
from types import SimpleNamespace
from typing import Any

import numpy as np
from numba import cuda
from numba.cuda.simulator import kernel, kernelapi

WARP = 32
DELAY = 0.0  # a test sets it, longer than the other warps take to their next write
PATIENCE = 60  # seconds until threads that do not come to a barrier break it


class _Block:
    """Threads of one block: those of Python, which meet at a barrier."""

    def __init__(self, f: Any, grid: tuple, block: tuple, debug: bool) -> None:
        self.f, self.size = f, block
        self.count = int(np.prod(block))
        self.barrier = threading.Barrier(self.count)
        self.errors: list[BaseException] = []
        self.warps: dict[int, Any] = {}

    def run(self, where: tuple, *args: Any) -> None:
        """Run all threads."""
        names = self.f.__code__.co_names
        if "syncthreads" not in names and "shfl_xor_sync" not in names and "room" not in self.f.__code__.co_varnames:
            me = threading.current_thread()
            for number, point in enumerate(np.ndindex(*self.size)):
                self._become(me, where, number, point)
                self.f(*args)
            return
        threads = [threading.Thread(target=self._one, args=(where, n, p, args), daemon=True)
                   for n, p in enumerate(np.ndindex(*self.size))]  # fmt: skip
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if self.errors:
            raise self.errors[0]

    def _become(self, thread: Any, where: tuple, number: int, point: tuple) -> None:
        thread.blockIdx, thread.threadIdx = kernel.Dim3(*where), kernel.Dim3(*point)
        thread.thread_id, thread.block, thread.barriers = number, self, 0
        thread.syncthreads = lambda: _meet(thread)

    def _one(self, where: tuple, number: int, point: tuple, args: tuple) -> None:
        self._become(threading.current_thread(), where, number, point)
        try:
            self.f(*args)
        except BaseException as error:
            self.errors.insert(len(self.errors) * isinstance(error, threading.BrokenBarrierError), error)
            self.barrier.abort()
            for warp in list(self.warps.values()):
                warp.barrier.abort()


def _meet(thread: Any) -> None:
    thread.block.barrier.wait(PATIENCE)
    thread.barriers += 1
    warps = -(-thread.block.count // WARP)
    if DELAY and warps > 1 and thread.thread_id // WARP == thread.barriers * 7 % warps:
        time.sleep(DELAY)


_lock = threading.Lock()


def _shuffle_xor(module: Any, mask: int, value: Any, bits: int) -> Any:
    """shfl_xor_sync."""
    return _shuffle(mask, value, threading.current_thread().thread_id % WARP ^ bits, f"xor {bits}")


def _shuffle_from(module: Any, mask: int, value: Any, source: int) -> Any:
    """shfl_sync."""
    return _shuffle(mask, value, int(source), "from")


def _shuffle(mask: int, value: Any, source: int, kind: str) -> Any:
    """The value of another lane, for whole warps; lanes that disagree are an error instead of undefined."""
    thread = threading.current_thread()
    lane = thread.thread_id % WARP
    with _lock:
        fresh = SimpleNamespace(barrier=threading.Barrier(WARP), slots=[[None] * WARP, [None] * WARP])
        warp = thread.block.warps.setdefault(thread.thread_id // WARP, fresh)
    turn = thread.turn = 1 - getattr(thread, "turn", 1)  # two sets of slots, so that one barrier a shuffle is enough
    warp.slots[turn][lane] = (kind, value)
    warp.barrier.wait(PATIENCE)
    their_kind, theirs = warp.slots[turn][source]
    if mask != 0xFFFFFFFF or their_kind != kind:
        raise RuntimeError(f"lanes disagree on the shuffle: {kind} and {their_kind}")
    return theirs


def _shared_array(module: Any, shape: Any, dtype: Any, alignment: int | None = None) -> Any:
    """Shared memory, all NaN or the least number; the calls of one thread are told apart by their order."""
    thread = threading.current_thread()
    thread.shared = getattr(thread, "shared", -1) + 1
    with _lock:
        if thread.shared not in module._allocations:
            real = dtype if isinstance(dtype, np.dtype) else kernelapi.numpy_support.as_dtype(dtype)
            wrong = np.iinfo(real).min if np.issubdtype(real, np.integer) else np.nan
            module._allocations[thread.shared] = np.full(shape, wrong, real)
        return module._allocations[thread.shared]


class _Manager(_Block):
    """One block after another, each with shared memory of its own."""

    def run(self, where: tuple, *args: Any) -> None:
        shared = kernel._get_kernel_context()._shared
        shared._allocations.clear()
        super().run(where, *args)


def _of_thread(name: str) -> Any:
    """What the simulator puts in place of `cuda` in a kernel's own module, for functions of other modules."""
    return getattr(kernel._get_kernel_context(), name)


cuda.__getattr__ = _of_thread
sys.setswitchinterval(0.1)  # threads run until they wait for others: hundreds of them that take turns lose a quarter
kernel.BlockManager = _Manager
kernelapi.FakeCUDAModule.shfl_xor_sync = _shuffle_xor
kernelapi.FakeCUDAModule.shfl_sync = _shuffle_from
kernelapi.FakeCUDAShared.array = _shared_array
