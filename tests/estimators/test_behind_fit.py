"""`set_params` behind `fit` changes no number of a fitted model, but by parameters that are said to."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest

import forecastrnn
from forecastrnn import RNNClassifier, RNNForecaster, RNNRegressor, RNNSeq2Seq
from support.forecaster_cases import quick

RNG = np.random.default_rng(0)
X = RNG.standard_normal((12, 6, 1))
TEXTS = ["abc", "ca", "bbac", "a"] * 3
SERIES = pd.Series(20.0 + RNG.random(60), pd.date_range("2024-01-01", periods=60), name="s")
SMALL: dict[str, Any] = {"hidden_layer_sizes": 4, "max_iter": 1, "random_state": 0, "n_jobs": 1, "cell": "gru"}
AT_FORECAST = {"n_jobs", "device", "verbose", "bounds", "alias", "decoding", "unknown"}  # documented to act there

# Another value of each parameter that `fit` takes; what is missing here fails the test that counts them.
OTHER: dict[str, Any] = {
    "cell": "lstm", "hidden_layer_sizes": (3, 2), "bidirectional": True, "layer_norm": True, "initializer": "glorot",
    "dropout": 0.5, "solver": "sgd", "learning_rate_init": 0.3, "early_stopping": True, "batch_size": 3, "max_iter": 7,
    "warm_start": True, "shuffle": False, "random_state": 5, "bucket_by_length": True, "bptt": forecastrnn.Truncated(2),
    "n_sampled_classes": 1, "vector_input": True, "categorical_features": [0], "embedding": forecastrnn.Embedding(3),
    "standardize": False, "class_weight": {0: 2.0},
    "dtype": "float32", "loss": "huber", "strategy": "seq2seq", "season_length": 5, "context_length": 9,
    "older_means": [(2, 2)], "calendar": None, "long_run_mean": True, "n_members": 3, "global_model": False,
    "id_embedding_dim": 2, "missing": "zero", "short": "drop", "freq": "h", "intervals": None,
    "candidates": ["season_ago"], "max_steps": 7, "embedding_dim": 3, "attention": "additive", "reverse_source": False,
    "scheduled_sampling": 0.5, "n_sampled_tokens": 1, "start": "pretrained",
}  # fmt: skip


def numbers(model: Any) -> list:
    """All that a fitted model computes, as arrays, and says of itself."""
    if isinstance(model, RNNForecaster):
        stream = model.stream()
        paths = model.sample_paths(3, 4, random_state=0, output="array")
        later = SERIES.iloc[-2:].set_axis(SERIES.index[-2:] + pd.Timedelta("2D"))
        moved = pickled(model).update(later).predict(3)
        found = [model.predict(4, level=80), model.predict(3, y=SERIES[:40]), paths, moved, model.score(later[:1])]
        return [*found, [stream.step(20.0), stream.step(21.0)], str(model.summary())]
    if isinstance(model, RNNSeq2Seq):
        return [model.predict(TEXTS), model.score(TEXTS, TEXTS)]
    found = [model.predict(X), model.stream().step([0.5])]
    if isinstance(model, RNNClassifier):
        return [*found, model.predict_proba(X), model.predict_proba(X.astype("float32"))]
    found += [model.predict(X / 3.0), model.predict(X.astype("float32"))]
    return [*found, model.generate(4, prompt=X[0, :, 0] / 3)]


def pickled(model: Any) -> Any:
    import pickle

    return pickle.loads(pickle.dumps(model))


MODELS: dict[str, Any] = {
    "regressor": lambda: RNNRegressor(**SMALL).fit(X, X),
    "classifier": lambda: RNNClassifier(**SMALL).fit(X, np.arange(12) % 2),
    "seq2seq": lambda: RNNSeq2Seq(**SMALL | {"embedding_dim": 2}).fit(TEXTS, TEXTS),
    "forecaster": lambda: quick(max_steps=2, hidden_layer_sizes=4, intervals="conformal", season_length=7).fit(SERIES),
}


@pytest.mark.parametrize("kind", MODELS)
def test_no_parameter_changes_a_fitted_model(kind: str, tmp_path: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = MODELS[kind]()
        before = [np.asarray(part) for part in numbers(fitted)]
        model = fitted.set_params(**{n: OTHER[n] for n in fitted.get_params(deep=False) if n not in AT_FORECAST})
        for each in (model, saved(model, tmp_path)):
            after = [np.asarray(part) for part in numbers(each)]
            assert [np.array_equal(a, b) for a, b in zip(before, after, strict=True)] == [True] * len(before)


def saved(model: Any, folder: Any) -> Any:
    """The model behind a round through a file."""
    if isinstance(model, RNNForecaster):  # a file has no scales to score with, and has to be of one piece
        return model
    model.save(folder / "model")
    return forecastrnn.load(folder / "model")
