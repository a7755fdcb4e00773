"""Estimators with device="cuda" on Numba's CUDA simulator, beside the same on the CPU.

Run by test_cuda_simulator.py in another process.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

import forecastrnn
from forecastrnn import LSTM, Adam, RNNClassifier, RNNForecaster, RNNRegressor, Truncated
from forecastrnn.datasets import load_airline
from forecastrnn.engine import devices
from forecastrnn.estimators.device_choice import device_of
from support import cuda_simulator  # noqa: F401  (before the first launch)

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((2, 5, 4, 2))
LENGTHS = [4, 2, 3, 4, 1]
LABELS = RNG.integers(3, size=(5, 4))
SYMBOLS = np.eye(3)[RNG.integers(3, size=(5, 4))]
COMMON = {"max_iter": 2, "hidden_layer_sizes": 3, "random_state": 0, "batch_size": 3}


def same(
    make: Callable[..., Any], look: Callable[[Any], list], *data: Any, tolerance: float = 1e-10, **more: Any
) -> Any:
    """Fit on both devices, compare what `look` sees, return the model of the GPU."""
    cpu, gpu = (make(device=device).fit(*data, **more) for device in ("cpu", "cuda"))
    assert (cpu.device_, gpu.device_) == ("cpu", "cuda:0")
    for one, other in zip(look(cpu), look(gpu), strict=True):
        np.testing.assert_allclose(np.asarray(other), np.asarray(one), rtol=0, atol=tolerance)
    return gpu


def test_regressor() -> None:
    """Predictions, generation with the state and with windows, and streams, which run on the CPU."""

    def look(model: RNNRegressor) -> list:
        free, windows = model.generate(3, prompt=X[0]), model.generate(3, prompt=X[:2], context_length=2)
        return [model.loss_curve_, model.predict(X), free, windows, model.stream().step(X[0, 0])]

    same(lambda **k: RNNRegressor(cell="gru", dtype="float64", **COMMON, **k), look, X, Y)


def test_regressor_in_float32() -> None:
    """As with float64, to the rounding of float32."""
    look = lambda model: [model.loss_curve_, model.predict(X)]  # noqa: E731
    same(lambda **k: RNNRegressor(cell="lstm", dtype="float32", **COMMON, **k), look, X, Y, tolerance=1e-5)


def test_ragged_sequences_both_ways() -> None:
    """Rows are sorted for one shard, not for those of the CPU."""
    look = lambda model: [model.loss_curve_, model.predict(X, lengths=LENGTHS)]  # noqa: E731
    cell = LSTM(peepholes=True)
    make = lambda **k: RNNRegressor(cell=cell, bidirectional=True, dtype="float64", **COMMON, **k)  # noqa: E731
    same(make, look, X, Y, lengths=LENGTHS)


def test_validation_and_truncation() -> None:
    """A held-out part is scored on the GPU, and the best parameters are put back."""
    options = {
        "bptt": Truncated(2),
        "early_stopping": True,
        "solver": Adam(clip_norm=0.1, noise=0.1),
        "dtype": "float64",
    }
    look = lambda model: [model.loss_curve_, model.validation_scores_, model.predict(X)]  # noqa: E731
    same(lambda **k: RNNRegressor(cell="rnn", **options, **COMMON, **k), look, X, Y)


def test_classifiers() -> None:
    """A class a sequence; a class a step, with symbols drawn."""
    same(
        lambda **k: RNNClassifier(cell="rnn", dtype="float64", **COMMON, **k),
        lambda m: [m.predict_proba(X)],
        X,
        LABELS[:, 0],
    )

    def look(model: RNNClassifier) -> list:
        return [model.predict_proba(SYMBOLS), model.generate(4, prompt=[0, 1, 2], top_k=2, random_state=0)]

    same(lambda **k: RNNClassifier(cell="lstm", dtype="float64", **COMMON, **k), look, SYMBOLS, LABELS)


def test_forecaster() -> None:
    """Trained on the GPU, with validation; its forecasts have tests of their own."""
    options = {
        "n_members": 1,
        "max_steps": 2,
        "hidden_layer_sizes": 3,
        "batch_size": 3,
        "context_length": 4,
        "intervals": None,
        "candidates": "network",
    }
    look = lambda model: [model.loss_curve_, model.predict(3)]  # noqa: E731
    make = lambda **k: RNNForecaster(random_state=0, dtype="float64", early_stopping=True, **options, **k)  # noqa: E731
    same(make, look, load_airline()[:60], tolerance=1e-6)


def test_embeddings() -> None:
    """A channel of categories, with one that fit has not seen."""
    codes = np.concatenate([X, RNG.integers(3, size=(5, 4, 1))], axis=2)
    look = lambda model: [model.loss_curve_, model.predict(codes), *model.embedding_weights_]  # noqa: E731
    make = lambda **k: RNNRegressor(categorical_features=[2], dtype="float64", **COMMON, **k)  # noqa: E731
    same(make, look, codes, Y, lengths=None)


def test_what_needs_the_cpu() -> None:
    """It is said before any work is done; "auto" takes the CPU."""
    model = RNNForecaster(global_model=False, device="cuda")
    with pytest.raises(ValueError, match='device=.cuda.: global_model=False runs on the CPU only. Use device="cpu"'):
        model.fit(load_airline())
    assert device_of(model.set_params(device="auto")) == "cpu"


def test_saved_and_loaded_without_a_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The parameter is kept, and the CPU predicts; a fit asks for the GPU again."""
    model = RNNRegressor(device="cuda", dtype="float64", **COMMON).fit(X, Y)
    expected = model.predict(X)
    model.save(tmp_path / "model.rnn")
    monkeypatch.setattr(devices, "gpus", lambda: (0, "it was taken out"))
    loaded = forecastrnn.load(tmp_path / "model.rnn")
    assert (loaded.device, loaded.device_) == ("cuda", "cuda:0")
    np.testing.assert_allclose(loaded.predict(X), expected, rtol=0, atol=1e-12)
    np.testing.assert_allclose(loaded.generate(2), model.generate(2), rtol=0, atol=1e-12)
    with pytest.raises(RuntimeError, match='device="cuda": CUDA is not available: it was taken out'):
        loaded.fit(X, Y)


