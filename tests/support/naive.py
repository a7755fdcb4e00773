"""The oracle: recurrent layers in plain NumPy, float64, a loop over time, sharing nothing with the package.

A cell is a pair (name, options): ("rnn", {"activation": "relu"}), ("lstm", {"peepholes": True}),
("gru", {"reset_after": False}); ("bidirectional", cell) runs a cell in both directions. With the option
"layer_norm" its steps are those of naive_norm.py.
Shapes: n rows, T steps, I inputs, H units. Weights: a dict of arrays; bidirectional: (forward, backward).
A state is h (n, H), of an LSTM the pair (c, h); of a bidirectional layer the pair of both directions' states.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from support import naive_norm

Array = np.ndarray
Weights = dict[str, Array]
Cell = tuple[str, Any]


def logistic(x: Array) -> Array:
    """1 / (1 + exp(-x)), without overflow."""
    return np.exp(-np.logaddexp(0.0, -x))


# Each activation with its derivative, written in terms of the activation's output.
ACTIVATIONS: dict[str, tuple[Callable[[Array], Array], Callable[[Array], Array]]] = {
    "tanh": (np.tanh, lambda y: 1.0 - y**2),
    "relu": (lambda x: np.maximum(x, 0.0), lambda y: np.where(y > 0.0, 1.0, 0.0)),
    "logistic": (logistic, lambda y: y * (1.0 - y)),
}


# Cells: one step, and the same step backwards. `saved` is what the step keeps for its way back.


def rnn_step(options: dict, w: Weights, x: Array, h_old: Array) -> tuple[Array, dict]:
    """Elman: h = act(x W + h U + b)."""
    activation, _ = ACTIVATIONS[options.get("activation", "tanh")]
    h = activation(x @ w["kernel"] + h_old @ w["recurrent_kernel"] + w["bias"])
    return h, {"h_old": h_old, "h": h}


def rnn_step_back(options: dict, w: Weights, x: Array, saved: dict, d_h: Array) -> tuple[Weights, Array, Array]:
    """Gradients of the weights, of x and of h_old, from that of h."""
    _, derivative = ACTIVATIONS[options.get("activation", "tanh")]
    d_sum = d_h * derivative(saved["h"])
    d_w = {"kernel": x.T @ d_sum, "recurrent_kernel": saved["h_old"].T @ d_sum, "bias": d_sum.sum(axis=0)}
    return d_w, d_sum @ w["kernel"].T, d_sum @ w["recurrent_kernel"].T


def lstm_step(options: dict, w: Weights, x: Array, state: tuple[Array, Array]) -> tuple[tuple[Array, Array], dict]:
    """LSTM: c = f c_old + i g, h = o tanh(c); peepholes let i and f see c_old, and o see c."""
    c_old, h_old = state
    p_i, p_f, p_o = w["peephole"] if options.get("peepholes") else (0.0, 0.0, 0.0)
    i, f, g, o = np.split(x @ w["kernel"] + h_old @ w["recurrent_kernel"] + w["bias"], 4, axis=1)
    i = logistic(i + p_i * c_old)
    f = logistic(f + p_f * c_old)
    g = np.tanh(g)
    c = f * c_old + i * g
    o = logistic(o + p_o * c)
    h = o * np.tanh(c)
    return (c, h), {"c_old": c_old, "h_old": h_old, "i": i, "f": f, "g": g, "o": o, "c": c}


def lstm_step_back(
    options: dict, w: Weights, x: Array, saved: dict, d_state: tuple[Array, Array]
) -> tuple[Weights, Array, tuple[Array, Array]]:
    """Gradients of the weights, of x and of (c_old, h_old), from those of (c, h)."""
    d_c, d_h = d_state
    c_old, h_old, i, f, g, o, c = (saved[name] for name in ("c_old", "h_old", "i", "f", "g", "o", "c"))
    p_i, p_f, p_o = w["peephole"] if options.get("peepholes") else (0.0, 0.0, 0.0)
    d_o = d_h * np.tanh(c) * o * (1.0 - o)
    d_c = d_c + d_h * o * (1.0 - np.tanh(c) ** 2) + d_o * p_o
    d_i = d_c * g * i * (1.0 - i)
    d_f = d_c * c_old * f * (1.0 - f)
    d_g = d_c * i * (1.0 - g**2)
    d_sum = np.concatenate([d_i, d_f, d_g, d_o], axis=1)
    d_w = {"kernel": x.T @ d_sum, "recurrent_kernel": h_old.T @ d_sum, "bias": d_sum.sum(axis=0)}
    if options.get("peepholes"):
        d_w["peephole"] = np.stack([d_i * c_old, d_f * c_old, d_o * c]).sum(axis=1)
    d_c_old = d_c * f + d_i * p_i + d_f * p_f
    return d_w, d_sum @ w["kernel"].T, (d_c_old, d_sum @ w["recurrent_kernel"].T)


def gru_step(options: dict, w: Weights, x: Array, h_old: Array) -> tuple[Array, dict]:
    """GRU: h = (1 - z) n + z h_old; r resets the product h U_n, or h itself before that product."""
    x_r, x_z, x_n = np.split(x @ w["kernel"] + w["bias"], 3, axis=1)
    u_r, u_z, u_n = np.split(w["recurrent_kernel"], 3, axis=1)
    if options.get("reset_after", True):
        b_r, b_z, b_n = np.split(w["recurrent_bias"], 3)
        r = logistic(x_r + h_old @ u_r + b_r)
        z = logistic(x_z + h_old @ u_z + b_z)
        n = np.tanh(x_n + r * (h_old @ u_n + b_n))
    else:
        r = logistic(x_r + h_old @ u_r)
        z = logistic(x_z + h_old @ u_z)
        n = np.tanh(x_n + (r * h_old) @ u_n)
    return (1.0 - z) * n + z * h_old, {"h_old": h_old, "r": r, "z": z, "n": n}


def gru_step_back(options: dict, w: Weights, x: Array, saved: dict, d_h: Array) -> tuple[Weights, Array, Array]:
    """Gradients of the weights, of x and of h_old, from that of h."""
    h_old, r, z, n = (saved[name] for name in ("h_old", "r", "z", "n"))
    u_r, u_z, u_n = np.split(w["recurrent_kernel"], 3, axis=1)
    d_z = d_h * (h_old - n) * z * (1.0 - z)
    d_n = d_h * (1.0 - z) * (1.0 - n**2)
    if options.get("reset_after", True):
        b_n = np.split(w["recurrent_bias"], 3)[2]
        d_r = d_n * (h_old @ u_n + b_n) * r * (1.0 - r)
        d_u_n = h_old.T @ (d_n * r)
        d_h_old = (d_n * r) @ u_n.T
    else:
        d_reset = d_n @ u_n.T  # of the product r * h_old
        d_r = d_reset * h_old * r * (1.0 - r)
        d_u_n = (r * h_old).T @ d_n
        d_h_old = d_reset * r
    d_h_old = d_h_old + d_h * z + d_r @ u_r.T + d_z @ u_z.T
    d_sum = np.concatenate([d_r, d_z, d_n], axis=1)
    d_u = np.concatenate([h_old.T @ d_r, h_old.T @ d_z, d_u_n], axis=1)
    d_w = {"kernel": x.T @ d_sum, "recurrent_kernel": d_u, "bias": d_sum.sum(axis=0)}
    if options.get("reset_after", True):
        d_w["recurrent_bias"] = np.concatenate([d_r, d_z, d_n * r], axis=1).sum(axis=0)
    return d_w, d_sum @ w["kernel"].T, d_h_old


# name: (step, step backwards, number of gates)
CELLS: dict[str, tuple[Callable, Callable, int]] = {
    "rnn": (rnn_step, rnn_step_back, 1),
    "lstm": (lstm_step, lstm_step_back, 4),
    "gru": (gru_step, gru_step_back, 3),
}


def steps_of(cell: Cell) -> tuple[Callable, Callable]:
    """The step of a cell, and the step backwards."""
    name, options = cell
    return naive_norm.STEPS[name] if options.get("layer_norm") else CELLS[name][:2]


# One layer over time. Rows that have ended keep their state, put out zeros and get no gradient.


class Tape(NamedTuple):
    """What `run` keeps for `backprop`: each step's saved values, or both directions' tapes."""

    lengths: Array
    steps: list


def zero_state(cell: Cell, n: int, units: int) -> Any:
    """The state before the first step, where none is given."""
    if cell[0] == "lstm":
        return np.zeros((n, units)), np.zeros((n, units))
    return np.zeros((n, units))


def choose(alive: Array, new: Any, old: Any) -> Any:
    """The new state of the rows where alive (n, 1), the old one of the others."""
    if isinstance(new, tuple):
        return tuple(np.where(alive, a, b) for a, b in zip(new, old, strict=True))
    return np.where(alive, new, old)


def without_padding(x: Array, lengths: Array) -> Array:
    """A float64 copy of x (n, T, I), zero past each row's length."""
    valid = np.arange(x.shape[1]) < lengths[:, None]
    return np.where(valid[:, :, None], np.asarray(x, np.float64), 0.0)


