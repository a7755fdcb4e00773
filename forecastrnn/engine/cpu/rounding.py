"""Denormal numbers: the CPU handles them slowly, so the interpreter counts them as zero for the time of a call.

Gradients far back in time fade through the range of denormals, where one multiplication may take a hundred times
as long. The mode belongs to the thread that sets it; it is put back, so that Python's own arithmetic never sees it.
"""

import platform

from llvmlite import ir
from numba import int64, types
from numba.core import cgutils
from numba.extending import intrinsic

from forecastrnn.engine.cpu.simd import I32, I64

_X86_ZEROS = 1 << 15 | 1 << 6  # MXCSR: results are flushed to zero, operands count as zeros
_ARM_ZEROS = 1 << 24  # FPCR: both


def _call(b, name, result, *args):
    kind = ir.FunctionType(result, [a.type for a in args])
    return b.call(cgutils.get_or_insert_function(b.module, kind, name), args)


def _x86_read(b):
    place = cgutils.alloca_once(b, I32)
    _call(b, "llvm.x86.sse.stmxcsr", ir.VoidType(), b.bitcast(place, ir.PointerType(ir.IntType(8))))
    return b.zext(b.load(place, typ=I32), I64)


def _x86_write(b, mode):
    place = cgutils.alloca_once_value(b, b.trunc(mode, I32))
    _call(b, "llvm.x86.sse.ldmxcsr", ir.VoidType(), b.bitcast(place, ir.PointerType(ir.IntType(8))))


def _arm_read(b):
    return _call(b, "llvm.aarch64.get.fpcr", I64)


def _arm_write(b, mode):
    _call(b, "llvm.aarch64.set.fpcr", ir.VoidType(), mode)


_X86 = (_x86_read, _x86_write, _X86_ZEROS)
_ARM = (_arm_read, _arm_write, _ARM_ZEROS)
_MODES = {"x86_64": _X86, "amd64": _X86, "aarch64": _ARM, "arm64": _ARM}
_mode = _MODES.get(platform.machine().lower())


@intrinsic
def flush_denormals(tctx):
    """Count denormals as zeros on this thread; returns the mode before, for `restore_rounding`."""

    def gen(ctx, b, sig, args):
        if _mode is None:
            return I64(0)
        read, write, zeros = _mode
        before = read(b)
        write(b, b.or_(before, I64(zeros)))
        return before

    return int64(), gen


@intrinsic
def restore_rounding(tctx, before):
    """Go back to the mode that `flush_denormals` returned."""

    def gen(ctx, b, sig, args):
        if _mode is not None:
            _mode[1](b, args[0])
        return ctx.get_dummy_value()

    return types.void(int64), gen
