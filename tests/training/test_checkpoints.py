"""Memory-bounded BPTT: the gradient and the loss have the bits of those without checkpoints, in less memory."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from forecastrnn import RNNClassifier, RNNForecaster, RNNRegressor, Truncated
from forecastrnn.datasets import load_airline
from forecastrnn.training.optimizers import Rule
from forecastrnn.training.stepping import BatchIndex, TrainingProgram
from support.cases import CELLS, NORMED, Problem, draw, index_of, layer, program_of

T = 11


def compare(problem: Problem, k: int, dtype: str = "float32", **options: Any) -> None:
    """Three updates with checkpoints every k steps, and without: losses, gradients and parameters are the same."""
    found = []
    for every in (None, k):
        rule = Rule("adam", 0.01, clip_norm=0.5)
        program = program_of(problem, dtype, rule=rule, checkpoint_steps=every, **options)
        order = np.stack([np.random.default_rng(s).permutation(len(problem.x)) for s in range(3)])
        losses = program.run(index_of(problem, program, order), 3, 2)
        found.append((losses, program.grad, program.theta))
    for plain, bounded in zip(*found, strict=True):
        np.testing.assert_array_equal(bounded, plain)


@pytest.mark.parametrize("k", [1, 3, 4, 10])
@pytest.mark.parametrize("ragged", [False, True], ids=["full", "ragged"])
@pytest.mark.parametrize("steps", ["all", "last", 5])
@pytest.mark.parametrize("name", CELLS)
def test_same_bits(name: str, steps: Any, ragged: bool, k: int) -> None:
    """Every cell under every head, in stretches that fit and that do not."""
    compare(draw((layer(name, 5), layer("lstm", 17)), T=T, steps=steps, ragged=ragged, weighted=True), k)


@pytest.mark.parametrize("steps", ["all", "last"])
@pytest.mark.parametrize("name", NORMED)
def test_same_bits_of_gains(name: str, steps: Any) -> None:
    """Their gradients grow on from stretch to stretch."""
    compare(draw((layer(name, 20), layer("lstm+norm", 3)), T=T, steps=steps, ragged=True, weighted=True), 4)


@pytest.mark.parametrize("steps", ["all", "last", 5])
@pytest.mark.parametrize("ragged", [False, True], ids=["full", "ragged"])
def test_skip_connection(steps: Any, ragged: bool) -> None:
    """The inputs that go to the head directly are those of the right steps."""
    compare(draw((layer("gru", 5),), T=T, steps=steps, ragged=ragged, skip=True), 4)


@pytest.mark.parametrize("loss", ["huber", "cross_entropy"])
def test_losses_in_float64(loss: str) -> None:
    """Sums of losses with weights go on from stretch to stretch; several shards."""
    compare(draw((layer("gru", 5),), n=130, T=T, outputs=3, loss=loss, weighted=True, ragged=True), 3, "float64")


@pytest.mark.parametrize("ragged", [False, True], ids=["full", "ragged"])
@pytest.mark.parametrize("name", CELLS)
def test_inside_truncated_bptt(name: str, ragged: bool) -> None:
    """The state that is carried from window to window is the same too."""
    problem = draw((layer(name, 5), layer("gru", 3)), n=6, T=2 * T, ragged=ragged)
    samples = np.tile(np.arange(6), (2, 1))
    lengths = problem.lengths
    if lengths is not None:
        problem = replace(problem, lengths=np.array([22, 19, 11, 22, 12, 5]))
        first = index_of(problem, program_of(problem, "float32"), samples[:1])
        samples, lengths = np.tile(first.sample, (2, 1)), np.clip(first.lengths - [[0], [T]], 0, T)
    index = BatchIndex(
        samples * 2 * T + [[0], [T]], samples * 2 * T + [[0], [T]], samples, lengths, keep=np.array([0.0, 1.0])
    )
    found = []
    for every in (None, 3):
        program = program_of(problem, "float32", steps=T, carry=True, checkpoint_steps=every)
        found.append((program.run(index, 2, 1), program.grad))
    for plain, bounded in zip(*found, strict=True):
        np.testing.assert_array_equal(bounded, plain)


def long_program(every: int | None, steps: int) -> TrainingProgram:
    """An LSTM on long sequences."""
    problem = draw((layer("lstm", 16),), n=4, T=steps, inputs=1, outputs=1)
    return program_of(problem, "float32", checkpoint_steps=every)


def test_memory_grows_with_the_root_of_the_length() -> None:
    """Four times the steps: four times the memory without checkpoints, twice with one every sqrt(T) steps."""
    plain = [long_program(None, steps).program.nbytes for steps in (2500, 10_000)]
    bounded = [long_program(int(steps**0.5), steps).program.nbytes for steps in (2500, 10_000)]
    assert plain[1] / plain[0] == pytest.approx(4.0, rel=0.1)
    assert bounded[1] / bounded[0] < 2.5
    assert plain[1] > 20 * bounded[1]


@pytest.mark.parametrize("every", [None, 50])
def test_memory_is_stated_before(every: int | None) -> None:
    """What a program allocates is what it said it would, to within alignment and its tape."""
    problem = draw((layer("lstm", 16), layer("gru", 20)), n=8, T=2500, inputs=1, outputs=1)
    warm = program_of(problem, "float32", checkpoint_steps=every)
    warm.run(index_of(problem, warm, np.arange(8)[None]), 1, 1)  # compiles
    tracemalloc.start()
    program = program_of(problem, "float32", checkpoint_steps=every)
    index, stated = index_of(problem, program, np.arange(8)[None]), program.program.nbytes
    before = tracemalloc.get_traced_memory()[0]
    tracemalloc.reset_peak()
    program.run(index, 1, 1)
    peak = tracemalloc.get_traced_memory()[1] - before
    tracemalloc.stop()
    assert stated <= peak < 1.05 * stated + 200_000 + 8 * len(str(program.program))


@pytest.mark.parametrize("every", [3, "auto", 100])
def test_estimators(every: object) -> None:
    """A fit with checkpoints is the fit without them."""
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((12, 30, 2)).astype(np.float32), rng.standard_normal((12, 30, 1))
    plain = RNNRegressor(max_iter=3, random_state=0).fit(X, y)
    bounded = RNNRegressor(max_iter=3, random_state=0, bptt=Truncated(checkpoint=every)).fit(X, y)
    np.testing.assert_array_equal(bounded.predict(X), plain.predict(X))
    assert bounded.loss_curve_ == plain.loss_curve_
    labels, lengths = np.arange(12) % 3, rng.integers(1, 31, 12)
    plain = RNNClassifier(max_iter=3, random_state=0).fit(X, labels, lengths=lengths)
    bounded = RNNClassifier(max_iter=3, random_state=0, bptt=Truncated(checkpoint=every)).fit(
        X, labels, lengths=lengths
    )
    np.testing.assert_array_equal(bounded.predict_proba(X), plain.predict_proba(X))


@pytest.mark.parametrize("every", [0, -1, 2.5, "sqrt", True])
def test_what_is_refused(every: object) -> None:
    """Numbers below 1, other types, other words."""
    X, y = np.zeros((4, 6)), np.zeros(4)
    with pytest.raises(ValueError, match="bptt__checkpoint"):
        RNNRegressor(bptt=Truncated(checkpoint=every)).fit(X, y)


def test_both_directions_are_refused() -> None:
    """The backward layer reads the end first, so nothing can be left out."""
    X, y = np.zeros((4, 6)), np.arange(4.0)
    with pytest.raises(ValueError, match=r"bptt__checkpoint=2.*bidirectional=False"):
        RNNRegressor(bptt=Truncated(checkpoint=2), bidirectional=True).fit(X, y)


# What would not fit is refused before anything is allocated.


@pytest.mark.parametrize(
    "model",
    [
        RNNRegressor(hidden_layer_sizes=1024, initializer="uniform", dtype="float32"),
        RNNRegressor(hidden_layer_sizes=1024, initializer="uniform", bptt=Truncated(checkpoint=9**7)),
    ],
    ids=["plain", "checkpoints that help little"],
)
def test_sequences_that_do_not_fit(model: RNNRegressor) -> None:
    """Three million steps of a wide layer: the bytes asked for, those there are, and what would fit."""
    X = np.zeros((1, 3_000_000), np.float32)
    tracemalloc.start()
    words = (
        r"batch_size=1: mini-batches of 1 sequences of 3000000 steps need [\d.e+]+ GiB, .* has [\d.]+ GiB free\. .*bptt"
    )
    with pytest.raises(ValueError, match=words):
        model.fit(X, np.zeros(1))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20 * X.nbytes
    assert not hasattr(model, "loss_curve_")


def test_batches_that_do_not_fit() -> None:
    """A billion windows at once."""
    with pytest.raises(ValueError, match=r"batch_size=1000000000: .* need [\d.e+]+ GiB"):
        RNNForecaster(candidates="network", intervals=None, batch_size=10**9, max_steps=1).fit(load_airline())
