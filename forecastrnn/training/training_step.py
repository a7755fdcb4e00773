"""The operations of a training step: what a task emits for its shards, then reduction and update."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from forecastrnn.engine.buffers import Buffer, Field, Place
from forecastrnn.engine.communicators import Communicator
from forecastrnn.networks.losses import AnyLoss
from forecastrnn.programs.assembly import Assembly
from forecastrnn.programs.direction import Batch, MatrixView
from forecastrnn.programs.seq2seq_assembly import Seq2SeqAssembly
from forecastrnn.training.update_step import Update, emit_reduction, emit_update, gradient_buffer


@dataclass(frozen=True, kw_only=True)
class Data:
    """What the data of every task have: one weight a sample, and class numbers with the most frequent first."""

    samples: ClassVar[str]  # what a message calls the rows of a mini-batch
    advice: ClassVar[str]  # what to do where a mini-batch is too large

    weight: np.ndarray | None = None
    class_order: np.ndarray | None = None  # of sampled softmax


@dataclass(frozen=True, kw_only=True)
class BatchBuffers:
    """What a step reads of its mini-batch, and where it leaves loss and weight; arrays of the program, or arguments.

    Each has a row for each step of a call: starts in X and y, sample numbers and lengths (steps, rows), keep, seeds
    and chances (steps,), sums (steps, shards, 2).
    """

    starts: Buffer
    y_starts: Buffer
    sums: Buffer
    samples: Buffer | None = None
    lengths: Buffer | None = None
    y_lengths: Buffer | None = None  # of targets, where these have lengths of their own
    keep: Buffer | None = None
    seeds: Buffer | None = None  # of dropout, of sampled classes and of scheduled sampling
    chances: Buffer | None = None  # of scheduled sampling


class Task(ABC):
    """What is trained on which data: emits a shard's way from rows of the data to its gradients.

    build : what emits the networks' operations. parts : its assemblies, of which the head of the last has the loss.
    """

    lengths: tuple[str, ...] = ()  # buffers of the mini-batch that say how long its rows are

    def __init__(self, build: Assembly | Seq2SeqAssembly, parts: Sequence[Assembly], data: Data) -> None:
        self.build, self.parts, self.data = build, parts, data
        self.program, self.shape = build.program, build.shape
        self.carried: list[tuple[Place, int]] = []  # where states are that the next step begins with, and their sizes

    def begin(self, feed: BatchBuffers, loss: AnyLoss) -> None:
        """Bind the data, of which `feed` says what is in a mini-batch."""
        self.feed, self.loss, self.weight = feed, loss, self.bind("weight")
        for part in self.parts:
            part.seeds = feed.seeds
        self.parts[-1].class_order = self.bind("class_order")

    def bind(self, name: str) -> Buffer | None:
        """Data of that name in the program, where there are any."""
        values = getattr(self.data, name)
        return None if values is None else self.program.bind(name, values, constant=True)

    def pack(self) -> None:
        """Emit the packing of all weights; ends the round."""
        self.build.pack()

    @abstractmethod
    def emit_shard(self, shard: int) -> None:
        """Emit gather, forward, loss and backward."""

    def gather(
        self, kernel: str, name: str, batch: Batch, starts: Buffer, *, steps: int, width: int, **fields: Field
    ) -> MatrixView:  # fmt: skip
        """Emit the gathering of a shard's rows into what is called `name` (steps, rows, width)."""
        out, shard = self.program.scratch(f"{name}[{batch.shard}]", (steps, batch.rows, width)), batch.shard
        self.program.emit(
            kernel, shard, out=out, starts=starts.at(self.parts[-1].first_row(shard)), T=steps, B=batch.rows, F=width,
            stride=self.shape.rows, **fields,
        )  # fmt: skip
        return MatrixView(out.at(0), width, width)

    def gather_weights(self, batch: Batch) -> Buffer | None:
        """Emit the gathering of the samples' weights, where they have any."""
        if self.weight is None or self.feed.samples is None:
            return None
        fields: dict[str, Field] = {"source": self.weight, "lds": 1, "every": 1}
        return self.gather("gather", "w", batch, self.feed.samples, steps=1, width=1, **fields).place.buffer


class TrainingStep:
    """Emits a training step of a task; the weights are packed in its first round.

    communicator : the step is shared with other processes, on GPUs, each with rows of its own.
    """

    def __init__(
        self, task: Task, feed: BatchBuffers, loss: AnyLoss, update: Update | None = None,
        communicator: Communicator | None = None,
    ) -> None:  # fmt: skip
        build, program = task.build, task.program
        task.begin(feed, loss)
        self.grad = gradient_buffer(program, build.network.size, communicator)
        task.pack()
        for shard in range(task.shape.shards):
            task.emit_shard(shard)
        self.backward_rounds = len(program.rounds)
        emit_reduction(build, self.grad, feed.sums, communicator)
        if update is not None:
            emit_update(program, build.network.layout, build.whole_theta, self.grad, update)
