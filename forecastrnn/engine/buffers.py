"""Named arrays that kernels work on, places inside them, and one call of a kernel on them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import DTypeLike

from forecastrnn.engine.cpu import tape
from forecastrnn.engine.cpu.build import Kernel
from forecastrnn.engine.devices import CPU

ALIGN = 64  # bytes: a cache line


class Mirror(Protocol):
    """The copy of a buffer on a GPU, as the buffer sees it."""

    @property
    def newer(self) -> bool:
        """Whether the device has newer numbers than the host."""

    def look(self) -> None:
        """The host is about to look at the numbers, and perhaps to write to them."""

    def put(self, count: int) -> None:
        """The host has written the first `count` numbers."""

    def part(self, first: int, count: int) -> np.ndarray:
        """`count` numbers from `first` on."""


class Buffer:
    """A named array that kernels work on; `at` names a place inside it.

    An array of its own is only allocated when it is first looked at, so that a program can state its memory before.
    """

    def __init__(self, name: str, shape: tuple[int, ...], dtype: DTypeLike, fill: float = 0) -> None:
        self.name, self.shape, self.dtype, self.fill = name, shape, np.dtype(dtype), fill
        self.itemsize, self.nbytes = self.dtype.itemsize, math.prod(shape) * self.dtype.itemsize
        self._array: np.ndarray | None = None
        self._address = 0  # of it, once somebody has asked
        self.bound = self.constant = self.given = False
        self.mirrors: dict[int, Mirror] = {}  # the copies on GPUs, by their number

    @classmethod
    def of(cls, name: str, array: np.ndarray, constant: bool = False) -> Buffer:
        """A buffer around an array that exists already; `constant`: its numbers never change."""
        if not array.flags.c_contiguous:
            raise ValueError(f"buffer {name!r} must be C-contiguous")
        made = cls(name, array.shape, array.dtype)
        made._array, made.nbytes, made.bound, made.constant = array, 0, True, constant
        return made

    def grow(self, shape: tuple[int, ...]) -> None:
        """Make room for `shape`, if that is more; not once there are numbers in it."""
        if math.prod(shape) > math.prod(self.shape):
            if self._array is not None:
                raise ValueError(f"buffer {self.name!r} is in use and too small for {shape}")
            self.shape, self.nbytes = shape, math.prod(shape) * self.itemsize

    @property
    def array(self) -> np.ndarray:
        """The numbers."""
        return self.touch()

    def touch(self) -> np.ndarray:
        """The numbers on the host, which is about to read them, and perhaps to write: brought here from a GPU."""
        made = self._made()
        for mirror in self.mirrors.values():
            mirror.look()
        return made

    def _made(self) -> np.ndarray:
        """The array of the host, which begins as `fill`."""
        if self._array is None:
            self._array = allocate(self.shape, self.dtype)
            if self.fill:
                self._array[...] = self.fill
        return self._array

    @property
    def allocated(self) -> np.ndarray | None:
        """The array of the host, if there is one yet."""
        return self._array

    def put(self, values: np.ndarray) -> None:
        """New values for the first rows, or all, of a buffer whose old numbers nobody wants brought from a GPU."""
        self._made()[: len(values)] = values
        for mirror in self.mirrors.values():
            mirror.put(values.size)

    def part(self, first: int, count: int) -> np.ndarray:
        """`count` numbers from `first` on, to read only."""
        newest = next((mirror for mirror in self.mirrors.values() if mirror.newer), None)
        if newest is not None:
            return newest.part(first, count)
        return self.array.reshape(-1)[first : first + count]

    @property
    def address(self) -> int:
        """Where the numbers begin."""
        if self.mirrors or not self._address:
            self._address = self.array.ctypes.data
        return self._address

    def at(self, offset: int) -> Place:
        """The element `offset` of the flat array."""
        return Place(self, offset)


class Argument(Buffer):
    """Stands for an array, or for a number, that each call of a program gives anew."""

    def __init__(self, name: str, dtype: DTypeLike = np.int8) -> None:
        super().__init__(name, (0,), dtype)
        self.given = True

    @property
    def array(self) -> np.ndarray:
        """There is none before a call."""
        raise TypeError(f"{self.name} is an argument")

    @property
    def address(self) -> int:
        """Counted from the value of the call."""
        return 0


@dataclass(frozen=True)
class Place:
    """An element of a buffer, by its offset in the flat array."""

    buffer: Buffer
    offset: int

    def at(self, offset: int) -> Place:
        """An element further on."""
        return Place(self.buffer, self.offset + offset)


Field = Buffer | Place | int | None
Stretch = int | tuple[int, int] | None  # of rounds: so many of the first, or from one to another; None: all


def allocate(shape: tuple[int, ...], dtype: DTypeLike) -> np.ndarray:
    """Zeros that begin at a cache line, with a vector's width to spare behind them."""
    dtype, count = np.dtype(dtype), math.prod(shape)
    raw = np.zeros((count + 2 * ALIGN) * dtype.itemsize + ALIGN, np.uint8)
    start = -raw.ctypes.data % ALIGN
    return raw[start : start + count * dtype.itemsize].view(dtype).reshape(shape)


