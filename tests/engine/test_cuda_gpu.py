"""The GPU engine on a GPU: only with -m gpu, and skipped where there is none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecastrnn import Direct, Dropout, RNNClassifier, RNNForecaster, RNNRegressor, RNNSeq2Seq, Truncated
from forecastrnn.engine import devices
from forecastrnn.engine.communicators import NcclCommunicator
from forecastrnn.forecasting import forecasts
from forecastrnn.parallel import fit_parallel
from forecastrnn.programs import shapes
from forecastrnn.training.optimizers import Rule
from support.cases import CELLS, NORMED, draw, index_of, layer, program_of
from support.gradient_checks import TOLERANCE, check
from support.pair_cases import draw_pairs
from support.pair_checks import ATTENTIONS
from support.pair_checks import check as check_pairs

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not devices.gpus()[0], reason=devices.gpus()[1])]
GPU = "cuda:0"


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("sizes", [(30, 200, 12, 5), (100, 300, 9, 2)], ids=str)
@pytest.mark.parametrize("name", [*CELLS, *NORMED])
def test_a_layer(name: str, sizes: tuple[int, ...], dtype: str) -> None:
    """Sizes = (units, rows, steps, inputs): in float32 one launch for all steps, and one each."""
    units, n, T, inputs = sizes
    check(draw((layer(name, units),), n=n, T=T, inputs=inputs, ragged=True, started=True), dtype, GPU)


@pytest.mark.slow  # to compile
@pytest.mark.parametrize("name", ["lstm", "gru", "gru_before", "tanh"])
@pytest.mark.parametrize("units", [16, 48, 64, 80, 96])
def test_tiles_of_four_rows(name: str, units: int) -> None:
    """Many rows, every size of the kernels for small layers."""
    check(draw((layer(name, units),), n=601, T=5, inputs=16, ragged=True), "float32", GPU)


@pytest.mark.parametrize("name", ["lstm", "peephole_lstm", "gru"])
def test_tiles_of_one_row(name: str) -> None:
    """So few rows that each has a block: threads of an LSTM finish one gate, and exchange them."""
    check(draw((layer(name, 64),), n=40, T=9, inputs=16, ragged=True, started=True), "float32", GPU)


def test_states_of_which_parts_are_dropped() -> None:
    """In one launch for all steps; the numbers are those of the CPU, which draws the same masks."""
    problem = draw((layer("lstm", 64), layer("gru", 40), layer("gru_before", 40), layer("tanh", 20)), n=40, T=9)
    found = []
    for device in ("cpu", GPU):
        dropout = shapes.Dropout(recurrent=0.5)
        program = program_of(problem, "float32", rule=Rule("sgd", 0.1), device=device, dropout=dropout)
        program.run(index_of(problem, program, np.arange(40)[None]), 1, 1)
        found.append(program.theta.copy())
    np.testing.assert_allclose(found[1], found[0], rtol=0, atol=1e-5)


@pytest.mark.parametrize("products", ["cuBLAS", "own"])
@pytest.mark.parametrize("units", [7, 130, 512])
def test_products(units: int, products: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With CuPy and without."""
    from forecastrnn.engine.cuda import blas

    if products == "cuBLAS" and not blas.available():
        pytest.skip("CuPy is not installed")
    monkeypatch.setattr(blas, "available", lambda: products == "cuBLAS")
    check(draw((layer("lstm", units), layer("gru", units)), n=33, T=7, inputs=20, ragged=True), "float64", GPU)


@pytest.mark.parametrize("loss", ["huber", "cross_entropy"])
def test_losses(loss: str) -> None:
    """Losses of many rows."""
    check(draw((layer("gru", 20),), n=700, T=9, outputs=30, loss=loss, weighted=True, ragged=True), "float64", GPU)


@pytest.mark.parametrize("name", NORMED)
def test_normalised_layers(name: str) -> None:
    """More units than a block has threads, more rows than there are blocks; fewer units than a warp."""
    for units, n in ((140, 530), (3, 40)):
        check(draw((layer(name, units),), n=n, T=2, ragged=True), "float64", GPU)


