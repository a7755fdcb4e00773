"""Forecasters that are exported, one of each kind: series, options, what else `fit` is given."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from forecastrnn import Conformal, Direct
from support.users_file import Counted

RNG = np.random.default_rng(0)
T = np.arange(100)
SHAPE = 3.0 * np.sin(2.0 * np.pi * T / 12.0)
Y = pd.DataFrame(
    {
        "grows": 20.0 + 0.1 * T + SHAPE + RNG.normal(0.0, 1.0, 100),
        "signed": SHAPE + RNG.normal(0.0, 1.0, 100),
        "counts": RNG.poisson(0.5, 100).astype(float),
    },
    index=pd.date_range("2010-01-01", periods=100, freq="MS"),
)
GAPS = Y.where(RNG.random(Y.shape) > 0.1)
GAPS.iloc[[87, 99]] = Y.iloc[[87, 99]]
KINDS = pd.DataFrame({"kind": ["x", "y", "x"]}, index=list(Y))
OPTIONS: dict[str, Any] = {"hidden_layer_sizes": 6, "n_members": 1, "max_steps": 3, "random_state": 0,
                           "dtype": "float64"}  # fmt: skip
NETWORK: dict[str, Any] = {"candidates": "network"}
CASES: dict[str, tuple[pd.DataFrame, dict[str, Any], dict[str, Any]]] = {
    "mixed": (Y, {"n_members": 2}, {}),
    "direct": (Y, NETWORK | {"strategy": Direct(6)}, {}),
    "seq2seq": (Y, NETWORK | {"strategy": "seq2seq", "cell": ["lstm", "gru"], "hidden_layer_sizes": (5, 3)}, {}),
    "local": (Y, NETWORK | {"global_model": False}, {}),
    "vectors": (Y, NETWORK | {"id_embedding_dim": 2, "intervals": Conformal(pool="series")}, {}),
    "static": (Y, NETWORK | {"layer_norm": True, "intervals": Conformal(symmetric=False)}, {"static": KINDS}),
    "older": (Y, NETWORK | {"older_means": [(5, 2), (7, 1)], "long_run_mean": True, "season_length": [4, 12]}, {}),
    "steady": (Y, {"loss": "squared_error", "long_run_mean": True, "bounds": None}, {}),
    "mask": (GAPS, {"missing": "mask", "cell": Counted(), "candidates": ["season_ago", "theta", "autoregression"]}, {}),
    "pretrained": (Y, {"candidates": ["pretrained", "recent_median"]}, {}),
    "pretrained_gaps": (GAPS, {"candidates": ["pretrained"], "missing": "mask", "season_length": [1]}, {}),
    "zero": (GAPS, {"missing": "zero", "season_length": [1], "candidates": ["recent_median_rounded"]}, {}),
}
