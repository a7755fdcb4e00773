"""Derivatives of an LSTM and a GRU, written by hand: what those that follow from formulas are compared with."""

from __future__ import annotations

import numpy as np

Array = np.ndarray


def tanh_slope(y: Array) -> Array:
    """Derivative of tanh by its result."""
    return 1.0 - y * y


def sigmoid_slope(y: Array) -> Array:
    """Derivative of the logistic function by its result."""
    return y - y * y


def positive(y: Array) -> Array:
    """Derivative of relu by its result."""
    return (y > 0) * 1.0


def lstm_output_back(o: Array, c: Array, dh: Array) -> tuple[Array, ...]:
    """Derivative by the output -> by the output gate's sum and by the new cell state."""
    t = np.tanh(c)
    return dh * t * sigmoid_slope(o), dh * o * tanh_slope(t)


def lstm_state_back(i: Array, f: Array, g: Array, c_old: Array, dc: Array) -> tuple[Array, ...]:
    """Derivative by the new cell state -> by the sums of i, f, g and by the old cell state."""
    return dc * g * sigmoid_slope(i), dc * c_old * sigmoid_slope(f), dc * i * tanh_slope(g), dc * f


def gru_mix_back(z: Array, n: Array, h: Array, dh: Array) -> tuple[Array, ...]:
    """Derivative by the new state -> by the sums of n and z, and by the old state where z keeps it."""
    return (dh - dh * z) * tanh_slope(n), dh * (h - n) * sigmoid_slope(z), dh * z


def gru_after_back(n: Array, r: Array, z: Array, m: Array, h: Array, dh: Array) -> tuple[Array, ...]:
    """Derivative by the new state -> by the sums of n, r, z and m, and by the old state where z keeps it."""
    dn, dz, kept = gru_mix_back(z, n, h, dh)
    return dn, dn * m * sigmoid_slope(r), dz, dn * r, kept