@pytest.mark.parametrize(("classes", "drawn"), [(40, 7), (5000, 700)])
@pytest.mark.parametrize("steps", ["all", "last"])
def test_sampled_softmax(steps: str, classes: int, drawn: int) -> None:
    """Draws, loss and gradient are those of the CPU; rows in several pieces."""
    problem = draw(
        (layer("gru", 70),), n=400, T=20, outputs=classes, steps=steps, loss="cross_entropy", ragged=True, weighted=True
    )
    found = []
    for device in ("cpu", GPU):
        program = program_of(problem, "float64", class_order=np.arange(classes), n_sampled=drawn, device=device)
        loss = program.run(index_of(problem, program, np.arange(400)[None]), 1, 2)
        found.append((loss, program.program.buffers["classes"].array.copy(), program.grad.copy()))
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("name", "units"), [("lstm", 32), ("lstm", 150), ("gru+norm", 32), ("sampled", 32)])
def test_the_same_bits(name: str, units: int) -> None:
    """In every run, with a graph of each step or without."""
    sampled = name == "sampled"
    loss = {"loss": "cross_entropy", "outputs": 50} if sampled else {}
    problem = draw((layer("lstm" if sampled else name, units),), n=300, T=30, **loss)
    options: dict[str, Any] = {"class_order": np.arange(50), "n_sampled": 9} if sampled else {}

    def trained(calls: list[int]) -> tuple[np.ndarray, np.ndarray]:
        rule = Rule("adam", 0.01, clip_norm=0.1)
        program = program_of(problem, "float32", rows=100, rule=rule, device=GPU, **options)
        index, at, losses = index_of(problem, program, np.arange(300).reshape(3, 100)), 0, []
        for steps in calls:
            losses.append(program.run(index.part(at, at + steps), 1, 1))
            at += steps
        return np.concatenate(losses), program.theta

    for one, other in zip(trained([3]), trained([1, 1, 1]), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("options", [{}, {"older_means": [(7, 3)]}, {"strategy": Direct(6)}], ids=str)
def test_forecasts(options: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many series, and sample paths by the same draws, in one part and in several."""
    values = np.exp(np.cumsum(np.random.default_rng(0).normal(0, 0.1, (300, 90)), axis=1))
    model = RNNForecaster(
        candidates="network",
        intervals=None,
        n_members=2,
        max_steps=5,
        season_length=7,
        random_state=0,
        dtype="float64",
        **options,
    )
    model.fit(pd.DataFrame(values.T, pd.date_range("2020-01-01", periods=90)))
    looks = [lambda: model.predict(6)]
    if "strategy" not in options:
        looks.append(lambda: model.sample_paths(6, 3, calibrated=False, random_state=0))
    for look in looks:
        cpu = model.set_params(device="cpu") and look()
        for most in (forecasts.DEVICE_ROWS, 100):
            monkeypatch.setattr(forecasts, "DEVICE_ROWS", most)
            np.testing.assert_allclose(model.set_params(device="cuda") and look(), cpu, rtol=1e-9)


@pytest.mark.parametrize("options", [
    {}, {"dropout": Dropout(recurrent=0.2)}, {"bptt": Truncated(checkpoint=4)}, {"bptt": Truncated(5)},
    {"layer_norm": True, "dropout": Dropout(recurrent=0.2)},
], ids=str)  # fmt: skip
def test_estimator(options: dict[str, Any]) -> None:
    """Fit, predict and generate as on the CPU."""
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((2, 200, 12, 1))
    models = [
        RNNRegressor(max_iter=3, random_state=0, dtype="float64", device=device, **options).fit(X, y)
        for device in ("cpu", "cuda")
    ]
    for look in (lambda m: m.loss_curve_, lambda m: m.predict(X), lambda m: m.generate(20)):
        np.testing.assert_allclose(look(models[1]), look(models[0]), rtol=0, atol=1e-8)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("sizes", [(5, 200, 50, 37), (18, 100, 40, 5), (70, 130, 20, 3)], ids=str)
@pytest.mark.parametrize("attention", ATTENTIONS)
def test_attention(attention: str | None, sizes: tuple[int, ...], dtype: str) -> None:
    """Sizes = (units, rows, source steps, target steps)."""
    units, n, J, T = sizes
    check_pairs(draw_pairs((layer("gru", units, True),), attention, n=n, J=J, T=T, weighted=True), dtype, GPU)


@pytest.mark.parametrize("attention", ATTENTIONS)
def test_an_encoder_with_a_decoder(attention: str | None) -> None:
    """Fit, and decode with a beam, as on the CPU."""
    rng = np.random.default_rng(0)
    X = ["".join(rng.choice([*"abcd"], size=7)) for _ in range(300)]  # of one length, so that the same inputs are fed
    options = {"attention": attention, "scheduled_sampling": 0.3, "max_iter": 3, "dtype": "float64"}
    models = [
        RNNSeq2Seq(random_state=0, device=device, **options).fit(X, [x[::-1] for x in X]) for device in ("cpu", "cuda")
    ]
    found = [model.decode(X, beam_width=3, length_penalty=0.6, max_length=9) for model in models]
    assert found[1].sequences == found[0].sequences
    np.testing.assert_allclose(models[1].loss_curve_, models[0].loss_curve_, rtol=0, atol=1e-8)
    np.testing.assert_allclose(found[1].log_probabilities, found[0].log_probabilities, rtol=0, atol=1e-6)


def test_sums_over_processes() -> None:
    """NCCL within the step and its graph: alone in its group, a process has the bits that it has without one."""
    nccl = pytest.importorskip("cupy.cuda.nccl")
    problem, found = draw((layer("lstm", 32),), n=300, T=10), []
    communicator = NcclCommunicator(0, 1, nccl.get_unique_id(), 0)
    for shared in (None, communicator):
        rule = Rule("adam", 0.01, clip_norm=0.1)
        program = program_of(problem, "float64", rows=100, rule=rule, device=GPU, communicator=shared)
        losses = program.run(index_of(problem, program, np.arange(300).reshape(3, 100)), 1, 1)
        found.append(np.concatenate([losses, program.theta]))
    communicator.close()
    np.testing.assert_allclose(found[1], found[0], rtol=0, atol=1e-13)


@pytest.mark.skipif(devices.gpus()[0] < 2, reason="needs two GPUs")
def test_two_gpus() -> None:
    """The numbers of one, to the rounding."""
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((2, 512, 12, 1))
    options = {"max_iter": 3, "random_state": 0, "dtype": "float64", "batch_size": 128}
    both = fit_parallel(RNNRegressor(**options), X, y, devices=["cuda:0", "cuda:1"])
    alone = RNNRegressor(device="cuda", **options).fit(X, y)
    np.testing.assert_allclose(both.loss_curve_, alone.loss_curve_, rtol=1e-9)
    np.testing.assert_allclose(both.predict(X), alone.predict(X), rtol=0, atol=1e-8)


def test_only_losses_come_to_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of every update two numbers, whatever the size of the network; parameters and moments once."""
    from numba.cuda.cudadrv.devicearray import DeviceNDArrayBase

    sizes: list[int] = []
    download = DeviceNDArrayBase.copy_to_host

    def noted(self: Any, ary: Any = None, stream: Any = 0) -> Any:
        sizes.append(self.size)
        return download(self, ary, stream)

    monkeypatch.setattr(DeviceNDArrayBase, "copy_to_host", noted)
    X, y = np.random.default_rng(0).standard_normal((2, 640, 12, 1))
    model = RNNRegressor(max_iter=3, batch_size=16, random_state=0, device="cuda").fit(X, y)
    updates, learned = 3 * 40, model._fitted.network.size
    assert sum(sizes) == 2 * (updates + 1) + 3 * learned
    assert sorted(sizes)[-4] < learned


def test_classifier_with_sampled_softmax() -> None:
    """Labels at each step; with layer normalisation."""
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((200, 12, 3)), rng.integers(30, size=(200, 12))
    models = [
        RNNClassifier(
            max_iter=3, random_state=0, dtype="float64", device=device, n_sampled_classes=7, layer_norm=True
        ).fit(X, y)
        for device in ("cpu", "cuda")
    ]  # fmt: skip
    for look in (lambda m: m.loss_curve_, lambda m: m.predict_proba(X)):
        np.testing.assert_allclose(look(models[1]), look(models[0]), rtol=0, atol=1e-8)
