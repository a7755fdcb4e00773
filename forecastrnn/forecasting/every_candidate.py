"""All candidates by name, in the order in which they are mixed."""

from __future__ import annotations

import copyreg
from collections.abc import Sequence

from forecastrnn.forecasting.candidates.autoregression import AUTOREGRESSION
from forecastrnn.forecasting.candidates.candidate import Candidate
from forecastrnn.forecasting.candidates.damped_trend import DAMPED_TREND
from forecastrnn.forecasting.candidates.recent_median import RECENT_MEDIAN, RECENT_MEDIAN_ROUNDED
from forecastrnn.forecasting.candidates.season_ago import SEASON_AGO, SECOND_SEASON_AGO
from forecastrnn.forecasting.candidates.seasonal_changes import SEASONAL_CHANGES
from forecastrnn.forecasting.candidates.theta import THETA
from forecastrnn.forecasting.pretrained_candidate import PRETRAINED

CANDIDATES: dict[str, Candidate] = {
    candidate.name: candidate
    for candidate in (
        DAMPED_TREND, THETA, AUTOREGRESSION, SEASONAL_CHANGES, SEASON_AGO, SECOND_SEASON_AGO, RECENT_MEDIAN,
        RECENT_MEDIAN_ROUNDED, PRETRAINED,
    )
}  # fmt: skip


def are_candidates(names: Sequence[object]) -> bool:
    """Whether these are names of candidates, one at least and each once."""
    known = all(isinstance(name, str) and name in CANDIDATES for name in names)
    return len(names) > 0 and known and len(set(names)) == len(names)


def named(name: str) -> Candidate:
    """The candidate of this name."""
    return CANDIDATES[name]


copyreg.pickle(Candidate, lambda one: (named, (one.name,)))  # compiled functions go into no pickle, a name does
