"""The functions of cells' formulas on the device, and derivatives by their results.

Constants take the type of the number beside them: in Numba ``1 - x`` makes float64 of a float32, and float64 is slow.
"""

import math

from forecastrnn.engine import scalar_formulas
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


maximum, minimum = rebuilt(scalar_formulas.maximum), rebuilt(scalar_formulas.minimum)  # of any type


@device_function
def log(x):
    """The natural logarithm."""
    return type(x)(math.log(x))


@device_function
def sqrt(x):
    """The square root."""
    return type(x)(math.sqrt(x))


@device_function
def tanh_slope(y):
    """Derivative of tanh by its result."""
    return type(y)(1) - y * y
