"""The program of a training step: gather, forward, loss, backward, reduce, update."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forecastrnn.assembly import Assembly
from forecastrnn.cpu.direction import Batch, Rows
from forecastrnn.cpu.update import COUNT
from forecastrnn.inference import emit_lengths
from forecastrnn.network import Network, Parameter
from forecastrnn.optimizers import SOLVERS, OptimizerState, Rule
from forecastrnn.program import Buffer
from forecastrnn.segments import Segments
from forecastrnn.shapes import Shape, Stack, shards_of

PLAIN_RULE = Rule()
MAX_STEPS = 256  # training steps in one call at most
MAX_INDICES = 2**19  # samples of one call at most, or one mini-batch


@dataclass(frozen=True)
class Source:
    """Where mini-batches come from; nothing is copied before a batch is gathered.

    X (rows, columns): a sample is `steps` rows from its start on. y: (rows, outputs), gathered from the sample's
    own start in y; or, with `ahead`, the flat series whose next values, relative to `base` at the same place, are
    the targets (NaN: not observed). weight: one a sample.
    """

    X: np.ndarray
    y: np.ndarray
    base: np.ndarray | None = None
    weight: np.ndarray | None = None
    y_steps: int | None = None  # rows of y that belong to a sample; None: as many as it has steps

    @property
    def ahead(self) -> bool:
        """Whether targets are the next values of a series."""
        return self.base is not None


@dataclass
class Index:
    """Samples of some steps, each array (steps, rows): starts in X, in y, sample numbers, valid lengths."""

    x: np.ndarray
    y: np.ndarray
    sample: np.ndarray
    lengths: np.ndarray | None = None
    keep: np.ndarray | None = None  # (steps,): 0 where the carried state starts anew

    def part(self, lo: int, hi: int) -> Index:
        """Steps lo .. hi."""
        chosen = np.zeros(self.steps, bool)
        chosen[lo:hi] = True
        return self.where(chosen)

    def where(self, chosen: np.ndarray) -> Index:
        """The steps that a mask chooses."""
        lengths = None if self.lengths is None else self.lengths[chosen]
        keep = None if self.keep is None else self.keep[chosen]
        return Index(self.x[chosen], self.y[chosen], self.sample[chosen], lengths, keep)

    @property
    def steps(self) -> int:
        """Number of steps."""
        return len(self.x)


class TrainingProgram:
    """Runs training steps on mini-batches of one size.

    Parameters
    ----------
    network, theta : the network and its parameters, updated in place
    optimizer : moments and count, updated in place; None computes gradients only
    source : where the data are
    steps, rows : time steps and samples of a mini-batch
    loss, last, rule : the loss, the outputs that it reads (0: all, k: the last k), the update rule
    lengths : samples differ in length
    carry : the state at the end of a step is that at the beginning of the next (truncated BPTT)
    checkpoint_steps : keep the states every so many steps only, and recompute those between (memory-bounded BPTT)
    """

    def __init__(
        self, network: Network, theta: np.ndarray, optimizer: OptimizerState | None, source: Source, *,
        steps: int, rows: int, loss: str, last: int = 0, rule: Rule = PLAIN_RULE, lengths: bool = False,
        carry: bool = False, input_gradient: bool = False, checkpoint_steps: int | None = None,
    ) -> None:  # fmt: skip
        segment = min(checkpoint_steps or steps, steps)
        shape = Shape(steps, rows, last, lengths, training=True, shards=shards_of(rows), segment=segment)
        self.build = build = Assembly(network, theta, shape)
        self.program, self.shape, self.optimizer, self.rule = build.program, shape, optimizer, rule
        self.source, self.loss_name, self.carry = source, loss, carry
        self.most_steps = int(np.clip(MAX_INDICES // max(rows, 1), 1, MAX_STEPS))
        self.theta, self.grad = theta, np.zeros_like(theta)
        self._bind_sources()
        self.sums = self.program.buffer("sums", (MAX_STEPS, shape.shards, 2), np.float64)
        self.input_gradients: dict[int, Rows] = {}
        build.pack(input_gradient=input_gradient)
        for shard in range(shape.shards):
            self._emit_shard(Segments(build, shard), input_gradient)
        self.backward_rounds = len(self.program.rounds)
        self.program.next_round()
        build.reduce(self.grad, self.sums)
        if optimizer is not None:
            self._emit_update(optimizer)

    def _bind_sources(self) -> None:
        program, rows = self.program, self.shape.rows
        self.X = program.bind("X", self.source.X)
        self.y = program.bind("y", self.source.y)
        self.base = None if self.source.base is None else program.bind("base", self.source.base)
        self.weight = None if self.source.weight is None else program.bind("weight", self.source.weight)
        names = ("starts", "y_starts", "samples") + (("lengths",) if self.shape.lengths else ())
        self.indices = {name: program.buffer(name, (self.most_steps, rows), np.int64) for name in names}
        self.keep = program.buffer("keep", (MAX_STEPS,)) if self.carry else None

    # Emission -----------------------------------------------------------------------------------------
    def _emit_shard(self, segments: Segments, input_gradient: bool) -> None:
        """Stretch by stretch: forward to the end, then backward, each but the last recomputed before."""
        stacks, shard = segments.stacks, segments.shard
        emit_lengths(self.build, self.build.stacks[shard].batch, self.indices.get("lengths"))
        if self.keep is not None:
            segments.carry(self.keep)
        for number, stack in enumerate(stacks):
            self._emit_forward(segments, number, stack)
            segments.leave(number, self.carry)
        for number in range(len(stacks) - 1, -1, -1):
            if number < len(stacks) - 1:
                stacks[number] = self.build.segment(shard, *self.shape.segments[number])
                self._emit_forward(segments, number, stacks[number])
            self._emit_backward(stacks[number], number == len(stacks) - 1, input_gradient)

    def _emit_forward(self, segments: Segments, number: int, stack: Stack) -> None:
        segments.enter(number)
        x = self._gather(stack.batch, "x", self.X, self.indices["starts"], stack.batch.steps, stack.batch.first)
        self.build.forward(stack, x)

    def _emit_backward(self, stack: Stack, fresh: bool, input_gradient: bool) -> None:
        """Head, loss and gradients of a stretch; `fresh`: it is the last one, where all sums begin."""
        build, head = self.build, self.build.head
        if fresh if build.reads_state else head.steps(stack.batch) > 0:
            head.forward(stack)
            weights = None
            if self.weight is not None:
                weights = self._gather(stack.batch, "w", self.weight, self.indices["samples"], 1).place.buffer
            head.loss(stack, self.loss_name, self._targets(stack.batch), weights, self.sums, fresh)
        found = build.backward(stack, fresh=fresh, input_gradient=input_gradient)
        if found is not None:
            self.input_gradients[stack.batch.shard] = found

    def _gather(self, batch: Batch, name: str, source: Buffer, starts: Buffer, steps: int, first: int = 0) -> Rows:
        width = source.shape[1] if len(source.shape) > 1 else 1
        out = self.program.scratch(f"{name}[{batch.shard}]", (steps, batch.rows, width))
        self.program.emit(
            "gather", batch.shard, source=source.at(first * width), out=out,
            starts=starts.at(self.build.first_row(batch.shard)), T=steps, B=batch.rows, F=width, lds=width,
            stride=self.shape.rows, every=1,
        )  # fmt: skip
        return Rows(out.at(0), width, width)

    def _targets(self, batch: Batch) -> Buffer:
        build, head = self.build, self.build.head
        steps, first = head.steps(batch), batch.first + head.first_read(batch)
        if not self.source.ahead:
            skipped = 0 if self.carry else self.shape.steps - (self.source.y_steps or self.shape.steps)
            first = 0 if build.reads_state else first - skipped
            return self._gather(batch, "target", self.y, self.indices["y_starts"], steps, first).place.buffer
        n = build.network.n_outputs
        out = self.program.scratch(f"target[{batch.shard}]", (steps, batch.rows, n))
        self.program.emit(
            "gather_ahead", batch.shard, source=self.base, target=self.y, out=out,
            starts=self.indices["y_starts"].at(build.first_row(batch.shard)), T=steps, B=batch.rows, F=n,
            stride=self.shape.rows, first=self.shape.steps - 1 if build.reads_state else first,
        )  # fmt: skip
        return out

    def _emit_update(self, optimizer: OptimizerState) -> None:
        program, shards = self.program, self.shape.shards
        self.partial = program.buffer("norms", (shards,), np.float64)
        self.rates = program.buffer("rates", (MAX_STEPS,), np.float64)
        self.options = program.bind("options", self.rule.options())
        if self.rule.clip_norm:
            program.next_round()  # the norm needs all shards' reductions
            size = self.theta.size
            for shard in range(shards):
                lo, hi = size * shard // shards, size * (shard + 1) // shards
                program.emit(
                    "norm_part",
                    shard,
                    grad=program.buffers["grad"],
                    partial=self.partial,
                    lo=lo,
                    hi=hi,
                    piece=shard,
                )
            program.next_round()
        m, v = program.bind("m", optimizer.m), program.bind("v", optimizer.v)
        for parameter in self.build.network.layout.values():
            for shard in range(shards):
                lo, hi = self._piece(parameter, shard)
                program.emit(
                    SOLVERS[self.rule.solver].kernel, shard, theta=program.buffers["theta"],
                    grad=program.buffers["grad"], m=m, v=v, rates=self.rates, options=self.options,
                    partial=self.partial, lo=lo, hi=hi, shards=shards, matrix=int(parameter.is_matrix),
                )  # fmt: skip

    def _piece(self, parameter: Parameter, shard: int) -> tuple[int, int]:
        """The stretch of a parameter that a shard has reduced, and so may update in the same round."""
        rows = parameter.shape[0] if len(parameter.shape) == 2 else 1
        width, shards = parameter.size // max(rows, 1), self.shape.shards
        lo, hi = (rows * (shard + k) // shards * width for k in (0, 1))
        return parameter.offset + lo, parameter.offset + hi

    # Running ------------------------------------------------------------------------------------------
    def loss(self, index: Index, n_threads: int) -> np.ndarray:
        """The loss of one step's mini-batch; nothing is updated."""
        self._write_index(index)
        self.program.run(0, 1, n_threads, rounds=self.backward_rounds)
        return self._read_losses(1)

    def _write_index(self, index: Index) -> None:
        n = index.steps
        given = {"starts": index.x, "y_starts": index.y, "samples": index.sample, "lengths": index.lengths}
        for name, buffer in self.indices.items():
            buffer.array[:n] = given[name]
        if self.keep is not None:
            self.keep.array[:n] = index.keep

    def _read_losses(self, n: int) -> np.ndarray:
        sums = self.sums.array[:n].sum(axis=1)
        self.weights = sums[:, 1]
        return sums[:, 0] / np.maximum(self.weights, np.finfo(float).tiny)

    def run(self, index: Index, total: int, n_threads: int) -> np.ndarray:
        """Make index.steps <= most_steps updates; the loss of each, before its update. `weights`: what it rests on."""
        n = index.steps
        self._write_index(index)
        if self.optimizer is not None:
            self.rates.array[:n] = self.rule.rates(self.optimizer.since_start, n, total)
            self.options.array[COUNT] = self.optimizer.count
        self.program.run(0, n, n_threads)
        if self.optimizer is not None:
            self.optimizer.count += n
            self.optimizer.since_start += n
        return self._read_losses(n)
