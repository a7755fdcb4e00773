"""The functions of which formulas are made.

Every function is plain arithmetic, so it means the same on a vector value in the CPU kernels, on a number
in a scalar kernel, and on NumPy arrays. `forecastrnn.engine.cpu.simd` gives the elementary functions their meaning
in compiled code.
"""

import numpy as np
from numba.extending import register_jitable


def maximum(x, y):
    """The larger one; a NaN in x is kept."""
    return np.maximum(x, y)


def minimum(x, y):
    """The smaller one; a NaN in x is kept."""
    return np.minimum(x, y)


def positive(x):
    """1 where x > 0, else 0."""
    return (x > 0) * 1.0


def tanh(x):
    """Hyperbolic tangent."""
    return np.tanh(x)


def exp(x):
    """The exponential function."""
    return np.exp(x)


def log(x):
    """The natural logarithm."""
    return np.log(x)


def sqrt(x):
    """The square root."""
    return np.sqrt(x)


formula = register_jitable(forceinline=True, no_cfunc_wrapper=True)


@formula
def sigmoid(x):
    """The logistic function."""
    return 0.5 + 0.5 * tanh(0.5 * x)


@formula
def relu(x):
    """X where positive, else 0."""
    return maximum(x, 0.0)


@formula
def tanh_slope(y):
    """Derivative of tanh by its result."""
    return 1.0 - y * y
