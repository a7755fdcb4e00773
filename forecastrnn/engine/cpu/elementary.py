"""Elementary functions on vectors and numbers: polynomials in float32, the C library in float64."""

import math

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload

from forecastrnn.engine import formulas
from forecastrnn.engine.cpu.simd import I32, VECTORS

SINGLE, DOUBLE = (VECTORS[types.float32], types.float32), (VECTORS[types.float64], types.float64)
SMALLEST = 2.0**-126  # of the normal numbers of float32
ROUND = 12582912.0  # 1.5 * 2^23: added to a float32 it leaves the nearest integer in the lowest bits


def _emit_libm(name):
    """IR of the C library's function on a float64, or on each lane."""

    def gen(ctx, b, sig, args):
        real = ir.DoubleType()
        f = cgutils.get_or_insert_function(b.module, ir.FunctionType(real, [real]), name)
        if sig.args[0] == types.float64:
            return b.call(f, args)
        v = ir.Constant(sig.args[0].ir, ir.Undefined)
        for lane in range(sig.args[0].lanes):
            v = b.insert_element(v, b.call(f, [b.extract_element(args[0], I32(lane))]), I32(lane))
        return v

    return gen


@intrinsic
def _tanh_libm(tctx, x):
    """Exact to about one unit of float64."""
    return x(x), _emit_libm("tanh")


@intrinsic
def _exp_libm(tctx, x):
    """Exact to about one unit of float64."""
    return x(x), _emit_libm("exp")


@intrinsic
def _log_libm(tctx, x):
    """Exact to about one unit of float64."""
    return x(x), _emit_libm("log")


@overload(formulas.tanh, jit_options={"forceinline": True})
def _tanh(x):
    """Float32: odd polynomial over even polynomial, clamped; error at most about 3e-7. Float64: libm."""
    if x in DOUBLE:
        return lambda x: _tanh_libm(x)
    return _rational_tanh if x in SINGLE else None


def _rational_tanh(x):
    x = formulas.maximum(formulas.minimum(x, 7.90531110763549805), -7.90531110763549805)
    s = x * x
    p = s * -2.76076847742355e-16 + 2.00018790482477e-13
    p = s * p + -8.60467152213735e-11
    p = s * p + 5.12229709037114e-08
    p = s * p + 1.48572235717979e-05
    p = s * p + 6.37261928875436e-04
    p = s * p + 4.89352455891786e-03
    q = s * 1.19825839466702e-06 + 1.18534705686654e-04
    q = s * q + 2.26843463243900e-03
    q = s * q + 4.89352518554385e-03
    return x * p / q


@intrinsic
def _times_power(tctx, p, n):
    """P * 2^k on vectors of float32; n is ROUND + k. The lowest bits of n are added to the exponent of p."""

    def gen(ctx, b, sig, args):
        kind = args[0].type
        whole = ir.VectorType(I32, kind.count)
        shift = ir.Constant(whole, [I32(23)] * kind.count)
        bits = b.add(b.bitcast(args[0], whole), b.shl(b.bitcast(args[1], whole), shift))
        return b.bitcast(bits, kind)

    return p(p, p), gen


def _polynomial_exp(x):
    """exp(x) = 2^k exp(r), |r| <= log(2) / 2; exp(r) by its Chebyshev interpolant, of error 2e-10."""
    x = formulas.maximum(formulas.minimum(x, 88.0), -87.0)
    n = x * 1.4426950408889634 + ROUND
    k = n - ROUND
    r = x - k * 0.693359375 + k * 2.12194440e-4
    p = r * 0.000198909907800373 + 0.00139336499961291
    p = p * r + 0.00833331092555776
    p = p * r + 0.0416664649252808
    p = p * r + 0.166666666816229
    p = p * r + 0.500000001346581
    return _times_power(p * r * r + r + 1.0, n)


def _for_kind(x, singles, doubles, number):
    """What computes a function of x: of vectors of float32, of vectors of float64, or of a number."""
    if isinstance(x, types.Float):
        return number
    return {VECTORS[types.float32]: singles, VECTORS[types.float64]: doubles}.get(x)


@overload(formulas.exp, jit_options={"forceinline": True})
def _exp(x):
    """Vectors of float32: a polynomial, exact to 3e-7 relative between -87 and 88, clamped beyond. Else libm."""
    return _for_kind(x, _polynomial_exp, lambda x: _exp_libm(x), lambda x: math.exp(x))


def _all_lanes(kind, x):
    """IR: the number x in all lanes of a vector kind."""
    return ir.Constant(kind, [kind.element(x)] * kind.count)


@intrinsic
def _nearest_power(tctx, x):
    """The k for which x / 2^k is between sqrt(1/2) and sqrt(2), on vectors of positive float32."""

    def gen(ctx, b, sig, args):
        whole = ir.VectorType(I32, args[0].type.count)
        above = b.sub(b.bitcast(args[0], whole), b.bitcast(_all_lanes(args[0].type, math.sqrt(0.5)), whole))
        return b.sitofp(b.ashr(above, _all_lanes(whole, 23)), args[0].type)

    return x(x), gen


@intrinsic
def _log_bounds(tctx, x, y):
    """Y where x is positive and finite; else infinite as x is, -inf at 0 (and at denormals), NaN below and at NaN."""

    def gen(ctx, b, sig, args):
        x, kind = args[0], args[0].type
        infinite = _all_lanes(kind, math.inf)
        negative = b.fcmp_unordered("<", x, _all_lanes(kind, 0.0))
        beside = b.select(negative, _all_lanes(kind, math.nan), _all_lanes(kind, -math.inf))
        found = b.select(b.fcmp_ordered(">=", x, _all_lanes(kind, SMALLEST)), args[1], beside)
        return b.select(b.fcmp_ordered("==", x, infinite), infinite, found)

    return x(x, x), gen


def _polynomial_log(x):
    """log(x) = k log(2) + log(1 + r), x = 2^k (1 + r); (log(1 + r) - r + r^2 / 2) / r^3 by a Chebyshev interpolant."""
    k = _nearest_power(x)
    r = _times_power(x, ROUND - k) - 1.0
    p = r * -0.07902743768903893 + 0.12622319845414345
    p = p * r + -0.1299818376298244
    p = p * r + 0.14214495924421702
    p = p * r + -0.1664128146324973
    p = p * r + 0.2000104509414748
    p = p * r + -0.2500030642256446
    p = p * r + 0.33333330728190724
    s = r * r
    return _log_bounds(x, k * 0.693359375 + (r + (s * r * p + k * -2.12194440e-4 - 0.5 * s)))


@overload(formulas.log, jit_options={"forceinline": True})
def _log(x):
    """Vectors of float32: a polynomial, exact to 1e-7 relative. Else libm."""
    return _for_kind(x, _polynomial_log, lambda x: _log_libm(x), lambda x: math.log(x))
