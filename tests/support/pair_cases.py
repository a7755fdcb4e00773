"""Problems on pairs of sequences, for the engine and the oracle."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from forecastrnn.networks.network import Layer, Network
from forecastrnn.networks.seq2seq_network import Seq2SeqNetwork
from forecastrnn.programs.inference import sort_rows
from forecastrnn.training.optimizers import OptimizerState, Rule
from forecastrnn.training.pair_task import PairData
from forecastrnn.training.stepping import BatchIndex, TrainingProgram
from support import naive_seq2seq as oracle
from support.cases import described, layer
from support.naive_training import flatten

Array = np.ndarray


@dataclass(frozen=True)
class PairProblem:
    """A network with its pairs."""

    layers: tuple[Layer, ...]
    attention: str | None
    loss: str
    theta: dict
    pairs: oracle.Pairs

    @property
    def network(self) -> Seq2SeqNetwork:
        """The package's network."""
        head, inputs = self.theta["decoder"]["head"], self.pairs.x_out.shape[2]
        layers = tuple(Layer(one.cell, one.width, layer_norm=one.layer_norm) for one in self.layers)
        decoder = Network(inputs, layers, len(head["bias"]), inputs if "skip" in head else 0)
        return Seq2SeqNetwork(Network(self.pairs.x.shape[2], self.layers), decoder, self.attention)

    @property
    def oracle_network(self) -> oracle.Network:
        """The oracle's network."""
        return oracle.Network(described(self.layers), self.attention, self.loss)

    def solve(self, pairs: oracle.Pairs | None = None) -> oracle.Result:
        """The oracle's answer."""
        return oracle.loss_and_gradients(self.oracle_network, self.theta, pairs or self.pairs)


def draw_pairs(
    layers: tuple[Layer, ...], attention: str | None = None, *, n: int = 7, J: int = 5, T: int = 4,
    inputs: tuple[int, int] = (3, 2), outputs: int = 2, loss: str = "squared_error", weighted: bool = False,
    skip: bool = False, seed: int = 0,
) -> PairProblem:  # fmt: skip
    """A random problem, ragged on both sides."""
    rng = np.random.default_rng(seed)
    network = oracle.Network(described(layers), attention, loss)
    theta = oracle.random_theta(network, [one.units for one in layers], inputs, outputs, rng, skip)
    classes = loss == "cross_entropy"
    pairs = oracle.Pairs(
        rng.standard_normal((n, J, inputs[0])), rng.integers(1, J + 1, n), rng.standard_normal((n, T, inputs[1])),
        rng.integers(outputs, size=(n, T)) if classes else rng.standard_normal((n, T, outputs)),
        rng.integers(1, T + 1, n), rng.uniform(0.1, 2.0, n) if weighted else None,
    )  # fmt: skip
    return PairProblem(layers, attention, loss, theta, pairs)


def by_name(theta: dict) -> dict[str, Array]:
    """The oracle's parameters under the package's names."""
    found = {}
    for name, w in flatten(theta).items():
        part, rest = name.split(".", 1)
        pieces = rest.replace("head.", "output.").split(".")
        if len(pieces) == 4:  # layers.0.1.kernel: the second direction of layer 0
            pieces[2:3] = ["reverse"] if pieces[2] == "1" else []
        found[f"{part}.{'.'.join(pieces)}"] = w
    return found


def flat_theta(problem: PairProblem, dtype: str) -> Array:
    """The parameters as the package's flat vector."""
    theta, named = np.zeros(problem.network.size, dtype), by_name(problem.theta)
    for name, view in problem.network.views(theta).items():
        view[...] = named[name]
    return theta


def packed_rows(values: Array, lengths: Array, dtype: str) -> tuple[Array, Array]:
    """The valid rows of all sequences one behind the other, and where each begins."""
    rows = np.concatenate([one[:length] for one, length in zip(values, lengths, strict=True)])
    return np.ascontiguousarray(rows, dtype), np.concatenate([[0], np.cumsum(lengths)[:-1]])


def source_of(problem: PairProblem, dtype: str) -> tuple[PairData, Array, Array]:
    """The pairs as the engine reads them, and where each begins in the sources and in the targets."""
    pairs = problem.pairs
    y = pairs.y if pairs.y.ndim == 3 else pairs.y[:, :, None]
    X_in, starts = packed_rows(pairs.x, pairs.lengths, dtype)
    X_out, y_starts = packed_rows(pairs.x_out, pairs.y_lengths, dtype)
    if problem.network.decoder.n_skip:
        X_out = np.concatenate([X_out, X_out], axis=1)
    weight = None if pairs.weights is None else pairs.weights.astype(dtype)
    return PairData(X_in, X_out, packed_rows(y, pairs.y_lengths, dtype)[0], weight=weight), starts, y_starts


def pair_program(problem: PairProblem, dtype: str, *, rule: Rule | None = None, **options: Any) -> TrainingProgram:
    """A training program over mini-batches of all pairs."""
    theta, pairs = flat_theta(problem, dtype), problem.pairs
    options = {"rows": len(pairs.x), "steps": (pairs.x.shape[1], pairs.x_out.shape[1])} | options
    return TrainingProgram(
        problem.network, theta, OptimizerState.zeros(theta) if rule else None, source_of(problem, dtype)[0],
        loss=problem.loss, rule=rule or Rule(), **options,
    )  # fmt: skip


def pair_index(problem: PairProblem, program: TrainingProgram, samples: Array | None = None) -> BatchIndex:
    """Where the mini-batches samples (steps, rows) lie, all pairs in one if not given."""
    pairs = problem.pairs
    samples = np.arange(len(pairs.x))[None] if samples is None else samples
    samples = np.stack([s[sort_rows(pairs.lengths[s], program.shape.shards)] for s in samples])
    _, starts, y_starts = source_of(problem, "float64")
    return BatchIndex(
        starts[samples], y_starts[samples], samples, pairs.lengths[samples], y_lengths=pairs.y_lengths[samples]
    )


def pair_gradients(
    problem: PairProblem, dtype: str, n_threads: int = 1, **options: Any
) -> tuple[float, dict[str, Array]]:  # fmt: skip
    """Loss and gradients by the engine."""
    program = pair_program(problem, dtype, **options)
    loss = program.run(pair_index(problem, program), 1, n_threads)[0]
    return loss, problem.network.views(program.grad)


def attention_weights(program: TrainingProgram) -> list[Array]:
    """The weights of the last step, for each shard (rows, target steps, source steps)."""
    attention = program.build.attention
    return [attention.weights(s).array[:, :, : attention.J] for s in range(program.shape.shards)]


def small(name: str, *, both: bool = False, layers: int = 1) -> tuple[Layer, ...]:
    """One or two layers of a cell, of sizes that fill no vector."""
    return tuple(layer(name, units, both) for units in (5, 3)[:layers])


def sorted_pairs(problem: PairProblem, index: BatchIndex) -> PairProblem:
    """The pairs in the order of a mini-batch."""
    order = index.sample[0]
    arrays = [None if values is None else values[order] for values in problem.pairs]
    return replace(problem, pairs=oracle.Pairs(*arrays))
