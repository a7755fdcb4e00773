"""The long runs: what is asked of whole tasks, each measured on real or generated data.

`pytest -m slow --results` keeps what they measure and writes docs/results.md.
"""

from __future__ import annotations

import os
import runpy
import time
import tracemalloc
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from forecastrnn import Adam, RNNClassifier, RNNRegressor, Truncated
from support.results import Results

pytestmark = pytest.mark.slow
EXAMPLES = Path(__file__).parents[1] / "examples"
SEEDS = (0, 1, 2)
MNIST = Path(os.environ.get("FORECASTRNN_DATA", "/nowhere")) / "mnist.npz"
needs_mnist = pytest.mark.skipif(not MNIST.exists(), reason="FORECASTRNN_DATA names no folder with mnist.npz")
NETWORKS = {"150 tanh units": 0.98, "3 layers of 150 LSTM units": 0.987}  # and the accuracy asked for
VARIANTS: dict[str, tuple[dict[str, Any], float]] = {
    "LSTM of 256 units, rate 0.001": ({"hidden_layer_sizes": 256, "batch_size": 100, "max_iter": 3}, 0.975),
    "LSTM of 100 units, rate 0.0001": (
        {"hidden_layer_sizes": 100, "batch_size": 50, "max_iter": 5, "learning_rate_init": 1e-4},
        0.95,
    ),
    "peephole LSTM of 100 units, rate 0.001": (
        {"cell": "peephole_lstm", "hidden_layer_sizes": 100, "batch_size": 100, "max_iter": 3},
        0.97,
    ),
    "150 relu units, He initialisation, rate 0.0005": (
        {"cell": "relu", "hidden_layer_sizes": 150, "batch_size": 100, "max_iter": 5, "learning_rate_init": 5e-4},
        0.96,
    ),
}


@cache
def example(name: str) -> dict[str, Any]:
    """The functions of an example."""
    return runpy.run_path(str(EXAMPLES / f"{name}.py"))


@cache
def images() -> Any:
    """MNIST, as the example reads it."""
    return example("image_rows")["read_images"]()


def timed(call: Callable[[], Any]) -> tuple[Any, float]:
    """What a call returns, and its seconds."""
    begun = time.perf_counter()
    found = call()
    return found, time.perf_counter() - begun


@pytest.mark.parametrize("seed", SEEDS)
def test_the_curve(seed: int, results: Results) -> None:
    (_, error), seconds = timed(lambda: example("generate_sequence")["learn_curve"](seed))
    results.add("curve", f"seed {seed}", {"mean squared error": error, "s, with 10,500 more updates": seconds})
    assert error <= 0.042


@needs_mnist
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", NETWORKS)
def test_images_row_by_row(name: str, seed: int, results: Results) -> None:
    data = images()
    model, seconds = timed(lambda: example("image_rows")["learn"](data, name, seed))
    accuracy = model.score(data.X_test, data.y_test)
    values = {"test accuracy": f"{accuracy:.4f}", "epochs": model.n_iter_, "s": seconds}
    results.add("images", f"{name}, seed {seed}", values)
    assert model.n_iter_ <= 10 and accuracy > NETWORKS[name]


@needs_mnist
@pytest.mark.parametrize("name", VARIANTS)
def test_other_networks_on_images(name: str, results: Results) -> None:
    from forecastrnn import Elman

    data, (settings, bound) = images(), VARIANTS[name]
    settings = {"cell": "lstm", "standardize": False, "random_state": 0} | settings
    if settings["cell"] == "relu":
        settings |= {"cell": Elman("relu"), "initializer": "he", "solver": Adam(clip_norm=1.0)}
    model = RNNClassifier(**settings)
    _, seconds = timed(lambda: model.fit(data.X, data.y))
    accuracy = model.score(data.X_test, data.y_test)
    values = {"test accuracy": f"{accuracy:.4f}", "epochs": model.n_iter_, "s": seconds}
    results.add("image_variants", name, values)
    assert accuracy > bound


