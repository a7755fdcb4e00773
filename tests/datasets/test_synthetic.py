"""Synthetic series: seeded, finite, and of the kinds that they are said to be."""

from __future__ import annotations

import numpy as np
import pytest

from forecastrnn.datasets import make_series
from forecastrnn.datasets.synthetic.draws import autoregression, filtered, smooth, unit
from forecastrnn.datasets.synthetic.seasons import longer, repeated


def test_a_seed_draws_the_same_series() -> None:
    one, same, other = (make_series(20, 60, 4, random_state=seed) for seed in (5, 5, 6))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize("season", [1, 4, 7, 12, 24, 48, 52])
@pytest.mark.parametrize("length", [2, 17, 300])
def test_values_are_finite_or_missing(season: int, length: int) -> None:
    values = make_series(150, length, season, random_state=season).to_numpy()
    assert values.shape == (length, 150)
    assert not np.isinf(values).any() and np.isfinite(values[0]).all()
    assert np.isnan(values).mean() < 0.05


def test_there_are_all_kinds() -> None:
    values = make_series(1000, 120, 12, random_state=0).to_numpy()
    lowest, is_whole = np.nanmin(values, axis=0), (np.isnan(values) | (values == np.round(values))).all(axis=0)
    shares = {
        "positive": (lowest > 0).mean(), "negative": (lowest < 0).mean(), "counts": is_whole.mean(),
        "zeros": ((values == 0).mean(axis=0) > 0.3).mean(), "gaps": np.isnan(values).any(axis=0).mean(),
    }  # fmt: skip
    assert {name: share > 0.02 for name, share in shares.items()} == dict.fromkeys(shares, True)


def test_most_series_have_the_season() -> None:
    values = make_series(400, 240, 12, random_state=1).interpolate(limit_direction="both").to_numpy().T
    change, season = (np.abs(values[:, lag:] - values[:, :-lag]).mean(axis=1) for lag in (6, 12))
    assert (season < 0.9 * change).mean() > 0.4
    values = make_series(400, 240, 1, random_state=1).interpolate(limit_direction="both").to_numpy().T
    change, season = (np.abs(values[:, lag:] - values[:, :-lag]).mean(axis=1) for lag in (6, 12))
    assert (season < 0.9 * change).mean() < 0.2


def test_a_figure_repeats_and_a_week_lies_on_days() -> None:
    rng = np.random.default_rng(0)
    figure = repeated(rng, 5, 72, 24)
    np.testing.assert_array_equal(figure[:, :48], figure[:, 24:])
    week = longer(rng, repeated(rng, 5, 24 * 21, 24), 24 * 21, 24)
    np.testing.assert_allclose(week[:, : 24 * 14], week[:, 24 * 7 :], atol=1e-12)


def test_filters_are_sums_of_responses() -> None:
    rng = np.random.default_rng(0)
    shocks, response = rng.standard_normal((2, 9)), rng.standard_normal((2, 9))
    naive = [[sum(response[i, k] * shocks[i, t - k] for k in range(t + 1)) for t in range(9)] for i in range(2)]
    np.testing.assert_allclose(filtered(shocks, response), naive, atol=1e-12)


def test_paths_have_the_sizes_that_they_should() -> None:
    rng = np.random.default_rng(0)
    np.testing.assert_allclose(np.abs(unit(rng.standard_normal((4, 50)))).mean(axis=1), 1.0, rtol=1e-6)
    assert (unit(np.full((1, 9), 3.0)) == 0.0).all()
    assert abs(smooth(rng, 2000, 50, 1.0, 10.0).var() - 1.0) < 0.1
    slow = autoregression(rng, 200, 400, 50.0, 60.0)
    assert np.corrcoef(slow[:, 300], slow[:, 301])[0, 1] > 0.95


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_series": 0}, r"n_series must be an integer in \[1, 1000000\]. Got 0"),
        ({"length": 1.5}, r"length must be an integer in \[2, 100000\]. Got 1.5"),
        ({"season_length": True}, r"season_length must be an integer in \[1, 10000\]. Got True"),
    ],
)
def test_wrong_numbers_are_refused(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make_series(**options)
