"""Every cell beside its description for the oracle, and problems for the engine and the oracle."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from forecastrnn import GRU, LSTM, Elman
from forecastrnn.networks.cell import Cell
from forecastrnn.networks.network import Layer, Network
from forecastrnn.programs.inference import sort_rows, write_state
from forecastrnn.training.optimizers import OptimizerState, Rule
from forecastrnn.training.sequence_task import TrainingData
from forecastrnn.training.stepping import BatchIndex, TrainingProgram
from support import naive
from support import naive_training as oracle

Array = np.ndarray


class Case(NamedTuple):
    """A cell of the package, and what it is called by the oracle."""

    cell: Cell
    described: naive.Cell


CELLS = {
    "tanh": Case(Elman(), ("rnn", {"activation": "tanh"})),
    "relu": Case(Elman("relu"), ("rnn", {"activation": "relu"})),
    "logistic": Case(Elman("logistic"), ("rnn", {"activation": "logistic"})),
    "lstm": Case(LSTM(), ("lstm", {})),
    "peephole_lstm": Case(LSTM(peepholes=True), ("lstm", {"peepholes": True})),
    "gru": Case(GRU(), ("gru", {"reset_after": True})),
    "gru_before": Case(GRU(reset_after=False), ("gru", {"reset_after": False})),
}


NORMED = ["tanh+norm", "peephole_lstm+norm", "gru+norm", "gru_before+norm"]  # one for each pair of kernels


def layer(name: str, units: int, bidirectional: bool = False) -> Layer:
    """A layer of the cell called `name`; behind its name "+norm", with layer normalisation."""
    cell, _, norm = name.partition("+")
    return Layer(CELLS[cell].cell, units, bidirectional, norm == "norm")


def described(layers: tuple[Layer, ...]) -> list[naive.Cell]:
    """The layers in the oracle's words."""
    words = {case.cell: case.described for case in CELLS.values()}
    found: list[naive.Cell] = []
    for one in layers:
        name, options = words[one.cell]
        cell = (name, options | {"layer_norm": True}) if one.layer_norm else (name, options)
        found.append(("bidirectional", cell) if one.bidirectional else cell)
    return found


def random_state(one: Layer, n: int, rng: np.random.Generator) -> Any:
    """A state of n rows: h, the pair (c, h), or a pair of these for both directions."""
    parts = [[rng.standard_normal((n, one.units)) for _ in one.cell.states] for _ in one.directions]
    states = [tuple(part) if len(part) > 1 else part[0] for part in parts]
    return tuple(states) if one.bidirectional else states[0]


@dataclass(frozen=True)
class Problem:
    """A network with data: x (n, T, I), y (n, steps, O) or classes (n, steps), weights (n,), lengths (n,)."""

    layers: tuple[Layer, ...]
    theta: dict
    x: Array
    y: Array
    steps: Any
    loss: str
    weights: Array | None
    lengths: Array | None
    states: list | None

    @property
    def network(self) -> Network:
        """The package's network; a skip connection has columns of its own, in front."""
        head = self.theta["head"]
        n_inputs, n_outputs = self.x.shape[2], head["kernel"].shape[1]
        return Network(n_inputs, self.layers, n_outputs, n_inputs if "skip" in head else 0)

    @property
    def oracle_network(self) -> oracle.Network:
        """The oracle's network."""
        return oracle.Network(described(self.layers), self.steps, self.loss)

    def solve(self) -> oracle.Result:
        """The oracle's answer."""
        weights = self.weights
        if weights is not None:
            weights = np.repeat(weights[:, None], self.y.shape[1], axis=1)
        return oracle.loss_and_gradients(
            self.oracle_network, self.theta, self.x, self.y, weights, self.lengths, self.states
        )


def draw(
    layers: tuple[Layer, ...], *, n: int = 7, T: int = 6, inputs: int = 3, outputs: int = 2,
    steps: Any = "all", loss: str = "squared_error", ragged: bool = False, weighted: bool = False,
    skip: bool = False, started: bool = False, seed: int = 0,
) -> Problem:  # fmt: skip
    """A random problem; `started`: with states before the first step."""
    rng = np.random.default_rng(seed)
    k = {"all": T, "last": 1}.get(steps, steps)
    named = oracle.Network(described(layers), steps, loss)
    theta = oracle.random_theta(named, inputs, [one.units for one in layers], outputs, rng, skip=skip)
    classes = loss == "cross_entropy"
    return Problem(
        layers, theta, rng.standard_normal((n, T, inputs)),
        rng.integers(outputs, size=(n, k)) if classes else rng.standard_normal((n, k, outputs)), steps, loss,
        rng.uniform(0.1, 2.0, n) if weighted else None,
        rng.integers(1 if steps == "all" else k, T + 1, n) if ragged else None,
        [random_state(one, n, rng) for one in layers] if started else None,
    )  # fmt: skip


def by_name(theta: dict) -> dict[str, Array]:
    """The oracle's parameters under the package's names."""

    def rename(name: str) -> str:
        name = re.sub(r"^(layers\.\d+)\.0\.", r"\1.", name.replace("head.", "output."))
        return re.sub(r"^(layers\.\d+)\.1\.", r"\1.reverse.", name)

    return {rename(name): w for name, w in oracle.flatten(theta).items()}


