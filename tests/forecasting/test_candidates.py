"""What holds for every candidate: new values in pieces, gaps, hard series, series one by one."""

from __future__ import annotations

import numpy as np
import pytest

from forecastrnn.forecasting.every_candidate import CANDIDATES
from forecastrnn.forecasting.mixture import Mixture
from support.candidate_cases import hard, known, usual, with_gaps

REACH = 3.0  # ranges of a series that a forecast may lie beyond it

every = pytest.mark.parametrize("candidate", CANDIDATES.values(), ids=CANDIDATES)


@every
def test_pieces_equal_one_call(candidate) -> None:
    rng = np.random.default_rng(0)
    series = usual(rng)
    begun = candidate.begin(series)
    kept = begun.copy()
    rows, counts = np.array([4, 0, 2]), np.array([5, 0, 17])
    values = with_gaps(rng.poisson(3.0, 22).astype(float), rng, 0.3)
    offsets = np.concatenate([[0], np.cumsum(counts)])
    at_once = candidate.behind(begun, values, offsets, rows)
    np.testing.assert_array_equal(begun, kept)
    by_one = begun
    for k, row in enumerate(rows):
        for t in range(offsets[k], offsets[k + 1]):
            by_one = candidate.behind(by_one, values[t : t + 1], np.array([0, 1]), np.array([row]))
    np.testing.assert_array_equal(at_once, by_one)
    np.testing.assert_array_equal(np.delete(at_once, rows, axis=0), np.delete(kept, rows, axis=0))
    assert not np.array_equal(at_once, begun, equal_nan=True)


@every
def test_a_series_has_its_own_forecast(candidate) -> None:
    series = usual(np.random.default_rng(1))
    together = candidate.ahead(candidate.begin(series), 30)
    assert together.shape == (series.n_series, 30)
    np.testing.assert_array_equal(together[:, :7], candidate.ahead(candidate.begin(series), 7))
    for i, (lo, hi) in enumerate(zip(series.offsets, series.offsets[1:])):
        alone = known(series.values[lo:hi], periods=[series.periods[i]])
        np.testing.assert_array_equal(together[i], candidate.ahead(candidate.begin(alone), 30)[0])
    assert np.isfinite(together).all(axis=1).any()


def test_a_candidate_is_begun_only_where_it_counts() -> None:
    """Elsewhere some other state stands, and no forecast is another one; what a model keeps is whole."""
    series = usual(np.random.default_rng(1))
    mixture = Mixture(names=tuple(CANDIDATES), usual=np.ones(1 + len(CANDIDATES)))
    weights = np.random.default_rng(0).integers(0, 2, (series.n_series, 1 + len(CANDIDATES))).astype(float)
    weights[:, 1:4] = [[0, 1, 0]]
    rows, network, positive = np.arange(series.n_series), np.ones((series.n_series, 20)), np.zeros(6, bool)
    whole = mixture.begin(series, rows, weights, are_kept=True)
    some = mixture.begin(series, rows, weights)
    np.testing.assert_array_equal(mixture.mixed(network, some, positive), mixture.mixed(network, whole, positive))
    for candidate, states in zip(mixture.candidates, whole.states, strict=True):
        np.testing.assert_array_equal(states, candidate.begin(series))
    for candidate, states, counts in zip(mixture.candidates, some.states, weights[:, 1:].T, strict=True):
        assert len(states) == series.n_series and candidate.is_sound(states)
        unlike = (candidate.ahead(states, 5) != candidate.ahead(candidate.begin(series), 5)).any(axis=1)
        assert not (unlike & (counts > 0) & np.isfinite(candidate.ahead(states, 5)).all(axis=1)).any()
        assert unlike[1:].any() or counts[1:].any()


@every
@pytest.mark.parametrize("season", [1, 4, 12, 5000])
def test_hard_series_stay_within_reach(candidate, season: int) -> None:
    series = hard(season)
    states = candidate.begin(series)
    assert states.shape[1] < 300 or (candidate.name, season) == ("pretrained", 5000)
    new = np.tile([np.nan, 1.0, -1.0, 1e300, 1e-300, 0.0], series.n_series)
    moved = candidate.behind(states, new, np.arange(series.n_series + 1) * 6, np.arange(series.n_series))
    assert candidate.is_sound(states) and candidate.is_sound(moved)
    ahead = candidate.ahead(states, 10_000)
    absent = np.isnan(ahead).all(axis=1)  # it forecasts other series
    assert np.isfinite(candidate.ahead(moved, 100)[~absent]).all() and np.isfinite(ahead[~absent]).all()
    for path, lo, hi in zip(ahead[~absent], series.offsets[:-1][~absent], series.offsets[1:][~absent]):
        y = series.values[lo:hi] / 16.0
        low, high = np.nanmin(y), np.nanmax(y)
        slack = REACH * (high - low) + 1e-9 * max(abs(low), abs(high))
        assert (path / 16.0 >= low - slack).all() and (path / 16.0 <= high + slack).all()


@pytest.mark.parametrize("name", CANDIDATES)
def test_states_are_those_that_a_file_may_have(name: str) -> None:
    """Of any series, and behind new values of some; a state with a number that is not one is refused."""
    candidate = CANDIDATES[name]
    for series in (hard(), usual(np.random.default_rng(0)), hard(season=1)):
        states = candidate.begin(series)
        assert candidate.is_sound(states)
        moved = candidate.behind(states, np.array([1.0, 2.0, 3.0]), np.array([0, 2, 3]), np.array([0, 2]))
        assert candidate.is_sound(moved)
        for wrong in (np.nan, 0.5, -2.0, 1e9):
            broken = states.copy()
            broken[0, 0] = wrong  # a place, a period, or a kind of line
            assert not candidate.is_sound(broken)
