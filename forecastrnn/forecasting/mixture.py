"""What networks are mixed with: which candidates, and by which weights."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from forecastrnn.engine.cpu.mixing import mix
from forecastrnn.forecasting.candidates.candidate import Candidate, KnownSeries
from forecastrnn.forecasting.candidates.candidate_ends import CandidateEnds
from forecastrnn.forecasting.every_candidate import CANDIDATES

NETWORK = "network"


@dataclass(frozen=True, kw_only=True, eq=False)
class Mixture:
    """Candidates by their names; usual (1 + k,) : weights of networks and of these in series that fit has not seen."""

    names: tuple[str, ...]
    usual: np.ndarray

    @cached_property
    def candidates(self) -> list[Candidate]:
        """Themselves."""
        return [CANDIDATES[name] for name in self.names]

    def begin(
        self, series: KnownSeries, rows: np.ndarray, weights: np.ndarray, *, are_kept: bool = False
    ) -> CandidateEnds:  # fmt: skip
        """Behind the ends of series; rows (n_series,) : their weights (n, 1 + k) in fit, n: it has not had them.

        are_kept : also of candidates that count nothing in a series; otherwise some other state stands there.
        """
        own = np.concatenate([weights, self.usual[None]])[rows]
        counts = (own[:, 1:] > 0.0).T | are_kept
        states = tuple(_begun(one, series, where) for one, where in zip(self.candidates, counts, strict=True))
        return CandidateEnds(weights=own, states=states)

    def behind(
        self, ends: CandidateEnds, values: np.ndarray, offsets: np.ndarray, rows: np.ndarray
    ) -> CandidateEnds:  # fmt: skip
        """Behind new values, as `Candidate.behind` has them; one that counts nowhere stays where it is."""
        each = zip(self.candidates, ends.states, ends.counts, strict=True)
        moved = tuple(one.behind(states, values, offsets, rows) if counts else states for one, states, counts in each)
        return CandidateEnds(weights=ends.weights, states=moved)

    def forecasts(self, ends: CandidateEnds, h: int) -> np.ndarray:
        """Those of each candidate: (k, n_series, h); of one that counts nowhere 0."""
        found = np.zeros((len(self.names), len(ends.weights), h))
        for k in np.flatnonzero(ends.counts):
            found[k] = self.candidates[k].ahead(ends.states[k], h)
        return found

    def mixed(self, network: np.ndarray, ends: CandidateEnds, positive: np.ndarray) -> np.ndarray:
        """Forecasts (n_series, h) of the networks mixed with those of candidates; positive (n_series,) : which are."""
        out = np.empty_like(network, dtype=float)
        h: int = network.shape[1]
        found, middle = self.forecasts(ends, h), np.zeros(len(out), bool)
        for k in np.flatnonzero(ends.counts):
            if self.candidates[k].is_median:
                middle |= np.isfinite(found[k, :, 0]) & (ends.weights[:, 1 + k] > 0.0)
        mix(np.ascontiguousarray(network, float), found, ends.weights, (positive, middle), out)
        return out


def _begun(candidate: Candidate, series: KnownSeries, where: np.ndarray) -> np.ndarray:
    """States behind the ends of series; one that is not asked for, `where` (n_series,), is that of a series before.

    To begin is most of the cost of a candidate, and in panels one that is far worse than others counts in few series.
    """
    if where.all():
        return candidate.begin(series)
    where = where.copy()
    where[0] = True  # so that there is one
    return candidate.begin(series.take(np.flatnonzero(where)))[np.cumsum(where) - 1]
