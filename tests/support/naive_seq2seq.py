"""The oracle of pairs of sequences: encoder, attention, decoder, in plain NumPy, float64, row by row and step by step.

Shapes: n rows, J steps of the source, T of the target, H units. theta = {"encoder": {"layers"}, "decoder": {"layers",
"head"}, "attention": the parameters by their names}; without attention the last is empty. A head with "skip" adds a
linear map of the decoder's inputs.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from support.naive import Array, Cell, backprop_stack, random_stack, run_stack
from support.naive_training import weighted_loss

MASK64, MASK32 = (1 << 64) - 1, (1 << 32) - 1


class Pairs(NamedTuple):
    """Inputs of both sides (n, steps, columns) and targets (n, T, O), or classes (n, T), with the lengths (n,)."""

    x: Array
    lengths: Array
    x_out: Array
    y: Array
    y_lengths: Array
    weights: Array | None = None  # one a pair


class Network(NamedTuple):
    """What is computed; the encoder's cells may be bidirectional, the decoder's have their names without that."""

    cells: list[Cell]
    attention: str | None
    loss: str

    @property
    def decoder_cells(self) -> list[Cell]:
        """Those of the decoder."""
        return [cell[1] if cell[0] == "bidirectional" else cell for cell in self.cells]


class Result(NamedTuple):
    """Loss, outputs (n, T, O), weights of attention (n, T, J), gradients in the form of theta."""

    loss: float
    outputs: Array
    attention: Array
    d_theta: dict


def joined(cell: Cell, state: Any) -> Any:
    """An encoder's final state as a decoder's first one: both directions' side by side."""
    if cell[0] != "bidirectional":
        return state
    ahead, back = state
    if isinstance(ahead, tuple):
        return tuple(np.concatenate(pair, axis=1) for pair in zip(ahead, back, strict=True))
    return np.concatenate([ahead, back], axis=1)


def split(cell: Cell, d_state: Any) -> Any:
    """The way back of `joined`."""
    if cell[0] != "bidirectional":
        return d_state
    if isinstance(d_state, tuple):
        halves = [np.split(part, 2, axis=1) for part in d_state]
        return tuple(tuple(half[k] for half in halves) for k in range(2))
    return tuple(np.split(d_state, 2, axis=1))


def score(kind: str, w: dict, h: Array, s: Array) -> float:
    """How well a step of the source fits a step of the target."""
    if kind == "dot":
        return h @ s
    return w["score_kernel"] @ np.tanh(h @ w["query_kernel"] + s @ w["key_kernel"])


def score_back(kind: str, w: dict, h: Array, s: Array, d: float, d_w: dict) -> tuple[Array, Array]:
    """Derivatives by h and s; those by the parameters are added to d_w."""
    if kind == "dot":
        return d * s, d * h
    u = np.tanh(h @ w["query_kernel"] + s @ w["key_kernel"])
    d_sum = d * w["score_kernel"] * (1.0 - u**2)
    d_w["score_kernel"] += d * u
    d_w["query_kernel"] += np.outer(h, d_sum)
    d_w["key_kernel"] += np.outer(s, d_sum)
    return w["query_kernel"] @ d_sum, w["key_kernel"] @ d_sum


def attend(kind: str, w: dict, h: Array, s: Array, lengths: Array) -> tuple[Array, Array, Array]:
    """h (n, T, H), s (n, J, H) -> what the head reads (n, T, H), weights (n, T, J), contexts (n, T, H)."""
    out, weights, contexts = np.zeros_like(h), np.zeros((*h.shape[:2], s.shape[1])), np.zeros_like(h)
    for r, length in enumerate(lengths):
        for t in range(h.shape[1]):
            scores = np.array([score(kind, w, h[r, t], s[r, j]) for j in range(length)])
            e = np.exp(scores - scores.max())
            weights[r, t, :length] = e / e.sum()
            contexts[r, t] = weights[r, t] @ s[r]
            sums = contexts[r, t] @ w["context_kernel"] + h[r, t] @ w["state_kernel"] + w["bias"]
            out[r, t] = np.tanh(sums)
    return out, weights, contexts


def attend_back(
    kind: str, w: dict, h: Array, s: Array, lengths: Array, kept: tuple[Array, Array, Array], d_out: Array
) -> tuple[dict, Array, Array]:
    """Derivatives by the parameters, by h and by s, from those by `out`; `kept` is what `attend` returned."""
    out, weights, contexts = kept
    d_w, d_h, d_s = {name: np.zeros_like(value) for name, value in w.items()}, np.zeros_like(h), np.zeros_like(s)
    for r, length in enumerate(lengths):
        for t in range(h.shape[1]):
            d_sum = d_out[r, t] * (1.0 - out[r, t] ** 2)
            d_w["context_kernel"] += np.outer(contexts[r, t], d_sum)
            d_w["state_kernel"] += np.outer(h[r, t], d_sum)
            d_w["bias"] += d_sum
            d_h[r, t] += w["state_kernel"] @ d_sum
            d_context = w["context_kernel"] @ d_sum
            alpha = weights[r, t, :length]
            d_alpha = s[r, :length] @ d_context
            d_scores = alpha * (d_alpha - alpha @ d_alpha)
            for j in range(length):
                d_query, d_value = score_back(kind, w, h[r, t], s[r, j], d_scores[j], d_w)
                d_h[r, t] += d_query
                d_s[r, j] += d_value + alpha[j] * d_context
    return d_w, d_h, d_s