def flat_theta(problem: Problem, dtype: str) -> Array:
    """The parameters as the package's flat vector."""
    theta = np.zeros(problem.network.size, dtype)
    for name, view in problem.network.views(theta).items():
        view[...] = by_name(problem.theta)[name]
    return theta


def source_of(problem: Problem, dtype: str) -> TrainingData:
    """The data as the engine reads them: targets of every step, but a single one for the last output."""
    n, T, _ = problem.x.shape
    x = np.concatenate([problem.x, problem.x], axis=2) if problem.network.n_skip else problem.x
    y = problem.y if problem.y.ndim == 3 else problem.y[:, :, None]
    if problem.steps not in ("all", "last"):
        k, ends = y.shape[1], naive.full_lengths(problem.x, problem.lengths)
        y = oracle.last_steps_back(y, ends, T) if k < T else y
    weights = None if problem.weights is None else problem.weights.astype(dtype)
    flat = [np.ascontiguousarray(a.reshape(-1, a.shape[2]), dtype) for a in (x, y)]
    return TrainingData(*flat, weight=weights, y_steps=len(flat[1]) // n)


def program_of(
    problem: Problem, dtype: str, *, rows: int | None = None, steps: int | None = None,
    rule: Rule | None = None, class_order: Array | None = None, **options: Any,
) -> TrainingProgram:  # fmt: skip
    """A training program over mini-batches of `rows` rows and `steps` steps, all of them if not given."""
    theta, source = flat_theta(problem, dtype), replace(source_of(problem, dtype), class_order=class_order)
    return TrainingProgram(
        problem.network, theta, OptimizerState.zeros(theta, rule.moments) if rule else None, source,
        steps=steps or problem.x.shape[1], rows=rows or len(problem.x), loss=problem.loss,
        last={"all": 0, "last": 1}.get(problem.steps, problem.steps), rule=rule,
        lengths=problem.lengths is not None, **options,
    )  # fmt: skip


def index_of(problem: Problem, program: TrainingProgram, samples: Array) -> BatchIndex:
    """Where the mini-batches samples (steps, rows) lie; the longest rows of each shard first."""
    lengths = problem.lengths
    if lengths is not None:
        samples = np.stack([s[sort_rows(lengths[s], program.shape.shards)] for s in samples])
    lengths = None if lengths is None else lengths[samples]
    return BatchIndex(samples * problem.x.shape[1], samples * program.source.y_steps, samples, lengths)


class Gradients(NamedTuple):
    """What the engine says of a problem: the oracle's result in part, parameters by the package's names."""

    loss: float
    d_theta: dict[str, Array]
    d_x: Array
    d_states: list


def gradients(problem: Problem, dtype: str, device: str = "cpu") -> Gradients:
    """Loss and all gradients by the engine; of x only what comes through the layers."""
    program = program_of(problem, dtype, input_gradient=True, device=device)
    index = index_of(problem, program, np.arange(len(problem.x))[None])
    if problem.states is not None:
        write_state(program.build, engine_state(problem, index.sample[0]))
    loss = program.run(index, 1, 2)[0]
    back, weight = np.argsort(index.sample[0]), program.feed.sums.array[0, :, 1].sum()
    d_theta = problem.network.views(program.grad)
    d_states = [_read_states(program, k, back, weight) for k in range(len(problem.layers))]
    return Gradients(loss, d_theta, _read_inputs(program, problem)[back] / weight, d_states)


def engine_state(problem: Problem, order: Array) -> list:
    """The states before the first step in the engine's form: layer, direction, name."""
    found = []
    for one, state in zip(problem.layers, problem.states, strict=True):
        parts = [part if len(one.cell.states) > 1 else (part,) for part in (state if one.bidirectional else [state])]
        found.append([{n: a[order] for n, a in zip(one.cell.states, part, strict=True)} for part in parts])
    return found


def _read_states(program: TrainingProgram, number: int, back: Array, weight: float) -> Any:
    """Gradients of a layer's initial state, which the backward pass leaves in its buffers."""
    one = program.build.network.layers[number]

    def read(direction: int, name: str) -> Array:
        runs = [stack.runs[number][direction] for stack in program.build.stacks]
        parts = [run.d_states[name].array[:, : one.units] for run in runs]
        return np.concatenate(parts)[back] / weight

    states = [tuple(read(k, name) for name in one.cell.states) for k in range(len(one.directions))]
    states = [state if len(state) > 1 else state[0] for state in states]
    return tuple(states) if one.bidirectional else states[0]


def _read_inputs(program: TrainingProgram, problem: Problem) -> Array:
    """Gradients of the inputs (n, T, I), undivided, in the mini-batch's order."""
    T, parts = problem.x.shape[1], []
    for number, stack in enumerate(program.build.stacks):
        flat = program.task.input_gradients[number].place.buffer.array
        parts.append(flat.reshape(T, stack.batch.rows, -1)[:, :, : problem.x.shape[2]])
    return np.concatenate(parts, axis=1).transpose(1, 0, 2)


def worst(found: dict[str, Array], expected: dict[str, Array]) -> float:
    """The largest difference, relative to the largest of all the expected numbers."""
    assert found.keys() == expected.keys()
    scale = max(np.abs(a).max() for a in expected.values())
    return max(float(np.abs(found[name] - a).max()) for name, a in expected.items()) / scale
