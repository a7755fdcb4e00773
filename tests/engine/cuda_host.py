"""What the host does for a GPU, with the real numba-cuda and a driver that is none: `tests/engine/cuda_driver.c`.

Kernels are compiled, loaded, launched and recorded, arrays allocated and copied; but no kernel computes anything. So
parameters come back from a fit as they went there. Run by `tests/engine/test_cuda_host.py`.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from forecastrnn import RNNClassifier, RNNForecaster, RNNRegressor, RNNSeq2Seq, Seq2Seq
from forecastrnn.datasets import load_airline
from forecastrnn.engine import devices

COMMON: dict[str, Any] = {"device": "cuda", "max_iter": 2, "batch_size": 16, "random_state": 0}
X = np.random.default_rng(0).standard_normal((64, 6, 2)).astype(np.float32)
Y = X.sum((1, 2))
WORDS, TURNED = ["abc", "ab", "bca"] * 8, ["cba", "ba", "acb"] * 8


@pytest.fixture(autouse=True)
def driver() -> Iterator[Any]:
    """The driver: work reaches it, and nothing that it can see is wrong."""
    found = ctypes.CDLL("libcuda.so.1")
    before = found.stub_launches()
    yield found
    assert found.stub_launches() > before
    assert found.stub_faults() == 0


@pytest.fixture
def failing(driver: Any) -> Iterator[Callable[[str, int], None]]:
    """Make a launch, or all allocations, fail from now on."""
    libc = ctypes.CDLL(None)

    def fail(what: str, more: int) -> None:
        done = {"launch": driver.stub_launches, "memory": driver.stub_memories}[what]()
        libc.setenv(b"STUB_FAIL", f"{what} {done + more}".encode(), 1)

    yield fail
    libc.unsetenv(b"STUB_FAIL")


@pytest.mark.parametrize(
    "options",
    [
        {"hidden_layer_sizes": 12},
        {"hidden_layer_sizes": 130, "cell": "gru", "early_stopping": True},
        {"hidden_layer_sizes": 12, "cell": "rnn", "layer_norm": True, "dropout": 0.1},
        {"hidden_layer_sizes": (12, 5), "device": ["cpu", "cuda"]},
    ],
    ids=lambda options: ",".join(options),
)
def test_regressor(options: dict[str, Any], driver: Any) -> None:
    """Parameters stay as they were made; from the second update on, a step is one graph."""
    graphs = driver.stub_graphs()
    model = RNNRegressor(**COMMON | options).fit(X, Y)
    assert model.predict(X).shape == (64,)
    if "device" not in options:
        untrained = RNNRegressor(**COMMON | options | {"device": "cpu", "learning_rate_init": 1e-30}).fit(X, Y)
        for name, first in untrained.output_weights_.items():
            np.testing.assert_allclose(model.output_weights_[name], first, rtol=0, atol=1e-25)
        assert driver.stub_graphs() > graphs


def test_classifier() -> None:
    """A sampled softmax."""
    model = RNNClassifier(n_sampled_classes=8, hidden_layer_sizes=12, **COMMON).fit(X, np.arange(64) % 30)
    assert model.predict_proba(X).shape == (64, 30)


@pytest.mark.parametrize("options", [{}, {"strategy": Seq2Seq(3)}], ids=str)
def test_forecaster(options: dict[str, Any]) -> None:
    model = RNNForecaster(
        candidates="network",
        intervals=None,
        device="cuda",
        n_members=1,
        max_steps=4,
        hidden_layer_sizes=12,
        random_state=0,
        **options,
    )
    model.fit(load_airline())
    assert np.isfinite(model.predict(3)).all()
    assert model.sample_paths(3, 2, calibrated=False).shape == (3, 2)


@pytest.mark.filterwarnings("ignore:.*did not end")
def test_translator() -> None:
    model = RNNSeq2Seq(attention="additive", hidden_layer_sizes=12, **COMMON).fit(WORDS, TURNED)
    assert len(model.decode(["abc", "b"], beam_width=3).sequences) == 2


@pytest.mark.parametrize(
    ("what", "more", "kind", "said"),
    [
        ("launch", 9, RuntimeError, 'device="cuda:0": the GPU failed: CUDA_ERROR_LAUNCH_FAILED'),
        ("memory", 2, MemoryError, 'the memory of "cuda:0" is full'),
    ],
)
def test_errors_keep_the_model(
    what: str, more: int, kind: type[Exception], said: str, failing: Callable[[str, int], None]
) -> None:
    """Those that numba-cuda really raises."""
    model = RNNRegressor(hidden_layer_sizes=12, **COMMON).fit(X, Y)
    before = model.set_params(device="cpu").predict(X)
    failing(what, more)
    with pytest.raises(kind, match=said):
        model.set_params(device="cuda", hidden_layer_sizes=11).fit(X, Y)
    np.testing.assert_array_equal(model.set_params(device="cpu").predict(X), before)


def test_the_driver_is_found() -> None:
    """And one launch, for the fixture."""
    assert devices.gpus() == (1, "")
    assert devices.resolve("auto") == "cuda:0"
    RNNRegressor(hidden_layer_sizes=12, **COMMON).fit(X, Y)
