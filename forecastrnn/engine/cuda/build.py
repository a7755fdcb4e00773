"""Kernels and functions of the device, compiled when first used, and the launches that a program becomes."""

from __future__ import annotations

import gc
import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from types import FunctionType
from typing import Any, NamedTuple

import numpy as np
from numba import cuda
from numpy.typing import DTypeLike

SIMULATED = os.environ.get("NUMBA_ENABLE_CUDASIM", "0") not in ("", "0")
THREADS = 256  # of a block
MOST_BLOCKS = 2048  # of a kernel that walks over elements
SIMULATED_GRID = 2, 3  # blocks and threads on the simulator, which runs each thread as one of Python


def device_function(function: Callable[..., object], fastmath: bool = False) -> Callable[..., object]:
    """A function that kernels call."""
    return function if SIMULATED else cuda.jit(device=True, fastmath=fastmath)(function)


def rebuilt(function: Callable[..., object], **names: object) -> Callable[..., object]:
    """A plain function of another module for kernels to call, with other meanings of the names it uses."""
    return device_function(FunctionType(function.__code__, function.__globals__ | names, function.__name__))


class DeviceKernel:
    """A kernel; `threads` of a block, and how it is compiled: see `device_kernel`."""

    def __init__(
        self, function: Callable[..., object], *, threads: int, double: bool, stack: int, resident: int
    ) -> None:
        self.function, self.name, self.threads, self.double = function, function.__name__, threads, double
        self.stack, self._compiled = stack, None
        self.bounds = (threads, max(resident // threads, 1)) if resident else threads

    @property
    def compiled(self) -> Any:
        """What Numba makes of it."""
        if self._compiled is None:
            options = {} if SIMULATED else {"launch_bounds": self.bounds}
            self._compiled = cuda.jit(**options)(self.function)
        return self._compiled


def device_kernel(
    *, threads: int = THREADS, double: bool = False, stack: int = 0, resident: int = 0
) -> Callable[[Callable[..., object]], DeviceKernel]:
    """Make a function a kernel.

    double : it computes in float64 on purpose (sums, rates). stack : bytes of local memory that it may have.
    resident : threads that a multiprocessor shall have room for. Left to itself, the compiler takes few registers
    and may spill some for no reason.
    """
    return lambda function: DeviceKernel(function, threads=threads, double=double, stack=stack, resident=resident)


def new_array(size: int, dtype: np.dtype) -> Any:
    """Room on the device; if there is none, programs that nobody uses any more are forgotten first."""
    try:
        return cuda.device_array(size, dtype)
    except Exception:  # the driver's own error, or Numba's
        gc.collect()
        return cuda.device_array(size, dtype)


class Handle:
    """A flat array on the device, of which the program's operations only know how large it is."""

    def __init__(self, size: int, dtype: DTypeLike) -> None:
        self.size, self.dtype = size, np.dtype(dtype)
        self._array: Any = None

    @property
    def array(self) -> Any:
        """The numbers, allocated when first looked at."""
        if self._array is None:
            self._array = new_array(max(self.size, 1), self.dtype)
        return self._array


class Spot(NamedTuple):
    """A place in an array on the device."""

    handle: Handle
    offset: int = 0

    def at(self, offset: int) -> Spot:
        """A place further on."""
        return Spot(self.handle, self.offset + offset)


@dataclass(frozen=True)
class Launch:
    """A kernel with its grid and arguments: an array and an offset for each place, and numbers."""

    kernel: DeviceKernel
    blocks: tuple[int, ...]
    threads: int
    args: tuple[Any, ...]

    def bind(self, stream: Any) -> Callable[[], None]:
        """The call that puts the kernel on a stream."""
        configured = self.kernel.compiled
        grid, args = (self.blocks, self.threads, stream), tuple(self._values())
        if SIMULATED:  # there, a kernel keeps its last grid
            return lambda: configured[grid](*args)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of grids that fill only a part of a large GPU: small networks do
            bound = configured[grid]
        return lambda: bound(*args)

    def _values(self) -> list[Any]:
        found: list[Any] = []
        for value in self.args:
            found += [value.handle.array, value.offset] if isinstance(value, Spot) else [value]
        return found


class Planner:
    """Turns operations into launches; a twin calls `each` or `blocks` for every kernel that it needs.

    lanes : numbers in a vector of the buffers' layout. step : where the device counts the steps of a call.
    """

    def __init__(self, dtype: str, lanes: int, step: Spot) -> None:
        self.dtype, self.lanes, self.bits = np.dtype(dtype), lanes, lanes.bit_length() - 1
        self.step = step
        self.launches: list[Any] = []
        self.written: list[Handle] = []
        self._work: dict[tuple[str, np.dtype], Handle] = {}
        self._nothing = Spot(Handle(1, dtype))

    def work(self, name: str, size: int, dtype: DTypeLike | None = None) -> Spot:
        """Room for what one operation keeps between its kernels; operations use it in turn."""
        key = name, np.dtype(dtype or self.dtype)
        handle = self._work.setdefault(key, Handle(0, key[1]))
        handle.size = max(handle.size, size)
        return Spot(handle)

    @property
    def nbytes(self) -> int:
        """Memory of that room."""
        return sum(handle.size * handle.dtype.itemsize for handle in self._work.values())

    def each(self, kernel: DeviceKernel, count: int, *args: object, most: int = MOST_BLOCKS) -> int:
        """Launch a kernel whose threads walk over `count` elements; returns the number of threads."""
        blocks, threads = SIMULATED_GRID
        if not SIMULATED:
            blocks, threads = min(-(-count // kernel.threads), most), kernel.threads
        if count > 0:
            self._launch(kernel, (blocks,), threads, args)
        return blocks * threads

    def units(
        self, kernel: DeviceKernel, rows: int, units: int, *args: Any, panels: int = 1, most: int = 4 * MOST_BLOCKS
    ) -> None:
        """Launch a kernel over rows and units: x walks over units, y over rows, z is the panel."""
        if SIMULATED:
            self._launch(kernel, (2, min(rows, 2), panels), 2, args)
            return
        threads = min(kernel.threads, -(-units // 32) * 32)
        self._launch(kernel, (-(-units // threads), min(rows, most), panels), threads, args)

    def rows(self, kernel: DeviceKernel, rows: int, units: int, most: int, *args: object) -> None:
        """Launch a kernel whose blocks, `most` of them, take a row each; threads, a power of two, share its units."""
        threads = min(kernel.threads, max(32, 1 << (units - 1).bit_length()))
        self._launch(kernel, (1, min(rows, most)), threads, args)

    def blocks(self, kernel: DeviceKernel, blocks: tuple[int, ...], *args: object) -> None:
        """Launch so many blocks of a kernel."""
        self._launch(kernel, blocks, kernel.threads, args)

    def _launch(self, kernel: DeviceKernel, blocks: tuple[int, ...], threads: int, args: tuple[Any, ...]) -> None:
        filled = tuple(self._nothing if value is None else value for value in args)
        self.launches.append(Launch(kernel, blocks, threads, filled))
