"""Embeddings inside a network: columns of codes beside the oracle, which looks every vector up by itself."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pytest

from forecastrnn.networks.network import Embedding, Network, vectors_of
from forecastrnn.programs.inference import forward, write_state
from forecastrnn.programs.shapes import Dropout
from forecastrnn.programs.step_program import StepProgram
from forecastrnn.training.optimizers import OptimizerState, Rule
from forecastrnn.training.sequence_task import TrainingData
from forecastrnn.training.stepping import TrainingProgram
from support import naive
from support.cases import Problem, by_name, draw, index_of, layer, worst
from support.naive_training import numerical_gradient

Array = np.ndarray
TOLERANCE = {"float32": 3e-5, "float64": 1e-10}
TWO = (Embedding(0, 5, 3), Embedding(2, 4, 2))  # of four columns; those at 1 and 3 are numbers
FROZEN = (Embedding(1, 5, 3, frozen=True), Embedding(3, 4, 2))


class Coded(NamedTuple):
    """A problem whose x is what the first layer reads, and the rows of numbers and codes that it came from."""

    problem: Problem
    rows: Array
    tables: list[Array]
    embeddings: tuple[Embedding, ...]

    @property
    def network(self) -> Network:
        plain = self.problem.network
        return Network(self.rows.shape[2], plain.layers, plain.n_outputs, plain.n_skip, self.embeddings)

    def theta(self, dtype: str) -> Array:
        """The flat vector."""
        theta = np.zeros(self.network.size, dtype)
        known = by_name(self.problem.theta) | {vectors_of(k): table for k, table in enumerate(self.tables)}
        for name, view in self.network.views(theta).items():
            view[...] = known[name]
        return theta


def looked_up(rows: Array, tables: list[Array], embeddings: tuple[Embedding, ...]) -> Array:
    """What the first layer reads: numbers first, then each code's vector."""
    n, T, columns = rows.shape
    numbers = [c for c in range(columns) if c not in [e.column for e in embeddings]]
    out = np.zeros((n, T, len(numbers) + sum(e.dim for e in embeddings)))
    for i in range(n):
        for t in range(T):
            own = [rows[i, t, numbers]] + [
                table[int(rows[i, t, e.column])] for table, e in zip(tables, embeddings, strict=True)
            ]
            out[i, t] = np.concatenate(own)
    return out


def table_gradients(coded: Coded, d_x: Array) -> list[Array]:
    """Gradients of the tables, row by row and step by step; the last row has none."""
    lengths = naive.full_lengths(coded.rows, coded.problem.lengths)
    first = d_x.shape[2] - sum(e.dim for e in coded.embeddings)
    found = []
    for e, table in zip(coded.embeddings, coded.tables, strict=True):
        grad = np.zeros_like(table)
        for i, t in np.ndindex(*d_x.shape[:2]):
            code = int(coded.rows[i, t, e.column])
            if t < lengths[i] and code < e.size and not e.frozen:
                grad[code] += d_x[i, t, first : first + e.dim]
        found.append(grad)
        first += e.dim
    return found


def code(problem: Problem, embeddings: tuple[Embedding, ...], seed: int = 5) -> Coded:
    """The problem with embeddings before its first layer; every category occurs, the unknown one too."""
    rng = np.random.default_rng(seed)
    n, T, _ = problem.x.shape
    rows = rng.standard_normal((n, T, 4))
    for e in embeddings:
        rows[:, :, e.column] = rng.integers(e.size + 1, size=(n, T))
    tables = [rng.standard_normal((e.size + 1, e.dim)) for e in embeddings]
    return Coded(replace(problem, x=looked_up(rows, tables, embeddings)), rows, tables, embeddings)


def program_of(coded: Coded, dtype: str, rule: Rule | None = None, **options: Any) -> TrainingProgram:
    """A training program over all rows."""
    problem, theta = coded.problem, coded.theta(dtype)
    rows = np.concatenate([problem.x, coded.rows], axis=2) if problem.network.n_skip else coded.rows
    flat = [np.ascontiguousarray(a.reshape(-1, a.shape[2]), dtype) for a in (rows, problem.y)]
    return TrainingProgram(
        coded.network, theta, OptimizerState.zeros(theta) if rule else None, TrainingData(*flat,
        y_steps=problem.y.shape[1]),
        steps=rows.shape[1], rows=len(rows), loss=problem.loss, last={"all": 0, "last": 1}[problem.steps], rule=rule,
        lengths=problem.lengths is not None, **options,
    )  # fmt: skip


def width_of(embeddings: tuple[Embedding, ...]) -> int:
    """Numbers that the first layer reads, of four columns."""
    return 4 - len(embeddings) + sum(e.dim for e in embeddings)


