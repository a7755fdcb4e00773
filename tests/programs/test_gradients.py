"""Loss and gradients of the engine beside the oracle, and beside central differences of its own loss."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from forecastrnn.networks.network import Network
from forecastrnn.training.stepping import BatchIndex
from support.cases import (
    CELLS,
    NORMED,
    Problem,
    by_name,
    described,
    draw,
    gradients,
    index_of,
    layer,
    program_of,
    worst,
)
from support.gradient_checks import STACKS, TOLERANCE, check
from support.naive_training import LOSSES, loss_and_gradients, numerical_gradient


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("both", [False, True], ids=["forward", "bidirectional"])
@pytest.mark.parametrize("ragged", [False, True], ids=["full", "ragged"])
@pytest.mark.parametrize("steps", ["all", "last", 3])
@pytest.mark.parametrize("name", [*CELLS, *NORMED])
def test_a_layer(name: str, steps: Any, ragged: bool, both: bool, dtype: str) -> None:
    """Every cell under every head, from a state that is given."""
    check(draw((layer(name, 5, both),), steps=steps, ragged=ragged, started=True), dtype)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("ragged", [False, True], ids=["full", "ragged"])
@pytest.mark.parametrize("steps", ["all", "last", 3])
@pytest.mark.parametrize("name", STACKS)
def test_stacks(name: str, steps: Any, ragged: bool, dtype: str) -> None:
    """Layers of different cells and sizes, with weights of the rows."""
    check(draw(STACKS[name], steps=steps, ragged=ragged, weighted=True, started=True), dtype)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("both", [False, True], ids=["forward", "bidirectional"])
@pytest.mark.parametrize("ragged", [False, True], ids=["full", "ragged"])
@pytest.mark.parametrize("steps", ["all", "last", 3])
def test_skip_connection(steps: Any, ragged: bool, both: bool, dtype: str) -> None:
    """A linear map from the inputs to the outputs beside the layers."""
    check(draw((layer("gru", 5, both),), steps=steps, ragged=ragged, skip=True), dtype)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("weighted", [False, True], ids=["equal", "weighted"])
@pytest.mark.parametrize("steps", ["all", "last", 3])
@pytest.mark.parametrize("loss", LOSSES)
def test_losses(loss: str, steps: Any, weighted: bool, dtype: str) -> None:
    """Every loss, with rows of different lengths."""
    problem = draw((layer("lstm", 6),), outputs=5, steps=steps, loss=loss, weighted=weighted, ragged=True)
    check(problem, dtype)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize(
    "sizes", [(1, 1, 1, 1), (16, 2, 5, 1), (20, 130, 3, 17), (70, 3, 2, 5), (3, 520, 2, 2)], ids=str
)
@pytest.mark.parametrize("name", [*CELLS, *NORMED])
def test_sizes(name: str, sizes: tuple[int, ...], dtype: str) -> None:
    """Sizes = (units, rows, steps, inputs); many rows make several shards. Fewer than 3 normalised units are fixed."""
    units, n, T, inputs = (max(sizes[0], 3 if name in NORMED else 1), *sizes[1:])
    check(draw((layer(name, units),), n=n, T=T, inputs=inputs, ragged=True, started=True), dtype)


@pytest.mark.parametrize("steps", ["all", "last", 2])
@pytest.mark.parametrize("name", [*CELLS, *NORMED])
def test_central_differences(name: str, steps: Any) -> None:
    """The gradient is that of the engine's own loss, in float64."""
    problem = draw((layer(name, 3, True), layer(name, 2)), n=3, T=4, inputs=2, steps=steps, loss="huber", ragged=True)
    program = program_of(problem, "float64")
    index = index_of(problem, program, np.arange(3)[None])
    program.run(index, 1, 1)
    found = program.grad.copy()
    expected = numerical_gradient(lambda: program.run(index, 1, 1)[0], program.theta, sharp=name in NORMED)
    assert np.abs(found - expected).max() < 1e-8 * np.abs(expected).max()