def reverse(x: Array, lengths: Array) -> Array:
    """A copy of x (n, T, I) with the valid part of each row in reversed order, the padding in place."""
    y = x.copy()
    for row, length in enumerate(lengths):
        y[row, :length] = x[row, :length][::-1]
    return y


def full_lengths(x: Array, lengths: Any) -> Array:
    """The lengths as an array (n,); all T where none are given."""
    return np.full(len(x), x.shape[1]) if lengths is None else np.asarray(lengths)


def run(cell: Cell, weights: Any, x: Array, state: Any = None, lengths: Any = None) -> tuple[Array, Any, Tape]:
    """Outputs (n, T, H), final state and tape of one layer over x (n, T, I)."""
    lengths = full_lengths(x, lengths)
    x = without_padding(x, lengths)
    if cell[0] == "bidirectional":
        return _run_both_ways(cell[1], weights, x, state, lengths)
    options, (step, _) = cell[1], steps_of(cell)
    weights = {key: np.asarray(value, np.float64) for key, value in weights.items()}
    units = weights["recurrent_kernel"].shape[0]
    state = zero_state(cell, len(x), units) if state is None else state
    outputs, saved = np.zeros((*x.shape[:2], units)), []
    for t in range(x.shape[1]):
        alive = (t < lengths)[:, None]
        new, kept = step(options, weights, x[:, t], state)
        state = choose(alive, new, state)
        outputs[:, t] = np.where(alive, hidden(cell, state), 0.0)
        saved.append(kept)
    return outputs, state, Tape(lengths, saved)


