"""The GPU engine on Numba's CUDA simulator: loss, gradients and updates beside the oracle and the CPU engine.

Run by test_cuda_simulator.py in another process.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from forecastrnn.engine.cpu.build import KERNELS
from forecastrnn.engine.cuda import blas, graphs, memory, products
from forecastrnn.engine.cuda.build import Handle, Launch, Planner, Spot
from forecastrnn.engine.cuda.matrix import Matrix
from forecastrnn.engine.cuda.products import multiply
from forecastrnn.engine.cuda.registry import CPU_ONLY, TWINS, twin_of
from forecastrnn.programs.shapes import Dropout
from forecastrnn.training.optimizers import Rule
from forecastrnn.training.sequence_task import TrainingData
from forecastrnn.training.stepping import TrainingProgram
from forecastrnn.training.window_batches import window_index
from support import (
    ahead_cases,
    cuda_simulator,  # noqa: F401  (before the first launch)
)
from support.cases import CELLS, NORMED, draw, index_of, layer, program_of
from support.gradient_checks import STACKS
from support.gradient_checks import check as check_gradients
from support.update_checks import RULES, STEPS, batches, small_problem
from support.update_checks import check as check_updates
from support.update_checks import engine as updated

GPU = "cuda:0"


@pytest.mark.parametrize("both", [False, True], ids=["forward", "bidirectional"])
@pytest.mark.parametrize("name", [*CELLS, *NORMED])
def test_a_layer(name: str, both: bool) -> None:
    """Every cell, rows of different lengths, from a state that is given."""
    check_gradients(draw((layer(name, 5, both),), n=4, T=4, ragged=True, started=True), "float64", GPU)


@pytest.mark.parametrize("name", [*CELLS, *NORMED])
def test_a_layer_in_float32(name: str) -> None:
    """More units than a vector has, more inputs than are projected without a product, under the last state."""
    problem = draw((layer(name, 18),), n=3, T=3, inputs=17, steps="last", ragged=True, started=True)
    check_gradients(problem, "float32", GPU)


@pytest.mark.parametrize(
    ("name", "steps"), [("both ways above", "last"), ("both ways below", 3), ("both ways twice", "all")]
)
def test_stacks(name: str, steps: Any) -> None:
    """Layers of different cells and sizes, with weights of the rows."""
    problem = draw(STACKS[name], n=4, T=4, steps=steps, ragged=True, weighted=True, started=True)
    check_gradients(problem, "float64", GPU)


@pytest.mark.parametrize(("loss", "steps"), [("absolute_error", 2), ("huber", "last"), ("cross_entropy", "all")])
def test_losses(loss: str, steps: Any) -> None:
    """Every loss but the squared error, which the other tests have, and a skip connection."""
    problem = draw(
        (layer("gru", 5),), n=4, T=4, outputs=6, steps=steps, loss=loss, weighted=True, ragged=True, skip=True
    )
    check_gradients(problem, "float64", GPU)


@pytest.mark.parametrize("numbers, categories", [(2, 2), (0, 1)])
def test_outputs_made_with_inputs_of_their_times(numbers: int, categories: int) -> None:
    """Loss and gradients of what is put out several times ahead, beside those of the CPU."""
    made, found = ahead_cases.network(numbers, categories), []
    theta, rows, z = ahead_cases.problem(made)
    for device in ("cpu", GPU):
        source = TrainingData(rows, z, base=np.nan_to_num(z))
        program = TrainingProgram(
            made, theta.copy(), None, source, steps=4, rows=3, loss="squared_error", device=device
        )
        loss = program.run(window_index(np.array([[0, 11, 7]]), 4), 1, 1)
        found.append(np.append(program.grad, loss))
    np.testing.assert_allclose(found[1], found[0], rtol=1e-12, atol=1e-14)


def test_missing_targets() -> None:
    """A target that is NaN counts for nothing."""
    problem = draw((layer("tanh", 3),), n=4, T=4)
    problem.y[1, 2] = problem.y[0, :, 0] = np.nan
    found = [one_step(problem, device) for device in ("cpu", GPU)]
    assert np.isfinite(found[0]).all()
    np.testing.assert_allclose(found[1], found[0], rtol=1e-12)


def one_step(problem: Any, device: str, **options: Any) -> np.ndarray:
    """The gradient of a problem."""
    program = program_of(problem, "float64", device=device, **options)
    program.run(index_of(problem, program, np.arange(len(problem.x))[None]), 1, 1)
    return program.grad.copy()


@pytest.mark.parametrize("name", ["adam", "adamw", "sgd, momentum", "sgd, Nesterov", "rmsprop"])
def test_five_updates(name: str) -> None:
    """Every solver; the gradient is clipped."""
    rule, how = RULES[name]
    clip = {"clip_norm": 0.05} if rule.solver == "adam" else {}
    check_updates(Rule(**vars(rule) | clip), how._replace(clip=clip.get("clip_norm")), device=GPU)


@pytest.mark.parametrize("names", [
    ("gru_before", "peephole_lstm", "relu"), ("gru_before+norm", "peephole_lstm+norm", "tanh+norm", "gru+norm"),
], ids=["plain", "normalised"])  # fmt: skip
@pytest.mark.parametrize("options", [
    {"dropout": Dropout(0.2, 0.3, 0.4), "seed": 3}, {"checkpoint_steps": 2}, {"carry": True, "steps": 2},
], ids=["dropout", "checkpoints", "truncated"])  # fmt: skip
def test_options_of_training(options: dict[str, Any], names: tuple[str, ...]) -> None:
    """Two updates are those of the CPU: the same numbers are dropped, the same states kept and carried."""
    problem = draw(tuple(layer(name, units) for name, units in zip(names, (5, 6, 3, 4))), n=6, T=4)
    found = {}
    for device in ("cpu", GPU):
        program = program_of(
            problem, "float64", rows=3, rule=Rule("adam", 0.1, gradient_noise=0.1), device=device, **options
        )
        index = index_of(problem, program, np.arange(6).reshape(2, 3))
        if "carry" in options:
            index.keep = np.array([0.0, 1.0])
        found[device] = np.concatenate([program.run(index, 1, 1), program.theta])
    np.testing.assert_allclose(found[GPU], found["cpu"], rtol=0.0, atol=1e-10 if len(names) > 3 else 1e-11)


def test_the_same_bits() -> None:
    """In every run, in one call or several, and whatever another program did before."""
    rule = Rule("adam", 0.02, clip_norm=0.05)
    found = [updated(small_problem(), rule, calls, 8, GPU, "float32").theta for calls in ([5], [5], [2, 3])]
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0], found[2])


def test_the_host_may_change_parameters() -> None:
    """As when the best parameters of an early stop are put back, or another program has updated them."""
    problem, found = small_problem(), {}
    for device in ("cpu", GPU):
        program = program_of(problem, "float64", rows=3, rule=Rule("sgd", 0.1), device=device)
        index = index_of(problem, program, batches(problem))
        losses = [program.run(index.part(k, k + 1), 1, 1)[0] for k in range(2)]
        program.theta[:] *= 0.5
        losses.append(program.run(index.part(2, 3), 1, 1)[0])
        found[device] = np.concatenate([losses, program.theta])
    np.testing.assert_allclose(found[GPU], found["cpu"], rtol=1e-10)


def test_data_lie_on_the_gpu_once() -> None:
    """Programs of the same source share its copy, which goes when the source does."""
    problem = small_problem()
    gc.collect()  # programs hold themselves in circles
    before = len(memory._constants)
    program = program_of(problem, "float64", device=GPU)
    other = type(program)(problem.network, program.theta, None, program.source, steps=3, rows=2, loss=problem.loss,
                          lengths=True, device=GPU)  # fmt: skip
    for one in (program, other):
        one.program.engine.plan()
        one.program.buffers["X"].mirrors[0].upload()
    assert len(memory._constants) == before + 1
    assert program.program.buffers["X"].mirrors[0].array is other.program.buffers["X"].mirrors[0].array
    assert isinstance(program.source, TrainingData)
    del program, other, one
    gc.collect()
    assert len(memory._constants) == before


# Products ---------------------------------------------------------------------------------------------
def planned(work: Callable[[Planner], None]) -> None:
    """Plan launches, and make them."""
    planner = Planner("float64", 8, Spot(Handle(1, np.int64)))
    work(planner)
    for launch in planner.launches:
        launch.bind(0)()


def on_device(values: np.ndarray) -> Spot:
    """An array's copy on the device."""
    handle = Handle(values.size, values.dtype)
    handle.array.copy_to_device(values.reshape(-1))
    return Spot(handle)