@pytest.mark.parametrize("steps", ["all", "last"])
@pytest.mark.parametrize("name", CELLS)
def test_long_series_in_float32(name: str, steps: Any) -> None:
    """512 steps from the weights that training begins with: float32 loses no more than its rounding."""
    problem = draw((layer(name, 20),), n=5, T=512, steps=steps)
    start = CELLS[name].cell.init_weights(3, 20, random_state=0)
    problem = replace(problem, theta=problem.theta | {"layers": [start]})
    expected, found = problem.solve(), gradients(problem, "float32")
    assert worst(found.d_theta, by_name(expected.d_theta)) < 1e-5


@pytest.mark.parametrize("steps", ["all", "last", 3])
@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "huber"])
def test_missing_targets_count_for_nothing(loss: str, steps: Any) -> None:
    """A target that is NaN acts as one of weight zero."""
    problem = draw((layer("lstm", 5),), steps=steps, loss=loss)
    observed = np.random.default_rng(1).random(problem.y.shape[:2]) < 0.6
    y = np.where(observed[:, :, None], problem.y, np.nan)
    expected = loss_and_gradients(problem.oracle_network, problem.theta, problem.x, problem.y, observed)
    found = gradients(replace(problem, y=y), "float64")
    assert found.loss == pytest.approx(expected.loss, rel=1e-12)
    assert worst(found.d_theta, by_name(expected.d_theta)) < 1e-12


def test_one_missing_output_of_several() -> None:
    """The loss is the mean over the outputs that were observed; central differences agree."""
    problem = draw((layer("tanh", 3),), n=3, T=4, inputs=2, outputs=3)
    y = np.where(np.random.default_rng(2).random(problem.y.shape) < 0.5, problem.y, np.nan)
    error = problem.solve().outputs - y
    program = program_of(replace(problem, y=y), "float64")
    index = index_of(problem, program, np.arange(3)[None])
    assert program.run(index, 1, 1)[0] == pytest.approx(np.nanmean(error**2), rel=1e-12)
    found = program.grad.copy()
    expected = numerical_gradient(lambda: program.run(index, 1, 1)[0], program.theta)
    assert np.abs(found - expected).max() < 1e-8 * np.abs(expected).max()


def test_nothing_observed() -> None:
    """A mini-batch without a single target has loss zero and gradient zero."""
    problem = draw((layer("gru", 3),))
    program = program_of(replace(problem, y=np.full_like(problem.y, np.nan)), "float64")
    program.grad[:] = 1.0
    assert program.run(index_of(problem, program, np.arange(7)[None]), 1, 1)[0] == 0.0
    assert not program.grad.any()


@pytest.mark.parametrize("name", CELLS)
def test_rows_of_weight_zero(name: str) -> None:
    """They are as good as absent."""
    problem = draw((layer(name, 5),), weighted=True)
    problem.weights[[1, 4]] = 0.0
    rows = np.flatnonzero(problem.weights)
    few = replace(problem, x=problem.x[rows], y=problem.y[rows], weights=problem.weights[rows])
    expected, found = gradients(few, "float64"), gradients(problem, "float64")
    assert found.loss == pytest.approx(expected.loss, rel=1e-12)
    assert worst(found.d_theta, expected.d_theta) < 1e-12


@pytest.mark.parametrize("name", [*CELLS, *NORMED])
def test_a_program_leaves_no_trace(name: str) -> None:
    """The second and the third run have the bits of the first: no sum goes on from run to run."""
    problem = draw((layer(name, 5, True), layer(name, 3)), ragged=True)
    program = program_of(problem, "float32")
    index = index_of(problem, program, np.arange(7)[None])
    first = program.run(index, 1, 1)[0], program.grad.copy()
    for _ in range(2):
        assert program.run(index, 1, 1)[0] == first[0]
        np.testing.assert_array_equal(program.grad, first[1])


# Truncated back-propagation: the state at the end of a window is that at the beginning of the next.


