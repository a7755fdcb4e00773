"""refit="update" equals a loop of fit, update and predict by hand."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from forecastrnn import Conformal, Direct, Seq2Seq
from support.backtest_cases import by_hand, ends_of_series, ragged, same, tiny
from support.forecaster_cases import long_of, monthly

CASES: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {}),
    ({"strategy": Seq2Seq(6)}, {"gap": 2, "step_size": 1}),
    ({"strategy": Direct(6)}, {"gap": 1, "n_windows": 2}),
    ({"intervals": Conformal(horizon=5)}, {"level": 80, "step_size": 3}),
    ({"intervals": Conformal(horizon=5, adaptive=True)}, {"level": 80, "step_size": 2}),
]


@pytest.mark.filterwarnings("ignore:y.* times as far from the values beside it")  # the garbage of the last window
@pytest.mark.parametrize(("model", "options"), CASES)
def test_updates_equal_those_by_hand(model: dict[str, Any], options: dict[str, Any]) -> None:
    y = ragged()
    expected = by_hand(tiny(**model), y, 5, refit=9, update=True, **options)
    found = tiny(**model).cross_validation(y, 5, refit="update", **options)
    same(found, expected)
    first = y.index.isin(ends_of_series(y, options.get("gap", 0) + 5).index)
    garbage = tiny(**model).cross_validation(y.assign(y=y["y"].where(first, 1e6)), 5, refit="update", **options)
    pd.testing.assert_frame_equal(garbage.drop(columns="y"), found.drop(columns="y"), check_exact=True)


def test_updates_are_of_series_that_the_fit_has_seen() -> None:
    y = long_of({"long": monthly(60), "short": monthly(12, 1)})
    with pytest.warns(UserWarning, match="1 of 2 series"):
        cv = tiny().cross_validation(y, 4, n_windows=3, refit="update")
    assert cv["unique_id"].value_counts().to_dict() == {"long": 12}
