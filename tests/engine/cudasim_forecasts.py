"""Forecasts of RNNForecaster with device="cuda" on Numba's CUDA simulator, beside the same on the CPU.

Run by test_cuda_simulator.py in another process.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecastrnn import Direct, RNNForecaster, Seq2Seq
from forecastrnn.engine.cuda.build import DeviceKernel
from forecastrnn.engine.devices import CPU
from forecastrnn.forecasting import forecasts, settings
from support import cuda_simulator  # noqa: F401  (before the first launch)
from support.series_beside import beside

RNG = np.random.default_rng(0)
QUICK = {"max_steps": 2, "hidden_layer_sizes": 3, "batch_size": 3, "context_length": 3, "season_length": 2,
         "random_state": 0, "dtype": "float64", "intervals": None, "candidates": "network"}  # fmt: skip


def wide(n: int) -> pd.DataFrame:
    """Daily series, of which the last begins later."""
    values = np.exp(np.cumsum(0.1 * RNG.standard_normal((80, n)), axis=0))
    values[:20, -1] = np.nan
    return pd.DataFrame(values, pd.date_range("2020-01-01", periods=80), [f"s{k}" for k in range(n)])


def long(n: int) -> pd.DataFrame:
    """The same as a long frame, without the missing values."""
    table = wide(n).melt(ignore_index=False, var_name="unique_id", value_name="y")
    return table.dropna().rename_axis("ds").reset_index()


def same(model: RNNForecaster, look: Any, tolerance: float = 1e-11) -> None:
    """What a model fitted on the CPU forecasts there and on the GPU."""
    cpu = np.asarray(look(model.set_params(device="cpu")), np.float64)
    gpu = np.asarray(look(model.set_params(device="cuda")), np.float64)
    np.testing.assert_allclose(gpu, cpu, rtol=tolerance)


@pytest.mark.parametrize("options", [
    {"n_members": 2, "cell": "lstm", "older_means": [(3, 2), (5, 1)], "long_run_mean": True},
    {"n_members": 1, "id_embedding_dim": 2, "hidden_layer_sizes": (3, 2), "season_length": 1},
    {"n_members": 3, "strategy": Direct(4)},
], ids=["older means", "embeddings", "direct"])  # fmt: skip
def test_forecasts(options: dict[str, Any]) -> None:
    """Every kind of inputs, of series of different lengths; the direct strategy, whose steps come at once."""
    model = RNNForecaster(**QUICK | options).fit(long(3))
    same(model, lambda m: m.predict(4)["RNN"])


def test_paths(monkeypatch: pytest.MonkeyPatch) -> None:
    """Futures by the same draws; members with more paths than others, and more rows than are taken at once."""
    model = RNNForecaster(**QUICK | {"n_members": 2}).fit(long(2))

    def draws(model: RNNForecaster) -> np.ndarray:
        return model.sample_paths(3, 5, calibrated=False, random_state=0, output="array")

    same(model, draws)
    monkeypatch.setattr(forecasts, "DEVICE_ROWS", 4)
    same(model, draws)


def test_what_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind new rows, which the CPU reads: each path from the states of its member and series."""
    y = long(3)
    old = y.ds < y.ds.max()
    model = RNNForecaster(**QUICK | {"n_members": 2, "id_embedding_dim": 2, "long_run_mean": True}).fit(y[old])
    model.update(y[~old])
    same(model, lambda m: m.predict(3)["RNN"])
    monkeypatch.setattr(forecasts, "DEVICE_ROWS", 2)
    same(model, lambda m: m.sample_paths(3, 3, calibrated=False, random_state=0, output="array"))


def test_lags_in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    """The inputs of one season ago, in the type that is the default."""
    monkeypatch.setattr(settings, "MANY", 10)
    model = RNNForecaster(**QUICK | {"dtype": "float32", "n_members": 1}).fit(long(2))
    others = long(3)
    same(model, lambda m: m.predict(3, y=others)["RNN"], tolerance=1e-5)


def test_an_encoder_with_a_decoder() -> None:
    """Its forecasts need no kernels of its own."""
    fitted = RNNForecaster(**QUICK | {"n_members": 1, "strategy": Seq2Seq(2)}).fit(long(2))._model
    thetas, which = fitted.trained.thetas.reshape(1, -1), np.zeros(1, np.int64)
    found = [
        forecasts.forecast(fitted.network, thetas, fitted.tail, fitted.settings, 3, which, device=device)
        for device in (CPU, "cuda:0")
    ]
    np.testing.assert_allclose(found[1], found[0], rtol=0, atol=1e-12)


@pytest.mark.parametrize("options", [
    {"older_means": [(3, 2)], "id_embedding_dim": 2}, {"strategy": Seq2Seq(2)}, {"strategy": Direct(4)},
])  # fmt: skip
def test_beside_covariates(options: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """What is known ahead comes in rows of its own, also where not all series fit into one call."""
    read, ahead = beside(h=3, lengths=(30, 25))
    model = RNNForecaster(**QUICK | {"n_members": 2} | options).fit(read)._model
    cpu, gpu = (model.median(model.tail, np.arange(2), 3, device, ahead) for device in (CPU, "cuda:0"))
    np.testing.assert_allclose(gpu, cpu, rtol=1e-11)
    monkeypatch.setattr(forecasts, "DEVICE_ROWS", 1)
    np.testing.assert_allclose(model.median(model.tail, np.arange(2), 3, "cuda:0", ahead), cpu, rtol=1e-11)


@pytest.mark.parametrize(
    ("loss", "strategy"), [("gaussian", "recursive"), ("negative_binomial", "recursive"), ("student_t", Seq2Seq(3))]
)
def test_likelihoods(loss: str, strategy: Any) -> None:
    """Medians that are fed back, and draws of each step; of counts, as they are."""
    y = long(2)
    if loss == "negative_binomial":
        y["y"] = np.floor(3.0 * y["y"])
    model = RNNForecaster(**QUICK | {"n_members": 1, "loss": loss, "strategy": strategy}).fit(y)
    same(model, lambda m: m.predict(3)["RNN"])
    same(model, lambda m: m.sample_paths(3, 5, calibrated=False, random_state=0, output="array"))


def test_layers_on_two_devices() -> None:
    """What stands around the layers runs where the last one is."""
    model = RNNForecaster(**QUICK | {"n_members": 2, "hidden_layer_sizes": (3, 2)}).fit(long(2))
    cpu = model.predict(3)["RNN"]
    for device in (["cpu", "cuda"], ["cuda", "cpu"]):
        np.testing.assert_allclose(model.set_params(device=device).predict(3)["RNN"], cpu, rtol=1e-11)


def test_forecasts_run_on_the_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also of one series, where the CPU would be quicker: what was asked for is obeyed. Streams stay on the CPU."""
    model = RNNForecaster(**QUICK | {"n_members": 1}).fit(long(1)).set_params(device="cuda")
    used: list[str] = []
    compiled = DeviceKernel.compiled.fget

    def noted(kernel: DeviceKernel) -> Any:
        used.append(kernel.name)
        return compiled(kernel)

    monkeypatch.setattr(DeviceKernel, "compiled", property(noted))
    stream = model.stream()
    assert np.isfinite(stream.step(1.0)) and not used
    model.predict(3)
    assert {"write_rows", "write_values"} <= set(used)
