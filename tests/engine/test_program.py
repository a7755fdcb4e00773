"""Programs: how they print, and that threads, forks and other programs beside them change nothing."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from forecastrnn.engine.buffers import ALIGN, Buffer, allocate
from forecastrnn.engine.cpu.build import KERNELS
from forecastrnn.engine.program import Program
from forecastrnn.networks.network import Network
from forecastrnn.programs.assembly import Assembly
from forecastrnn.programs.direction import MatrixView
from forecastrnn.programs.inference import forward, forward_pass, read_outputs
from forecastrnn.programs.shapes import Shape, shards_of
from forecastrnn.training.optimizers import Rule
from forecastrnn.training.stepping import TrainingProgram
from support.cases import Problem, draw, index_of, layer, program_of

ROWS, STEPS = 130, 5
LAYERS = (layer("lstm", 9, True), layer("gru", 5))


def problem_of(seed: int = 0) -> Problem:
    """Enough rows for several shards."""
    return draw(LAYERS, n=ROWS, T=4, ragged=True, weighted=True, seed=seed)


def trained(problem: Problem, n_threads: int) -> tuple[np.ndarray, np.ndarray]:
    """Losses and parameters of a new program after five updates."""
    program = program_of(problem, "float32", rule=Rule("adam", 0.01, alpha=0.01, clip_norm=0.1))
    order = np.stack([np.random.default_rng(step).permutation(ROWS) for step in range(STEPS)])
    losses = program.run(index_of(problem, program, order), 1, n_threads)
    return losses, program.theta


def test_print() -> None:
    """The listing names the type, every buffer with its shape, and every operation with its fields."""
    program = program_of(draw((layer("peephole_lstm", 5),)), "float32", rule=Rule("sgd")).program
    text = str(program)
    assert text.startswith("program: float32, 2 shards, ")
    for buffer in program.buffers.values():
        assert f"  {buffer.name:28s} {buffer.array.dtype!s:8s} {buffer.array.shape}" in text
    for kernel in (
        "gather",
        "pack",
        "lstm_forward",
        "product",
        "elementwise_loss",
        "lstm_backward",
        "unpack",
        "sgd",
    ):
        assert re.search(rf"^  {kernel}(_[0-9a-f]{{12}})?\(", text, re.M)
    assert "round 0, shard 0:" in text
    assert "round 2, shard 1:" in text
    assert "gain=-, hr=0.state_h[0], mask=-, z=0.z[0]" in text
    assert "state_0=0.state_c[0], state_1=0.state_h[0], active=active[0]" in text
    assert "target=target[0], weights=-, dout=dout[0]" in text


@pytest.mark.parametrize("n_threads", [2, 3, 4, 64])
def test_threads_change_no_bit(n_threads: int) -> None:
    """As many threads as there are shards, fewer, and more."""
    assert shards_of(ROWS) == 4
    problem = problem_of()
    losses, theta = trained(problem, 1)
    more_losses, more_theta = trained(problem, n_threads)
    np.testing.assert_array_equal(more_losses, losses)
    np.testing.assert_array_equal(more_theta, theta)
    assert losses[-1] < losses[0]


def test_programs_side_by_side() -> None:
    """Python threads may run programs at once: the numbers are those of running them in turn."""
    problems = [problem_of(seed) for seed in range(4)]
    expected = [trained(problem, 1) for problem in problems]
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda problem: trained(problem, 2), problems))
    for (losses, theta), (more_losses, more_theta) in zip(expected, found, strict=True):
        np.testing.assert_array_equal(more_losses, losses)
        np.testing.assert_array_equal(more_theta, theta)


@pytest.mark.parametrize(("rows", "shards"), [(1, 1), (2, 2), (127, 2), (128, 4), (511, 4), (512, 8), (10**6, 8)])
def test_shards(rows: int, shards: int) -> None:
    """Their number depends on the rows alone."""
    assert shards_of(rows) == shards


def test_theta_and_data_are_used_where_they_lie() -> None:
    """Parameters are updated in place, and a source of the right type is not copied."""
    problem = draw((layer("tanh", 3),))
    program: TrainingProgram = program_of(problem, "float64", rule=Rule("sgd"))
    for name, array in (("theta", program.theta), ("X", program.source.X), ("m", program.optimizer.moments["m"])):
        assert program.program.buffers[name].array is array


def test_buffers_begin_at_a_cache_line() -> None:
    """So that a vector never lies across two, and shards do not share one."""
    for dtype in ("float32", "float64", "int64"):
        array = allocate((3, 5), dtype)
        assert array.ctypes.data % ALIGN == 0
        assert array.dtype == dtype
        assert not array.any()


def test_what_a_program_refuses() -> None:
    """Names used twice, fields that a kernel does not have, and memory with gaps."""
    program = Program("float64", 1)
    a = program.buffer("a", (4,))
    with pytest.raises(ValueError, match="buffer 'a' exists already"):
        program.buffer("a", (4,))
    with pytest.raises(ValueError, match=r"clear_columns has the fields .*'ldo'.*, not \('out',\)"):
        program.emit("clear_columns", 0, out=a)
    with pytest.raises(ValueError, match="buffer 'b' must be C-contiguous"):
        Buffer.of("b", np.zeros((4, 4))[:, ::2])


def test_a_kernel_by_itself() -> None:
    """A program of one operation: a column of a matrix is cleared, the others stay."""
    program = Program("float32", 1)
    a = program.bind("a", np.ones((3, 4), np.float32))
    fields = dict.fromkeys(KERNELS["clear_columns"].fields) | {
        "out": a.at(1),
        "rows": 3,
        "F": 2,
        "lds": 0,
        "ldo": 4,
    }
    program.emit("clear_columns", 0, **fields)
    program.run(0, 1, 1)
    np.testing.assert_array_equal(a.array, [[1, 0, 0, 1]] * 3)
    assert str(program).endswith("clear_columns(source=-, out=a+1, rows=3, F=2, lds=0, ldo=4)")
    assert program.nbytes == 0
    program.buffer("b", (3, 4))
    assert program.nbytes == 48


def test_two_networks_in_one_program() -> None:
    """Under names of their own, with one parameter vector, each gives the bits that it has alone."""
    networks = [Network(3, (layer("lstm", 5, True), layer("gru", 4)), 2), Network(2, (layer("lstm", 7),), 1)]
    thetas = [network.init_theta(k, "float32") for k, network in enumerate(networks)]
    inputs = [np.random.default_rng(k).standard_normal((4, 6, n.n_inputs)) for k, n in enumerate(networks)]
    program = Program("float32", 2)
    theta, builds = program.bind("theta", np.concatenate(thetas)), []
    for prefix, offset, network in zip(("one.", "two."), (0, thetas[0].size), networks, strict=True):
        shape = Shape(4, 6, shards=2)
        builds.append(Assembly(network, theta, shape, program=program.part(prefix), offset=offset))
        builds[-1].emit_pack()
    program.next_round()
    for build, x in zip(builds, inputs, strict=True):
        for stack in build.stacks:
            rows = np.ascontiguousarray(x[:, stack.batch.shard * 3 :][:, :3], np.float32)
            name = f"x[{stack.batch.shard}]"
            forward_pass(build, stack, MatrixView(build.program.bind(name, rows).at(0), x.shape[2], x.shape[2]))
    program.run(0, 1, 2)
    assert {"one.0.state_h[0]", "two.0.state_h[0]", "one.out[1]", "two.out[1]"} < set(program.buffers)
    for build, network, own, x in zip(builds, networks, thetas, inputs, strict=True):
        expected = forward(network, own, x.transpose(1, 0, 2)).outputs
        np.testing.assert_array_equal(read_outputs(build, None, None), expected)
