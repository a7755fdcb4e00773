"""Copies on the device of a program's buffers, and of the arrays that a call gives."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import cuda

from forecastrnn.cuda.build import Handle, Planner, Spot, device_kernel, new_array

if TYPE_CHECKING:
    from forecastrnn.program import Buffer


@device_kernel()
def fill_with(out, o0, value, n):
    """out (n,) = value."""
    k = cuda.grid(1)
    while k < n:
        out[o0 + k] = value
        k += cuda.gridsize(1)


def filled(handle: Handle, value: float) -> None:
    """All numbers of a new array become `value`."""
    planner = Planner(handle.dtype.name, 1, Spot(handle))
    kind = handle.dtype.type
    planner.each(fill_with, handle.size, Spot(handle), kind(value), handle.size)
    for launch in planner.launches:
        launch.bind(0)()


class Mirror(Handle):
    """A buffer's numbers on one device.

    `stale`: the host may have newer ones. `newer`: the device has. An array that the user's side of the program holds
    is taken to be stale before every call, unless it is said to be constant.
    """

    def __init__(self, buffer: Buffer, device: int) -> None:
        super().__init__(max(int(np.prod(buffer.shape)), 1), buffer.dtype)
        self.buffer, self.device = weakref.ref(buffer), device
        self.stale, self.newer = True, False

    @property
    def array(self) -> Any:
        """The numbers; where the host has none yet, they begin as the buffer's fill."""
        if self._array is None:
            buffer = self.buffer()
            self.size = max(int(np.prod(buffer.shape)), 1)
            if buffer.constant:
                self._array, self.stale = _shared_copy(buffer.allocated, self.device), False
            else:
                self._array = new_array(self.size, self.dtype)
                if buffer.allocated is None:
                    filled(self, buffer.fill)
                    self.stale = False
        return self._array

    def upload(self) -> None:
        """Bring the device up to date."""
        buffer = self.buffer()
        for other in buffer.mirrors.values():
            if other is not self and other.newer:
                buffer.touch()
        device = self.array
        if (self.stale or (buffer.bound and not buffer.constant)) and buffer.allocated is not None:
            if buffer.allocated.size:
                device.copy_to_device(_flat(buffer.allocated))
            self.stale = False

    def written(self) -> None:
        """The device has written to it."""
        for other in self.buffer().mirrors.values():
            other.stale = other is not self
        self.newer = True

    def download(self) -> None:
        """Bring the host up to date."""
        buffer = self.buffer()
        if self.newer and buffer.allocated.size:
            with cuda.gpus[self.device]:
                self.array.copy_to_host(_flat(buffer.allocated))
        self.newer = False

    def look(self) -> None:
        """The host is about to look at the numbers, and perhaps to write to them."""
        self.download()
        self.stale = True

    def part(self, first: int, count: int) -> np.ndarray:
        """A copy of some of the numbers, of those that are newer."""
        if not self.newer:
            return _flat(self.buffer().array)[first : first + count].copy()
        out = np.empty(count, self.dtype)
        if count:
            with cuda.gpus[self.device]:
                self.array[first : first + count].copy_to_host(out)
        return out


class Given(Handle):
    """The array that a call gives for an argument of the program."""

    def __init__(self, dtype: Any) -> None:
        super().__init__(0, dtype)

    def fill(self, given: np.ndarray | int) -> bool:
        """Copy the values of a call, or its number; True if that takes another array than before."""
        values = np.asarray(given)
        moved = self._array is None or values.size != self.size
        if moved:
            self.size, self.dtype = values.size, values.dtype
            self._array = None
        if values.size:
            self.array.copy_to_device(np.ascontiguousarray(values).reshape(-1))
        return moved


def _flat(array: np.ndarray) -> np.ndarray:
    return array.reshape(-1)


_copies: dict[tuple[int, int], tuple[Any, Any]] = {}  # (identity of a host array, device) -> that array, its copy


def _shared_copy(array: np.ndarray, device: int) -> Any:
    """The one copy on this device of an array that does not change; it lives as long as the array."""
    key = id(array), device
    if key not in _copies:
        size = max(array.size, 1)
        copy = new_array(size, array.dtype)
        if array.size:
            copy.copy_to_device(_flat(array))
        _copies[key] = weakref.ref(array, lambda _: _copies.pop(key, None)), copy
    return _copies[key][1]
