"""Cells as their papers write them, in NumPy and float64: one row after the other, step by step, forward only.

Shares nothing with the package. Weights are a dict of arrays with the gates' columns in the order of the package's
cells, states a dict of arrays (n, H). With a `gain` each sum is normalised as in naive_norm.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from support.naive_norm import normalise

Array = np.ndarray
Weights = dict[str, Array]
State = dict[str, Array]


def logistic(x: Array) -> Array:
    return 1.0 / (1.0 + np.exp(-x))


def part(values: Array, k: int, units: int) -> Array:
    """The k-th gate's columns."""
    return values[..., k * units : (k + 1) * units]


def gate(w: Weights, k: int, units: int, x: Array, read: Array | None = None) -> Array:
    """The sum of the k-th gate: x W_k + h U_k + b_k, with `read` in place of h; without it, x W_k + b_k."""
    total = x @ part(w["kernel"], k, units)
    if read is not None:
        total = total + read @ part(w["recurrent_kernel"], k, units)
    bias = part(w["bias"], k, units)
    return normalise(total, part(w["gain"], k, units), bias) if "gain" in w else total + bias


def cifg(options: dict, w: Weights, x: Array, old: State) -> State:
    """Greff et al. (2017): the LSTM of their equations, with i = 1 - f."""
    h, units = old["h"], old["h"].shape[1]
    f = logistic(gate(w, 0, units, x, h))
    i = 1.0 - f
    c = i * np.tanh(gate(w, 1, units, x, h)) + f * old["c"]
    return {"c": c, "h": logistic(gate(w, 2, units, x, h)) * np.tanh(c)}


def mgu(options: dict, w: Weights, x: Array, old: State) -> State:
    """Zhou et al. (2016), equations 7."""
    h, units = old["h"], old["h"].shape[1]
    f = logistic(gate(w, 0, units, x, h))
    new = np.tanh(gate(w, 1, units, x, f * h))
    return {"h": (1.0 - f) * h + f * new}


def ugrnn(options: dict, w: Weights, x: Array, old: State) -> State:
    """Collins et al. (2017), appendix."""
    h, units = old["h"], old["h"].shape[1]
    g = logistic(gate(w, 0, units, x, h))
    return {"h": g * h + (1.0 - g) * np.tanh(gate(w, 1, units, x, h))}


def slstm(options: dict, w: Weights, x: Array, old: State) -> State:
    """Beck et al. (2024), equations 8 to 14 with whole c and n; those of the package are divided by exp(m), eq. 15."""
    h, units = old["h"], old["h"].shape[1]
    i, f, z, o = (gate(w, k, units, x, h) for k in range(4))
    forget = np.exp(f) if options["forget"] == "exp" else logistic(f)
    c = forget * old["c"] * np.exp(old["m"]) + np.exp(i) * np.tanh(z)
    n = forget * old["n"] * np.exp(old["m"]) + np.exp(i)
    m = np.maximum(np.log(forget) + old["m"], i)
    return {"c": c / np.exp(m), "n": n / np.exp(m), "m": m, "h": logistic(o) * (c / n)}


def min_gru(options: dict, w: Weights, x: Array, old: State) -> State:
    """Feng et al. (2024), section 3.1."""
    h, units = old["h"], old["h"].shape[1]
    z = logistic(gate(w, 0, units, x))
    return {"h": (1.0 - z) * h + z * gate(w, 1, units, x)}


def min_lstm(options: dict, w: Weights, x: Array, old: State) -> State:
    """Feng et al. (2024), section 3.2."""
    h, units = old["h"], old["h"].shape[1]
    f, i = logistic(gate(w, 0, units, x)), logistic(gate(w, 1, units, x))
    return {"h": f / (f + i) * h + i / (f + i) * gate(w, 2, units, x)}


def ind_rnn(options: dict, w: Weights, x: Array, old: State) -> State:
    """Li et al. (2018), equation 2."""
    total = gate(w, 0, old["h"].shape[1], x) + w["diagonal"][0] * old["h"]
    return {"h": np.maximum(total, 0.0) if options["activation"] == "relu" else np.tanh(total)}


STEPS: dict[str, tuple[Callable[[dict, Weights, Array, State], State], tuple[str, ...]]] = {  # and names of states
    "cifg": (cifg, ("c", "h")),
    "mgu": (mgu, ("h",)),
    "ugrnn": (ugrnn, ("h",)),
    "slstm": (slstm, ("c", "n", "m", "h")),
    "mingru": (min_gru, ("h",)),
    "minlstm": (min_lstm, ("h",)),
    "indrnn": (ind_rnn, ("h",)),
}


@dataclass(frozen=True, kw_only=True)
class NaiveLayer:
    """A layer of a cell, by the name and options that it has here."""

    name: str
    units: int
    options: dict = field(default_factory=dict)
    bidirectional: bool = False


def run(layer: NaiveLayer, w: Weights, x: Array, lengths: Array, start: State | None = None) -> tuple[Array, State]:
    """Outputs (n, T, H) in one direction, 0 past each row's length, and the states after each row's last step."""
    step, states = STEPS[layer.name]
    outputs, final = np.zeros((*x.shape[:2], layer.units)), {key: np.zeros((len(x), layer.units)) for key in states}
    for row, length in enumerate(lengths):
        state = {key: (final if start is None else start)[key][row : row + 1] for key in states}
        for t in range(length):
            state = step(layer.options, w, x[row : row + 1, t], state)
            outputs[row, t] = state["h"][0]
        for key, value in state.items():
            final[key][row] = value[0]
    return outputs, final


def reverse(x: Array, lengths: Array) -> Array:
    """The valid part of each row backwards."""
    found = x.copy()
    for row, length in enumerate(lengths):
        found[row, :length] = x[row, :length][::-1]
    return found


def run_stack(layers: list[NaiveLayer], weights: list[tuple[Weights, ...]], x: Array, lengths: Array) -> Array:
    """Outputs of the last layer; weights of each layer by direction."""
    for layer, own in zip(layers, weights, strict=True):
        ahead = run(layer, own[0], x, lengths)[0]
        if layer.bidirectional:
            back = run(layer, own[1], reverse(x, lengths), lengths)[0]
            ahead = np.concatenate([ahead, reverse(back, lengths)], axis=2)
        x = ahead
    return x
