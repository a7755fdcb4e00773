"""The gate formulas on the device: those of `forecastrnn.engine.formulas`, with the device's elementary functions.

Constants take the type of the number beside them: in Numba ``1 - x`` makes float64 of a float32, and float64 is slow.
"""

import math

from forecastrnn.engine import formulas
from forecastrnn.engine.cpu.elman import RELU, TANH
from forecastrnn.engine.cuda.build import device_function, rebuilt


@device_function
def tanh(x):
    """Hyperbolic tangent."""
    return type(x)(math.tanh(x))


@device_function
def exp(x):
    """The exponential function."""
    return type(x)(math.exp(x))


def _sigmoid(x):
    """The logistic function."""
    one = type(x)(1)
    return one / (one + type(x)(math.exp(-x)))


# The hardware's exponential errs by 2 + 1.2 |x| units in the last place (CUDA C++ Programming Guide, __expf) and the
# division by 2, so a result between 0 and 1 by some 1e-7; the library's exponential costs a gate 8 instructions more.
sigmoid = device_function(_sigmoid, fastmath=True)


@device_function
def relu(x):
    """X where positive, else 0; NaN is kept."""
    return type(x)(0) if x <= type(x)(0) else x


@device_function
def positive(x):
    """1 where x > 0, else 0."""
    return type(x)(1) if x > type(x)(0) else type(x)(0)


@device_function
def same(x):
    """X."""
    return x


@device_function
def tanh_slope(y):
    """Derivative of tanh by its result."""
    return type(y)(1) - y * y


sigmoid_slope = rebuilt(formulas.sigmoid_slope)
lstm_state = rebuilt(formulas.lstm_state, sigmoid=sigmoid, tanh=tanh)
lstm_output = rebuilt(formulas.lstm_output, sigmoid=sigmoid, tanh=tanh)
lstm_mix = rebuilt(formulas.lstm_state, sigmoid=same, tanh=same)  # of gates, in place of their sums
lstm_pass = rebuilt(formulas.lstm_output, sigmoid=same, tanh=tanh)
lstm_output_back = rebuilt(
    formulas.lstm_output_back, tanh=tanh, tanh_slope=tanh_slope, sigmoid_slope=sigmoid_slope
)  # fmt: skip
lstm_state_back = rebuilt(formulas.lstm_state_back, tanh_slope=tanh_slope, sigmoid_slope=sigmoid_slope)
gru_mix = rebuilt(formulas.gru_mix)
gru_mix_back = rebuilt(formulas.gru_mix_back, tanh_slope=tanh_slope, sigmoid_slope=sigmoid_slope)
gru_after = rebuilt(formulas.gru_after, sigmoid=sigmoid, tanh=tanh, gru_mix=gru_mix)
gru_after_back = rebuilt(formulas.gru_after_back, gru_mix_back=gru_mix_back, sigmoid_slope=sigmoid_slope)


@device_function
def activate(kind, s):
    """The activation of a sum."""
    if kind == RELU:
        return relu(s)
    return tanh(s) if kind == TANH else sigmoid(s)


@device_function
def slope(kind, y):
    """The activation's derivative, by its result."""
    if kind == RELU:
        return positive(y)
    return tanh_slope(y) if kind == TANH else sigmoid_slope(y)
