"""Write the model files of this folder, and what they predict: `PYTHONPATH=.:tests python tests/golden/make_golden.py`.

They were written once, by the first version that had the estimator, and stay as they are: a later version must load
them and predict the same. A file of a later format gets another name and stands beside them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import forecastrnn
from forecastrnn import RNNClassifier, RNNForecaster, RNNRegressor, RNNSeq2Seq
from forecastrnn.engine.cpu.simd import VECTOR_BYTES

FOLDER = Path(__file__).parent
NAMES = ("regressor", "classifier", "forecaster", "seq2seq")
SAME_BITS = [name for name in NAMES if name != "seq2seq"]  # decoding adds up a softmax vector by vector


def inputs(n: int, steps: int, channels: int, dtype: str = "float64") -> np.ndarray:
    """Numbers (n, steps, channels) that are exact in every type: eighths from -1 to 1."""
    return ((np.arange(n * steps * channels) * 37 % 17 - 8) / 8).reshape(n, steps, channels).astype(dtype)


def series() -> pd.Series:
    """Four years of months with a trend and a season."""
    months = np.arange(48)
    values = 100 + months + 8 * np.array([0, 1, 3, 4, 6, 7, 9, 7, 6, 4, 2, 1])[months % 12] + months * 5 % 3
    return pd.Series(values.astype(float), pd.date_range("2020-01-01", periods=48, freq="MS"), name="sales")


def words() -> list[str]:
    """Texts of one to four letters."""
    return ["abc"[n % 3] * (1 + n % 2) + "cab"[n // 3 % 3] * (n % 3) for n in range(24)]


def fitted() -> dict[str, Any]:
    """A model of each kind."""
    X, Z = inputs(24, 6, 2, "float32"), inputs(24, 5, 3)
    common = {"hidden_layer_sizes": 4, "max_iter": 5, "random_state": 0, "n_jobs": 1}
    forecaster = RNNForecaster(
        candidates="network", intervals=None, hidden_layer_sizes=4, n_members=2, max_steps=20, random_state=0, n_jobs=1
    )
    translator = RNNSeq2Seq(cell="gru", embedding_dim=2, **common)
    labels = np.array(["low", "middle", "high"])[np.arange(24) % 3]
    return {
        "regressor": RNNRegressor(cell="peephole_lstm", **common).fit(X, X.sum(axis=1)),
        "classifier": RNNClassifier(cell="gru", bidirectional=True, **common).fit(Z, labels),
        "forecaster": forecaster.fit(series()),
        "seq2seq": translator.fit(words(), [word[::-1] for word in words()]),
    }


def figures(name: str, model: Any) -> list:
    """What a model predicts, as lists of numbers."""
    if name == "regressor":
        return model.predict(inputs(3, 6, 2, "float32")).tolist()
    if name == "classifier":
        return model.predict_proba(inputs(3, 5, 3)).tolist()
    if name == "seq2seq":
        return model.decode(words()[:3], beam_width=2).log_probabilities.tolist()
    return model.predict(6).tolist()


def main() -> None:
    """Write what is not there yet."""
    for name, model in fitted().items():
        path = FOLDER / f"{name}.rnn"
        if not path.exists():
            model.save(path)
            found = {
                "written_by": forecastrnn.__version__,
                "vector_bytes": VECTOR_BYTES,
                "figures": figures(name, model),
            }
            path.with_suffix(".json").write_text(json.dumps(found) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
