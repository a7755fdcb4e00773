"""The functions of which the formula of a cell is made, on numbers, on arrays and on the values of a trace.

A cell's formula is written once, as mathematics. On arrays it computes; on traced values (`Traced`) it is written
down as a graph, from which the derivatives and the kernels of a backend follow (`forecastrnn.networks.tracing`).
NumPy's own functions may be used beside these: ``np.tanh(x)`` is ``tanh(x)``.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

__all__ = ["exp", "fixed", "log", "log_sigmoid", "maximum", "minimum", "positive", "relu", "sigmoid", "sqrt", "tanh"]


class Traced:
    """A value of a formula that is being written down; what is done with it goes through `record`."""

    __slots__ = ()

    def record(self, operation: str, *others: Operand) -> Traced:
        """The value of an operation on this one and others."""
        raise NotImplementedError

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Operand, **options: object) -> Traced:
        """NumPy's functions, and its numbers beside a value."""
        raise NotImplementedError


Operand: TypeAlias = float | np.ndarray | Traced


def tanh(x: Operand) -> Operand:
    """Hyperbolic tangent.

    Examples
    --------
    >>> print(tanh(0.5).round(4))
    0.4621
    """
    return np.tanh(x)


def exp(x: Operand) -> Operand:
    """The exponential function.

    Examples
    --------
    >>> print(exp(1.0).round(4))
    2.7183
    """
    return np.exp(x)


def log(x: Operand) -> Operand:
    """The natural logarithm, of positive numbers. For that of a gate use `log_sigmoid`.

    Examples
    --------
    >>> print(log(10.0).round(4))
    2.3026
    """
    return np.log(x)


def sqrt(x: Operand) -> Operand:
    """The square root; its derivative at 0 is infinite.

    Examples
    --------
    >>> print(sqrt(2.0).round(4))
    1.4142
    """
    return np.sqrt(x)


def sigmoid(x: Operand) -> Operand:
    """The logistic function ``1 / (1 + exp(-x))``, which makes a gate of a sum.

    Examples
    --------
    >>> print(sigmoid(np.array([-100.0, 0.0, 1.0])).round(4))
    [0.     0.5    0.7311]
    """
    if isinstance(x, Traced):
        return x.record("sigmoid")
    return 0.5 + 0.5 * np.tanh(0.5 * x)


def log_sigmoid(x: Operand) -> Operand:
    """``log(sigmoid(x))``, without underflow: for gates that are multiplied over many steps.

    Examples
    --------
    >>> print(log_sigmoid(np.array([-1000.0, 0.0, 1.0])).round(4))
    [-1.000e+03 -6.931e-01 -3.133e-01]
    """
    below = np.minimum(0.0, x)  # type: ignore[arg-type]  # in this order its derivative is right at 0, too
    return np.subtract(below, np.log(np.add(1.0, np.exp(np.negative(np.absolute(x))))))


def relu(x: Operand) -> Operand:
    """X where it is positive, else 0; its derivative at 0 is 0.

    Examples
    --------
    >>> print(relu(np.array([-1.0, 2.0])))
    [0. 2.]
    """
    if isinstance(x, Traced):
        return x.record("relu")
    return np.maximum(x, 0.0)


def maximum(x: Operand, y: Operand) -> Operand:
    """The larger one of both; where they are equal, the derivative goes to y.

    Examples
    --------
    >>> print(maximum(np.array([-1.0, 2.0]), 1.0))
    [1. 2.]
    """
    return np.maximum(x, y)  # type: ignore[arg-type]  # NumPy's types leave out what it hands over


def minimum(x: Operand, y: Operand) -> Operand:
    """The smaller one of both; where they are equal, the derivative goes to y.

    Examples
    --------
    >>> print(minimum(np.array([-1.0, 2.0]), 1.0))
    [-1.  1.]
    """
    return np.minimum(x, y)  # type: ignore[arg-type]


def positive(x: Operand) -> Operand:
    """1 where x > 0, else 0: a branch, as arithmetic. It has no derivative.

    Examples
    --------
    >>> x = np.array([-1.0, 0.0, 2.0])
    >>> print(positive(x))
    [0. 0. 1.]
    >>> print(positive(x) * 10.0 + (1.0 - positive(x)) * 5.0)  # 10 where x > 0, else 5
    [ 5.  5. 10.]
    """
    if isinstance(x, Traced):
        return x.record("positive")
    return np.heaviside(x, 0.0)


def fixed(x: Operand) -> Operand:
    """X, as a value that training takes as given: no derivative goes through it.

    Use it only where the outputs do not depend on x, as on the stabiliser of an sLSTM (Beck et al. 2024): else the
    gradients are not those of the loss.

    Examples
    --------
    >>> print(fixed(2.0))
    2.0
    """
    return x.record("fixed") if isinstance(x, Traced) else x