def loss_and_gradients(network: Network, theta: dict, pairs: Pairs) -> Result:
    """Forward, loss over the valid steps of the targets, and back to all parameters."""
    s, finals, tapes = run_stack(network.cells, theta["encoder"]["layers"], pairs.x, None, pairs.lengths)
    states = [joined(cell, final) for cell, final in zip(network.cells, finals, strict=True)]
    decoder, head = theta["decoder"]["layers"], theta["decoder"]["head"]
    h, _, decoder_tapes = run_stack(network.decoder_cells, decoder, pairs.x_out, states)
    w, features, kept = theta["attention"], h, (np.zeros(0),) * 3
    if network.attention:
        kept = attend(network.attention, w, h, s, pairs.lengths)
        features = kept[0]
    outputs = features @ head["kernel"] + head["bias"]
    if "skip" in head:
        outputs = outputs + pairs.x_out @ head["skip"]
    valid = (np.arange(h.shape[1]) < pairs.y_lengths[:, None]).astype(float)
    if pairs.weights is not None:
        valid = valid * pairs.weights[:, None]
    loss, d_outputs = weighted_loss(network.loss, outputs, pairs.y, valid)
    d_head = {"kernel": np.einsum("rtf,rto->fo", features, d_outputs), "bias": d_outputs.sum(axis=(0, 1))}
    if "skip" in head:
        d_head["skip"] = np.einsum("rti,rto->io", pairs.x_out, d_outputs)
    d_h, d_w, d_s = d_outputs @ head["kernel"].T, {}, np.zeros_like(s)
    if network.attention:
        d_w, d_h, d_s = attend_back(network.attention, w, h, s, pairs.lengths, kept, d_h)
    d_decoder, _, d_states = backprop_stack(network.decoder_cells, decoder, decoder_tapes, d_h)
    d_finals = [split(cell, d_state) for cell, d_state in zip(network.cells, d_states, strict=True)]
    d_encoder, _, _ = backprop_stack(network.cells, theta["encoder"]["layers"], tapes, d_s, d_finals)
    d_theta = {"encoder": {"layers": d_encoder}, "decoder": {"layers": d_decoder, "head": d_head}, "attention": d_w}
    return Result(loss, outputs, kept[1], d_theta)


def random_theta(
    network: Network, units: list[int], inputs: tuple[int, int], outputs: int, rng: np.random.Generator,
    skip: bool = False,
) -> dict:  # fmt: skip
    """Random parameters; units of the encoder's layers, of which the decoder has twice as many where both ways."""
    wide = [n * 2 if cell[0] == "bidirectional" else n for cell, n in zip(network.cells, units, strict=True)]
    n = wide[-1]
    shapes: dict[str, tuple[int, ...]] = {}
    if network.attention == "additive":
        shapes = {"query_kernel": (n, n), "key_kernel": (n, n), "score_kernel": (n,)}
    if network.attention:
        shapes |= {"context_kernel": (n, n), "state_kernel": (n, n), "bias": (n,)}
    head = {"kernel": 0.4 * rng.standard_normal((n, outputs)), "bias": 0.4 * rng.standard_normal(outputs)}
    if skip:
        head["skip"] = 0.4 * rng.standard_normal((inputs[1], outputs))
    return {
        "encoder": {"layers": random_stack(network.cells, inputs[0], units, rng)},
        "decoder": {"layers": random_stack(network.decoder_cells, inputs[1], wide, rng), "head": head},
        "attention": {name: 0.4 * rng.standard_normal(shape) for name, shape in shapes.items()},
    }


# Scheduled sampling: which inputs are replaced, by a hash in Python's own integers.


def mixed(x: int) -> int:
    """SplitMix64's finaliser."""
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9 & MASK64
    x = (x ^ (x >> 27)) * 0x94D049BB133111EB & MASK64
    return x ^ (x >> 31)


def replaced(seed: int, rows: int, steps: int, rate: float, salt: int = 3) -> Array:
    """Whether the decoder's input is its own output, (rows, steps); never at the first step."""
    chosen = np.zeros((rows, steps), bool)
    for r in range(rows):
        for t in range(1, steps):
            x = mixed((mixed(seed) + (salt << 48) + (t << 24) + r) & MASK64) & MASK32
            x = (x ^ (x >> 16)) * 0x7FEB352D & MASK32
            x = (x ^ (x >> 15)) * 0x846CA68B & MASK32
            chosen[r, t] = (x ^ (x >> 16)) >> 8 < rate * 2**24
    return chosen


def sampled_inputs(x_out: Array, outputs: Array, chosen: Array, kind: str) -> Array:
    """The decoder's inputs with its own outputs of the step before where `chosen`."""
    own = outputs
    if kind != "value":
        best = outputs.argmax(axis=2)
        own = best[:, :, None].astype(float) if kind == "token" else np.eye(outputs.shape[2])[best]
    new = x_out.copy()
    new[:, 1:][chosen[:, 1:]] = own[:, :-1][chosen[:, 1:]]
    return new
