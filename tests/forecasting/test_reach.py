"""Values that a series cannot have had are refused, and forecasts that are no numbers are errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecastrnn import RNNRegressor
from forecastrnn.forecasting.model import Model
from support.forecaster_cases import quick

DAYS = pd.date_range("2024-01-01", periods=61)
Y = pd.Series(50.0 + 10.0 * np.sin(np.arange(60) * 2 * np.pi / 7), DAYS[:60], name="s")
SMALL: dict[str, Any] = {"hidden_layer_sizes": 4, "max_steps": 3, "season_length": 7}
KINDS: dict[str, dict] = {"logarithms": {}, "plain": {"loss": "squared_error", "long_run_mean": True}}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("value", [1e300, 1e20, -1e20, 1e-300])
def test_values_out_of_reach_are_refused(kind: str, value: float) -> None:
    y = Y if kind == "logarithms" else Y - 50.0
    model = quick(**SMALL, **KINDS[kind]).fit(y)
    stream, before = model.stream(), model.predict(3)
    if value == 1e-300:  # near to 0, or read as a hundredth of the level
        assert np.isfinite(stream.step(value))
        return
    with pytest.raises(ValueError, match="out of reach|must be positive"):
        stream.step(value)
    with pytest.raises(ValueError, match="series 's' has .* out of reach|were positive"):
        model.update(pd.Series([value], DAYS[60:]))
    pd.testing.assert_series_equal(model.predict(3), before, check_exact=True)
    assert stream.forecast == pytest.approx(before.iloc[0], rel=1e-5)
    assert abs(stream.step(51.0)) < 1e3


@pytest.mark.parametrize("value", [np.inf, np.nan])
def test_forecasts_that_are_no_numbers_are_errors(value: float, monkeypatch: pytest.MonkeyPatch) -> None:
    model = quick(**SMALL).fit(Y)
    forecasts = np.array([[50.0, value, 50.0]])
    monkeypatch.setattr(Model, "network_median", lambda *_, **__: forecasts)
    with pytest.raises(ValueError, match=r"predict: series 's': the forecast of step 2 is no finite number.*unit"):
        model.predict(3)
    monkeypatch.setattr(Model, "draw", lambda *_, **__: forecasts[None])
    with pytest.raises(ValueError, match=r"sample_paths: series 's': the forecast of step 2"):
        model.sample_paths(3, 1, calibrated=False)


@pytest.mark.parametrize("dtype", ["float32", "auto"])
def test_inputs_that_the_type_cannot_hold_are_errors(dtype: str) -> None:
    X = np.random.default_rng(0).standard_normal((8, 5, 1)) * 1e-9
    model = RNNRegressor(cell="gru", hidden_layer_sizes=3, max_iter=1, random_state=0, dtype=dtype).fit(X, X)
    far = X.copy()
    far[3, 2, 0] = 1e32
    if dtype == "auto":  # computed in float64
        assert np.isfinite(model.predict(far)).all()
        far[3, 2, 0] = 1e308
    with np.errstate(over="ignore"), pytest.raises(ValueError, match=r"too large for float\d\d.*at index \[3, 2, 0\]"):
        model.predict(far)
    with np.errstate(over="ignore"), pytest.raises(ValueError, match="prompt contains a value too large"):
        model.generate(2, prompt=far[3])


def test_two_columns_of_one_name_are_refused() -> None:
    model = quick(**SMALL, intervals="paths").fit(Y)
    with pytest.raises(ValueError, match="two columns 'RNN-lo-80'"):
        model.predict(2, level=[80, 80.0000001])