def index(coded: Coded, program: TrainingProgram, seeds: range = range(1)) -> Any:
    """All rows as one mini-batch, in an order of its own at each step."""
    samples = np.stack([np.random.default_rng(s).permutation(len(coded.rows)) for s in seeds])
    return index_of(coded.problem, program, samples)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("both", [False, True], ids=["forward", "bidirectional"])
@pytest.mark.parametrize("ragged", [False, True], ids=["full", "ragged"])
@pytest.mark.parametrize("steps", ["all", "last"])
@pytest.mark.parametrize("embeddings", [TWO, FROZEN], ids=["learned", "frozen"])
def test_gradients(embeddings: tuple[Embedding, ...], steps: str, ragged: bool, both: bool, dtype: str) -> None:
    """Loss and gradients are those of a network that reads the vectors; by the inputs too."""
    problem = draw(
        (layer("gru", 5, both), layer("lstm", 3)), n=9, inputs=width_of(embeddings), steps=steps, ragged=ragged
    )
    coded = code(problem, embeddings)
    expected = coded.problem.solve()
    program = program_of(coded, dtype, input_gradient=True)
    own = index(coded, program)
    assert program.run(own, 1, 2)[0] == pytest.approx(expected.loss, rel=TOLERANCE[dtype])
    d_theta = by_name(expected.d_theta) | {
        vectors_of(k): grad for k, grad in enumerate(table_gradients(coded, expected.d_x))
    }
    assert worst(coded.network.views(program.grad), d_theta) < TOLERANCE[dtype]
    d_x = np.concatenate([
        program.task.input_gradients[s].place.buffer.array.reshape(6, stack.batch.rows, -1)[:, :, : problem.x.shape[2]]
        for s, stack in enumerate(program.build.stacks)
    ], axis=1).transpose(1, 0, 2)[np.argsort(own.sample[0])]  # fmt: skip
    weight = program.feed.sums.array[0, :, 1].sum()
    assert worst({"x": d_x / weight}, {"x": expected.d_x}) < TOLERANCE[dtype]


def test_skip_connection() -> None:
    """The columns of the skip come first, and are raw."""
    coded = code(draw((layer("gru", 5),), n=5, inputs=width_of(TWO), ragged=True, skip=True), TWO)
    expected = coded.problem.solve()
    program = program_of(coded, "float64")
    assert program.run(index(coded, program), 1, 1)[0] == pytest.approx(expected.loss, rel=1e-10)
    found = coded.network.views(program.grad)
    assert worst({"skip": found["output.skip"]}, {"skip": expected.d_theta["head"]["skip"]}) < 1e-10


@pytest.mark.parametrize("dropout", [Dropout(), Dropout(inputs=0.3, outputs=0.2)], ids=["plain", "dropout"])
def test_central_differences(dropout: Dropout) -> None:
    """The gradient is that of the engine's own loss, also where the vectors are dropped by chance."""
    coded = code(draw((layer("gru_before", 3, True),), n=4, T=4, inputs=width_of(TWO), loss="huber", ragged=True), TWO)
    program = program_of(coded, "float64", dropout=dropout, seed=3)
    own = index(coded, program)
    program.run(own, 1, 1)
    found = program.grad.copy()
    expected = numerical_gradient(lambda: program.run(own, 1, 1)[0], program.theta)
    for k in range(2):  # the unknown category is read, but never trained
        coded.network.views(expected)[vectors_of(k)][-1] = 0
    assert np.abs(found - expected).max() < 1e-8 * np.abs(expected).max()


@pytest.mark.parametrize("options", [{"checkpoint_steps": 4}, {}], ids=["checkpoints", "plain"])
def test_bits_of_an_update(options: dict) -> None:
    """Neither threads nor checkpoints change a bit; several shards."""
    coded = code(draw((layer("lstm", 5),), n=130, T=11, inputs=width_of(TWO), ragged=True), TWO)
    found = []
    for threads, own in ((1, {}), (4, options)):
        program = program_of(coded, "float32", Rule("adam", 0.01, clip_norm=0.5), dropout=Dropout(0.2), seed=1, **own)
        losses = program.run(index(coded, program, range(3)), 3, threads)
        found.append((losses, program.grad, program.theta))
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)
    assert np.abs(found[0][2] - coded.theta("float32")).max() > 0.01


