"""Several processes that add up their arrays: through shared memory on the CPU, through NCCL on GPUs.

Every process gets the same bits. On the CPU sums run over the processes in their order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import BrokenBarrierError
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from multiprocessing.synchronize import Barrier

TIMEOUT = 600.0  # seconds that a process waits for the others; if one has failed, the rest end with an error


class Communicator(Protocol):
    """One of `size` processes."""

    rank: int
    size: int
    on_device: bool  # whether `sum_call` adds up arrays of the GPUs

    def add_up(self, array: np.ndarray) -> np.ndarray:
        """The sum of all processes' arrays, which have the same shape and type."""

    def sum_call(self, array: Any, count: int, stream: int) -> Callable[[], None]:
        """What puts onto a stream of CUDA that an array of this GPU becomes the sum of all, of `count` numbers."""


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
    timeout : float
        Seconds that a process waits for the others.
    """

    on_device = False

    def __init__(self, rank: int, size: int, barrier: Barrier, name: str, timeout: float = TIMEOUT) -> None:
        self.rank, self.size, self.barrier, self.timeout = rank, size, barrier, timeout
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
        self._meet()
        total = places[0].copy()
        for other in places[1:]:
            total += other
        self._meet()  # before one of them writes again
        return total

    def _meet(self) -> None:
        try:
            self.barrier.wait(self.timeout)
        except BrokenBarrierError:
            raise RuntimeError(
                f"process {self.rank + 1} of {self.size} has waited {self.timeout:g} seconds for the others, which "
                "have failed or hang. See their messages above; devices that differ much in speed make one wait too."
            ) from None

    def sum_call(self, array: Any, count: int, stream: int) -> Callable[[], None]:
        """Not for arrays of a GPU."""
        raise TypeError("shared memory adds up arrays of the host only")

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

    on_device = True

    def __init__(self, rank: int, size: int, identity: bytes, device: int) -> None:
        from cupy.cuda import Device, nccl

        self.rank, self.size, self._nccl = rank, size, nccl
        Device(device).use()
        self._link = nccl.NcclCommunicator(size, identity, rank)

    def _kind(self, dtype: np.dtype) -> int:
        return self._nccl.NCCL_FLOAT64 if dtype == np.float64 else self._nccl.NCCL_FLOAT32

    def sum_call(self, array: Any, count: int, stream: int) -> Callable[[], None]:
        """An array of the GPU becomes the sum of all, in place; also as a part of a CUDA graph."""
        place, kind = array.__cuda_array_interface__["data"][0], self._kind(array.dtype)
        return lambda: self._link.allReduce(place, place, count, kind, self._nccl.NCCL_SUM, stream)

    def add_up(self, array: np.ndarray) -> np.ndarray:
        """The sum of all processes' arrays of the host: for what is small, such as a loss."""
        import cupy

        values = cupy.asarray(np.ascontiguousarray(array))
        self.sum_call(values, values.size, cupy.cuda.get_current_stream().ptr)()
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
