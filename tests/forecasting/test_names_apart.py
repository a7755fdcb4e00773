"""No column of a forecast has the name of another, and a series is not taken for one of another type of name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecastrnn import RNNForecaster
from support.forecaster_cases import quick

DAYS = pd.date_range("2024-01-01", periods=40)
SMALL: dict[str, Any] = {"hidden_layer_sizes": 3, "max_steps": 1, "season_length": 7}


def long_of(id_col: str = "unique_id", time_col: str = "ds", target_col: str = "y") -> pd.DataFrame:
    values = 50.0 + np.arange(80) % 7
    return pd.DataFrame({id_col: np.repeat(["a", "b"], 40), time_col: [*DAYS, *DAYS], target_col: values})


def fitted(**columns: str) -> RNNForecaster:
    return quick(**SMALL, intervals="paths").fit(long_of(**columns), **columns)


def test_columns_of_paths() -> None:
    with pytest.raises(ValueError, match="sample_paths: two columns would be called 'path'"):
        fitted(id_col="path").sample_paths(1, 2, calibrated=False)
    stacked = long_of().set_index(["unique_id", "ds"])["y"].rename_axis(["RNN", "ds"])
    with pytest.raises(ValueError, match="sample_paths: two columns would be called 'RNN'"):
        quick(**SMALL, intervals="paths").fit(stacked).sample_paths(1, 2, calibrated=False)


@pytest.mark.parametrize("alias", ["ds", "unique_id"])
def test_an_alias_that_is_set_behind_fit(alias: str) -> None:
    with pytest.raises(ValueError, match=f"two columns would be called {alias!r}.*another alias"):
        fitted().set_params(alias=alias).predict(1)


@pytest.mark.parametrize(
    ("columns", "alias"), [({"target_col": "RNN-lo-80"}, "RNN"), ({}, "cutoff"), ({}, "y"), ({}, "Naive-lo-80")]
)
def test_columns_of_a_backtest(columns: dict[str, str], alias: str) -> None:
    model = quick(**SMALL, intervals="paths", alias=alias)
    with pytest.raises(ValueError, match="cross_validation: two columns would be called"):
        model.cross_validation(long_of(**columns), 2, n_windows=1, level=80, baselines="naive", **columns)


def test_a_name_of_another_type_is_told_of() -> None:
    y = pd.DataFrame({1: 50.0 + np.arange(40) % 7, 2: 60.0 + np.arange(40) % 5}, DAYS)
    model = quick(**SMALL, id_embedding_dim=2).fit(y)
    with pytest.warns(UserWarning, match="no series of fit is called '1', but one is called 1"):
        model.predict(1, y=y.rename(columns=str))
    model.predict(1, y=y.rename(columns={1: 3, 2: 4}))
    model.predict(1, y=y)
