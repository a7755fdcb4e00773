"""The output projection: one dense product a step, and all steps stacked in one product, are the same."""

from __future__ import annotations

import numpy as np
import pytest

from forecastrnn import RNNRegressor
from forecastrnn.functional import dynamic_rnn


@pytest.fixture(scope="module")
def fitted() -> tuple[RNNRegressor, np.ndarray]:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(9, 7, 3))
    y = np.cumsum(X, axis=1)[:, :, :2]  # a target at every step
    model = RNNRegressor(cell="gru", hidden_layer_sizes=5, max_iter=3, standardize=False, random_state=0)
    return model.fit(X, y), X


def test_stacked_equals_a_dense_layer_at_each_step(fitted: tuple[RNNRegressor, np.ndarray]) -> None:
    model, X = fitted
    hidden, _ = dynamic_rnn("gru", X, model.weights_[0])
    kernel, bias = model.output_weights_["kernel"], model.output_weights_["bias"]
    by_step = [hidden[:, t] @ kernel + bias for t in range(X.shape[1])]
    np.testing.assert_allclose(model.predict(X), np.stack(by_step, axis=1), rtol=0, atol=1e-14)


def test_stacked_equals_reshape_dense_reshape(fitted: tuple[RNNRegressor, np.ndarray]) -> None:
    model, X = fitted
    hidden, _ = dynamic_rnn("gru", X, model.weights_[0])
    rows = hidden.reshape(-1, 5) @ model.output_weights_["kernel"] + model.output_weights_["bias"]
    np.testing.assert_allclose(model.predict(X), rows.reshape(9, 7, 2), rtol=0, atol=1e-14)
