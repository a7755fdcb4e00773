"""The oracle of decoding: greedy, beam and exhaustive search in plain Python over a table or function of scores.

`scores(prefix)` gives the scores (V,) behind a tuple of symbols; the last symbol ends a hypothesis. A hypothesis is
(score, log-probability, symbols, whether it has ended), its symbols with the last one where it has.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np

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
