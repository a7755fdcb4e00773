"""Kernels and routines: Python functions that are compiled once for each real type, when first used.

A kernel has the signature ``(record, step)``. `record` points at int64 fields of the tape; its static type,
pointer to float32 or to float64, says which instance of the kernel this is. A routine is called by kernels
through its symbol, so that it is not compiled again inside each of them.
"""

import re
from collections.abc import Callable
from typing import Any

from llvmlite import binding, ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, register_jitable

from forecastrnn.engine.compiling import COMPILE_LOCK, compile_cfunc
from forecastrnn.engine.cpu.cell_source import CellSource
from forecastrnn.engine.cpu.simd import I64, POINTERS

REAL_TYPES = {"float32": types.float32, "float64": types.float64}
fast = register_jitable(no_cfunc_wrapper=True)  # a helper, compiled into each caller


@intrinsic(prefer_literal=True)
def pointers(tctx, record, first, count):
    """Fields first .. first + count of the record, as pointers of the record's own type."""
    n, k = count.literal_value, first.literal_value
    return types.UniTuple(record, n)(record, first, count), _fields(k, n, lambda t: t)


@intrinsic(prefer_literal=True)
def integers(tctx, record, first, count):
    """Fields first .. first + count of the record, as pointers to int64."""
    n, k = count.literal_value, first.literal_value
    kind = types.CPointer(types.int64)
    return types.UniTuple(kind, n)(record, first, count), _fields(k, n, lambda t: kind)


@intrinsic(prefer_literal=True)
def doubles(tctx, record, first, count):
    """Fields first .. first + count of the record, as pointers to float64."""
    n, k = count.literal_value, first.literal_value
    kind = types.CPointer(types.float64)
    return types.UniTuple(kind, n)(record, first, count), _fields(k, n, lambda t: kind)


@intrinsic(prefer_literal=True)
def sizes(tctx, record, first, count):
    """Fields first .. first + count of the record, as int64 numbers."""
    n, k = count.literal_value, first.literal_value
    return types.UniTuple(types.int64, n)(record, first, count), _fields(k, n, lambda t: None)


def _fields(first: int, count: int, kind: Callable[[Any], Any]) -> Callable[..., object]:
    def gen(context, b, sig, args):
        base = b.bitcast(args[0], ir.PointerType(I64))
        values = []
        for k in range(first, first + count):
            value = b.load(b.gep(base, [I64(k)], source_etype=I64), typ=I64)
            pointer = kind(sig.args[0])
            values.append(value if pointer is None else b.inttoptr(value, context.get_value_type(pointer)))
        return context.make_tuple(b, sig.return_type, values)

    return gen


class _Compiled:
    """A function and its machine code for each real type."""

    def __init__(self, function: Callable[..., object]) -> None:
        self.name, self.function, self._code = function.__name__, function, {}
        self.__doc__ = function.__doc__

    def signature(self, pointer: types.Type) -> Any:
        raise TypeError("a kernel or a routine has a signature")

    def code(self, dtype: str) -> Any:
        """The compiled function for "float32" or "float64"."""
        with COMPILE_LOCK:
            if dtype not in self._code:
                pointer = POINTERS[REAL_TYPES[dtype]]
                self._code[dtype] = compile_cfunc(self.function, self.signature(pointer))
            return self._code[dtype]

    def address(self, dtype: str) -> int:
        """Where the machine code begins."""
        return self.code(dtype).address


class Routine(_Compiled):
    """A function that kernels call through its symbol; `spec` names its arguments: p pointer, i int64."""

    def __init__(self, function: Callable[..., object], spec: str) -> None:
        super().__init__(function)
        self.spec = spec

    def signature(self, pointer: types.Type) -> Any:
        """void(...) with pointers of one real type."""
        return types.void(*[pointer if kind == "p" else types.int64 for kind in self.spec])

    def symbol(self, pointer: types.Type) -> str:
        """The name under which kernels find it."""
        return f"forecastrnn_{self.name}_{pointer.dtype}"

    def address(self, dtype: str) -> int:
        """Compile if need be, and make the symbol known."""
        address = super().address(dtype)
        binding.add_symbol(self.symbol(POINTERS[REAL_TYPES[dtype]]), address)
        return address


ROUTINES: list[Routine] = []
KERNELS: dict[str, "Kernel"] = {}


def routine(spec: str) -> Callable[[Callable[..., object]], Routine]:
    """Register a routine; kernels reach it through an intrinsic that returns `routine_call`."""

    def wrap(function):
        ROUTINES.append(Routine(function, spec))
        return ROUTINES[-1]

    return wrap


def routine_call(made: Routine, pointer: types.Type) -> Any:
    """What the intrinsic of a routine returns: its signature and the call through its symbol."""

    def gen(context, b, sig, args):
        kind = ir.FunctionType(ir.VoidType(), [context.get_value_type(t) for t in sig.args])
        b.call(cgutils.get_or_insert_function(b.module, kind, made.symbol(pointer)), args)
        return context.get_dummy_value()

    return made.signature(pointer), gen


class Kernel(_Compiled):
    """One operation of a program; `fields` names the int64 fields of its record, in order.

    cell : of a kernel that was made of a cell's formula, what it was made from. head : of one that was made of a
    likelihood, the same, and which of its kernels it is.
    """

    def __init__(
        self, function: Callable[..., object], fields: str, cell: CellSource | None = None,
        head: tuple[Any, str] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(function)
        self.cell, self.head = cell, head
        self.fields = tuple(re.sub(r"[|]", " ", fields).split())

    def signature(self, pointer: types.Type) -> Any:
        """The one signature of every kernel."""
        return types.void(pointer, types.int64)

    def address(self, dtype: str) -> int:
        """Compile if need be, after the routines that it may call."""
        with COMPILE_LOCK:
            if dtype not in self._code:
                for made in ROUTINES:
                    made.address(dtype)
        return super().address(dtype)


def kernel(fields: str) -> Callable[[Callable[..., object]], Kernel]:
    """Register a kernel; `fields` are its record's names: pointers, then ``|`` and sizes."""

    def wrap(function):
        KERNELS[function.__name__] = made = Kernel(function, fields)
        return made

    return wrap
