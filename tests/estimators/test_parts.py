"""What is done part by part, so that Ctrl-C is heard and little memory is taken, has the bits of the whole."""

from __future__ import annotations

import numpy as np
import pytest

from forecastrnn.data import standardize, tokens
from forecastrnn.forecasting import model as forecasting_model
from support.forecaster_cases import monthly, quick

PARTS = (1, 7, 40)


@pytest.mark.parametrize("options", [{}, {"candidates": "auto"}, {"loss": "gaussian"}], ids=["alone", "mixed", "drawn"])
def test_sample_paths(options: dict[str, object], monkeypatch: pytest.MonkeyPatch) -> None:
    model = quick(n_members=2, intervals="conformal", **options).fit(monthly(60))
    for calibrated in (False, True):
        monkeypatch.setattr(forecasting_model, "AT_ONCE", 2**22)
        whole = model.sample_paths(5, 9, calibrated=calibrated, random_state=0)
        for size in PARTS:
            monkeypatch.setattr(forecasting_model, "AT_ONCE", size)
            parts = model.sample_paths(5, 9, calibrated=calibrated, random_state=0)
            np.testing.assert_array_equal(parts, whole)


@pytest.mark.parametrize("size", PARTS)
def test_standardised_columns(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(0).standard_normal((30, 3)).astype(np.float32)
    scaler = standardize.ArrayScaler.fit(values)
    whole = scaler.transform(values)
    back = scaler.inverse(whole)
    monkeypatch.setattr(standardize, "BLOCK", size)
    parts = scaler.transform(values)
    assert parts.dtype == whole.dtype
    np.testing.assert_array_equal(parts, whole)
    np.testing.assert_array_equal(scaler.inverse(parts), back)


@pytest.mark.parametrize("size", PARTS)
def test_written_tokens(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    codes, lengths = np.array([[0, 1, 2], [2, 0, 0], [1, 1, 0]]), np.array([3, 1, 2])
    monkeypatch.setattr(tokens, "AT_ONCE", size)
    assert tokens.written(codes, lengths, np.array(["a", "b", "c"]), True) == ["abc", "c", "bb"]
    assert tokens.written(codes, lengths, np.array([4, 5, 6]), False) == [[4, 5, 6], [6], [5, 5]]
