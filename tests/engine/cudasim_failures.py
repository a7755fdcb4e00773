"""A GPU that fails in the middle of a fit, on Numba's CUDA simulator: what was fitted before stays.

Run by test_cuda_simulator.py in another process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from numba.cuda.simulator.cudadrv.driver import CudaAPIError

from forecastrnn import RNNClassifier, RNNForecaster, RNNRegressor
from forecastrnn.datasets import load_airline
from forecastrnn.engine.cuda import build
from forecastrnn.engine.cuda.engine import Engine
from support import cuda_simulator  # noqa: F401  (before the first launch)

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((2, 4, 2, 1))
OPTIONS = {"hidden_layer_sizes": 2, "cell": "rnn", "random_state": 0, "device": "cuda", "warm_start": True}


@contextmanager
def failing(after: int, error: BaseException) -> Iterator[None]:
    """A GPU that runs so many calls of programs, makes half of the next one, and fails."""
    replay, left = Engine._replay, [after]

    def run(engine: Engine, plan: Any, steps: int) -> None:
        left[0] -= 1
        if left[0] < 0:
            for call in plan.calls[: len(plan.calls) // 2]:
                call()
            raise error
        replay(engine, plan, steps)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Engine, "_replay", run)
        yield


def check_kept(model: Any, fit: Callable[[], Any], look: Callable[[], np.ndarray], after: int) -> None:
    """A fit that fails changes nothing; the next one is as if that had not been."""
    before, curve, names = look(), list(model.loss_curve_), set(vars(model))
    with (
        failing(after, CudaAPIError(719, "CUDA_ERROR_LAUNCH_FAILED")),
        pytest.raises(RuntimeError, match=r'device="cuda:0": the GPU failed: .*CUDA_ERROR_LAUNCH_FAILED'),
    ):
        fit()
    np.testing.assert_array_equal(look(), before)
    assert model.loss_curve_ == curve and set(vars(model)) == names
    fit()
    assert len(model.loss_curve_) > len(curve) and not np.array_equal(look(), before)


@pytest.mark.parametrize("after", [0, 2], ids=["at once", "in a later epoch"])
def test_warm_start(after: int) -> None:
    """Also where parameters have stayed on the GPU for some epochs."""
    model = RNNRegressor(max_iter=3, **OPTIONS).fit(X, Y)
    check_kept(model, lambda: model.fit(X, Y), lambda: model.predict(X), after)
    alone = RNNRegressor(max_iter=3, **OPTIONS).fit(X, Y).fit(X, Y)
    np.testing.assert_array_equal(model.predict(X), alone.predict(X))


def test_partial_fit() -> None:
    """An epoch of two calls, of which the second fails."""
    model = RNNClassifier(batch_size=3, **OPTIONS).partial_fit(X, [0, 1, 1, 0], classes=[0, 1])
    check_kept(model, lambda: model.partial_fit(X, [0, 1, 1, 0]), lambda: model.predict_proba(X), 1)


def test_forecaster() -> None:
    """In its second member."""
    y, options = load_airline()[:40], {"n_members": 2, "max_steps": 1, "context_length": 2, "season_length": 1}
    model = RNNForecaster(
        candidates="network", intervals=None, batch_size=1, **OPTIONS | options | {"device": "cpu"}
    ).fit(y)
    before, curve = model.predict(2), model.loss_curve_
    with failing(2, CudaAPIError(1, "CUDA_ERROR_INVALID_VALUE")), pytest.raises(RuntimeError, match="the GPU failed"):
        model.set_params(device="cuda").fit(y)
    assert (model.loss_curve_, model.device_) == (curve, "cpu")
    assert model.set_params(device="cpu").predict(2).equals(before)


def test_first_fit() -> None:
    """The model stays unfitted, and says what to do where memory is full."""
    model = RNNRegressor(max_iter=2, **OPTIONS)
    with failing(1, CudaAPIError(2, "CUDA_ERROR_OUT_OF_MEMORY")), pytest.raises(MemoryError, match="Lower batch_size"):
        model.fit(X, Y)
    assert not hasattr(model, "loss_curve_")
    assert len(model.fit(X, Y).loss_curve_) == 2


def test_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """What nobody uses any more is given back first; if that does not help, the error is of memory."""
    monkeypatch.setattr(build.cuda, "device_array", full)
    with pytest.raises(MemoryError, match='the memory of "cuda:0" is full'):
        RNNRegressor(max_iter=1, **OPTIONS).fit(X, Y)


def full(*args: Any, **options: Any) -> None:
    """A GPU without memory."""
    raise CudaAPIError(2, "Call to cuMemAlloc results in CUDA_ERROR_OUT_OF_MEMORY")


def test_ctrl_c() -> None:
    """Is passed on, and the old model stays."""
    model = RNNRegressor(max_iter=2, **OPTIONS).fit(X, Y)
    before = model.predict(X)
    with failing(1, KeyboardInterrupt()), pytest.raises(KeyboardInterrupt):
        model.fit(X, Y)
    np.testing.assert_array_equal(model.predict(X), before)
