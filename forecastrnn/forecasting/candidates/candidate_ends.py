"""Candidates at the ends of series: how much each counts, and its state there."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np


@dataclass(frozen=True, kw_only=True, eq=False)
class CandidateEnds:
    """Candidates at the ends of series.

    weights (n_series, 1 + k) : of the networks, and of each candidate; states : of each candidate, (n_series, width).
    """

    weights: np.ndarray
    states: tuple[np.ndarray, ...]

    @cached_property
    def counts(self) -> np.ndarray:
        """Which candidates (k,) count in some series."""
        return np.asarray((self.weights[:, 1:] > 0.0).any(axis=0))

    def take(self, rows: np.ndarray) -> CandidateEnds:
        """Those of some series."""
        return CandidateEnds(weights=self.weights[rows], states=tuple(states[rows] for states in self.states))
