"""What is copied between host and GPU while a model is trained, on Numba's CUDA simulator.

Run by test_cuda_simulator.py in another process.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pytest
from numba.cuda.simulator.cudadrv.devicearray import FakeCUDAArray

from forecastrnn import Direct, RNNForecaster, RNNRegressor
from forecastrnn.datasets import load_airline
from forecastrnn.forecasting import windows
from forecastrnn.training import training
from forecastrnn.training.optimizers import Rule
from support import cuda_simulator  # noqa: F401  (before the first launch)

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((2, 9, 2, 2))
OPTIONS = {"hidden_layer_sizes": 2, "cell": "rnn", "batch_size": 2, "random_state": 0, "device": "cuda",
           "dtype": "float64"}  # fmt: skip
UPDATES = 5  # of an epoch
SUMS = 16  # bytes of an update's loss and weight
WORD = 8  # bytes of a number


class Copies(NamedTuple):
    """The host's side of every copy, in their order."""

    to_host: list[np.ndarray]
    to_device: list[np.ndarray]

    def of(self, array: np.ndarray) -> tuple[int, int]:
        """How often an array came to the host, and went to the device."""
        found = [sum(np.shares_memory(array, one) for one in side) for side in self]
        return found[0], found[1]


@pytest.fixture
def copies(monkeypatch: pytest.MonkeyPatch) -> Iterator[Copies]:
    """All copies from here on."""
    seen, download, upload = Copies([], []), FakeCUDAArray.copy_to_host, FakeCUDAArray.copy_to_device

    def to_host(self: Any, ary: Any = None, stream: Any = 0) -> Any:
        seen.to_host.append(ary)
        return download(self, ary, stream)

    def to_device(self: Any, ary: Any, stream: Any = 0) -> None:
        seen.to_device.append(ary)
        upload(self, ary, stream)

    monkeypatch.setattr(FakeCUDAArray, "copy_to_host", to_host)
    monkeypatch.setattr(FakeCUDAArray, "copy_to_device", to_device)
    return seen


def nbytes(arrays: list[np.ndarray]) -> int:
    """Bytes of all of them."""
    return sum(array.nbytes for array in arrays)


def arrays_of(model: Any) -> list[np.ndarray]:
    """Parameters and moments."""
    progress = model._fitted.progress
    return [progress.theta, *progress.optimizer.moments.values()]


def test_only_losses_come_to_the_host(copies: Copies, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of all mini-batches of an epoch; two programs, one for the row that is left, share parameters and moments."""
    monkeypatch.setattr(training, "CALL_SECONDS", 1e-9)  # a call for each update
    found = []
    for epochs in (1, 2):
        copies.to_host.clear(), copies.to_device.clear()
        model = RNNRegressor(max_iter=epochs, **OPTIONS).fit(X, Y)
        assert [copies.of(array) for array in arrays_of(model)] == [(1, 1)] * 3
        found.append([nbytes(copies.to_host), nbytes(copies.to_device)])
    down, up = np.subtract(found[1], found[0])
    assert down == UPDATES * SUMS
    options = Rule("adam", 0.1).options(0).nbytes
    assert up == 2 * WORD * len(X) + UPDATES * (options + 2 * WORD)  # where rows begin; the rate and the step


def test_validation_looks_at_the_parameters(copies: Copies) -> None:
    """Once an epoch, and not at the moments; predictions of the rows held out come back."""
    model = RNNRegressor(max_iter=2, early_stopping=True, **OPTIONS).fit(X, Y)
    theta, *moments = arrays_of(model)
    assert copies.of(theta) == (2, 1 + 2 + 1)  # to the program that validates, too, and to judge what was kept
    assert [copies.of(array) for array in moments] == [(1, 1)] * 2


def test_a_callback_looks_when_it_asks(copies: Copies) -> None:
    """At the model so far, which is that of the CPU; without a look nothing is copied."""
    seen: list[Any] = []

    def callback(epoch: Any) -> None:
        if epoch.iteration == 1:
            seen.append(epoch.estimator())

    models = [RNNRegressor(max_iter=2, **OPTIONS | {"device": d}).fit(X, Y, callback=callback) for d in ("cuda", "cpu")]
    assert [copies.of(array) for array in arrays_of(models[0])] == [(2, 1)] * 3
    for mine, other in zip(arrays_of(seen[0]), arrays_of(seen[1]), strict=True):
        np.testing.assert_allclose(mine, other, rtol=0, atol=1e-11)
    assert seen[0]._fitted.progress.fetch is None


def test_categories_that_were_not_seen(copies: Copies) -> None:
    """Their vectors, means of the others, are made on the host, when it has the others."""
    codes = np.concatenate([X, RNG.integers(3, size=(9, 2, 1))], axis=2)
    models = [RNNRegressor(max_iter=1, categorical_features=[2], **OPTIONS | {"device": d}).fit(codes, Y)
              for d in ("cuda", "cpu")]  # fmt: skip
    assert copies.of(arrays_of(models[0])[0]) == (1, 1)
    vectors = models[0].embedding_weights_[0]
    np.testing.assert_allclose(vectors[-1], vectors[:-1].mean(axis=0))
    np.testing.assert_allclose(vectors, models[1].embedding_weights_[0], rtol=0, atol=1e-11)


def test_forecaster(copies: Copies, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its windows are gathered on the GPU; a forecast brings back new values, and takes its histories there once."""
    monkeypatch.setattr(windows, "EPOCH", 1)
    options = {"n_members": 2, "max_steps": 2, "context_length": 2, "season_length": 2, "strategy": Direct(3)}
    model = RNNForecaster(candidates="network", intervals=None, **OPTIONS | options).fit(load_airline()[:40])
    for member in model._model.trained.members:
        assert copies.of(member.theta) == (1, 1)
    copies.to_host.clear(), copies.to_device.clear()
    model.predict(3)
    assert [array.size for array in copies.to_host] == [3, 3]
    histories = [array.size for array in copies.to_device if array.size == model._model.tail.z.size + 3]
    assert len(histories) == 2  # values and their means, for both members
