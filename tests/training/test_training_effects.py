"""What the options of training are for: each does to a small network what it is said to do.

Gradient noise is in test_optimizers.py, learning by truncated BPTT in test_training.py, dropout in test_dropout.py.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from numpy.random import RandomState

from forecastrnn import GRU, LSTM, SGD, AdamW, EarlyStopping, Elman, RNNRegressor, TrainingDivergedError, Truncated
from forecastrnn.functional import dynamic_rnn
from forecastrnn.networks import initializers
from forecastrnn.networks.initializers import orthogonal, orthonormal
from forecastrnn.networks.network import Layer, Network
from support.cases import CELLS, draw, layer, program_of

Array = np.ndarray
RNG = np.random.default_rng(0)
PLAIN = {"solver": SGD(momentum=0.0, nesterov=False)}


def regressor(**options: Any) -> RNNRegressor:
    given = {"cell": "rnn", "early_stopping": EarlyStopping(None, tol=0.0), "random_state": 0, "n_jobs": 1}
    return RNNRegressor(**given | options)


# Clipping -------------------------------------------------------------------------------------------------
def exploding(clip_norm: float | None) -> list[float]:
    """Losses of SGD on relu units whose recurrent kernel is 1.5 times an orthogonal one, over 40 steps."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(100, 40, 2))
    y = 3 * X[:, -1, 0]
    model = regressor(cell=Elman("relu"), hidden_layer_sizes=16, batch_size=25, warm_start=True, **PLAIN)
    model.set_params(learning_rate_init=1e-12, max_iter=1).fit(X, y)
    model.weights_[0]["recurrent_kernel"][...] *= 1.5
    model.set_params(learning_rate_init=0.03, max_iter=100, solver__clip_norm=clip_norm).fit(X, y)
    return model.loss_curve_[1:]


def test_clipping_tames_exploding_gradients() -> None:
    """Without it the first updates throw the weights away; with it the loss falls by orders of magnitude."""
    with pytest.raises(TrainingDivergedError, match="clip_norm"):
        exploding(None)
    losses = exploding(1.0)
    assert losses[0] > 1000.0
    assert losses[-1] < 1.0


# Initialisers ---------------------------------------------------------------------------------------------
INPUTS, UNITS = 40, 60
CELL_KINDS = (Elman(), LSTM(peepholes=True), GRU())