@pytest.mark.parametrize("solver", ["adamw", "sgd"])
def test_what_an_update_leaves_alone(solver: str) -> None:
    """Frozen vectors, and those of unknown categories, neither decay nor have noise; others do not decay."""
    coded = code(draw((layer("lstm", 5),), n=3, inputs=width_of(FROZEN)), FROZEN)
    rows = coded.rows.copy()
    rows[:, :, 3] = np.minimum(rows[:, :, 3], 1)  # codes 2 and 3 do not occur
    coded = coded._replace(rows=rows)
    before = coded.theta("float64")
    for noise in (0.0, 0.1):
        program = program_of(coded, "float64", Rule(solver, 0.1, alpha=0.5, gradient_noise=noise))
        program.run(index(coded, program), 1, 1)
        given, learned = (
            coded.network.embedding_weights(program.theta)[k] != coded.network.embedding_weights(before)[k]
            for k in (0, 1)
        )
        assert not given.any() and not learned[-1].any() and learned[:2].all()
        assert learned[2:4].all() if noise else not learned[2:4].any()


def test_nothing_learned_costs_nothing() -> None:
    """Frozen vectors need no derivatives by the inputs."""
    frozen = (Embedding(1, 5, 3, frozen=True),)
    coded = code(draw((layer("lstm", 5),), n=3, inputs=width_of(frozen)), frozen)
    assert "transposed_x" not in str(program_of(coded, "float64").program)


def test_carried_state() -> None:
    """Truncated BPTT: windows of 3 of 6 steps, with lengths that end in either; beside central differences."""
    problem = draw((layer("gru", 3),), n=4, T=6, inputs=width_of(TWO), ragged=True, seed=2)
    coded = code(replace(problem, lengths=np.array([6, 5, 3, 2])), TWO)
    theta = coded.theta("float64")
    flat = [np.ascontiguousarray(a.reshape(-1, a.shape[2])) for a in (coded.rows, problem.y)]
    program = TrainingProgram(
        coded.network, theta, None, TrainingData(*flat), steps=3, rows=4, loss="squared_error", lengths=True, carry=True
    )
    own = index_of(coded.problem, program_of(coded, "float64"), np.arange(4)[None])
    samples = np.tile(own.sample, (2, 1))
    two = replace(
        own, x=samples * 6 + [[0], [3]], y=samples * 6 + [[0], [3]], sample=samples,
        lengths=np.clip(np.tile(own.lengths, (2, 1)) - [[0], [3]], 0, 3), keep=np.array([0.0, 1.0]),
    )  # fmt: skip
    program.run(two, 2, 1)
    grads = coded.network.embedding_weights(program.grad)
    for k, e in enumerate(TWO):
        read = {int(c) for i in range(4) for c in coded.rows[i, 3 : coded.problem.lengths[i], e.column]}
        assert {c for c in range(e.size + 1) if grads[k][c].any()} == read - {e.size}


def test_forward_and_steps() -> None:
    """A forward pass, and step by step, of columns in any order."""
    coded = code(draw((layer("lstm", 5), layer("gru", 4)), n=5, inputs=width_of(TWO)), TWO)
    expected, theta = coded.problem.solve(), coded.theta("float64")
    found = forward(coded.network, theta, coded.rows).outputs
    assert np.abs(found - expected.outputs).max() < 1e-12
    step = StepProgram((coded.network, theta), 5)
    write_state(step.build, [[{n: np.zeros((5, d.units)) for n in d.cell.states}] for d in coded.network.layers])
    for t in range(6):
        for shard, x in enumerate(step.x):
            x.array[0] = coded.rows[step.rows_of(shard), t]
        step.build.program.run(t, 1, 1)
        outputs = np.concatenate([stack.out.place.array[0, :, :2] for stack in step.build.stacks])
        assert np.abs(outputs - expected.outputs[:, t]).max() < 1e-12


def test_first_values() -> None:
    """Vectors have about the length of one; what an unknown category reads is the mean; other draws stay."""
    embeddings = (Embedding(0, 1000, 16), Embedding(1, 4, 2))
    layers = (layer("lstm", 5),)
    network = Network(2, layers, 1, 0, embeddings)
    theta = network.init_theta(0, "float64")
    vectors = network.embedding_weights(theta)
    assert np.square(vectors[0]).sum(axis=1).mean() == pytest.approx(1.0, rel=0.05)  # sqrt(2 / 16 / 1000) is 0.011
    np.testing.assert_array_equal(vectors[1][-1], vectors[1][:-1].mean(axis=0))
    plain = Network(18, layers, 1).init_theta(0, "float64")
    np.testing.assert_array_equal(theta[: len(plain)], plain)
    many = np.stack([theta, theta + 1])[None]
    network.set_unknown(many)
    np.testing.assert_allclose(many[0, 1], theta + 1, rtol=1e-12)


def test_what_decays() -> None:
    """L2 and decay act on kernels only."""
    network = Network(2, (layer("lstm", 5),), 1, 0, (Embedding(0, 3, 2),))
    decays = {name for name, p in network.layout.items() if p.is_matrix}
    assert decays == {"layers.0.kernel", "layers.0.recurrent_kernel", "output.kernel"}