def backprop(
    cell: Cell, weights: Any, x: Array, tape: Tape, d_outputs: Array, d_final_state: Any = None
) -> tuple[Any, Array, Any]:
    """Gradients (weights, x, initial state), from those of the outputs (n, T, H) and the final state."""
    x = without_padding(x, tape.lengths)
    if cell[0] == "bidirectional":
        return _backprop_both_ways(cell[1], weights, x, tape, d_outputs, d_final_state)
    options, (_, step_back) = cell[1], steps_of(cell)
    weights = {key: np.asarray(value, np.float64) for key, value in weights.items()}
    d_state = zero_state(cell, len(x), d_outputs.shape[2]) if d_final_state is None else d_final_state
    d_weights, d_x = {key: np.zeros_like(value) for key, value in weights.items()}, np.zeros_like(x)
    for t in reversed(range(x.shape[1])):
        alive = (t < tape.lengths)[:, None]
        d_new = choose(alive, add_to_hidden(d_state, d_outputs[:, t]), zero_like(d_state))
        d_w, d_x[:, t], d_old = step_back(options, weights, x[:, t], tape.steps[t], d_new)
        d_state = choose(alive, d_old, d_state)
        for key, gradient in d_w.items():
            d_weights[key] += gradient
    return d_weights, d_x, d_state


def _run_both_ways(cell: Cell, weights: Any, x: Array, state: Any, lengths: Array) -> tuple[Array, Any, Tape]:
    """Outputs [forward | backward] (n, T, 2 H), the pair of final states and of tapes."""
    state = (None, None) if state is None else state
    ahead, final_ahead, tape_ahead = run(cell, weights[0], x, state[0], lengths)
    back, final_back, tape_back = run(cell, weights[1], reverse(x, lengths), state[1], lengths)
    outputs = np.concatenate([ahead, reverse(back, lengths)], axis=2)
    return outputs, (final_ahead, final_back), Tape(lengths, [tape_ahead, tape_back])


def _backprop_both_ways(
    cell: Cell, weights: Any, x: Array, tape: Tape, d_outputs: Array, d_final_state: Any
) -> tuple[Any, Array, Any]:
    """The pairs of gradients of both directions, and the sum of what they say of x."""
    lengths, d_final_state = tape.lengths, (None, None) if d_final_state is None else d_final_state
    d_ahead, d_back = np.split(d_outputs, 2, axis=2)
    ahead = backprop(cell, weights[0], x, tape.steps[0], d_ahead, d_final_state[0])
    x_back, d_back = reverse(x, lengths), reverse(d_back, lengths)
    back = backprop(cell, weights[1], x_back, tape.steps[1], d_back, d_final_state[1])
    return (ahead[0], back[0]), ahead[1] + reverse(back[1], lengths), (ahead[2], back[2])


