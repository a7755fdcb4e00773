"""Program: which operations run, in which order, on which named buffers.

A program is cut into rounds; inside a round each shard of the mini-batch has its own list of operations.
`print(program)` lists it.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import DTypeLike

from forecastrnn.engine.buffers import Buffer, Field, Operation, Stretch, as_word
from forecastrnn.engine.cpu import tape
from forecastrnn.engine.cpu.build import KERNELS, Kernel
from forecastrnn.engine.cpu.simd import VECTOR_BYTES
from forecastrnn.engine.devices import CPU, parts_of
from forecastrnn.engine.placed import Placed

if TYPE_CHECKING:
    from forecastrnn.engine.communicators import Communicator
    from forecastrnn.engine.cuda.engine import Engine
    from forecastrnn.engine.profiling import Profile


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
    device : str
        "cpu", or a GPU: "cuda:0"; or several: "cpu+cuda:0". What is emitted goes to the last one, or inside `on` to
        that one.
    """

    def __init__(self, dtype: str, shards: int, free: bool = False, device: str = "cpu") -> None:
        self.dtype, self.shards, self.free, self.device, self.prefix = dtype, shards, free, device, ""
        self.here = parts_of(device)[-1]
        self.buffers: dict[str, Buffer] = {}
        self.rounds: list[list[list[Operation]]] = [[[] for _ in range(shards)]]
        self.meetings: dict[int, tuple[Buffer, Buffer, Communicator]] = {}  # of processes, by the round in front
        self.runners: dict[Any, Any] = {}  # tapes by their stretch of rounds, or what else runs the program

    @contextmanager
    def on(self, device: str) -> Iterator[None]:
        """What is emitted inside runs on `device`."""
        before, self.here = self.here, device
        yield
        self.here = before

    def part(self, prefix: str) -> Program:
        """The program under the names of one of its parts: what that part calls "x" is the buffer prefix + "x"."""
        made = copy.copy(self)  # the same buffers, rounds and tapes
        made.prefix = self.prefix + prefix
        return made

    def buffer(self, name: str, shape: tuple[int, ...], dtype: DTypeLike | None = None, fill: float = 0) -> Buffer:
        """A new buffer, all `fill`."""
        return self._add(Buffer(self.prefix + name, shape, dtype or self.dtype, fill))

    def shared(self, name: str, shape: tuple[int, ...], fill: float = 0) -> Buffer:
        """The buffer `name`, which operations only read: made when it is first asked for."""
        return self.buffers.get(self.prefix + name) or self.buffer(name, shape, fill=fill)

    def scratch(self, name: str, shape: tuple[int, ...], dtype: DTypeLike | None = None) -> Buffer:
        """The buffer `name`, which several operations use in turn: as large as the largest of them asks for."""
        found = self.buffers.get(self.prefix + name)
        if found is None:
            return self.buffer(name, shape, dtype)
        found.grow(shape)
        return found

    def bind(self, name: str, array: np.ndarray, constant: bool = False) -> Buffer:
        """Name an array that exists already; it is used where it lies, on a GPU in a copy for each call.

        `constant`: its numbers never change, so that one copy does for all calls.
        """
        return self._add(Buffer.of(self.prefix + name, array, constant))

    def _add(self, made: Buffer) -> Buffer:
        if made.name in self.buffers:
            raise ValueError(f"buffer {made.name!r} exists already")
        self.buffers[made.name] = made
        return made

    def emit(self, kernel: str | Kernel, shard: int, **fields: Field) -> None:
        """Append an operation, of a kernel of the package by its name, to the current round of `shard`."""
        code = KERNELS[kernel] if isinstance(kernel, str) else kernel
        if set(fields) != set(code.fields):
            raise ValueError(f"{code.name} has the fields {code.fields}, not {tuple(fields)}")
        self.rounds[-1][shard].append(Operation(code, {name: fields[name] for name in code.fields}, self.here))

    def next_round(self) -> None:
        """What follows begins when all shards have come here."""
        self.rounds.append([[] for _ in range(self.shards)])

    def meet(self, grad: Buffer, sums: Buffer, communicator: Communicator) -> None:
        """Behind this round, all processes' gradients are added up, with the last row of `sums`; on a GPU only.

        grad (n + 2,): the last two numbers are room for loss and weight; what is in front is divided by the weight.
        """
        self.meetings[len(self.rounds) - 1] = grad, sums, communicator
        self.next_round()

    @property
    def engine(self) -> Engine:
        """What runs the program on a GPU."""
        if "engine" not in self.runners:
            import forecastrnn.engine.cuda.engine as engine

            lanes = VECTOR_BYTES // np.dtype(self.dtype).itemsize
            self.runners["engine"] = engine.Engine(self, self.device, lanes)
        return self.runners["engine"]

    @property
    def placed(self) -> Placed:
        """What runs the program where it is on several devices."""
        return self.runners.setdefault("placed", Placed(self))

    def prepare(self, rounds: Stretch = None) -> tape.Tape:
        """Allocate the buffers, compile the kernels and write the tape, of the first `rounds` rounds only if given."""
        n = self.stretch(rounds)
        if n not in self.runners:
            records = [[[o.written for o in ops] for ops in turn] for turn in self.rounds[slice(*n)]]
            self.runners[n] = tape.assemble(records, self.dtype, self.free, self.nbytes)
        return self.runners[n]

    def stretch(self, rounds: Stretch) -> tuple[int, int]:
        """First round and end."""
        return rounds if isinstance(rounds, tuple) else (0, rounds or len(self.rounds))

    def run(
        self, first: int, steps: int, n_threads: int, rounds: Stretch = None, **arguments: np.ndarray | int
    ) -> None:
        """Run steps first .. first + steps, the first `rounds` rounds of them only, or those from one to another."""
        if len(parts_of(self.device)) > 1:
            self.placed.run(first, steps, n_threads, rounds, arguments)
            return
        if self.device != CPU:
            self.engine.run(first, steps, rounds, arguments)
            return
        made = self.prepare(rounds)
        made.fill({name: as_word(value) for name, value in arguments.items()})
        tape.run(made, first, steps, n_threads, owner=(self, arguments))

    def profile(self, first: int = 0, repeats: int = 5, **arguments: np.ndarray | int) -> Profile:
        """Microseconds, bytes and GFLOP/s of each operation, run by itself on one thread; numbers stay as they are.

        Parameters
        ----------
        first : int
            The step whose data the operations see.
        repeats : int
            Runs of each, of which the fastest counts.
        arguments : array or int
            Those that `run` needs.
        """
        if self.device != "cpu":
            raise ValueError(f'profile times the kernels of the CPU, but the program runs on "{self.device}".')
        from forecastrnn.engine.profiling import profile

        return profile(self, first=first, repeats=repeats, **arguments)

    @property
    def nbytes(self) -> int:
        """Memory of the program's own buffers, in bytes; arrays that were there before do not count."""
        return sum(b.nbytes for b in self.buffers.values())

    def __str__(self) -> str:
        lines = [f"program: {self.dtype}, {self.shards} shards, {self.nbytes:,} bytes in {len(self.buffers)} buffers"]
        lines += [f"  {b.name:28s} {b.dtype!s:8s} {b.shape}" for b in self.buffers.values()]
        for number, turn in enumerate(self.rounds):
            for shard, operations in enumerate(turn):
                lines.append(f"round {number}, shard {shard}:")
                lines += [f"  {operation}" for operation in operations]
        return "\n".join(lines)
