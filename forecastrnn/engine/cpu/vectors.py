"""Tuples of vectors, from and to memory: what formulas whose number of values is a constant of the cell work on."""

from collections.abc import Callable
from functools import cache
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from forecastrnn.engine.cpu.simd import I64, VECTORS, emit_at, emit_load, emit_store

NUMBER = types.int64


def _kind(p: types.Type) -> Any:
    """The vectors at a pointer, or at each of a tuple of pointers."""
    return VECTORS[(p[0] if isinstance(p, types.BaseTuple) else p).dtype]


def _place(b, sig, args, which):
    """IR: the address p[k + which * step], or p[which][k] of a tuple of pointers."""
    kind = sig.args[0]
    if isinstance(kind, types.BaseTuple):
        return emit_at(b, b.extract_value(args[0], which), args[1], kind[0].dtype)
    return emit_at(b, args[0], b.add(args[1], b.mul(args[2], I64(which))), kind.dtype)


@cache
def gather(which: tuple[int, ...]) -> Callable[..., object]:
    """Compiled (p, k, step) -> the vectors at p[k + w * step], or at p[w][k] of a tuple of pointers."""

    @intrinsic
    def take(tctx, p, k, step):
        def gen(ctx, b, sig, args):
            found = [emit_load(b, _place(b, sig, args, w), _kind(p).ir) for w in which]
            return ctx.make_tuple(b, sig.return_type, found)

        return types.UniTuple(_kind(p), len(which))(p, NUMBER, NUMBER), gen

    return take


@cache
def scatter(which: tuple[int, ...], grow: bool = False) -> Callable[..., object]:
    """Compiled (p, k, step, values): the way back of `gather`; with `grow` they are added to what is there."""

    @intrinsic
    def put(tctx, p, k, step, values):
        def gen(ctx, b, sig, args):
            for n, w in enumerate(which):
                value, place = b.extract_value(args[3], n), _place(b, sig, args, w)
                emit_store(b, b.fadd(emit_load(b, place, value.type), value) if grow else value, place)
            return ctx.get_dummy_value()

        return types.void(p, NUMBER, NUMBER, values), gen

    return put


@intrinsic
def within(tctx, values, inside):
    """A tuple of vectors, with 0 in the lanes where `inside` is 0, whatever stands there."""

    def gen(ctx, b, sig, args):
        zero = ir.Constant(inside.ir, [ir.Constant(inside.ir.element, 0.0)] * inside.lanes)
        used = b.fcmp_ordered(">", args[1], zero)
        found = [b.select(used, b.extract_value(args[0], k), zero) for k in range(len(values))]
        return ctx.make_tuple(b, sig.return_type, found)

    return values(values, inside), gen


@cache
def zeros(count: int) -> Callable[..., object]:
    """Compiled (p) -> so many vectors of zeros, of the kind at the pointer p."""

    @intrinsic
    def make(tctx, p):
        def gen(ctx, b, sig, args):
            vector = VECTORS[p.dtype].ir
            zero = ir.Constant(vector, [ir.Constant(vector.element, 0.0)] * vector.count)
            return ctx.make_tuple(b, sig.return_type, [zero] * count)

        return types.UniTuple(VECTORS[p.dtype], count)(p), gen

    return make
