"""Layer normalisation and sampled softmax on Numba's CUDA simulator, beside the oracle and the CPU engine.

Run by test_cuda_simulator.py in another process.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from cudasim_estimators import COMMON, LABELS, LENGTHS, SYMBOLS, X, Y, same

from forecastrnn import GRU, LSTM, RNNClassifier, RNNRegressor, Truncated
from forecastrnn.engine.cuda import steps
from forecastrnn.engine.cuda.build import Handle, Planner, Spot
from forecastrnn.engine.cuda.scans import plan_groups, plan_scan
from forecastrnn.programs.shapes import Dropout
from forecastrnn.training.optimizers import Rule
from forecastrnn.training.stepping import TrainingProgram
from support import (
    cuda_simulator,  # (before the first launch)
)
from support.cases import draw, index_of, layer, program_of
from support.gradient_checks import check
from support.sampled_cases import check as check_sampled
from support.sampled_cases import fixed, sampled, whole
from support.sampled_cases import problem_of as sampled_problem

GPU = "cuda:0"


def test_a_stack() -> None:
    """Normalised layers above, below and beside plain ones, an LSTM without peepholes, weights of the rows."""
    layers = (layer("gru+norm", 9, True), layer("lstm+norm", 5), layer("relu", 4), layer("logistic+norm", 3))
    check(draw(layers, n=4, T=4, steps=3, ragged=True, weighted=True, started=True), "float64", GPU)


def test_a_regressor() -> None:
    """Losses, predictions and what it generates, to the rounding of float64."""

    def look(model: RNNRegressor) -> list:
        return [model.loss_curve_, model.predict(X, lengths=LENGTHS), model.generate(3, prompt=X[0])]

    cells = [LSTM(peepholes=True), GRU(reset_after=False)]
    options = COMMON | {"hidden_layer_sizes": (3, 2), "layer_norm": True, "cell": cells, "max_iter": 1}
    make = lambda **k: RNNRegressor(dtype="float64", **options, **k)  # noqa: E731
    same(make, look, X, Y, tolerance=1e-8, lengths=LENGTHS)


def test_late_warps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two warps share a row, and one is late after each barrier: a missing barrier gives wrong numbers."""
    monkeypatch.setattr(cuda_simulator, "DELAY", 0.02)
    monkeypatch.setattr(steps, "TEAM", 64)
    steps.step_kernels.cache_clear()
    check(draw((layer("lstm+norm", 35),), n=3, T=1), "float64", GPU)
    steps.step_kernels.cache_clear()


