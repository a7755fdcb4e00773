"""A vector value for Numba kernels that is used like a number.

A `Vector` is as many float32 or float64 as one register holds. Inside compiled code ``f * c + i * g`` on
vectors is one multiplication and one fused multiply-add; the same line works on numbers in a scalar kernel
and on arrays in NumPy. A vector never stands in a kernel's signature, so kernels can be cached.
"""

import operator
import os

from llvmlite import ir
from llvmlite.binding import get_host_cpu_features
from numba import types
from numba.core import cgutils
from numba.core.typing.templates import ConcreteTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin, models, register_model

from forecastrnn.engine import formulas

I32, I64 = ir.IntType(32), ir.IntType(64)
IR_REAL = {types.float32: ir.FloatType(), types.float64: ir.DoubleType()}
_CONTRACT = ("contract",)  # a * b + c may become one fma; nothing else may change


def _host_shape() -> tuple[int, int]:
    """(bytes of a vector, rows of the register tile): what this CPU's registers hold."""
    if "FORECASTRNN_LANES" in os.environ:  # float32 lanes, for tests of other widths on this machine
        width = 4 * int(os.environ["FORECASTRNN_LANES"])
        return width, {64: 6, 32: 3, 16: 6}[width]
    has = get_host_cpu_features().get
    if has("avx512f"):
        return 64, 6  # 32 registers: 6 x 4 sums
    if has("avx2"):
        return 32, 3  # 16 registers: 3 x 4 sums
    return 16, 6  # NEON: 32 registers (SSE works, but spills)


VECTOR_BYTES, ROWS = _host_shape()


class Vector(types.Type):
    """Numba type of a register full of `real` values."""

    def __init__(self, real: types.Float) -> None:
        self.real = real
        self.lanes = VECTOR_BYTES // (real.bitwidth // 8)
        self.ir = ir.VectorType(IR_REAL[real], self.lanes)
        super().__init__(name=f"Vector({real}x{self.lanes})")


VECTORS = {real: Vector(real) for real in IR_REAL}
POINTERS = {real: types.CPointer(real) for real in IR_REAL}


@register_model(Vector)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, dmm, fe_type):
        super().__init__(dmm, fe_type, fe_type.ir)


def emit_splat(b, x, vector):
    """IR: a vector with the number x in all lanes."""
    real = vector.element
    if x.type != real:
        x = b.fptrunc(x, real) if isinstance(real, ir.FloatType) else b.fpext(x, real)
    one = b.insert_element(ir.Constant(vector, ir.Undefined), x, I32(0))
    return b.shuffle_vector(one, one, ir.Constant(ir.VectorType(I32, vector.count), [0] * vector.count))


def emit_call(b, name, *xs):
    """IR: the LLVM intrinsic `name` (llvm.fma, llvm.sqrt ...) on values of one type."""
    t = xs[0].type
    suffix = {ir.FloatType(): "f32", ir.DoubleType(): "f64"}[getattr(t, "element", t)]
    if isinstance(t, ir.VectorType):
        suffix = f"v{t.count}{suffix}"
    f = cgutils.get_or_insert_function(b.module, ir.FunctionType(t, [t] * len(xs)), f"{name}.{suffix}")
    return b.call(f, xs)


def _define_one(fn, emit, arity, real, scalar):
    """Give `fn` a meaning on vectors of `real`, mixed with numbers and, if `scalar`, on numbers."""
    v = VECTORS[real]
    kinds = [(v,)] if arity == 1 else [(v, v), (v, types.float64), (types.float64, v)]
    if scalar:
        kinds.append((real,) * arity)
        kinds += [(real, types.float64)] if arity == 2 and real != types.float64 else []

    @infer_global(fn)
    class _Typing(ConcreteTemplate):
        key = fn
        cases = [signature(v if v in k else real, *k) for k in kinds]
        unsafe_casting = not scalar  # else the first kind that is declared, float32, takes numbers of float64 too

    def lower(context, b, sig, args):
        if v in sig.args:
            args = [x if t == v else emit_splat(b, x, v.ir) for x, t in zip(args, sig.args)]
        else:
            args = [context.cast(b, x, t, real) for x, t in zip(args, sig.args)]
        return emit(b, *args)

    for k in kinds:
        lower_builtin(fn, *k)(lower)


def _define(fn, emit, arity, scalar=False):
    for real in IR_REAL:
        _define_one(fn, emit, arity, real, scalar)


def _constant(x, value):
    """IR: `value` in the type of x."""
    if isinstance(x.type, ir.VectorType):
        return ir.Constant(x.type, [ir.Constant(x.type.element, value)] * x.type.count)
    return ir.Constant(x.type, value)


