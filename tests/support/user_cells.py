"""Cells in a file that nothing else knows, and what is done with every cell."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd

from forecastrnn import Direct, Dropout, RNNClassifier, RNNForecaster, RNNRegressor, RNNSeq2Seq, Seq2Seq, Truncated

MODULE = "a_users_cells"
SOURCE = Path(__file__).with_name("users_file.py").read_text(encoding="utf-8")


@contextmanager
def user_module(folder: Path, source: str = SOURCE, name: str = MODULE) -> Iterator[ModuleType]:
    """The file in a folder of the user's, imported for a while."""
    (folder / f"{name}.py").write_text(source, encoding="utf-8")
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    try:
        yield importlib.import_module(name)
    finally:
        sys.path.remove(str(folder))
        sys.modules.pop(name, None)


RNG = np.random.default_rng(3)
X = RNG.normal(size=(12, 6, 2))
STEPS = np.tanh(X.cumsum(axis=1))
LAST = STEPS[:, -1]
LABELS = np.array(["low", "high", "middle"])[np.arange(12) % 3]
LENGTHS = np.array([6, 2, 4, 6, 1, 3, 5, 6, 2, 6, 4, 3])
WIDE = pd.DataFrame(
    100 + 10 * np.sin(np.arange(48)[:, None] * [0.5, 0.8]) + RNG.normal(size=(48, 2)),
    pd.date_range("2020-01-01", periods=48, freq="MS"), columns=["a", "b"],
)  # fmt: skip
WORDS = ["abc"[n % 3] * (1 + n % 3) + "ca" for n in range(12)]
SMALL = {"random_state": 0, "dtype": "float64"}  # one size and type, so that few kernels are compiled
Case = tuple[Callable[[Any], Any], Any]  # cell -> fitted model; what is predicted


def sequences(kind: type = RNNRegressor, y: Any = LAST, fit: Any = None, **options: Any) -> Case:
    """An estimator of arrays."""
    given = {"hidden_layer_sizes": 4, "max_iter": 2} | SMALL | options
    return lambda cell: kind(cell=cell, **given).fit(X, y, **fit or {}), X


def series(**options: Any) -> Case:
    """A forecaster."""
    given = {"hidden_layer_sizes": 4, "n_members": 1, "max_steps": 3, "context_length": 8, **SMALL, **options}
    return lambda cell: RNNForecaster(candidates="network", intervals=None, cell=cell, **given).fit(WIDE), 3


def pairs(**options: Any) -> Case:
    """An encoder-decoder of tokens."""
    given = {"hidden_layer_sizes": 4, "max_iter": 2, **SMALL, **options}
    return lambda cell: RNNSeq2Seq(cell=cell, **given).fit(WORDS, [word[::-1] for word in WORDS]), WORDS


TWO = {"hidden_layer_sizes": (4, 3)}
MATRIX: dict[str, Case] = {
    "regressor": sequences(),
    "at each step": sequences(y=STEPS),
    "classifier": sequences(RNNClassifier, LABELS),
    "lengths": sequences(fit={"lengths": LENGTHS}),
    "stack": sequences(y=STEPS, **TWO),
    "bidirectional": sequences(bidirectional=True, **TWO),
    "input dropout": sequences(dropout=Dropout(input=0.3)),
    "dropout": sequences(dropout=0.3, **TWO),
    "recurrent dropout": sequences(dropout=Dropout(recurrent=0.3), fit={"lengths": LENGTHS}),
    "layer norm": sequences(layer_norm=True),
    "truncated": sequences(y=STEPS, bptt=Truncated(2)),
    "checkpoints": sequences(y=STEPS, bptt=Truncated(checkpoint=2)),
    "devices": sequences(device=["cpu", "cpu"], **TWO),
    "threads": sequences(n_jobs=2, batch_size=12),
    "recursive": series(),
    "direct": series(strategy=Direct(3)),
    "decoder": series(strategy=Seq2Seq(3)),
    "local": series(global_model=False),
    "pairs": pairs(),
    "plain pairs": pairs(attention=None, bidirectional=True),
}


def values(predicted: Any) -> np.ndarray:
    """Numbers, labels or tokens as an array."""
    return np.array([str(row) for row in predicted]) if isinstance(predicted, list) else np.asarray(predicted)


def shown(model: Any, asked: Any) -> str:
    """Predictions to the last digit."""
    return json.dumps(values(model.predict(asked)).tolist())
