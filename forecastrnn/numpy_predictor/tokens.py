"""Tokens in, tokens out: the text that follows `runtime` in a module of an encoder and a decoder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from forecastrnn.numpy_predictor.runtime import Array, Direction, backwards

# What a module sets.
WEIGHTS: Mapping[str, Array] = {}
ENCODER: Sequence[Sequence[Direction]] = ()
DECODER: Sequence[Sequence[Direction]] = ()
ATTENTION: str | None = None
REVERSES, RAISES, WRITES_STR, BEAM_WIDTH, LENGTH_PENALTY, MAX_LENGTH = True, True, True, 1, 0.0, 1


# module: begin
States = list[dict[str, Array]]


def predict(X: Sequence[Any], max_length: int | None = None) -> list:
    """The likeliest target of each source, a text or a list of tokens, as the targets of `fit` were."""
    if isinstance(X, str):
        raise ValueError(f"X must be a list of sources. Got {X!r:.80}")
    if max_length is not None and not (isinstance(max_length, int | np.integer) and max_length > 0):
        raise ValueError(f"max_length must be an int, 1 or more. Got {max_length!r}")
    numbers = {token: code for code, token in enumerate(WEIGHTS["source_tokens"].tolist())}
    tokens, found = WEIGHTS["target_tokens"].tolist(), []
    for k, row in enumerate(X):
        codes = np.array([numbers.get(token, len(numbers)) for token in row], int)
        if not len(codes):
            raise ValueError(f"X[{k}] is empty: give a token at least")
        if RAISES and (codes == len(numbers)).any():
            place = int(np.argmax(codes == len(numbers)))
            raise ValueError(f"X[{k}] has a token that fit has not seen, {row[place]!r} at {place}: leave it out")
        symbols = decode(*encode(codes[::-1] if REVERSES else codes), (max_length or MAX_LENGTH) + 1)
        own = [tokens[symbol] for symbol in symbols]
        found.append("".join(own) if WRITES_STR else own)
    return found


def encode(codes: Array) -> tuple[Array, States]:
    """Outputs (steps, units) of the encoder for one source (steps,), and the decoder's first states."""
    x, lengths, found = WEIGHTS["encoder.embeddings.0.vectors"][codes][None], np.array([len(codes)]), []
    for directions in ENCODER:
        parts = [directions[0].run(x, lengths)]
        for direction in directions[1:]:
            outputs, states = direction.run(backwards(x, lengths), lengths)
            parts.append((backwards(outputs, lengths), states))
        x = np.concatenate([outputs for outputs, _ in parts], axis=-1)
        names = directions[0].cell.states
        found.append({name: np.concatenate([states[name] for _, states in parts], axis=1) for name in names})
    return x[0], found


def scores_of(symbols: Array, source: Array, states: States) -> Array:
    """Log-probabilities (n, symbols) behind the last symbols (n,) of hypotheses, whose states go on."""
    x = WEIGHTS["decoder.embeddings.0.vectors"][symbols]
    for (direction,), own in zip(DECODER, states):
        by_input = {gate: x @ kernel for gate, kernel in direction.kernel.items()}
        own.update(zip(direction.cell.states, direction.step(by_input, own)))
        x = own[direction.cell.states[-1]]
    if ATTENTION is not None:
        x = attended(x, source)
    scores = (x @ WEIGHTS["decoder.output.kernel"] + WEIGHTS["decoder.output.bias"]).astype(np.float64)
    scores = scores - scores.max(axis=1, keepdims=True)
    return np.asarray(scores - np.log(np.exp(scores).sum(axis=1, keepdims=True)))


def attended(h: Array, source: Array) -> Array:
    """What the projection reads instead of states h (n, units), which look back at a source (steps, units)."""
    w = {name.removeprefix("attention."): value for name, value in WEIGHTS.items() if name.startswith("attention.")}
    fit = h @ source.T
    if ATTENTION == "additive":
        both = (h @ w["query_kernel"])[:, None] + source @ w["key_kernel"]
        fit = np.tanh(both) @ w["score_kernel"]
    alpha = np.exp(fit - fit.max(axis=1, keepdims=True))
    alpha = alpha / alpha.sum(axis=1, keepdims=True)
    return np.tanh(alpha @ source @ w["context_kernel"] + h @ w["state_kernel"] + w["bias"])


def decode(source: Array, states: States, most: int) -> list[int]:
    """Symbols of the likeliest hypothesis: BEAM_WIDTH are kept in each step; the last symbol ends one."""
    end = len(WEIGHTS["target_tokens"])
    kept: list[tuple[float, float, list[int]]] = [(0.0, 0.0, [])]  # score, log-probability, symbols
    for t in range(1, most + 1):
        live = [k for k, (_, _, symbols) in enumerate(kept) if end not in symbols]
        if not live:
            break
        logs = scores_of(np.array([(kept[k][2] or [end])[-1] for k in live]), source, states)
        every = [(score, log, symbols, -1) for score, log, symbols in kept if end in symbols]
        for row, k in enumerate(live):
            for symbol in np.argsort(-logs[row], kind="stable")[:BEAM_WIDTH].tolist():
                log = kept[k][1] + logs[row, symbol]
                every.append((log / ((5.0 + t) / 6.0) ** LENGTH_PENALTY, log, [*kept[k][2], symbol], row))
        every = sorted(every, key=lambda one: -one[0])[:BEAM_WIDTH]
        rows = [row for _, _, symbols, row in every if end not in symbols]
        states = [{name: values[rows] for name, values in own.items()} for own in states]
        kept = [(score, log, symbols) for score, log, symbols, _ in every]
    best = next((symbols for _, _, symbols in kept if end in symbols), kept[0][2])
    return best[:-1]