def test_a_model_of_the_cpu_goes_on_with_a_gpu() -> None:
    """Weights and moments are arrays of the host between fits."""
    models = [RNNRegressor(warm_start=True, dtype="float64", **COMMON).fit(X, Y) for _ in range(2)]
    models[1].set_params(device="auto")
    found = [model.fit(X, Y).predict(X) for model in models]
    assert models[1].device_ == "cuda:0"
    np.testing.assert_allclose(found[1], found[0], rtol=0, atol=1e-10)


def test_a_gpu_by_number() -> None:
    """The simulator has one."""
    assert RNNRegressor(device="cuda:0", **COMMON).fit(X, Y).device_ == "cuda:0"
    model = RNNRegressor(device="cuda:1", **COMMON)
    with pytest.raises(RuntimeError, match="there is no such GPU, this machine has only cuda:0"):
        model.fit(X, Y)
    with pytest.raises(NotFittedError):
        model.predict(X)


@pytest.mark.parametrize("devices_of_layers", [["cpu", "cuda:0"], ["cuda", "cpu"], ["cpu", "cuda", "cpu"]])
def test_layers_on_devices_of_their_own(devices_of_layers: list[str], tmp_path: Path) -> None:
    """The numbers are those of the CPU, with dropout, both directions, rows of different lengths, and two shards."""
    sizes = (3, 2, 3)[: len(devices_of_layers)]
    options = COMMON | {"hidden_layer_sizes": sizes, "cell": "gru", "bidirectional": True, "dropout": 0.2}
    options |= {"dtype": "float64", "solver": Adam(clip_norm=0.5)}
    cpu, both = (
        RNNRegressor(device=device, **options).fit(X, Y, lengths=LENGTHS) for device in ("cpu", devices_of_layers)
    )
    assert both.device_ == "+".join(devices.resolve(name) for name in devices_of_layers)
    np.testing.assert_allclose(both.loss_curve_, cpu.loss_curve_, atol=1e-10)
    np.testing.assert_allclose(both.predict(X, LENGTHS), cpu.predict(X, LENGTHS), atol=1e-10)
    both.save(tmp_path / "both.rnn")
    again = forecastrnn.load(tmp_path / "both.rnn")
    assert again.device == devices_of_layers and again.device_ == both.device_
    assert np.array_equal(again.predict(X, LENGTHS).filled(0.0), both.predict(X, LENGTHS).filled(0.0))


def test_generation_over_two_devices() -> None:
    """A program that feeds itself, over two devices."""
    options = COMMON | {"hidden_layer_sizes": (3, 2), "cell": "lstm", "dtype": "float64"}
    cpu, both = (RNNRegressor(device=device, **options).fit(X, Y) for device in ("cpu", ["cuda", "cpu"]))
    np.testing.assert_allclose(both.generate(3, prompt=X[0]), cpu.generate(3, prompt=X[0]), atol=1e-10)
