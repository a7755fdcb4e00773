"""The oracle's cells with layer normalisation, in plain NumPy and float64, sharing nothing with the package.

Each sum of a cell, row by row, becomes gain * (s - mean) / sqrt(variance + 1e-5) + bias, with mean and variance over
the H units (Ba, Kiros & Hinton 2016). `gain` has H columns a sum: h of an Elman cell; i, f, g, o of an LSTM; r, z, n of
a GRU and, where it resets after the product, m: the recurrent part of n, which then leaves n the inputs' part.
Going back, the whole Jacobian of each row is written down.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Array = np.ndarray
Weights = dict[str, Array]
EPSILON = 1e-5


def logistic(x: Array) -> Array:
    """1 / (1 + exp(-x)), without overflow."""
    return 0.5 * (1.0 + np.tanh(0.5 * x))


ACTIVATIONS: dict[str, tuple[Callable[[Array], Array], Callable[[Array], Array]]] = {
    "tanh": (np.tanh, lambda y: 1.0 - y**2),
    "relu": (lambda x: np.maximum(x, 0.0), lambda y: np.where(y > 0.0, 1.0, 0.0)),
    "logistic": (logistic, lambda y: y * (1.0 - y)),
}


def normalise(sums: Array, gain: Array, bias: Array) -> Array:
    """The rows of sums (n, H), normalised."""
    found = np.empty_like(sums)
    for row, s in enumerate(sums):
        mean = s.sum() / len(s)
        variance = ((s - mean) ** 2).sum() / len(s)
        found[row] = gain * (s - mean) / np.sqrt(variance + EPSILON) + bias
    return found


def normalise_back(sums: Array, gain: Array, d_out: Array) -> tuple[Array, Array, Array]:
    """Gradients of sums, gain and bias, from that of the result."""
    d_sums, d_gain = np.empty_like(sums), np.zeros_like(gain)
    for row, (s, d) in enumerate(zip(sums, d_out, strict=True)):
        size, apart = len(s), s - s.sum() / len(s)
        width = np.sqrt((apart**2).sum() / size + EPSILON)
        jacobian = (np.eye(size) - 1.0 / size) / width - np.outer(apart, apart) / (size * width**3)
        d_sums[row] = jacobian.T @ (gain * d)
        d_gain += d * apart / width
    return d_sums, d_gain, d_out.sum(axis=0)


def rnn_step(options: dict, w: Weights, x: Array, h_old: Array) -> tuple[Array, dict]:
    """Elman."""
    activation, _ = ACTIVATIONS[options.get("activation", "tanh")]
    sums = x @ w["kernel"] + h_old @ w["recurrent_kernel"]
    h = activation(normalise(sums, w["gain"], w["bias"]))
    return h, {"h_old": h_old, "h": h, "sums": sums}


def rnn_step_back(options: dict, w: Weights, x: Array, saved: dict, d_h: Array) -> tuple[Weights, Array, Array]:
    """Gradients of the weights, of x and of h_old, from that of h."""
    _, derivative = ACTIVATIONS[options.get("activation", "tanh")]
    d_sum, d_gain, d_bias = normalise_back(saved["sums"], w["gain"], d_h * derivative(saved["h"]))
    d_w = {"kernel": x.T @ d_sum, "recurrent_kernel": saved["h_old"].T @ d_sum, "bias": d_bias, "gain": d_gain}
    return d_w, d_sum @ w["kernel"].T, d_sum @ w["recurrent_kernel"].T


def lstm_step(options: dict, w: Weights, x: Array, state: tuple[Array, Array]) -> tuple[tuple[Array, Array], dict]:
    """LSTM; peepholes are added behind the normalisation, and the cell state is not normalised."""
    c_old, h_old = state
    p_i, p_f, p_o = w["peephole"] if options.get("peepholes") else (0.0, 0.0, 0.0)
    sums = np.split(x @ w["kernel"] + h_old @ w["recurrent_kernel"], 4, axis=1)
    i, f, g, o = map(normalise, sums, np.split(w["gain"], 4), np.split(w["bias"], 4))
    i, f, g = logistic(i + p_i * c_old), logistic(f + p_f * c_old), np.tanh(g)
    c = f * c_old + i * g
    o = logistic(o + p_o * c)
    return (c, o * np.tanh(c)), {"old": state, "gates": (i, f, g, o), "c": c, "sums": sums}


def lstm_step_back(
    options: dict, w: Weights, x: Array, saved: dict, d_state: tuple[Array, Array]
) -> tuple[Weights, Array, tuple[Array, Array]]:
    """Gradients of the weights, of x and of (c_old, h_old), from those of (c, h)."""
    (d_c, d_h), (c_old, h_old), (i, f, g, o), c = d_state, saved["old"], saved["gates"], saved["c"]
    p_i, p_f, p_o = w["peephole"] if options.get("peepholes") else (0.0, 0.0, 0.0)
    d_o = d_h * np.tanh(c) * o * (1.0 - o)
    d_c = d_c + d_h * o * (1.0 - np.tanh(c) ** 2) + d_o * p_o
    d_i, d_f, d_g = d_c * g * i * (1.0 - i), d_c * c_old * f * (1.0 - f), d_c * i * (1.0 - g**2)
    d_w = {"peephole": np.stack([d_i * c_old, d_f * c_old, d_o * c]).sum(axis=1)} if options.get("peepholes") else {}
    back = list(map(normalise_back, saved["sums"], np.split(w["gain"], 4), (d_i, d_f, d_g, d_o)))
    d_sum, d_gain, d_bias = (np.concatenate(parts, axis=-1) for parts in zip(*back, strict=True))
    d_w |= {"kernel": x.T @ d_sum, "recurrent_kernel": h_old.T @ d_sum, "bias": d_bias, "gain": d_gain}
    return d_w, d_sum @ w["kernel"].T, (d_c * f + d_i * p_i + d_f * p_f, d_sum @ w["recurrent_kernel"].T)


def gru_step(options: dict, w: Weights, x: Array, h_old: Array) -> tuple[Array, dict]:
    """GRU: r and z as one sum each; n as two that meet behind the reset, or as one behind the product with r h."""
    after = options.get("reset_after", True)
    x_r, x_z, x_n = np.split(x @ w["kernel"], 3, axis=1)
    u_r, u_z, u_n = np.split(w["recurrent_kernel"], 3, axis=1)
    gains, biases = np.split(w["gain"], 4 if after else 3), np.split(w["bias"], 3)
    recurrent = np.split(w["recurrent_bias"], 3) if after else np.zeros((3, 1))
    sums = {"r": x_r + h_old @ u_r, "z": x_z + h_old @ u_z}
    r = logistic(normalise(sums["r"], gains[0], biases[0] + recurrent[0]))
    z = logistic(normalise(sums["z"], gains[1], biases[1] + recurrent[1]))
    sums |= {"n": x_n, "m": h_old @ u_n} if after else {"n": x_n + (r * h_old) @ u_n}
    m = normalise(sums["m"], gains[3], recurrent[2]) if after else np.zeros_like(r)
    n = np.tanh(normalise(sums["n"], gains[2], biases[2]) + r * m)
    return (1.0 - z) * n + z * h_old, {"h_old": h_old, "r": r, "z": z, "n": n, "m": m, "sums": sums}


def gru_step_back(options: dict, w: Weights, x: Array, saved: dict, d_h: Array) -> tuple[Weights, Array, Array]:
    """Gradients of the weights, of x and of h_old, from that of h."""
    after = options.get("reset_after", True)
    h_old, r, z, n, m, sums = (saved[name] for name in ("h_old", "r", "z", "n", "m", "sums"))
    u_r, u_z, u_n = np.split(w["recurrent_kernel"], 3, axis=1)
    gains = dict(zip("rznm", np.split(w["gain"], 4 if after else 3), strict=False))
    d_out = {"z": d_h * (h_old - n) * z * (1.0 - z), "n": d_h * (1.0 - z) * (1.0 - n**2)}
    found = {name: normalise_back(sums[name], gains[name], d_out[name]) for name in "zn"}
    if after:
        found["m"] = normalise_back(sums["m"], gains["m"], d_out["n"] * r)
        d_out["r"], d_u_n, d_h_old = d_out["n"] * m * r * (1.0 - r), h_old.T @ found["m"][0], found["m"][0] @ u_n.T
    else:
        d_reset = found["n"][0] @ u_n.T
        d_out["r"], d_u_n, d_h_old = d_reset * h_old * r * (1.0 - r), (r * h_old).T @ found["n"][0], d_reset * r
    found["r"] = normalise_back(sums["r"], gains["r"], d_out["r"])
    d_r, d_z, d_n = (found[name][0] for name in "rzn")
    d_sum = np.concatenate([d_r, d_z, d_n], axis=1)
    d_w = {
        "kernel": x.T @ d_sum,
        "recurrent_kernel": np.concatenate([h_old.T @ d_r, h_old.T @ d_z, d_u_n], axis=1),
        "bias": np.concatenate([found[name][2] for name in "rzn"]),
        "gain": np.concatenate([found[name][1] for name in ("rznm" if after else "rzn")]),
    }
    if after:
        d_w["recurrent_bias"] = np.concatenate([found[name][2] for name in "rzm"])
    return d_w, d_sum @ w["kernel"].T, d_h_old + d_h * z + d_r @ u_r.T + d_z @ u_z.T


# name: (step, step backwards)
STEPS: dict[str, tuple[Callable, Callable]] = {
    "rnn": (rnn_step, rnn_step_back),
    "lstm": (lstm_step, lstm_step_back),
    "gru": (gru_step, gru_step_back),
}