def host(spot: Spot) -> np.ndarray:
    """The numbers there."""
    return np.asarray(spot.handle.array.copy_to_host())


@pytest.mark.parametrize("add", [False, True])
@pytest.mark.parametrize("transposed", ["", "a", "b"])
@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (9, 11, 3, 2), (7, 3, 50, 1)], ids=str)
def test_product(shape: tuple[int, ...], transposed: str, add: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches of products with odd sizes; long sums are cut into pieces."""
    monkeypatch.setattr(products, "PIECE", 7)
    check_product(shape, transposed, add)


def check_product(shape: tuple[int, ...], transposed: str, add: bool) -> None:
    """c = or += a b, of which one may lie transposed."""
    (M, N, K, batch), rng = shape, np.random.default_rng(0)
    a, b, c = (rng.standard_normal((batch, *size)) for size in ((M, K), (K, N), (M, N + 2)))
    spot, expected = on_device(c), c.copy()
    expected[:, :, :N] = a @ b + (c[:, :, :N] if add else 0)
    left, right = laid(a, transposed == "a"), laid(b, transposed == "b")
    planned(lambda plan: multiply(plan, M, N, K, left, right, Matrix(spot, N + 2, 1, M * (N + 2)), batch, add))
    np.testing.assert_allclose(host(spot).reshape(c.shape), expected, rtol=1e-12, atol=1e-13)


def laid(values: np.ndarray, transposed: bool) -> Matrix:
    """A batch of matrices on the device, by rows or by columns."""
    _, rows, columns = values.shape
    flat = np.ascontiguousarray(values.swapaxes(1, 2)) if transposed else values
    return Matrix(on_device(flat), *((1, rows) if transposed else (columns, 1)), rows * columns)


class Columns:
    """cuBLAS in NumPy: matrices by columns, addresses instead of arrays."""

    calls, on_stream = 0, False

    def __enter__(self) -> None:
        """CuPy works on our stream."""
        Columns.on_stream = True

    def __exit__(self, *error: object) -> None:
        Columns.on_stream = False

    def dgemmStridedBatched(  # noqa: N802
        self, handle: int, ta: int, tb: int, m: int, n: int, k: int, alpha: int, A: int, lda: int, sa: int, B: int,
        ldb: int, sb: int, beta: int, C: int, ldc: int, sc: int, count: int,
    ) -> None:  # fmt: skip
        def at(address: int, rows: int, columns: int, ld: int, stride: int) -> np.ndarray:
            size = ld * max(columns - 1, 0) + rows + stride * (count - 1)
            flat = np.ctypeslib.as_array((np.ctypeslib.ctypes.c_double * size).from_address(address))
            return np.lib.stride_tricks.as_strided(flat, (count, rows, columns), (8 * stride, 8, 8 * ld))

        assert handle == 7
        assert Columns.on_stream
        one, more = (at(place, 1, 1, 1, 0)[0, 0, 0] for place in (alpha, beta))
        left = at(A, m, k, lda, sa) if ta == blas.PLAIN else at(A, k, m, lda, sa).swapaxes(1, 2)
        right = at(B, k, n, ldb, sb) if tb == blas.PLAIN else at(B, n, k, ldb, sb).swapaxes(1, 2)
        out = at(C, m, n, ldc, sc)
        out[...] = one * (left @ right) + (more * out if more else 0)
        Columns.calls += 1


@pytest.fixture
def cublas(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if CuPy were installed."""
    monkeypatch.setattr(blas, "available", lambda: True)
    monkeypatch.setattr(blas, "library", lambda stream: (Columns(), 7, Columns()))
    monkeypatch.setattr(blas, "address", lambda spot: spot.handle.array._ary.ctypes.data + 8 * spot.offset)
    Columns.calls = 0


@pytest.mark.usefixtures("cublas")
@pytest.mark.parametrize("transposed", ["", "a", "b"])
def test_product_by_cublas(transposed: str) -> None:
    """What cuBLAS is told is the product of rows."""
    check_product((5, 6, 3, 2), transposed, True)
    check_product((5, 6, 3, 1), transposed, False)
    assert Columns.calls == 2


@pytest.mark.usefixtures("cublas")
@pytest.mark.parametrize("name", ["tanh", "peephole_lstm", "gru", "gru_before"])
def test_a_layer_by_cublas(name: str) -> None:
    """All products of a training step."""
    check_gradients(draw((layer(name, 35), layer(name, 3)), n=3, T=3, inputs=17, ragged=True), "float64", GPU)
    assert Columns.calls > 10


# Engine -----------------------------------------------------------------------------------------------
def test_a_graph_replays_the_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is recorded after the first step, which compiles, and started for all others."""
    recorded = []

    def capture(stream: Any, calls: list[Callable[[], None]]) -> Callable[[], None]:
        recorded.append(len(calls))
        return lambda: [call() for call in calls]

    rule = Rule("adam", 0.02)
    plain = updated(small_problem(), rule, [STEPS], 8, GPU).theta
    monkeypatch.setattr(graphs, "capture", capture)
    program = updated(small_problem(), rule, [1, 1, STEPS - 2], 8, GPU)
    np.testing.assert_array_equal(program.theta, plain)
    assert recorded == [len(program.program.engine.plan().launches)]


def test_every_kernel_has_a_twin_or_a_reason() -> None:
    """A kernel without a twin says what a user asked for that needs it."""
    assert set(KERNELS) == set(TWINS) | set(CPU_ONLY)
    assert not set(TWINS) & set(CPU_ONLY)
    with pytest.raises(NotImplementedError, match=r'stream\(\) runs on the CPU only.*Use device="cpu"'):
        twin_of("scale_in")


def test_profiles_are_of_the_cpu() -> None:
    """A program of a GPU says so."""
    with pytest.raises(ValueError, match='profile times the kernels of the CPU, but the program runs on "cuda:0"'):
        program_of(draw((layer("gru", 3),)), "float32", device=GPU).program.profile()


def test_launches_are_few() -> None:
    """Two a time step and direction for an LSTM, forward and back, and no more than some dozens beside them."""
    counts = []
    for T in (3, 13):
        program = program_of(draw((layer("lstm", 5),), T=T), "float32", rule=Rule("adam"), device=GPU).program
        launches = program.engine.plan().launches
        assert all(isinstance(launch, Launch) for launch in launches)
        counts.append(len(launches))
    assert counts[1] - counts[0] == 4 * 10
    assert counts[0] < 60
