"""What is said where a GPU is asked for and cannot be used; stand-ins take the place of Numba's CUDA."""

from __future__ import annotations

import importlib.util
import logging
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from forecastrnn import RNNForecaster, RNNRegressor
from forecastrnn.datasets import load_airline
from forecastrnn.engine import devices
from forecastrnn.engine.devices import explained

X, Y = np.random.default_rng(0).standard_normal((2, 4, 3))
QUICK = {"max_iter": 1, "hidden_layer_sizes": 2, "random_state": 0}
NO_NVVM = None


def machine(*capabilities: tuple[int, int], error: str | None = "") -> Any:
    """What Numba would say on a machine with such GPUs, or of one where CUDA cannot be used."""
    gpus = [SimpleNamespace(compute_capability=c, name=b"Tesla") for c in capabilities]
    return SimpleNamespace(is_available=lambda: error == "", cuda_error=lambda: error, gpus=gpus)


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Put a stand-in there: installed(machine)."""

    def put(cuda: Any) -> None:
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
        monkeypatch.setattr(devices, "_numba_cuda", cuda if callable(cuda) else lambda: cuda)
        devices.log_once.cache_clear()

    monkeypatch.setenv("NUMBA_ENABLE_CUDASIM", "0")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return put


def broken() -> Any:
    """Packages that do not belong together."""
    raise AttributeError("module 'numba' has no attribute 'types'")


WHY = {
    "no driver": (machine(error="\nCUDA driver library cannot be found.\n"), "no NVIDIA driver was found"),
    "no GPU": (machine(error="Call to cuInit results in CUDA_ERROR_NO_DEVICE (100)"), "the NVIDIA driver finds no GPU"),
    "an old driver": (machine(error="CUDA_ERROR_SYSTEM_DRIVER_MISMATCH (803)"), r"driver says: CUDA_ERROR.*newer one"),
    "no compiler": (machine(error=NO_NVVM), r"but not the compiler of CUDA, NVVM \(pip install"),
    "broken": (broken, r"numba-cuda cannot be used: AttributeError.*install it anew: pip install"),
    "too old": (machine((6, 0)), r"cuda:0 is a Tesla of compute capability 6\.0, and CUDA 13 needs 7\.5 or more"),
}  # fmt: skip


@pytest.mark.parametrize("name", WHY)
def test_a_gpu_that_cannot_be_used(name: str, installed: Any, caplog: pytest.LogCaptureFixture) -> None:
    """An error for "cuda", which keeps the model; one line of the log for "auto", and the CPU."""
    cuda, why = WHY[name]
    installed(cuda)
    model = RNNRegressor(**QUICK).fit(X, Y)
    before = model.predict(X)
    with pytest.raises(RuntimeError, match=f'device="cuda": .*{why}.*Use device="cpu", or device="auto"'):
        model.set_params(device="cuda").fit(X, Y)
    np.testing.assert_array_equal(model.predict(X), before)
    with caplog.at_level(logging.INFO, "forecastrnn"):
        caplog.clear()
        for _ in range(2):
            assert RNNRegressor(device="auto", **QUICK).fit(X, Y).device_ == "cpu"
    (line,) = [record.message for record in caplog.records if "device=" in record.message]
    assert line.startswith('device="auto" takes the CPU: ')


def test_hidden_gpus(installed: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable that hides them is named."""
    installed(WHY["no GPU"][0])
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    with pytest.raises(RuntimeError, match='finds no GPU: CUDA_VISIBLE_DEVICES is "-1"'):
        devices.resolve("cuda")


def test_no_numba_cuda(installed: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What to install is said."""
    installed(machine())
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(RuntimeError, match=r'numba-cuda is not installed \(pip install "forecastrnn\[cuda\]"\)'):
        devices.resolve("cuda:1")


def test_several_gpus(installed: Any) -> None:
    """One that is too old is passed over by "auto"; numbers that do not exist are refused."""
    installed(machine((6, 1), (9, 0)))
    assert devices.resolve("auto") == devices.resolve("cuda:1") == "cuda:1"
    assert devices.resolve(["cuda:1", "cpu"]) == "cuda:1+cpu"
    with pytest.raises(RuntimeError, match=r'device="cuda:2": there is no such GPU, this machine has cuda:0 to cuda:1'):
        devices.resolve("cuda:2")
    with pytest.raises(RuntimeError, match=r'device="cuda:0": cuda:0 is a Tesla of compute capability 6\.1'):
        devices.resolve(["cuda:0", "cpu"])


def test_what_has_no_kernels(installed: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Local networks are jobs of the CPU: an error for "cuda", one line of the log for "auto"."""
    installed(machine((9, 0)))
    model = RNNForecaster(
        candidates="network",
        intervals=None,
        global_model=False,
        n_members=1,
        max_steps=2,
        hidden_layer_sizes=2,
        device="cuda",
    )
    with pytest.raises(ValueError, match=r"device='cuda': global_model=False runs on the CPU only. Use device=\"cpu\""):
        model.fit(load_airline())
    with caplog.at_level(logging.INFO, "forecastrnn"):
        assert model.set_params(device="auto").fit(load_airline()).device_ == "cpu"
    assert 'device="auto" takes the CPU: global_model=False has no kernels of a GPU' in caplog.messages


@pytest.mark.parametrize("device", ["tpu", "cuda:-1", "cuda:01", 3, None, 1.5, {"cuda": 0}, ["cpu", "cpu"]], ids=repr)
def test_devices_set_behind_fit(device: Any) -> None:
    """Predictions look at it as `fit` does."""
    model = RNNRegressor(**QUICK).fit(X, Y).set_params(device=device)
    for call in (lambda: model.fit(X, Y), lambda: model.predict(X)):
        with pytest.raises(ValueError, match="The 'device' parameter of RNNRegressor must be"):
            call()


# Errors of CUDA ---------------------------------------------------------------------------------------
def cuda_error(name: str, *bases: type) -> type[Exception]:
    """An error of that name, as a library of CUDA has it."""
    return type(name, bases or (Exception,), {})


DRIVER = cuda_error("CudaDriverError")


@pytest.mark.parametrize(("error", "expected", "match"), [
    (cuda_error("CudaAPIError", DRIVER)("[2] Call to cuMemAlloc results in CUDA_ERROR_OUT_OF_MEMORY"), MemoryError,
     'the memory of "cuda:1" is full: .*Lower batch_size.*nvidia-smi'),
    (cuda_error("OutOfMemoryError", MemoryError)("Out of memory allocating 512 bytes"), MemoryError, "Lower batch_si"),
    (cuda_error("NvvmSupportError", ImportError)("libNVVM cannot be found"), RuntimeError,
     "the compiler of CUDA was not found: libNVVM.*pip install"),
    (cuda_error("CudaAPIError", DRIVER)("[700] CUDA_ERROR_ILLEGAL_ADDRESS"), RuntimeError,
     'device="cuda:1": the GPU failed: .700. CUDA_ERROR_ILLEGAL_ADDRESS.*until Python is started anew'),
    (cuda_error("NcclError", RuntimeError)("NCCL_ERROR_UNHANDLED"), RuntimeError, "the GPU failed: NCCL_ERROR"),
    (KeyError("of something else"), KeyError, "of something else"),
], ids=["full", "full for CuPy", "no compiler", "launch", "NCCL", "another"])  # fmt: skip
def test_errors_are_explained(error: Exception, expected: type[Exception], match: str) -> None:
    """Which device, and what to do; others are left alone."""
    with pytest.raises(expected, match=match) as caught, explained("cuda:1"):
        raise error
    assert error in (caught.value, caught.value.__cause__)
