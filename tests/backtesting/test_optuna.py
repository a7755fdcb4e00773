"""The search with Optuna that the documentation shows; where Optuna is installed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from forecastrnn import RNNForecaster
from forecastrnn.datasets import load_airline
from forecastrnn.model_selection import RollingOrigin

PAGE = Path(__file__).parents[2] / "docs" / "backtest.md"


def test_the_search_of_the_page() -> None:
    optuna = pytest.importorskip("optuna")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    (block,) = re.findall(r"```py\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    quick = block.replace("n_trials=20", "n_trials=3").replace("max_steps=100", "max_steps=10")
    names = {"RNNForecaster": RNNForecaster, "RollingOrigin": RollingOrigin, "y": load_airline()}
    exec(
        compile(quick.replace("random_state=0, **study", "random_state=0, max_steps=10, **study"), "page", "exec"),
        names,
    )
    study = names["study"]
    assert len(study.trials) == 3 and study.best_params.keys() == {"hidden_layer_sizes", "context_length"}
    assert names["best"].context_length_ == study.best_params["context_length"]
