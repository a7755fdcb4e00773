"""Several processes that add up their arrays: through shared memory on the CPU, through NCCL on GPUs.

Every process gets the same bits. On the CPU sums run over the processes in their order.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import numpy as np

TIMEOUT = 600.0  # seconds that a process waits for the others; if one has failed, the rest end with an error


class Communicator(Protocol):
    """One of `size` processes."""

    rank: int
    size: int

    def add_up(self, array: np.ndarray) -> np.ndarray:
        """The sum of all processes' arrays, which have the same shape and type."""


class SharedMemoryCommunicator:
    """Processes of one machine: each writes its array to a place of its own, and reads all of them.

    Parameters
    ----------
    rank, size : int
        Number of this process, and of all.
    barrier : multiprocessing.Barrier
        Where all `size` processes meet.
    name : str
        Of the shared memory.
    """

    def __init__(self, rank: int, size: int, barrier: Any, name: str) -> None:
        self.rank, self.size, self.barrier = rank, size, barrier
        from multiprocessing.shared_memory import SharedMemory

        self.memory = SharedMemory(name)

    def add_up(self, array: np.ndarray) -> np.ndarray:
        """The sum of all processes' arrays."""
        room = self.memory.size // self.size // 64 * 64
        if array.nbytes > room:
            raise ValueError(f"the shared memory has {room} bytes for each process, but {array.nbytes} are needed")
        whole: Any = self.memory.buf
        places = [
            np.frombuffer(whole, array.dtype, array.size, rank * room).reshape(array.shape) for rank in range(self.size)
        ]
        places[self.rank][...] = array
        self.barrier.wait(TIMEOUT)
        total = places[0].copy()
        for other in places[1:]:
            total += other
        self.barrier.wait(TIMEOUT)  # before one of them writes again
        return total

    def close(self) -> None:
        """Leave the shared memory."""
        self.memory.close()


class NcclCommunicator:
    """Processes with a GPU each; needs CuPy.

    Parameters
    ----------
    rank, size : int
        Number of this process, and of all.
    identity : bytes
        What `cupy.cuda.nccl.get_unique_id` gave one of the processes.
    device : int
        Number of this process' GPU.
    """

    def __init__(self, rank: int, size: int, identity: bytes, device: int) -> None:
        from cupy.cuda import Device, nccl

        self.rank, self.size, self._nccl = rank, size, nccl
        Device(device).use()
        self._link = nccl.NcclCommunicator(size, identity, rank)

    def add_up(self, array: np.ndarray) -> np.ndarray:
        """The sum of all processes' arrays, added on the GPU."""
        import cupy

        values = cupy.asarray(np.ascontiguousarray(array))
        kind = self._nccl.NCCL_FLOAT64 if array.dtype == np.float64 else self._nccl.NCCL_FLOAT32
        place, stream = values.data.ptr, cupy.cuda.get_current_stream().ptr
        self._link.allReduce(place, place, values.size, kind, self._nccl.NCCL_SUM, stream)
        return cupy.asnumpy(values)

    def close(self) -> None:
        """Leave the others."""
        self._link.destroy()


_current: Communicator | None = None


def current() -> Communicator | None:
    """That of this process, if it trains together with others."""
    return _current


@contextmanager
def joined(communicator: Communicator) -> Iterator[None]:
    """Within this, training is shared with the other processes."""
    global _current
    _current = communicator
    try:
        yield
    finally:
        _current = None