# Sampled softmax --------------------------------------------------------------------------------------
@pytest.mark.parametrize(("dtype", "options"), [
    ("float64", {"ragged": True, "weighted": True, "n": 11}), ("float64", {"steps": "last"}), ("float32", {"steps": 3}),
], ids=["all", "last", "float32"])  # fmt: skip
def test_sampled_softmax(dtype: str, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside the oracle: a sample that has a class twice, and some of the true ones."""
    check_sampled(sampled_problem(**options), dtype, monkeypatch, GPU)


def slots_of(program: TrainingProgram) -> dict[str, np.ndarray]:
    """The slots of the last step, and what lies in them."""
    buffers = program.program.buffers
    n = int(buffers["count"].array[0])
    found = {"labels": buffers["labels"].array[0, :n], "hits": buffers["hits"].array[0, :n]}
    found |= {"truth": buffers["output.truth"].array[0, :n], "acc": buffers["output.acc"].array[0, :n]}
    return found | {name: buffers[name].array for name in ("classes", "shift", "place")}


@pytest.mark.parametrize("options", [{"dropout": Dropout(outputs=0.3)}, {"checkpoint_steps": 2}], ids=str)
def test_updates_with_sampled_softmax(options: dict[str, Any]) -> None:
    """Draws, slots, losses and parameters behind two updates are those of the CPU; targets that are not there."""
    problem, found, slots = sampled_problem(ragged=True, weighted=True, n=12), {}, {}
    for device in ("cpu", GPU):
        rule, common = Rule("adam", 0.01, clip_norm=0.5), {"seed": 5, "shards": 1, "device": device}
        program = sampled(problem, rows=6, rule=rule, **common, **options)
        program.source.y[::3] = np.nan
        index = index_of(problem, program, np.random.default_rng(1).permutation(12).reshape(2, 6))
        found[device] = np.concatenate([program.run(index.part(k, k + 1), 1, 1) for k in range(2)] + [program.theta])
        slots[device] = slots_of(program)
    np.testing.assert_allclose(found[GPU], found["cpu"], rtol=0.0, atol=1e-10)
    for name, expected in slots["cpu"].items():
        np.testing.assert_allclose(slots[GPU][name], expected, rtol=0.0, atol=1e-10, err_msg=name)


@pytest.mark.parametrize("sample", [[4], [3, 3, 5, 5, 9]], ids=str)
def test_a_sample_that_is_the_true_class(sample: list[int]) -> None:
    """The row's own class does not count; nothing may be left."""
    problem, found = sampled_problem(n=2, T=2), []
    problem.y[:] = sample[0]
    for device in ("cpu", GPU):
        program = fixed(
            sampled(problem, n_sampled=len(sample), device=device), np.array(sample), np.zeros(len(sample))
        )  # fmt: skip
        found.append(np.append(program.run(whole(problem, program), 1, 1), program.grad))
    np.testing.assert_allclose(found[1], found[0], rtol=0.0, atol=1e-12)


def test_classifiers() -> None:
    """A class a sequence; a class a step, with symbols drawn, normalised and in windows."""
    options = COMMON | {"n_sampled_classes": 2, "dtype": "float64"}
    make = lambda **k: RNNClassifier(cell="rnn", **options | k)  # noqa: E731
    gpu = same(make, lambda m: [m.loss_curve_, m.predict_proba(X)], X, LABELS[:, 0], tolerance=1e-8)
    assert (
        gpu.loss_curve_
        != RNNClassifier(cell="rnn", **options | {"n_sampled_classes": None}).fit(X, LABELS[:, 0]).loss_curve_
    )

    def look(model: RNNClassifier) -> list:
        drawn = model.generate(4, prompt=[0, 1, 2], top_k=2, random_state=0)
        return [model.loss_curve_, model.predict_proba(SYMBOLS), drawn]

    make = lambda **k: RNNClassifier(cell="lstm", layer_norm=True, bptt=Truncated(2), **options, **k)  # noqa: E731
    same(make, look, SYMBOLS, LABELS, tolerance=1e-8)


@pytest.mark.parametrize("n", [1, 7, 8, 9, 40])
def test_running_sums(n: int) -> None:
    """Of fewer numbers than a block takes at once, and of more."""
    values = np.random.default_rng(n).integers(-3, 4, n)
    planner = Planner("float64", 8, Spot(Handle(1, np.int64)))
    place = Spot(Handle(n, np.int64))
    place.handle.array.copy_to_device(values)
    found = plan_scan(planner, "sums", place, n)
    for launch in planner.launches:
        launch.bind(0)()
    np.testing.assert_array_equal(found.handle.array.copy_to_host(), np.append(0, np.cumsum(values)))


@pytest.mark.parametrize("rows", [3, 17, 41])
def test_order_of_groups(rows: int) -> None:
    """Rows of a group keep their order; those of none are left out; several pieces."""
    group = np.random.default_rng(rows).integers(-1, 4, rows)
    planner = Planner("float64", 8, Spot(Handle(1, np.int64)))
    place = Spot(Handle(rows, np.int64))
    place.handle.array.copy_to_device(group)
    order, begin = plan_groups(planner, place, rows, 5)
    for launch in planner.launches:
        launch.bind(0)()
    begin = begin.handle.array.copy_to_host()
    np.testing.assert_array_equal(begin, np.searchsorted(np.sort(group), range(6)) - np.sum(group < 0))
    found = order.handle.array.copy_to_host()[: begin[-1]]
    np.testing.assert_array_equal(found, np.argsort(group, kind="stable")[np.sum(group < 0) :])


def test_layers_on_devices_of_their_own() -> None:
    """A normalised layer and a sampled head on either side."""
    options = COMMON | {"hidden_layer_sizes": (3, 2), "max_iter": 1, "n_sampled_classes": 2, "layer_norm": True}
    found = [
        RNNClassifier(cell="lstm", dtype="float64", device=device, **options)
        .fit(SYMBOLS, LABELS)
        .predict_proba(SYMBOLS)
        for device in ("cpu", ["cuda", "cpu"], ["cpu", "cuda"])
    ]
    for other in found[1:]:
        np.testing.assert_allclose(other, found[0], rtol=0, atol=1e-8)


def test_launches_are_few() -> None:
    """As many a time step as without normalisation: a product and a kernel, forward and back."""
    counts = []
    for T in (3, 13):
        program = program_of(draw((layer("lstm+norm", 5),), T=T), "float32", rule=Rule("adam"), device=GPU).program
        counts.append(len(program.engine.plan().launches))
    assert counts[1] - counts[0] == 4 * 10
