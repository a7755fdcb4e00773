"""Losses that say how values are distributed: their medians in ONNX Runtime."""

from __future__ import annotations

import io
from typing import Any

import pandas as pd
import pytest

from forecastrnn import Direct, NegativeBinomial, Poisson, RNNForecaster, Tweedie
from forecastrnn.networks.likelihoods import LIKELIHOODS
from support.exported_cases import OPTIONS, Y
from support.exported_likelihoods import AMOUNTS, COUNTS, Skewed, Unknown
from support.onnx_sessions import forecast, near, session_of

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
pytestmark = pytest.mark.onnx

SINGLE: dict[str, Any] = OPTIONS | {"dtype": "float32", "intervals": None, "max_steps": 20, "n_members": 2}


def check(model: RNNForecaster, y: pd.DataFrame, horizons: tuple[int, ...] = (1, 5)) -> None:
    """Of other lengths and horizons than those of fit."""
    session, values = session_of(model.fit(y[:88])), y.to_numpy().T
    for h in horizons:
        near(forecast(session, values, h), model.predict(h, y=y), values)
    near(forecast(session, values[1:, 9:], 3), model.predict(3, y=y.iloc[9:, 1:]), values[1:])


@pytest.mark.parametrize("strategy", ["recursive", Direct(5), "seq2seq"], ids=["recursive", "direct", "seq2seq"])
@pytest.mark.parametrize("loss", ["gaussian", "student_t", "quantile", "skewed"])
def test_real_values(loss: str, strategy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LIKELIHOODS, "skewed", Skewed)
    check(RNNForecaster(**SINGLE | {"loss": loss, "strategy": strategy}), Y)


@pytest.mark.parametrize("strategy", ["recursive", Direct(5)], ids=["recursive", "direct"])
@pytest.mark.parametrize(
    "loss", [Poisson(), Poisson(zero_inflated=True), NegativeBinomial(), NegativeBinomial(zero_inflated=True)], ids=str
)
def test_counts(loss: Any, strategy: Any) -> None:
    """Of few, which stay as they are, and of many, which become logarithms, or have a mean of more than 2000."""
    check(RNNForecaster(**SINGLE | {"loss": loss, "strategy": strategy}), COUNTS)


@pytest.mark.parametrize("strategy", ["recursive", Direct(5)], ids=["recursive", "direct"])
def test_amounts(strategy: Any) -> None:
    """Of few pieces, which is often 0, and of more than the search is for."""
    check(RNNForecaster(**SINGLE | {"loss": Tweedie(1.4), "strategy": strategy, "max_steps": 80}), AMOUNTS, (1, 3))


def test_what_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LIKELIHOODS, "unknown", Unknown)
    model = RNNForecaster(**SINGLE | {"loss": "gaussian", "intervals": "conformal"}).fit(Y)
    file = io.BytesIO()
    with pytest.raises(
        ValueError, match="paths drawn from it; fit with loss='absolute_error', use export_numpy, .*, or set level=None"
    ):
        model.to_onnx(file, level=80)
    model = RNNForecaster(**SINGLE | {"loss": "unknown", "n_members": 1}).fit(Y)
    with pytest.raises(ValueError, match="the median of Unknown needs normal_quantile.* or use export_numpy"):
        model.to_onnx(file)
    assert file.getvalue() == b""
