"""The functions of which the formulas of cells and likelihoods are made, on numbers, arrays and the values of a trace.

A formula is written once, as mathematics. On arrays it computes; on traced values (`Traced`) it is written
down as a graph, from which the derivatives and the kernels of a backend follow (`forecastrnn.networks.tracing`).
NumPy's own functions may be used beside these: ``np.tanh(x)`` is ``tanh(x)``. The last ones, from `lgamma` on, are for
likelihoods alone, whose kernels compute number by number; on arrays they are SciPy's.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TypeAlias

import numpy as np

__all__ = ["exp", "fixed", "log", "log_sigmoid", "maximum", "minimum", "positive", "relu", "sigmoid", "softplus",
           "sqrt", "tanh"]  # fmt: skip


class Traced:
    """A value of a formula that is being written down; what is done with it goes through `record`."""

    __slots__ = ()

    def record(self, operation: str, *others: Operand) -> Traced:
        """The value of an operation on this one and others."""
        raise NotImplementedError

    def special(self, operation: str, *arguments: Operand) -> Traced:
        """The value of an operation on arguments of which this is one."""
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


def softplus(x: Operand) -> Operand:
    """``log(1 + exp(x))``, without overflow: a number above 0, as a deviation has to be.

    Examples
    --------
    >>> print(softplus(np.array([-1.0, 0.0, 1000.0])).round(4))
    [3.133e-01 6.931e-01 1.000e+03]
    """
    return np.negative(log_sigmoid(np.negative(x)))


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


# Of likelihoods ---------------------------------------------------------------------------------------------------
def _special(operation: str, on_arrays: Callable[..., np.ndarray], *arguments: Operand) -> Operand:
    """An operation written down where an argument is traced, else computed."""
    traced = next((x for x in arguments if isinstance(x, Traced)), None)
    return on_arrays(*arguments) if traced is None else traced.special(operation, *arguments)


def lgamma(x: Operand) -> Operand:
    """The logarithm of the gamma function, of positive numbers.

    Examples
    --------
    >>> print(lgamma(5.0).round(4))  # of 4!
    3.1781
    """
    return _special("lgamma", _scipy("gammaln"), x)


def digamma(x: Operand) -> Operand:
    """The derivative of `lgamma`; it has none itself here.

    Examples
    --------
    >>> print(digamma(1.0).round(4))  # minus Euler's constant
    -0.5772
    """
    return _special("digamma", _scipy("digamma"), x)


def log_wright(x: Operand, shape: Operand) -> Operand:
    """The logarithm of ``sum over j >= 1 of exp(j x) / (j! gamma(j shape))``, a Bessel function of Wright.

    Examples
    --------
    >>> print(log_wright(0.0, 1.0).round(4))
    0.4641
    """
    return _special("log_wright", _by_value("log_wright"), x, shape)


def wright_mean(x: Operand, shape: Operand) -> Operand:
    """The derivative of `log_wright` by x: the mean of j; it has none itself here.

    Examples
    --------
    >>> print(wright_mean(0.0, 1.0).round(4))
    1.4331
    """
    return _special("wright_mean", _by_value("wright_mean"), x, shape)


def normal_quantile(share: Operand) -> Operand:
    """The value below which a share of the standard normal distribution lies.

    Examples
    --------
    >>> print(normal_quantile(0.975).round(4))
    1.96
    """
    return _special("normal_quantile", _scipy("ndtri"), share)


def student_quantile(share: Operand, degrees: Operand) -> Operand:
    """The value below which a share of Student's t distribution lies.

    Examples
    --------
    >>> print(student_quantile(0.975, 5.0).round(4))
    2.5706
    """
    return _special("student_quantile", lambda u, n: _scipy("stdtrit")(n, u), share, degrees)


def poisson_quantile(share: Operand, mean: Operand) -> Operand:
    """The least count up to which a share of the Poisson distribution lies; a share of 0 or less gives 0.

    Examples
    --------
    >>> print(poisson_quantile(0.9, 4.0))
    7.0
    """
    return _special("poisson_quantile", _discrete("poisson"), share, mean)


def negative_binomial_quantile(share: Operand, mean: Operand, size: Operand) -> Operand:
    """The same of the negative binomial distribution with the variance mean + mean^2 / size.

    Examples
    --------
    >>> print(negative_binomial_quantile(0.9, 4.0, 2.0))
    9.0
    """

    def on_arrays(share: Operand, mean: Operand, size: Operand) -> np.ndarray:
        return _discrete("nbinom")(share, size, np.divide(size, np.add(size, mean)))  # type: ignore[arg-type]

    return _special("negative_binomial_quantile", on_arrays, share, mean, size)


def tweedie_quantile(share: Operand, mean: Operand, dispersion: Operand, power: float) -> Operand:
    """The value below which a share of a Tweedie distribution lies; in kernels alone, not on arrays."""
    if not any(isinstance(x, Traced) for x in (share, mean, dispersion)):
        raise NotImplementedError("tweedie_quantile: there is none on arrays")
    return _special("tweedie_quantile", np.add, share, mean, dispersion, power)


def _by_value(name: str) -> Callable[..., np.ndarray]:
    """A function of kernels for each value of arrays: SciPy has some of them in its later versions alone."""

    def on_arrays(*arguments: Operand) -> np.ndarray:
        function = getattr(import_module("forecastrnn.engine.scalar_formulas"), name)
        return np.vectorize(function, otypes="d")(*arguments)[()]

    return on_arrays


def _scipy(name: str) -> Callable[..., np.ndarray]:
    """A function of `scipy.special`, which takes its time to be imported."""
    return lambda *arguments: getattr(import_module("scipy.special"), name)(*arguments)


def _discrete(name: str) -> Callable[..., np.ndarray]:
    """The quantile function of a distribution of counts in `scipy.stats`."""

    def quantile(share: np.ndarray, *parameters: np.ndarray) -> np.ndarray:
        return np.maximum(getattr(import_module("scipy.stats"), name).ppf(np.maximum(share, 0.0), *parameters), 0.0)

    return quantile