def hidden(cell: Cell, state: Any) -> Array:
    """The h of a state; of a bidirectional layer [forward | backward]."""
    if cell[0] == "bidirectional":
        return np.concatenate([hidden(cell[1], state[0]), hidden(cell[1], state[1])], axis=1)
    return state[1] if cell[0] == "lstm" else state


def hidden_back(cell: Cell, d_h: Array) -> Any:
    """The gradient of a state of which only h is used."""
    if cell[0] == "bidirectional":
        return tuple(hidden_back(cell[1], half) for half in np.split(d_h, 2, axis=1))
    return (np.zeros_like(d_h), d_h) if cell[0] == "lstm" else d_h


def add_to_hidden(d_state: Any, d_h: Array) -> Any:
    """The gradient of a state (one direction's), with d_h added to that of its h."""
    return (d_state[0], d_state[1] + d_h) if isinstance(d_state, tuple) else d_state + d_h


def zero_like(state: Any) -> Any:
    """A state of the same form, zero."""
    return tuple(np.zeros_like(part) for part in state) if isinstance(state, tuple) else np.zeros_like(state)


# Stacks: each layer's outputs are the next layer's inputs.


def run_stack(
    cells: list[Cell], weights: list, x: Array, states: list | None = None, lengths: Any = None
) -> tuple[Array, list, list]:
    """Outputs of the last layer, every layer's final state, and (inputs, tape) of every layer."""
    states = [None] * len(cells) if states is None else states
    finals, tapes = [], []
    for cell, layer_weights, state in zip(cells, weights, states, strict=True):
        outputs, final, tape = run(cell, layer_weights, x, state, lengths)
        finals.append(final)
        tapes.append((x, tape))
        x = outputs
    return x, finals, tapes


def backprop_stack(
    cells: list[Cell], weights: list, tapes: list, d_outputs: Array, d_finals: list | None = None
) -> tuple[list, Array, list]:
    """Gradients (weights, x and initial state, of every layer but x); None: no gradient of a final state."""
    d_finals = [None] * len(cells) if d_finals is None else d_finals
    layers = list(zip(cells, weights, tapes, d_finals, strict=True))
    d_weights: list = []
    d_states: list = []
    for cell, layer_weights, (x, tape), d_final in reversed(layers):
        d_w, d_outputs, d_state = backprop(cell, layer_weights, x, tape, d_outputs, d_final)
        d_weights.insert(0, d_w)
        d_states.insert(0, d_state)
    return d_weights, d_outputs, d_states


# Random weights, for tests that compare with another implementation.


def random_weights(cell: Cell, n_inputs: int, units: int, rng: np.random.Generator) -> Any:
    """Weights of one layer, all of them (biases too) normal with a standard deviation of 0.4."""
    name, options = cell
    if name == "bidirectional":
        return tuple(random_weights(options, n_inputs, units, rng) for _ in range(2))
    sums = CELLS[name][2] * units
    shapes: dict[str, tuple] = {
        "kernel": (n_inputs, sums),
        "recurrent_kernel": (units, sums),
        "bias": (sums,),
    }
    if name == "gru" and options.get("reset_after", True):
        shapes["recurrent_bias"] = (sums,)
    if name == "lstm" and options.get("peepholes"):
        shapes["peephole"] = (3, units)
    weights = {key: 0.4 * rng.standard_normal(shape) for key, shape in shapes.items()}
    if options.get("layer_norm"):
        extra = units if name == "gru" and options.get("reset_after", True) else 0
        weights["gain"] = 1.0 + 0.4 * rng.standard_normal(sums + extra)
    return weights


def random_stack(cells: list[Cell], n_inputs: int, sizes: list[int], rng: np.random.Generator) -> list:
    """Weights of every layer of a stack."""
    weights = []
    for cell, units in zip(cells, sizes, strict=True):
        weights.append(random_weights(cell, n_inputs, units, rng))
        n_inputs = n_features(cell, units)
    return weights


def n_features(cell: Cell, units: int) -> int:
    """The width of a layer's outputs."""
    return 2 * units if cell[0] == "bidirectional" else units