def _emit_pick(op):
    return lambda b, x, y: b.select(b.fcmp_ordered(op, y, x), y, x)


def _emit_positive(b, x):
    return b.select(b.fcmp_ordered(">", x, _constant(x, 0.0)), _constant(x, 1.0), _constant(x, 0.0))


_define(operator.add, lambda b, x, y: b.fadd(x, y, flags=_CONTRACT), 2)
_define(operator.sub, lambda b, x, y: b.fsub(x, y, flags=_CONTRACT), 2)
_define(operator.mul, lambda b, x, y: b.fmul(x, y, flags=_CONTRACT), 2)
_define(operator.truediv, lambda b, x, y: b.fdiv(x, y, flags=_CONTRACT), 2)
_define(operator.neg, lambda b, x: b.fneg(x), 1)
_define(formulas.minimum, _emit_pick("<"), 2, scalar=True)
_define(formulas.maximum, _emit_pick(">"), 2, scalar=True)
_define(formulas.positive, _emit_positive, 1, scalar=True)
_define(formulas.sqrt, lambda b, x: emit_call(b, "llvm.sqrt", x), 1, scalar=True)


@intrinsic
def lanes(tctx, p):
    """How many numbers a vector at the pointer p holds: a constant."""
    n = VECTORS[p.dtype].lanes
    return types.int64(p), lambda ctx, b, sig, args: I64(n)


IR_ELEMENT = {**IR_REAL, types.int64: I64}


def emit_at(b, p, i, dtype):
    """IR: the address of element i of the pointer p to numbers of Numba type `dtype`."""
    return b.gep(p, [i], source_etype=IR_ELEMENT[dtype])


@intrinsic
def at(tctx, p, i):
    """P + i, counted in elements."""
    return p(p, types.int64), lambda ctx, b, sig, args: emit_at(b, *args, sig.args[0].dtype)


def emit_load(b, p, vector):
    """IR: the vector at the number pointer p (addresses need the number's alignment only)."""
    v = b.load(b.bitcast(p, vector.as_pointer()), typ=vector)
    v.align = 4 if isinstance(vector.element, ir.FloatType) else 8
    return v


def emit_store(b, v, p):
    """IR: write the vector v at the number pointer p."""
    b.store(v, b.bitcast(p, v.type.as_pointer())).align = 4 if isinstance(v.type.element, ir.FloatType) else 8


@intrinsic
def load(tctx, p, i):
    """p[i : i + lanes] as a vector."""
    v = VECTORS[p.dtype]
    return v(p, types.int64), lambda ctx, b, sig, args: emit_load(b, emit_at(b, *args, p.dtype), v.ir)


@intrinsic
def store(tctx, p, i, v):
    """p[i : i + lanes] = v."""

    def gen(ctx, b, sig, args):
        emit_store(b, args[2], emit_at(b, args[0], args[1], p.dtype))
        return ctx.get_dummy_value()

    return types.void(p, types.int64, VECTORS[p.dtype]), gen


@intrinsic
def splat(tctx, p, x):
    """A vector of the kind at the pointer p with the number x in all lanes."""
    v = VECTORS[p.dtype]
    return v(p, types.float64), lambda ctx, b, sig, args: emit_splat(b, args[1], v.ir)


@intrinsic
def first_lanes(tctx, p, n):
    """A vector of the kind at the pointer p: 1 in the first n lanes, 0 in the others."""
    v = VECTORS[p.dtype]

    def gen(ctx, b, sig, args):
        whole = ir.VectorType(I32, v.lanes)
        one = b.insert_element(ir.Constant(whole, ir.Undefined), b.trunc(args[1], I32), I32(0))
        count = b.shuffle_vector(one, one, ir.Constant(whole, [I32(0)] * v.lanes))
        numbers = ir.Constant(whole, [I32(k) for k in range(v.lanes)])
        return b.uitofp(b.icmp_signed("<", numbers, count), v.ir)

    return v(p, types.int64), gen


@intrinsic
def total(tctx, v):
    """Sum of the lanes of v, added in pairs."""

    def gen(ctx, b, sig, args):
        real = sig.args[0].ir.element
        suffix = f"v{sig.args[0].lanes}{'f32' if isinstance(real, ir.FloatType) else 'f64'}"
        kind = ir.FunctionType(real, [real, sig.args[0].ir])
        f = cgutils.get_or_insert_function(b.module, kind, f"llvm.vector.reduce.fadd.{suffix}")
        return b.call(f, [real(-0.0), args[0]], fastmath=("reassoc",))

    return v.real(v), gen