@dataclass(frozen=True)
class Operation:
    """One call of a kernel, and the value of each field of its record."""

    code: Kernel
    fields: dict[str, Field]
    device: str = CPU

    @property
    def kernel(self) -> str:
        """The kernel's name."""
        return self.code.name

    @property
    def buffers(self) -> list[Buffer]:
        """Those that it works on."""
        found = (value.buffer if isinstance(value, Place) else value for value in self.fields.values())
        return [value for value in found if isinstance(value, Buffer)]

    def record(self) -> list[int]:
        """The fields as int64: addresses of buffers, and sizes."""
        return [_word(value) for value in self.fields.values()]

    def holes(self) -> dict[int, str]:
        """Which fields wait for an argument: the value of a call is added to what the record has there."""
        buffers = [value.buffer if isinstance(value, Place) else value for value in self.fields.values()]
        return {k: buffer.name for k, buffer in enumerate(buffers) if isinstance(buffer, Argument)}

    @cached_property
    def written(self) -> tape.Written:
        """For the tape; buffers stay where they are."""
        return self.code, self.record(), self.holes()

    def __str__(self) -> str:
        return f"{self.kernel}({', '.join(f'{k}={_show(v)}' for k, v in self.fields.items())})"


class Runnable(Protocol):
    """A program, as those see it whom it calls: what runs it elsewhere, or measures it."""

    dtype: str
    device: str
    free: bool
    buffers: dict[str, Buffer]
    rounds: list[list[list[Operation]]]
    meetings: dict[int, Any]
    runners: dict[Any, Any]

    def stretch(self, rounds: Stretch) -> tuple[int, int]:
        """First round and end."""

    def prepare(self, rounds: Stretch = None) -> tape.Tape:
        """Allocate the buffers, compile the kernels and write the tape."""

    def run(
        self, first: int, steps: int, n_threads: int, rounds: Stretch = None, **arguments: np.ndarray | int
    ) -> None:
        """Run steps first .. first + steps."""


def _word(value: Field) -> int:
    if value is None:
        return 0
    if isinstance(value, Buffer):
        return value.address
    if isinstance(value, Place):
        return value.buffer.address + value.offset * value.buffer.itemsize
    return int(value)


def as_word(value: np.ndarray | int) -> int:
    """The value of an argument: a number, or where an array lies."""
    return value.ctypes.data if isinstance(value, np.ndarray) else int(value)


def _show(value: Field) -> str:
    if isinstance(value, Buffer):
        return value.name
    if isinstance(value, Place):
        return f"{value.buffer.name}+{value.offset}"
    return "-" if value is None else str(value)
