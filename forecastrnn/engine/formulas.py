"""Gate formulas and their derivatives, written once.

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


formula = register_jitable(forceinline=True)


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


@formula
def sigmoid_slope(y):
    """Derivative of the logistic function by its result."""
    return y - y * y


@formula
def lstm_state(i, f, g, c):
    """Gate sums and the old cell state -> gates and the new cell state."""
    i, f, g = sigmoid(i), sigmoid(f), tanh(g)
    return i, f, g, f * c + i * g


@formula
def lstm_output(o, c):
    """Output gate sum and the new cell state -> gate and output."""
    o = sigmoid(o)
    return o, o * tanh(c)


@formula
def lstm_output_back(o, c, dh):
    """Derivative by the output -> by the output gate's sum and by the new cell state."""
    t = tanh(c)
    return dh * t * sigmoid_slope(o), dh * o * tanh_slope(t)


@formula
def lstm_state_back(i, f, g, c_old, dc):
    """Derivative by the new cell state -> by the sums of i, f, g and by the old cell state."""
    return dc * g * sigmoid_slope(i), dc * c_old * sigmoid_slope(f), dc * i * tanh_slope(g), dc * f


@formula
def gru_mix(z, n, h):
    """New state of a GRU: z keeps the old one, 1 - z takes the new one."""
    return n + z * (h - n)


@formula
def gru_mix_back(z, n, h, dh):
    """Derivative by the new state -> by the sums of n and z, and by the old state where z keeps it."""
    return (dh - dh * z) * tanh_slope(n), dh * (h - n) * sigmoid_slope(z), dh * z


@formula
def gru_after(n, r, z, m, h):
    """Sums of a GRU that resets after the product (m: recurrent part of n) -> gates and the new state."""
    r, z = sigmoid(r), sigmoid(z)
    n = tanh(n + r * m)
    return n, r, z, gru_mix(z, n, h)


@formula
def gru_after_back(n, r, z, m, h, dh):
    """Derivative by the new state -> by the sums of n, r, z and m, and by the old state where z keeps it."""
    dn, dz, kept = gru_mix_back(z, n, h, dh)
    return dn, dn * m * sigmoid_slope(r), dz, dn * r, kept
