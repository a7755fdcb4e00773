"""What the formulas of likelihoods call: functions of single numbers in float64, for the CPU, the GPU and Python.

Exponentials and logarithms are cut off where they would not be finite. Quantiles are in `quantile_formulas`.
"""

import math

from numba.extending import register_jitable

LARGEST = 700.0  # whose exponential is finite
SMALLEST = 1e-300  # whose logarithm is
MANY = 1e4  # number of the largest term of `log_wright` from which on Laplace's method gives the sum
FAR = 38.0  # terms exp(-FAR) times the largest one do not count

scalar = register_jitable(no_cfunc_wrapper=True)


@scalar
def exp(x):
    """The exponential function."""
    return math.exp(LARGEST if x > LARGEST else x)


@scalar
def log(x):
    """The natural logarithm."""
    return math.log(SMALLEST if x < SMALLEST else x)


@scalar
def sqrt(x):
    """The square root."""
    return math.sqrt(x)


@scalar
def tanh(x):
    """Hyperbolic tangent."""
    return math.tanh(x)


@scalar
def sigmoid(x):
    """The logistic function."""
    return 0.5 + 0.5 * math.tanh(0.5 * x)


@scalar
def maximum(x, y):
    """The larger one; a NaN in x is kept."""
    return y if x < y else x


@scalar
def minimum(x, y):
    """The smaller one; a NaN in x is kept."""
    return y if x > y else x


@scalar
def relu(x):
    """X where positive, else 0."""
    return 0.0 if x < 0.0 else x


@scalar
def positive(x):
    """1 where x > 0, else 0."""
    return 1.0 if x > 0.0 else 0.0


@scalar
def lgamma(x):
    """The logarithm of the gamma function."""
    return math.lgamma(x)


@scalar
def digamma(x):
    """Its derivative, of positive numbers: by digamma(x) = digamma(x + 1) - 1 / x up to 10, then the asymptotic series.

    Abramowitz and Stegun (1964), 6.3.5 and 6.3.18, up to the term of x^-14: the next one is below 1e-16.
    """
    below = 0.0
    while x < 10.0:
        below += 1.0 / x
        x += 1.0
    y = 1.0 / (x * x)
    series = 1.0 / 12.0 - y * (
        1.0 / 120.0 - y * (1.0 / 252.0 - y * (1.0 / 240.0 - y * (1.0 / 132.0 - y * (691.0 / 32760.0 - y / 12.0))))
    )
    return math.log(x) - 0.5 / x - y * series - below


@scalar
def wright_term(j, x, shape):
    """Logarithm of a term of `log_wright`."""
    return j * x - math.lgamma(j + 1.0) - math.lgamma(j * shape)


@scalar
def wright_sums(x, shape):
    """Logarithm of the sum of the terms, and their mean number: from the largest term on, to both sides.

    Where there are many, Stirling's formula and Laplace's method, whose relative error is 1 / MANY.
    """
    top = exp((x - shape * math.log(shape)) / (1.0 + shape))
    if top > MANY:
        total = (1.0 + shape) * top + 0.5 * math.log(shape * top / (2.0 * math.pi * (1.0 + shape)))
        return total, top + 0.5 / (1.0 + shape)
    top = math.floor(top)
    top = 1.0 if not top > 1.0 else top
    most = wright_term(top, x, shape)
    total, mean, step = 1.0, top, 1.0
    for _ in range(2):
        j = top + step
        while j >= 1.0:
            part = wright_term(j, x, shape) - most
            if part < -FAR:
                break
            part = math.exp(part)
            total += part
            mean += j * part
            j += step
        step = -1.0
    return most + math.log(total), mean / total


@scalar
def log_wright(x, shape):
    """Logarithm of the sum over j >= 1 of exp(j x) / (j! gamma(j shape))."""
    return wright_sums(x, shape)[0]


@scalar
def wright_mean(x, shape):
    """Its derivative by x."""
    return wright_sums(x, shape)[1]
