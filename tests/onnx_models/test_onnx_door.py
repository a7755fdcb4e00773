"""What `to_onnx` says before it writes anything."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from forecastrnn import RNNRegressor
from forecastrnn.forecasting.every_candidate import CANDIDATES
from forecastrnn.onnx_models.mixing import KNOWN


def test_what_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotFittedError, match="not fitted"):
        RNNRegressor().to_onnx(tmp_path / "model.onnx")
    X = np.sin(np.arange(60.0)).reshape(10, 6, 1)
    model = RNNRegressor(hidden_layer_sizes=2, max_iter=1).fit(X, X[:, 0, 0])
    with pytest.raises(TypeError, match="path must be"):
        model.to_onnx(3)
    with pytest.raises(FileNotFoundError, match="no such directory"):
        model.to_onnx(tmp_path / "none" / "model.onnx")
    monkeypatch.setitem(sys.modules, "onnx.helper", None)
    with pytest.raises(ImportError, match=r'pip install "forecastrnn\[onnx\]"'):
        model.to_onnx(tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())


def test_every_candidate_has_a_formula_in_graphs() -> None:
    assert sorted(KNOWN) == sorted(CANDIDATES)
