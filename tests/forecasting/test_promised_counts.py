"""The promise of mean forecasts of counts: right sums, near the expectation, never below 0, bands that cover."""

from __future__ import annotations

import pytest

from benchmarks.counts import WEEKS, measure

# How far the forecasts of statsforecast 2.1.1's AutoETS are from the expectation, over its mean.
AUTO_ETS = {
    ("poisson", 0.3): 0.267, ("poisson", 0.8): 0.114, ("poisson", 3.0): 0.057, ("poisson", 30.0): 0.022,
    ("negative binomial", 0.3): 0.230, ("negative binomial", 0.8): 0.158, ("negative binomial", 3.0): 0.091,
    ("negative binomial", 30.0): 0.090,
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("kind, mean", AUTO_ETS)
def test_sums_distance_and_coverage(kind: str, mean: float) -> None:
    """Weeks within 5%; at most 1.3 times as far from the expectation as AutoETS; 76% to 86% in a band of 80%."""
    found = measure(kind, mean)
    assert all(abs(found[week] - 1) < 0.05 for week in WEEKS), found
    assert found["RMSE"] <= 1.3 * AUTO_ETS[kind, mean], found
    assert found["least"] >= 0 and 76 <= found["cover 80"] <= 86, found