@needs_mnist
@pytest.mark.parametrize("name", NETWORKS)
def test_seconds_an_epoch_beside_pytorch(name: str, results: Results) -> None:
    torch = pytest.importorskip("torch")
    data, settings = images(), example("image_rows")["NETWORKS"][name]
    model = RNNClassifier(**settings, batch_size=150, max_iter=1, standardize=False, random_state=0)
    model.fit(data.X[:1500], data.y[:1500])  # compiles
    ours = min(timed(lambda: model.fit(data.X, data.y))[1] for _ in range(2))
    theirs = min(_torch_epoch(torch, settings, data) for _ in range(2))
    results.add("image_epochs", name, {"forecastrnn s": ours, "PyTorch s": theirs, "ratio": theirs / ours})
    assert ours < theirs


def _torch_epoch(torch: Any, settings: dict[str, Any], data: Any) -> float:
    """Seconds of one epoch of the same network."""
    torch.manual_seed(0)
    sizes = np.atleast_1d(settings["hidden_layer_sizes"]).tolist()
    kind = torch.nn.RNN if settings["cell"] == "rnn" else torch.nn.LSTM
    layers, head = kind(28, sizes[0], len(sizes), batch_first=True), torch.nn.Linear(sizes[-1], 10)
    rule = torch.optim.Adam([*layers.parameters(), *head.parameters()], settings["learning_rate_init"], fused=True)
    X, y = torch.from_numpy(data.X), torch.from_numpy(data.y.astype(np.int64))
    begun = time.perf_counter()
    for rows in torch.randperm(len(X)).split(150):
        rule.zero_grad(set_to_none=True)
        outputs, _ = layers(X[rows])
        torch.nn.functional.cross_entropy(head(outputs[:, -1]), y[rows]).backward()
        rule.step()
    return time.perf_counter() - begun


@pytest.mark.parametrize("seed", SEEDS)
def test_the_embedded_reber_grammar(seed: int, results: Results) -> None:
    model, seconds = timed(lambda: example("reber")["learn"](seed))
    lengths, right = example("reber")["fresh_accuracy"](model, seed)
    values = {
        "new strings": f"{right.mean():.4f}",
        "those of 18 symbols and more": f"{right[lengths >= 18].mean():.4f}",
        "validation": f"{max(model.validation_scores_):.4f}",
        "epochs": model.n_iter_,
        "s": seconds,
    }
    results.add("reber", f"seed {seed}", values)
    assert max(model.validation_scores_) >= 0.99
    assert right.mean() >= 0.99 and right[lengths >= 18].mean() >= 0.97


@pytest.mark.parametrize("seed", SEEDS)
def test_dates_to_iso_form(seed: int, results: Results) -> None:
    sources, targets, new_sources, new_targets = example("dates")["held_out"](seed)
    assert len(new_sources) >= 2000 and not set(sources) & set(new_sources)
    model, seconds = timed(lambda: example("dates")["learn"](sources, targets, seed))
    right = model.score(new_sources, new_targets)
    values = {"exactly right": f"{right:.4f}", "of new dates": len(new_sources), "epochs": model.n_iter_, "s": seconds}
    results.add("dates", f"seed {seed}", values)
    assert right >= 0.99 and seconds < 120


@pytest.mark.parametrize("checkpoint", [None, "auto"])
def test_a_series_of_100000_steps(checkpoint: str | None, results: Results) -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(1, 100_000, 1)).astype(np.float32)
    y = np.cumsum(X, axis=1) / np.float32(300)
    options = {"cell": "lstm", "hidden_layer_sizes": 32, "max_iter": 5, "random_state": 0, "dtype": "float32"}
    model = RNNRegressor(bptt=Truncated(checkpoint=checkpoint), **options)
    model.fit(X[:, :1000], y[:, :1000])  # compiles
    tracemalloc.start()
    _, seconds = timed(lambda: model.fit(X, y))
    peak = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    name = "every state kept" if checkpoint is None else 'checkpoint="auto"'
    results.add("long_series", name, {"peak MB": peak, "s": seconds, "loss": f"{model.loss_curve_[0]:.6f}"})
    assert peak < 20 if checkpoint else peak > 60
