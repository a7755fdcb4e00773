"""Series that are often zero: forecasts are mixed by their weighted median."""

from __future__ import annotations

import numpy as np

from forecastrnn.forecasting.candidates.candidate import KnownSeries
from forecastrnn.forecasting.candidates.candidate_ends import CandidateEnds
from forecastrnn.forecasting.mixture import Mixture
from support.candidate_cases import known

NAMES = ("season_ago", "recent_median")


def ends_of(series: KnownSeries, weights: list[list[float]]) -> tuple[Mixture, CandidateEnds]:
    mixture = Mixture(names=NAMES, usual=np.ones(3))
    return mixture, mixture.begin(series, np.arange(series.n_series), np.array(weights))


def test_the_median_is_taken_where_values_are_mostly_zero() -> None:
    zeros = np.tile([0.0, 0.0, 0.0, 7.0], 6)
    mixture, ends = ends_of(
        known(zeros, zeros, zeros + 1.0, season=4), [[0.5, 0.1, 0.4], [0.6, 0.1, 0.3], [0.5, 0.5, 0.0]]
    )
    network = np.full((3, 4), 2.0)
    found = mixture.mixed(network, ends, np.array([False, False, True]))
    assert found[0].tolist() == [0.0, 0.0, 0.0, 2.0]  # of 2, 0 or 7, and 0
    assert found[1].tolist() == [2.0] * 4
    assert found[2].tolist() == [1.5, 1.5, 1.5, 5.0]  # a mean, of 2 and 1 or 8


def test_equals_a_slow_median() -> None:
    rng = np.random.default_rng(0)
    zeros = [np.where(rng.random(24) < 0.45, rng.integers(1, 9, 24), 0).astype(float) for _ in range(50)]
    weights = rng.dirichlet(np.ones(3), 50)
    mixture, ends = ends_of(known(*zeros, season=6), weights.tolist())
    network = rng.normal(2.0, 2.0, size=(50, 9))
    found = mixture.mixed(network, ends, np.zeros(50, bool))
    every = np.concatenate([network[None], mixture.forecasts(ends, 9)])
    for i in range(50):
        if np.isnan(every[2, i, 0]):
            every[2, i] = network[i]
            np.testing.assert_allclose(found[i], weights[i] @ every[:, i], rtol=1e-12)
            continue
        for j in range(9):
            order = np.argsort(every[:, i, j], kind="stable")
            reached = np.cumsum(weights[i, order]) >= 0.5
            assert found[i, j] == every[order[np.argmax(reached)], i, j]
