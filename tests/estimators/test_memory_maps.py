"""Arrays in files are read as they are: how much memory a fit takes beside them."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from forecastrnn import RNNRegressor


def mapped(path: Path, dtype: str) -> np.ndarray:
    """X (8000, 50, 4), which cannot be written to."""
    X = np.memmap(path, dtype, "w+", shape=(8000, 50, 4))
    X[:] = np.random.default_rng(0).standard_normal(X.shape)
    X.flush()
    return np.memmap(path, dtype, "r", shape=X.shape)


def peak_of(work: Callable[[], object]) -> int:
    """Bytes that it takes at most, once all is compiled and imported."""
    work()
    tracemalloc.start()
    work()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


@pytest.mark.parametrize(("standardize", "times"), [(False, 0.5), (True, 5.0)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_fit_beside_a_memory_map(
    dtype: str, standardize: bool, times: float, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """No copy is made of X as it is; to standardise it, a few."""
    if request.config.getoption("--guards"):
        pytest.skip("what has words around it is a copy")
    X, y = mapped(tmp_path / "X", dtype), np.arange(8000.0) % 7
    model = RNNRegressor(hidden_layer_sizes=2, max_iter=1, batch_size=500, random_state=0, standardize=standardize)
    half, whole = (peak_of(lambda n=n: model.fit(X[:n], y[:n])) for n in (4000, 8000))
    assert whole - half < times * X[4000:].nbytes
    np.testing.assert_array_equal(model.predict(X[:9]), model.predict(np.array(X[:9])))