def blocks(cell: Any, initializer: str, name: str) -> list[Array]:
    """The part of each gate of a kernel."""
    weights = cell.init_weights(INPUTS, UNITS, random_state=1, initializer=initializer)[name]
    return np.split(weights, weights.shape[1] // UNITS, axis=1)


@pytest.mark.parametrize("cell", CELL_KINDS, ids=lambda cell: type(cell).__name__)
def test_glorot(cell: Any) -> None:
    """Uniform, of variance 2 / (rows + columns), for each gate by itself."""
    for values in blocks(cell, "glorot", "kernel"):
        limit = np.sqrt(6 / (INPUTS + UNITS))
        assert 0.98 * limit < np.abs(values).max() <= limit
        # the square of such a number has the mean limit^2 / 3 and the standard deviation limit^2 sqrt(4 / 45)
        assert np.square(values).mean() / limit**2 == pytest.approx(1 / 3, abs=5 * np.sqrt(4 / 45 / values.size))


@pytest.mark.parametrize("cell", CELL_KINDS, ids=lambda cell: type(cell).__name__)
def test_he(cell: Any) -> None:
    """Normal, of variance 2 / rows: a share of 0.0027 lies outside three standard deviations."""
    for values in blocks(cell, "he", "kernel"):
        z = values / np.sqrt(2 / INPUTS)
        assert abs(z.mean()) < 5 / np.sqrt(z.size)
        assert np.square(z).mean() == pytest.approx(1.0, abs=5 * np.sqrt(2 / z.size))
        assert 3.0 < np.abs(z).max() < 5.5


@pytest.mark.parametrize("initializer", ["glorot", "he", "orthogonal"])
@pytest.mark.parametrize("cell", CELL_KINDS, ids=lambda cell: type(cell).__name__)
def test_orthogonal(cell: Any, initializer: str) -> None:
    """The recurrent kernel of each gate keeps lengths; with "orthogonal" the input's rows are orthonormal, too."""
    for values in blocks(cell, initializer, "recurrent_kernel"):
        np.testing.assert_allclose(values.T @ values, np.eye(UNITS), atol=1e-13)
    for values in blocks(cell, initializer, "kernel"):
        gram = values @ values.T
        assert np.allclose(gram, np.eye(INPUTS), atol=1e-13) == (initializer == "orthogonal")


def test_many_orthogonal_columns_are_made_by_panels(monkeypatch: pytest.MonkeyPatch) -> None:
    """In calls of a few columns, and to rounding what one call gives."""
    whole = orthogonal(RandomState(0), 60, 41), orthogonal(RandomState(0), 33, 60)
    seen: list[int] = []
    monkeypatch.setattr(initializers, "PANEL", 8)
    monkeypatch.setattr(initializers, "orthonormal", lambda panel: seen.append(panel.shape[1]) or orthonormal(panel))
    np.testing.assert_allclose(orthogonal(RandomState(0), 60, 41), whole[0], atol=1e-13)
    np.testing.assert_allclose(orthogonal(RandomState(0), 33, 60), whole[1], atol=1e-13)
    assert seen == 5 * [8] + [1] + 4 * [8] + [1]


@pytest.mark.parametrize("cell", CELL_KINDS, ids=lambda cell: type(cell).__name__)
def test_uniform(cell: Any) -> None:
    """All parameters within 1 / sqrt(units), but for the forget gate's bias, which is higher by 1."""
    weights, limit = cell.init_weights(INPUTS, UNITS, random_state=1, initializer="uniform"), 1 / np.sqrt(UNITS)
    if isinstance(cell, LSTM):
        weights["bias"][UNITS : 2 * UNITS] -= cell.forget_bias
    values = np.concatenate([w.ravel() for w in weights.values()])
    assert 0.99 * limit < np.abs(values).max() <= limit * (1 + 1e-12)
    assert np.square(values).mean() / limit**2 == pytest.approx(1 / 3, abs=5 * np.sqrt(4 / 45 / values.size))


@pytest.mark.parametrize("initializer", ["glorot", "he", "orthogonal"])
def test_biases_begin_at_zero_but_the_forget_gates(initializer: str) -> None:
    for cell in CELL_KINDS:
        weights = cell.init_weights(INPUTS, UNITS, random_state=1, initializer=initializer)
        bias = weights["bias"].reshape(-1, UNITS)
        assert bias.mean(axis=1).tolist() == [float(cell.gates[k] == "f") for k in cell.frame.input_gates]
        assert not (bias != bias[:, :1]).any()


@pytest.mark.parametrize(("initializer", "variance"), [("glorot", 2 / (UNITS + 500)), ("he", 2 / UNITS)])
def test_the_dense_layer(initializer: str, variance: float) -> None:
    network = Network(1, (Layer(Elman(), UNITS),), 500)
    views = network.views(network.init_theta(1, "float64", initializer))
    kernel = views["output.kernel"]
    assert np.square(kernel).mean() == pytest.approx(variance, rel=5 * np.sqrt(2 / kernel.size))
    assert not views["output.bias"].any()


# Activations that do not saturate -------------------------------------------------------------------------
def influence(activation: str, scale: float) -> float:
    """How much the state behind 20 steps moves with the first input, whose size grows with `scale`."""
    cell, rng = Elman(activation), np.random.default_rng(0)
    weights = cell.init_weights(1, 32, random_state=0, initializer="he")
    x = scale * rng.standard_normal((20, 20, 1))
    moved = np.repeat(x[None], 2, axis=0)
    moved[0, :, 0], moved[1, :, 0] = x[:, 0] + 1e-4, x[:, 0] - 1e-4
    above, below = (dynamic_rnn(cell, one, weights)[0][:, -1] for one in moved)
    return float(np.linalg.norm((above - below) / 2e-4, axis=1).mean())


def test_relu_passes_on_what_others_lose_in_saturation() -> None:
    """Large inputs shut the derivative of tanh and of the logistic function, but not relu's."""
    assert influence("relu", 1.0) > 1e-3
    assert influence("relu", 100.0) == pytest.approx(influence("relu", 1.0), rel=1e-6)
    for saturating in ("tanh", "logistic"):
        assert influence(saturating, 100.0) < 1e-9


def test_relu_goes_on_beyond_what_it_has_seen() -> None:
    """Sums of numbers from 1 to 2, learnt on numbers from 0 to 1: a unit of tanh has nothing beyond 1."""
    X, Z = RNG.uniform(0, 1, (300, 20, 1)), RNG.uniform(1, 2, (100, 20, 1))
    scores = {}
    for activation in ("tanh", "relu"):
        model = regressor(cell=Elman(activation), initializer="he", hidden_layer_sizes=16, max_iter=60)
        model.fit(X, X.sum(axis=(1, 2)))
        scores[activation] = model.score(X, X.sum(axis=(1, 2))), model.score(Z, Z.sum(axis=(1, 2)))
    assert min(seen for seen, _ in scores.values()) > 0.9
    assert scores["relu"][1] > 0.5
    assert scores["tanh"][1] < -10.0


# Update rules ---------------------------------------------------------------------------------------------
@cache
def ill_conditioned() -> tuple[Array, Array]:
    """Three channels of sizes 1, 0.03 and 0.003, which count alike in the target."""
    sizes, rng = np.array([1.0, 0.03, 0.003]), np.random.default_rng(0)
    X = rng.normal(size=(200, 6, 3)) * sizes
    return X, (X[:, -1] / sizes).sum(axis=1) / np.sqrt(3)


def loss_after(epochs: int, **options: Any) -> float:
    """On channels that are left as they are; infinite if training diverged."""
    model = regressor(hidden_layer_sizes=8, batch_size=20, standardize=False, max_iter=epochs, **options)
    try:
        return model.fit(*ill_conditioned()).loss_
    except TrainingDivergedError:
        return np.inf


@cache
def best_of_plain_sgd() -> float:
    return min(loss_after(40, learning_rate_init=rate, **PLAIN) for rate in (0.003, 0.01, 0.03, 0.1, 0.3, 1.0))


@pytest.mark.parametrize(
    ("options", "rate", "share"),
    [
        ({"solver": SGD(nesterov=True)}, 0.03, 0.8),
        ({"solver": "rmsprop"}, 0.03, 0.4),
        ({"solver": "adam"}, 0.03, 0.4),
        ({"solver": AdamW(weight_decay=1e-4)}, 0.03, 0.4),
    ],
    ids=str,
)
def test_faster_than_plain_gradient_descent(options: dict, rate: float, share: float) -> None:
    """In the same number of epochs, against the best of six rates."""
    assert loss_after(40, learning_rate_init=rate, **options) < share * best_of_plain_sgd()


# Truncated BPTT -------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", CELLS)
def test_truncation_needs_the_memory_of_its_windows(name: str) -> None:
    """A 20th of the steps at once, and less than a 15th of what a step holds; the rest is packed weights."""
    problem = draw((layer(name, 20),), n=8, T=2000, inputs=2)
    full, cut = (program_of(problem, "float32", steps=steps, carry=steps < 2000) for steps in (2000, 100))
    assert cut.program.nbytes < full.program.nbytes / 15


def test_truncation_learns_what_lies_within_its_windows() -> None:
    """Rows of 400 steps whose target is the input three steps before, by windows of 20; not by windows of 2."""
    X = np.random.default_rng(2).normal(size=(16, 400, 1))
    y = np.concatenate([np.zeros((16, 3, 1)), X[:, :-3]], axis=1)
    options = {"cell": "gru", "hidden_layer_sizes": 16, "max_iter": 15, "learning_rate_init": 0.01, "batch_size": 8}
    long, short = (regressor(bptt=Truncated(steps), **options).fit(X, y).score(X, y) for steps in (20, 2))
    assert long > 0.9
    assert short < 0.6
