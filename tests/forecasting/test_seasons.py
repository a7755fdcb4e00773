"""Several seasons in season_length: their figures are used, kept in files, and refused where they cannot be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.utils._param_validation import InvalidParameterError

from forecastrnn import RNNForecaster
from support.forecaster_cases import mase, quick


def two_seasons(season: int, longer: int, n: int, share: float = 1.0) -> pd.Series:
    """A short figure, a long one of `share` of its size, and little noise."""
    rng, t = np.random.default_rng(0), np.arange(n)
    short, long = 10 * rng.normal(size=season), 10 * share * rng.normal(size=longer)
    return pd.Series(100 + short[t % season] + long[t % longer] + rng.normal(size=n), name="load")


def test_the_second_season_is_used_whatever_its_length() -> None:
    y = two_seasons(4, 48, 400)
    one = quick(season_length=4).fit(y[:-48])
    both = quick(season_length=[4, 48]).fit(y[:-48])
    errors = [mase(y, model.predict(48).to_numpy(), 4) for model in (one, both)]
    assert errors[1] < 0.4 * errors[0]
    assert both.season_length_ == 4 and both._model.tail.prepared.period_of.tolist() == [48]


def test_the_season_that_is_found_anyway_gives_the_same_bits() -> None:
    y = two_seasons(4, 28, 300)
    found, asked = (quick(season_length=season).fit(y).predict(40) for season in (4, [4, 28]))
    np.testing.assert_array_equal(found, asked)
    np.testing.assert_array_equal(quick(season_length=[4]).fit(y).predict(40), found)


def test_seasons_that_are_too_long_for_all_series_are_told_of() -> None:
    y = two_seasons(4, 48, 80)
    with pytest.warns(UserWarning, match="no series has two seasons of 50 steps, so none is learned"):
        quick(season_length=50).fit(y)
    with pytest.warns(UserWarning, match="no series has three seasons of 28 steps, so none is learned"):
        quick(season_length=[4, 28]).fit(y)


def test_a_small_second_season_is_used_if_asked_for() -> None:
    """It lowers the error by less than 7%, for which none is looked for."""
    y = two_seasons(4, 20, 400, 0.06)
    found, asked = (quick(season_length=season).fit(y) for season in (4, [4, 20]))
    assert found._model.tail.prepared.period_of.tolist() == [4]
    assert asked._model.tail.prepared.period_of.tolist() == [20]


def test_seasons_are_kept_in_files_and_for_other_series(tmp_path: Path) -> None:
    y = two_seasons(4, 48, 400)
    model = quick(season_length=[4, 48]).fit(y)
    model.save(tmp_path / "model.rnn")
    again = RNNForecaster.load(tmp_path / "model.rnn")
    assert again.season_length == [4, 48] and again._model.layout == model._model.layout
    for other in (None, y[:300] * 2.0):
        pd.testing.assert_series_equal(again.predict(50, y=other), model.predict(50, y=other), check_exact=True)
    with pytest.raises(ValueError, match="the seasons in season_length must be those of the first fit"):
        model.set_params(warm_start=True, season_length=[4, 24]).fit(y)


@pytest.mark.parametrize("seasons", [[7, 365], [24, 24], [168, 24], [], [1, 7], [24, 168.0], [True, 2], [0], ["day"]])
def test_what_cannot_be_is_refused(seasons: list) -> None:
    with pytest.raises(InvalidParameterError, match=r"season_length.*multiple of the one before, such as \[24, 168\]"):
        quick(season_length=seasons).fit(np.arange(50.0))
