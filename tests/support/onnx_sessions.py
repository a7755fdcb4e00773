"""Forecasters as files of ONNX, and what ONNX Runtime makes of them."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pandas as pd

from forecastrnn import RNNForecaster


def session_of(model: RNNForecaster, **options: Any) -> Any:
    """A session of the file of a model."""
    import onnxruntime as ort

    file = io.BytesIO()
    model.to_onnx(file, **options)
    quiet = ort.SessionOptions()
    quiet.log_severity_level = 4
    return ort.InferenceSession(file.getvalue(), quiet, providers=["CPUExecutionProvider"])


def forecast(session: Any, y: np.ndarray, h: int | None, **others: Any) -> np.ndarray:
    """What it forecasts."""
    given = {"y": np.asarray(y, np.float64)} | ({} if h is None else {"h": np.array([h])})
    return session.run(None, given | {name: np.array(values) for name, values in others.items()})[0]


def near(found: np.ndarray, expected: pd.DataFrame, y: np.ndarray) -> None:
    """To 1e-5 of the spread of each series."""
    away = np.abs(found - expected.to_numpy().T) / np.nanstd(y, axis=1, keepdims=True)
    assert found.shape == expected.shape[::-1] and away.max() < 1e-5, away.max(axis=1)
