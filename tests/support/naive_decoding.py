"""The oracle of decoding: greedy, beam and exhaustive search in plain Python over a table or function of scores.

`scores(prefix)` gives the scores (V,) behind a tuple of symbols; the last symbol ends a hypothesis. A hypothesis is
(score, log-probability, symbols, whether it has ended), its symbols with the last one where it has.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np

from support import naive

Scores = Callable[[tuple[int, ...]], np.ndarray]
Hypothesis = tuple[float, float, tuple[int, ...], bool]


def log_softmax(scores: np.ndarray) -> np.ndarray:
    """Logs of probabilities, in float64."""
    scores = np.asarray(scores, np.float64)
    return scores - np.logaddexp.reduce(scores)


def penalty(length: int, alpha: float) -> float:
    """Wu et al. (2016), arXiv:1609.08144, equation 14."""
    return ((5 + length) / 6) ** alpha


def log_probability(scores: Scores, symbols: tuple[int, ...]) -> float:
    """Of these symbols, one behind the other."""
    return sum(log_softmax(scores(symbols[:t]))[symbol] for t, symbol in enumerate(symbols))


def greedy(scores: Scores, most: int) -> Hypothesis:
    """The most probable symbol in each step, the first of equal ones."""
    symbols, total = (), 0.0
    for _ in range(most):
        logs = log_softmax(scores(symbols))
        best = int(np.argmax(logs))
        symbols, total = (*symbols, best), total + logs[best]
        if best == len(logs) - 1:
            return total, total, symbols, True
    return total, total, symbols, False


def beam(scores: Scores, width: int, most: int, alpha: float = 0.0) -> list[Hypothesis]:
    """The `width` best hypotheses in each step among ended ones and all continuations; runs to the last step."""
    kept: list[Hypothesis] = [(0.0, 0.0, (), False)]
    for t in range(1, most + 1):
        found = []
        for score, total, symbols, ended in kept:
            if ended:
                found.append((score, total, symbols, True))
                continue
            logs = log_softmax(scores(symbols))
            for v, log in enumerate(logs):
                both = (total + log) / penalty(t, alpha), total + log
                found.append((*both, (*symbols, v), v == len(logs) - 1))
        kept = sorted(found, key=lambda h: -h[0])[:width]  # a stable sort: equal ones keep their order
    return kept


def chosen(kept: list[Hypothesis]) -> Hypothesis:
    """The best that has ended, else the best."""
    return next((h for h in kept if h[3]), kept[0])


def all_ended(scores: Scores, n_symbols: int, most: int) -> dict[tuple[int, ...], float]:
    """Log-probability of every ended hypothesis of at most `most` symbols."""
    found: dict[tuple[int, ...], float] = {}
    for length in range(most):
        for symbols in product(range(n_symbols - 1), repeat=length):
            ended = (*symbols, n_symbols - 1)
            found[ended] = log_probability(scores, ended)
    return found


def markov(table: Any) -> Scores:
    """Scores that depend on the last symbol alone; table (V, V), its last row for the begin."""
    return lambda prefix: np.asarray(table)[prefix[-1] if prefix else -1]


# An encoder-decoder: scores behind a prefix, by the whole decoder run anew. `weights`: all parameters by name.


def layer_weights(weights: dict[str, np.ndarray], part: str, number: int) -> Any:
    """Weights of a layer as `naive.run` reads them; both directions' in a pair."""
    start = f"{part}.layers.{number}."
    own = {name.removeprefix(start): w for name, w in weights.items() if name.startswith(start)}
    back = {name.removeprefix("reverse."): w for name, w in own.items() if name.startswith("reverse.")}
    ahead = {name: w for name, w in own.items() if not name.startswith("reverse.")}
    return (ahead, back) if back else ahead


def attend(weights: dict[str, np.ndarray], kind: str, h: np.ndarray, source: np.ndarray) -> tuple[np.ndarray, ...]:
    """What the projection reads instead of h (units,), and the weights of source (steps, units)."""
    w = {name.removeprefix("attention."): value for name, value in weights.items() if name.startswith("attention.")}
    if kind == "dot":
        scores = source @ h
    else:
        scores = np.tanh(h @ w["query_kernel"] + source @ w["key_kernel"]) @ w["score_kernel"]
    alpha = np.exp(log_softmax(scores))
    return np.tanh(alpha @ source @ w["context_kernel"] + h @ w["state_kernel"] + w["bias"]), alpha


def joined_states(states: list[Any], both: bool, name: str) -> list[Any]:
    """The decoder's first states from the encoder's final ones."""
    if not both:
        return states
    if name == "lstm":
        return [tuple(np.concatenate(pair, axis=1) for pair in zip(*state, strict=True)) for state in states]
    return [np.concatenate(state, axis=1) for state in states]


class Translator:
    """The oracle of one source: `scores` of the next symbol, and `attention` behind a prefix."""

    def __init__(
        self, weights: dict[str, np.ndarray], cell: naive.Cell, layers: int, codes: list[int], attention: str | None,
        both: bool = False,
    ) -> None:  # fmt: skip
        self.weights = {name: np.asarray(w, np.float64) for name, w in weights.items()}
        self.attention_kind, self.cells = attention, [cell] * layers
        self.layers = [layer_weights(self.weights, "decoder", k) for k in range(layers)]
        x = self.weights["encoder.embeddings.0.vectors"][codes][None]
        own = [layer_weights(self.weights, "encoder", k) for k in range(layers)]
        cells = [("bidirectional", cell)] * layers if both else self.cells
        outputs, states, _ = naive.run_stack(cells, own, x)
        self.source, self.states = outputs[0], joined_states(states, both, cell[0])

    def _read(self, prefix: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray | None]:
        """What the projection reads behind a prefix, and the weights of attention."""
        table = self.weights["decoder.embeddings.0.vectors"]
        x = table[[len(self.weights["decoder.output.bias"]) - 1, *prefix]][None]
        h = naive.run_stack(self.cells, self.layers, x, self.states)[0][0, -1]
        return attend(self.weights, self.attention_kind, h, self.source) if self.attention_kind else (h, None)

    def scores(self, prefix: tuple[int, ...]) -> np.ndarray:
        """Of all symbols behind a prefix."""
        return self._read(prefix)[0] @ self.weights["decoder.output.kernel"] + self.weights["decoder.output.bias"]

    def attention(self, prefix: tuple[int, ...]) -> np.ndarray | None:
        """The weights of the source's steps behind a prefix."""
        return self._read(prefix)[1]
