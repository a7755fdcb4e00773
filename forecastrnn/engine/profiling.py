"""Microseconds, bytes and GFLOP/s of each operation of a program, run by itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from forecastrnn.engine.buffers import Argument, Buffer, Operation, Place, Runnable, as_word
from forecastrnn.engine.cpu import tape
from forecastrnn.engine.cpu.costs import cost_of

Value = np.ndarray | int
LINES = 30  # operations that the table lists
HEADER = f"{'round':>5} {'shard':>5}  {'kernel':32} {'us':>10} {'share':>7} {'bytes':>13} {'GFLOP/s':>8}"


@dataclass(frozen=True)
class Measured:
    """One operation, or the total of a kernel's: time, bytes read and written, floating point operations.

    Attributes
    ----------
    round, shard : int or None
        Where it stands in the program; None for a total.
    kernel : str
        Name of the kernel.
    us : float
        The fastest of the repeats, in microseconds, one thread.
    bytes, flops : int
        By formula, see `forecastrnn.engine.cpu.costs`: products of matrices as the padded tile computes them.
    """

    round: int | None
    shard: int | None
    kernel: str
    us: float
    bytes: int
    flops: int

    @property
    def gflops(self) -> float:
        """GFLOP/s; 0 where nothing is computed, or no time was measured."""
        return 1e-3 * self.flops / self.us if self.us > 0.0 else 0.0

    def line(self, whole: float) -> str:
        """A line of the table; `whole`: the microseconds that are all of the time."""
        place = " ".join(f"{'' if k is None else k:>5}" for k in (self.round, self.shard))
        share = self.us / whole if whole > 0.0 else 0.0
        return f"{place}  {self.kernel:32} {self.us:10.2f} {share:7.1%} {self.bytes:13,} {self.gflops:8.1f}"


@dataclass(frozen=True)
class Profile:
    """What the operations of a program take; `print` shows it as a table, largest first.

    Attributes
    ----------
    rows : tuple of Measured
        One an operation, in the order of the program: round, shard, operation.
    step_us : float
        A whole step of the program on one thread, in microseconds; unlike `sum_us` it is run at one go.
    """

    rows: tuple[Measured, ...]
    step_us: float

    @property
    def sum_us(self) -> float:
        """The operations' times added up, in microseconds."""
        return sum(row.us for row in self.rows)

    @property
    def totals(self) -> tuple[Measured, ...]:
        """The total of each kernel, largest first."""
        return _largest_first([self._total(name) for name in {row.kernel for row in self.rows}])

    def _total(self, kernel: str) -> Measured:
        own = [row for row in self.rows if row.kernel == kernel]
        parts = sum(row.us for row in own), sum(row.bytes for row in own), sum(row.flops for row in own)
        return Measured(None, None, kernel, *parts)

    def __str__(self) -> str:
        whole, rows = self.sum_us, _largest_first(self.rows)
        lines = ["each kernel:", HEADER, *(total.line(whole) for total in self.totals)]
        lines += ["", "each operation:", HEADER, *(row.line(whole) for row in rows[:LINES])]
        if len(rows) > LINES:
            rest = sum(row.us for row in rows[LINES:])
            lines.append(f"and {len(rows) - LINES} more operations of {rest:.2f} us together")
        return "\n".join([*lines, "", f"sum {whole:.2f} us, a whole step on one thread {self.step_us:.2f} us"])


def _largest_first(rows: Sequence[Measured]) -> tuple[Measured, ...]:
    return tuple(sorted(rows, key=lambda row: (-row.us, row.kernel)))


class _Snapshot:
    """What arrays hold; those that cannot be written are left out, since no kernel changes them."""

    def __init__(self, arrays: Iterable[np.ndarray]) -> None:
        self.kept = [(array, array.copy()) for array in arrays if array.flags.writeable]

    def restore(self) -> None:
        """Put it all back."""
        for array, values in self.kept:
            array[...] = values


