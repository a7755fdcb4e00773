"""Program: which operations run, in which order, on which named buffers.

A program is cut into rounds; inside a round each shard of the mini-batch has its own list of operations.
`print(program)` lists it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from forecastrnn.cpu import tape
from forecastrnn.cpu.build import KERNELS

ALIGN = 64  # bytes: a cache line


class Buffer:
    """A named array that kernels work on; `at` names a place inside it."""

    def __init__(self, name: str, array: np.ndarray) -> None:
        if not array.flags.c_contiguous:
            raise ValueError(f"buffer {name!r} must be C-contiguous")
        self.name, self.array = name, array
        self.address, self.itemsize = array.ctypes.data, array.itemsize

    def at(self, offset: int) -> Place:
        """The element `offset` of the flat array."""
        return Place(self, offset)


@dataclass(frozen=True)
class Place:
    """An element of a buffer, by its offset in the flat array."""

    buffer: Buffer
    offset: int

    def at(self, offset: int) -> Place:
        """An element further on."""
        return Place(self.buffer, self.offset + offset)


Field = Buffer | Place | int | None


def allocate(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """Zeros that begin at a cache line, with a vector's width to spare behind them."""
    dtype, count = np.dtype(dtype), int(np.prod(shape))
    raw = np.zeros((count + 2 * ALIGN) * dtype.itemsize + ALIGN, np.uint8)
    start = -raw.ctypes.data % ALIGN
    return raw[start : start + count * dtype.itemsize].view(dtype).reshape(shape)


@dataclass(frozen=True)
class Operation:
    """One kernel call: its name, and the value of each field of its record."""

    kernel: str
    fields: dict[str, Field]

    def record(self) -> list[int]:
        """The fields as int64: addresses of buffers, and sizes."""
        return [_word(value) for value in self.fields.values()]

    def __str__(self) -> str:
        return f"{self.kernel}({', '.join(f'{k}={_show(v)}' for k, v in self.fields.items())})"


def _word(value: Field) -> int:
    if value is None:
        return 0
    if isinstance(value, Buffer):
        return value.address
    if isinstance(value, Place):
        return value.buffer.address + value.offset * value.buffer.itemsize
    return int(value)


def _show(value: Field) -> str:
    if isinstance(value, Buffer):
        return value.name
    if isinstance(value, Place):
        return f"{value.buffer.name}+{value.offset}"
    return "-" if value is None else str(value)


class Program:
    """Operations on named buffers, in rounds of shards.

    Parameters
    ----------
    dtype : {"float32", "float64"}
        Type of all numbers that kernels compute with.
    shards : int
        Parts of the mini-batch. Fixed, so that results do not depend on the number of threads.
    free : bool
        The only round's shards never need to meet, so each runs all its steps by itself.
    """

    def __init__(self, dtype: str, shards: int, free: bool = False) -> None:
        self.dtype, self.shards, self.free = dtype, shards, free
        self.buffers: dict[str, Buffer] = {}
        self.rounds: list[list[list[Operation]]] = [[[] for _ in range(shards)]]
        self._tape: np.ndarray | None = None

    def buffer(self, name: str, shape: tuple[int, ...], dtype: Any = None) -> Buffer:
        """A new buffer of zeros."""
        return self.bind(name, allocate(shape, dtype or self.dtype))

    def bind(self, name: str, array: np.ndarray) -> Buffer:
        """Name an array that exists already; it is used where it lies."""
        if name in self.buffers:
            raise ValueError(f"buffer {name!r} exists already")
        self.buffers[name] = Buffer(name, array)
        return self.buffers[name]

    def emit(self, kernel: str, shard: int, **fields: Field) -> None:
        """Append an operation to the current round of `shard`."""
        names = KERNELS[kernel].fields
        if set(fields) != set(names):
            raise ValueError(f"{kernel} has the fields {names}, not {tuple(fields)}")
        self.rounds[-1][shard].append(Operation(kernel, {name: fields[name] for name in names}))

    def next_round(self) -> None:
        """What follows begins when all shards have come here."""
        self.rounds.append([[] for _ in range(self.shards)])

    def prepare(self) -> None:
        """Compile the kernels and write the tape."""
        if self._tape is None:
            records = [[[(o.kernel, o.record()) for o in ops] for ops in turn] for turn in self.rounds]
            self._tape = tape.assemble(records, self.dtype, self.free)

    def run(self, first: int, steps: int, n_threads: int) -> None:
        """Run steps first .. first + steps."""
        self.prepare()
        assert self._tape is not None
        tape.run(self._tape, first, steps, n_threads)

    @property
    def nbytes(self) -> int:
        """Memory of all buffers, in bytes."""
        return sum(b.array.nbytes for b in self.buffers.values())

    def __str__(self) -> str:
        lines = [f"program: {self.dtype}, {self.shards} shards, {self.nbytes:,} bytes in {len(self.buffers)} buffers"]
        lines += [f"  {b.name:28s} {b.array.dtype!s:8s} {b.array.shape}" for b in self.buffers.values()]
        for number, turn in enumerate(self.rounds):
            for shard, operations in enumerate(turn):
                lines.append(f"round {number}, shard {shard}:")
                lines += [f"  {operation}" for operation in operations]
        return "\n".join(lines)
