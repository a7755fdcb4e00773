"""The operations of which a graph is made: what each is on arrays, what it costs, and how its derivative goes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from forecastrnn.formulas import fixed, positive, relu, sigmoid


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One operation y = op(a) or op(a, b).

    slopes: (y, d, a, b) -> what d, the derivative by y, gives for each argument; None is nothing. They go by the result
    where that is cheaper. cost: of one vector, in additions. sign: what stands between the arguments in text.
    """

    on_arrays: Callable[..., np.ndarray]
    slopes: Callable[..., tuple]
    arity: int = 1
    cost: int = 1
    sign: str = ""


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
}
# Those that text calls by their names: of the others some are signs, and what is fixed is the value itself.
CALLED = tuple(name for name, one in OPERATIONS.items() if not one.sign and name not in ("neg", "fixed"))