def profile(program: Runnable, *, first: int = 0, repeats: int = 5, **arguments: Value) -> Profile:
    """Time each operation of a program by itself, on one thread.

    Operations run in order (rounds, then shards, then operations) on what the buffers hold, so run the program
    once before. A call's overhead, measured on an empty list of operations, is subtracted. Afterwards all buffers
    are as they were.

    Parameters
    ----------
    program : Program
        What to measure.
    first : int, default=0
        Number of the step.
    repeats : int, default=5
        Runs of each operation, on the same numbers; the fastest counts.
    **arguments : ndarray or int
        What a call of the program has to be given.

    Returns
    -------
    Profile
        Times, bytes and GFLOP/s.

    Raises
    ------
    ValueError
        If `repeats` is less than 1, or an argument of the program is missing.
    """
    if repeats < 1:
        raise ValueError(f"repeats={repeats!r} must be at least 1.")
    _check_given(program, arguments)
    program.prepare()
    timing = _Timing(program.dtype, first, repeats, arguments)
    before = _Snapshot([*(buffer.array for buffer in program.buffers.values()), *timing.given_arrays])
    try:
        step = _fastest(lambda: program.run(first, 1, 1, None, **arguments), before.restore, repeats) - timing.overhead
        before.restore()
        rows = [
            timing.measure(operation, number, shard)
            for number, turn in enumerate(program.rounds)
            for shard, operations in enumerate(turn)
            for operation in operations
        ]
    finally:
        before.restore()
    return Profile(tuple(rows), max(step, 0.0))


def _check_given(program: Runnable, arguments: Mapping[str, Value]) -> None:
    """A record without its arguments would point nowhere."""
    needed = {name for turn in program.rounds for ops in turn for o in ops for name in o.holes().values()}
    if needed - set(arguments):
        raise ValueError(f"the program needs the arguments {sorted(needed)}; {sorted(arguments)} are given.")


class _Timing:
    """Times operations of one program, by themselves."""

    def __init__(self, dtype: str, first: int, repeats: int, arguments: Mapping[str, Value]) -> None:
        self.dtype, self.first, self.repeats, self.arguments = dtype, first, repeats, arguments
        self.given_arrays = [value for value in arguments.values() if isinstance(value, np.ndarray)]
        self.overhead = _fastest(self._call([]), lambda: None, 20 * repeats)

    def measure(self, operation: Operation, number: int, shard: int) -> Measured:
        """Time one operation; it is left as if it had run once."""
        places = [value.buffer if isinstance(value, Place) else value for value in operation.fields.values()]
        own = {b.name: b.array for b in places if isinstance(b, Buffer) and not isinstance(b, Argument)}
        us = _fastest(self._call([operation]), _Snapshot([*own.values(), *self.given_arrays]).restore, self.repeats)
        sizes = {name: self._value(value) for name, value in operation.fields.items()}
        cost = cost_of(operation.code, sizes, np.dtype(self.dtype).itemsize)
        return Measured(number, shard, operation.kernel, max(us - self.overhead, 0.0), cost.bytes, cost.flops)

    def _value(self, field: object) -> object:
        """A field, or what is given for it."""
        return self.arguments[field.name] if isinstance(field, Argument) else field

    def _call(self, operations: Sequence[Operation]) -> Callable[[], None]:
        """A call of the interpreter with a tape of these operations alone, on this thread."""
        records = [operation.written for operation in operations]
        alone = tape.assemble([[records]], self.dtype, False, nbytes=0)
        alone.fill({name: as_word(value) for name, value in self.arguments.items()})
        return lambda: tape.run(alone, self.first, 1, 1)


def _fastest(call: Callable[[], None], before: Callable[[], None], repeats: int) -> float:
    """Microseconds of the fastest call; what comes before each is not counted."""
    times = []
    for _ in range(repeats):
        before()
        begun = time.perf_counter_ns()
        call()
        times.append(time.perf_counter_ns() - begun)
    return 1e-3 * min(times)
