"""Forecasters with options drawn by chance: their files forecast what they do."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecastrnn import Direct, RNNForecaster
from support.exported_cases import GAPS, Y
from support.onnx_sessions import forecast, near, session_of

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
pytestmark = [pytest.mark.onnx, pytest.mark.slow]

CHOICES: dict[str, list[Any]] = {
    "strategy": ["recursive", Direct(5), "seq2seq"], "season_length": [[1], [4], [12], None], "n_members": [1, 2, 3],
    "candidates": ["network", "auto", ["theta", "pretrained"], ["season_ago", "recent_median"]],
    "missing": ["raise", "mask", "zero"], "cell": ["gru", "lstm", "mgu", "rnn"], "global_model": [True, True, False],
    "loss": ["absolute_error", "gaussian", "poisson", "negative_binomial", "squared_error", "student_t", "quantile"],
    "long_run_mean": ["auto", True], "older_means": [None, [(5, 2)]], "calendar": [None, ["month"]],
    "bounds": ["auto", None, (-9.0, 40.0)],
}  # fmt: skip
INDEX = pd.date_range(Y.index[0], periods=105, freq="MS")
X = pd.DataFrame({"price": np.sin(np.arange(105.0) ** 2)}, INDEX)


@pytest.mark.parametrize("seed", range(24))
def test_any_options(seed: int) -> None:
    rng = np.random.default_rng(seed)
    options = {name: some[rng.integers(len(some))] for name, some in CHOICES.items()}
    if options["strategy"] == "seq2seq":
        options["global_model"] = True
    if options["loss"] not in ("absolute_error", "squared_error"):  # candidates are forecasts without a distribution
        options["candidates"] = "network"
    y = Y if options["missing"] == "raise" else GAPS
    y = y.abs().round() if options["loss"] in ("poisson", "negative_binomial") else y
    model = RNNForecaster(**options, hidden_layer_sizes=5, max_steps=15, intervals=None, random_state=0)
    beside, h = {"X": X} if rng.random() < 0.5 else {}, int(rng.integers(1, 6))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(y[:88], **beside)
        expected = model.predict(h, y=y, **beside)
    session = session_of(model, horizon=h)
    given: dict[str, Any] = {
        "ids": [0, 1, 2],
        "times": INDEX[: 100 + h].to_numpy("datetime64[s]").astype(np.int64)[None],
    }
    given["price"] = np.tile(X["price"].to_numpy()[: 100 + h], (3, 1))
    wanted = {one.name for one in (*session.get_inputs(), *session.get_overridable_initializers())}
    own = {name: values for name, values in given.items() if name in wanted}
    near(forecast(session, y.to_numpy().T, None, **own), expected, y.to_numpy().T)