def two_windows(problem: Problem, keep: float) -> tuple[np.ndarray, dict]:
    """Losses of both halves of every series, and the gradient of the second."""
    n, T = problem.x.shape[:2]
    program = program_of(problem, "float64", steps=T // 2, carry=True)
    samples = np.tile(np.arange(n), (2, 1))
    starts = samples * T + [[0], [T // 2]]
    losses = program.run(BatchIndex(starts, starts, samples, keep=np.array([0.0, keep])), 2, 2)
    return losses, problem.network.views(program.grad)


@pytest.mark.parametrize("keep", [0.0, 1.0], ids=["anew", "carried"])
@pytest.mark.parametrize("both", [False, True], ids=["forward", "bidirectional"])
@pytest.mark.parametrize("name", CELLS)
def test_state_is_carried(name: str, both: bool, keep: float) -> None:
    """The second window starts from the first one's final state, or from zero; no gradient flows back."""
    problem = draw((layer(name, 5, both), layer("lstm", 3)), T=8)
    losses, found = two_windows(problem, keep)
    first = replace(problem, x=problem.x[:, :4], y=problem.y[:, :4]).solve()
    states = first.final_states if keep else None
    second = replace(problem, x=problem.x[:, 4:], y=problem.y[:, 4:], states=states).solve()
    np.testing.assert_allclose(losses, [first.loss, second.loss], rtol=1e-12)
    assert worst(found, by_name(second.d_theta)) < 1e-10


def picked(state: Any, rows: np.ndarray) -> Any:
    """These rows of a layer's state."""
    return tuple(picked(part, rows) for part in state) if isinstance(state, tuple) else state[rows]


@pytest.mark.parametrize("both", [False, True], ids=["forward", "bidirectional"])
@pytest.mark.parametrize("name", [*CELLS, *NORMED])
def test_series_that_end_in_the_first_window(name: str, both: bool) -> None:
    """They have no part in the second, though they keep their place in the mini-batch."""
    problem = draw((layer(name, 5, both),), n=8, T=8, ragged=True)
    problem = replace(problem, lengths=np.array([3, 8, 5, 4, 1, 7, 6, 2]))
    program = program_of(problem, "float64", steps=4, carry=True)
    one = index_of(problem, program, np.arange(8)[None])
    starts, left = one.x + [[0], [4]], np.clip(one.lengths - [[0], [4]], 0, 4)
    losses = program.run(BatchIndex(starts, starts, np.tile(one.sample, (2, 1)), left, keep=np.array([0.0, 1.0])), 2, 2)
    first = replace(problem, x=problem.x[:, :4], y=problem.y[:, :4], lengths=np.minimum(problem.lengths, 4))
    rows = np.flatnonzero(problem.lengths > 4)
    states = [picked(state, rows) for state in first.solve().final_states]
    rest = {"x": problem.x[rows, 4:], "y": problem.y[rows, 4:], "lengths": problem.lengths[rows] - 4}
    second = replace(problem, **rest, states=states).solve()
    np.testing.assert_allclose(losses, [first.solve().loss, second.loss], rtol=1e-12)
    assert worst(problem.network.views(program.grad), by_name(second.d_theta)) < 1e-10


def test_windows_of_a_series_are_the_series() -> None:
    """With the state carried, the windows' losses average to that of the whole series."""
    problem = draw((layer("gru", 5),), T=8)
    assert two_windows(problem, 1.0)[0].mean() == pytest.approx(problem.solve().loss, rel=1e-12)


def test_names_of_parameters() -> None:
    """The package's names and shapes are those of the oracle's parameters."""
    layers = (layer("peephole_lstm", 5, True), layer("gru", 3))
    problem = draw(layers, skip=True)
    assert described(layers)[0][0] == "bidirectional"
    network = problem.network
    assert isinstance(network, Network)
    shapes = {name: p.shape for name, p in network.layout.items()}
    assert shapes == {name: w.shape for name, w in by_name(problem.theta).items()}
