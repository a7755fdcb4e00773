"""The operations of which a graph is made: what each is on arrays, what it costs, and how its derivative goes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from forecastrnn.formulas import (
    digamma,
    fixed,
    lgamma,
    log_wright,
    negative_binomial_quantile,
    normal_quantile,
    poisson_quantile,
    positive,
    relu,
    sigmoid,
    student_quantile,
    tweedie_quantile,
    wright_mean,
)


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One operation y = op(a) or op(a, b).

    slopes: (y, d, a, b) -> what d, the derivative by y, gives for each argument; None is nothing. They go by the result
    where that is cheaper. cost: of one vector, in additions. sign: what stands between the arguments in text.
    scalar: kernels have it for single numbers only, so that likelihoods may use it and cells may not.
    """

    on_arrays: Callable[..., np.ndarray]
    slopes: Callable[..., tuple]
    arity: int = 1
    cost: int = 1
    sign: str = ""
    scalar: bool = False


def _binary(on_arrays: Callable, slopes: Callable, sign: str = "", cost: int = 1) -> Operation:
    return Operation(on_arrays=on_arrays, slopes=slopes, arity=2, cost=cost, sign=sign)


def _unary(on_arrays: Callable, slopes: Callable, cost: int = 1) -> Operation:
    return Operation(on_arrays=on_arrays, slopes=slopes, cost=cost)


def _quotient(y, d, a, b):  # type: ignore[no-untyped-def]  # values of whichever kind
    part = d / b
    return part, -(part * y)


def _choice(d, gap):  # type: ignore[no-untyped-def]
    first = d * positive(gap)
    return first, d - first


def _special(on_arrays: Callable, arity: int = 1, slopes: Callable | None = None) -> Operation:
    """An operation of likelihoods; those without slopes are in no loss."""
    return Operation(on_arrays=on_arrays, slopes=slopes or _no_slopes, arity=arity, scalar=True)


def _no_slopes(y, d, *arguments):  # type: ignore[no-untyped-def]
    raise ValueError("a loss cannot use digamma and quantiles, whose derivatives are not known here")


OPERATIONS: dict[str, Operation] = {
    "add": _binary(np.add, lambda y, d, a, b: (d, d), "+"),
    "sub": _binary(np.subtract, lambda y, d, a, b: (d, -d), "-"),
    "mul": _binary(np.multiply, lambda y, d, a, b: (d * b, d * a), "*"),
    "div": _binary(np.true_divide, _quotient, "/", cost=8),
    "maximum": _binary(np.maximum, lambda y, d, a, b: _choice(d, a - b)),
    "minimum": _binary(np.minimum, lambda y, d, a, b: _choice(d, b - a)),
    "neg": _unary(np.negative, lambda y, d, a: (-d,)),
    "tanh": _unary(np.tanh, lambda y, d, a: (d * (1.0 - y * y),), cost=20),
    "sigmoid": _unary(sigmoid, lambda y, d, a: (d * (y - y * y),), cost=22),
    "relu": _unary(relu, lambda y, d, a: (d * positive(y),)),
    "exp": _unary(np.exp, lambda y, d, a: (d * y,), cost=14),
    "log": _unary(np.log, lambda y, d, a: (d / a,), cost=16),
    "sqrt": _unary(np.sqrt, lambda y, d, a: (0.5 * d / y,), cost=8),
    "positive": _unary(positive, lambda y, d, a: (None,)),
    "fixed": _unary(fixed, lambda y, d, a: (None,)),
    "lgamma": _special(lgamma, slopes=lambda y, d, a: (d * digamma(a),)),
    "digamma": _special(digamma),
    "log_wright": _special(log_wright, 2, lambda y, d, a, b: (d * wright_mean(a, b), None)),
    "wright_mean": _special(wright_mean, 2),
    "normal_quantile": _special(normal_quantile),
    "student_quantile": _special(student_quantile, 2),
    "poisson_quantile": _special(poisson_quantile, 2),
    "negative_binomial_quantile": _special(negative_binomial_quantile, 3),
    "tweedie_quantile": _special(tweedie_quantile, 4),
}
# Those that text calls by their names: of the others some are signs, and what is fixed is the value itself.
CALLED_IN_HEADS = tuple(name for name, one in OPERATIONS.items() if not one.sign and name not in ("neg", "fixed"))
CALLED = tuple(name for name in CALLED_IN_HEADS if not OPERATIONS[name].scalar)  # in cells
