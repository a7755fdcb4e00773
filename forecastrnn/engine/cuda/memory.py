"""Copies on the device of a program's buffers, and of the arrays that a call gives."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import cuda
from numpy.typing import DTypeLike

from forecastrnn.engine.cuda.build import Handle, Planner, Spot, device_kernel, new_array
from forecastrnn.engine.devices import explained

if TYPE_CHECKING:
    from forecastrnn.engine.buffers import Buffer


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


class Copy:
    """The numbers of one array on one device, and which side has the newer ones.

    `stale`: the host may have newer ones. `newer`: the device has. `kept`: they stay on the device between calls.
    """

    def __init__(self) -> None:
        self.array: Any = None
        self.stale, self.newer, self.kept = True, False, False
        self.owner: Any = None  # a weak reference to the array of the host, where several programs may share this


class Mirror(Handle):
    """A buffer's numbers on one device.

    An array that the user's side of the program holds is taken to be stale before every call, unless it is said to be
    constant or `ResidentArrays`.
    """

    def __init__(self, buffer: Buffer, device: int) -> None:
        super().__init__(max(int(np.prod(buffer.shape)), 1), buffer.dtype)
        self.buffer, self.device = weakref.ref(buffer), device
        self.fresh = 0  # numbers from the first on that the host has written anew
        self._copy: Copy | None = None

    @property
    def copy(self) -> Copy:
        """The numbers; programs that are bound to the same array share them."""
        if self._copy is None:
            buffer = self.buffer()
            self._copy = copy_of(buffer.allocated, self.device, buffer.constant) if buffer.bound else Copy()
        return self._copy

    @property
    def newer(self) -> bool:
        """Whether the device has newer numbers than the host."""
        return self.copy.newer

    @property
    def array(self) -> Any:
        """The numbers; where the host has none yet, they begin as the buffer's fill."""
        copy = self.copy
        if copy.array is None:
            buffer = self.buffer()
            self.size = max(int(np.prod(buffer.shape)), 1)
            copy.array = new_array(self.size, self.dtype)
            if buffer.allocated is None:
                filled(self, buffer.fill)
                copy.stale = False
        return copy.array

    def upload(self) -> None:
        """Bring the device up to date."""
        buffer = self.buffer()
        for other in buffer.mirrors.values():
            if other is not self and other.newer:
                buffer.touch()
        device, copy, host = self.array, self.copy, buffer.allocated
        whole = copy.stale or (buffer.bound and not buffer.constant and not copy.kept)
        count = 0 if host is None else host.size if whole else self.fresh
        if count:
            device[:count].copy_to_device(_flat(host)[:count])
        if host is not None:
            copy.stale, self.fresh = False, 0

    def written(self) -> None:
        """The device has written to it."""
        for other in self.buffer().mirrors.values():
            if other is not self:
                other.copy.stale = True
        self.copy.stale, self.copy.newer = False, True

    def put(self, count: int) -> None:
        """The host has written the first `count` numbers, and the device's own are of no interest."""
        self.copy.newer, self.fresh = False, max(self.fresh, count)

    def download(self) -> None:
        """Bring the host up to date."""
        buffer = self.buffer()
        if self.newer and buffer.allocated.size:
            fetch(self.copy, buffer.allocated, self.device)

    def look(self) -> None:
        """The host is about to look at the numbers, and perhaps to write to them."""
        self.download()
        self.copy.stale = True

    def part(self, first: int, count: int) -> np.ndarray:
        """A copy of some of the numbers, of those that are newer."""
        if not self.newer:
            return _flat(self.buffer().array)[first : first + count].copy()
        out = np.empty(count, self.dtype)
        if count:
            with explained(f"cuda:{self.device}"), cuda.gpus[self.device]:
                self.array[first : first + count].copy_to_host(out)
        return out


class ResidentArrays:
    """Arrays of the host that stay on a device for many calls; the host has old numbers until `fetch`.

    Nothing may write to them on the host meanwhile.
    """

    def __init__(self, arrays: Sequence[np.ndarray], device: int) -> None:
        self.arrays, self.device = list(arrays), device
        self.copies = [copy_of(array, device) for array in self.arrays]

    def __enter__(self) -> ResidentArrays:
        for copy in self.copies:
            copy.kept, copy.stale = True, True
        return self

    def fetch(self, count: int | None = None) -> None:
        """Bring the host up to date: all arrays, or the first `count` of them."""
        for copy, array in list(zip(self.copies, self.arrays, strict=True))[:count]:
            if copy.newer and array.size:
                fetch(copy, array, self.device)

    def __exit__(self, kind: object, error: object, traceback: object) -> None:
        if error is None:
            self.fetch()
        for copy in self.copies:
            copy.kept, copy.newer, copy.stale = False, False, True


class ArgumentCopy(Handle):
    """The array that a call gives for an argument of the program."""

    def __init__(self, dtype: DTypeLike) -> None:
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


_constants: dict[tuple[int, int], tuple[Any, Copy]] = {}  # (identity of a host array, device) -> that array, its copy
_copies: weakref.WeakValueDictionary[tuple[int, int], Copy] = weakref.WeakValueDictionary()  # of those that change


def copy_of(array: np.ndarray, device: int, constant: bool = False) -> Copy:
    """The one copy on this device of an array of the host; it lives as long as the array, if that does not change.

    Otherwise as long as a program uses it.
    """
    key = id(array), device
    if constant:
        if key not in _constants:
            _constants[key] = weakref.ref(array, lambda _: _constants.pop(key, None)), Copy()
        return _constants[key][1]
    found = _copies.get(key)
    if found is None or found.owner() is not array:
        found = _copies[key] = Copy()
        found.owner = weakref.ref(array)
    return found


def fetch(copy: Copy, array: np.ndarray, device: int) -> None:
    """Bring an array of the host up to date."""
    with explained(f"cuda:{device}"), cuda.gpus[device]:
        copy.array.copy_to_host(_flat(array))
    copy.newer = False
