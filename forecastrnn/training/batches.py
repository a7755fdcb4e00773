"""Which samples go into which mini-batch: indices only, drawn anew for each epoch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from forecastrnn.engine.communicators import current
from forecastrnn.programs.inference import sort_rows
from forecastrnn.programs.shapes import shards_of
from forecastrnn.training.stepping import BatchIndex, Steps

SHUFFLE = 1  # a stream of random numbers
SHORTEST = 8  # time steps of the shortest program: below, there is nothing left to save


def generator(*words: int) -> np.random.Generator:
    """What `default_rng(words)` is, in two thirds of the time: short fits draw an order in less than a step takes."""
    if max(words) >= 2**32:
        return np.random.default_rng(words)
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(np.array(words, np.uint32))))


def by_length(group: np.ndarray, lengths: np.ndarray, device: str) -> np.ndarray:
    """Samples (steps, rows) of mini-batches, those of each shard, or of each process, with the longest first."""
    parts, communicator = shards_of(group.shape[1], device), current()
    if communicator is not None and group.shape[1] >= communicator.size:
        parts = communicator.size
    return np.stack([row[sort_rows(lengths[row], parts)] for row in group])


class Batches(ABC):
    """Where training gets its mini-batches from."""

    seed: int  # of all chance in a fit
    before: int = 0  # epochs of earlier fits

    @property
    def ragged(self) -> bool:
        """Whether the samples of a single sequence can differ in length within a training step."""
        return False

    @property
    def carries(self) -> bool:
        """Whether a sample takes several training steps, the state carried on."""
        return False

    @property
    @abstractmethod
    def sizes(self) -> Sequence[tuple[int, Steps]]:
        """Rows and time steps of the programs, the largest first."""

    @abstractmethod
    def steps_of(self, index: BatchIndex) -> Steps:
        """Time steps of the program that runs these mini-batches."""

    @abstractmethod
    def epoch(self, number: int) -> list[BatchIndex]:
        """Indices of epoch `number`, counted from the first fit on."""


class Shuffled(Batches):
    """Mini-batches of n samples, drawn anew for each epoch; with `buckets`, whole ones are of samples of like length.

    These run on programs of about as many time steps, which halve from one to the next, on all sides at once, so that
    there are few: a sample runs on the shortest that has room for it, a mini-batch on the longest that one of its own
    needs.
    """

    n: int
    batch: int
    shuffle: bool
    buckets: bool

    @property
    @abstractmethod
    def sides(self) -> tuple[np.ndarray, ...]:
        """Lengths (n,) of the sequences of which a sample consists."""

    @property
    def longest(self) -> list[int]:
        """Most steps of each side."""
        return [int(lengths.max()) for lengths in self.sides]

    @cached_property
    def ladder(self) -> np.ndarray:
        """Most steps of each side that a program takes, rising (programs, sides)."""
        rungs, least = [self.longest], [max(SHORTEST, int(lengths.min())) for lengths in self.sides]
        while self.buckets and any(steps > few for steps, few in zip(rungs[-1], least, strict=True)):
            rungs.append([-(-steps // 2) for steps in rungs[-1]])
        return np.array(rungs[::-1])

    @cached_property
    def rungs(self) -> np.ndarray:
        """The program of each sample, by its place in the ladder."""
        return self._rungs_of(self.sides)

    def _rungs_of(self, sides: Sequence[np.ndarray]) -> np.ndarray:
        return np.max([np.searchsorted(self.ladder[:, k], lengths) for k, lengths in enumerate(sides)], axis=0)

    @property
    def sizes(self) -> list[tuple[int, Steps]]:
        """Rows and time steps of the programs: of whole mini-batches, the longest first, and of what is left."""
        counts = list(dict.fromkeys(self._steps(number) for number in np.unique(self.rungs)[::-1]))
        return [(rows, steps) for rows in (self.batch, self.n % self.batch) if rows for steps in counts]

    def steps_of(self, index: BatchIndex) -> Steps:
        """Time steps of the program that runs these mini-batches."""
        if len(self.ladder) == 1:
            return self._only
        most = [lengths.max() for lengths in (index.lengths, index.y_lengths) if lengths is not None]
        return self._steps(int(self._rungs_of(most)) if most else -1)

    @cached_property
    def _only(self) -> Steps:
        return self._steps(-1)

    def _steps(self, number: int) -> Steps:
        """Time steps of a program of the ladder."""
        steps = tuple(self.ladder[number].tolist())
        return steps if len(steps) > 1 else steps[0]

    @abstractmethod
    def _index(self, group: np.ndarray) -> BatchIndex:
        """The index of mini-batches group (steps, rows)."""

    def epoch(self, number: int) -> list[BatchIndex]:
        """Indices of epoch `number`: all whole mini-batches, then what is left."""
        rng = generator(self.seed, SHUFFLE, number)
        order = rng.permutation(self.n) if self.shuffle else np.arange(self.n)
        whole = self.n // self.batch * self.batch
        groups = [order[:whole].reshape(-1, self.batch), order[whole:].reshape(1, -1)]
        if len(self.ladder) > 1:
            groups = [*self._bucketed(groups[0], rng), groups[1]]
        return [self._index(group) for group in groups if group.size]

    def _bucketed(self, group: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
        """The samples of all whole mini-batches dealt anew by length, cut where the next needs another program."""
        samples, rungs = group.ravel(), self.rungs[group.ravel()]
        by_length = np.argsort(rungs, kind="stable")  # in the order drawn where they have the same rung
        group, longest = samples[by_length].reshape(group.shape), rungs[by_length].reshape(group.shape)[:, -1]
        if self.shuffle:
            order = rng.permutation(len(group))
            group, longest = group[order], longest[order]
        return np.split(group, np.flatnonzero(np.diff(longest)) + 1)


@dataclass(frozen=True, kw_only=True)
class ArrayBatches(Shuffled):
    """Mini-batches over n samples of `steps` rows each; with `window`, each is cut for truncated BPTT.

    The samples are in one array (n * steps, columns); targets begin at sample * target_steps. `repeated`: a sample has
    one row, which is read at every step.
    """

    n: int
    steps: int
    target_steps: int
    batch: int
    shuffle: bool
    seed: int
    lengths: np.ndarray | None = None
    window: int | None = None
    buckets: bool = False
    repeated: bool = False
    device: str = "cpu"  # which says into how many shards a mini-batch is cut

    @property
    def sides(self) -> tuple[np.ndarray]:
        """Lengths of the samples."""
        return (np.full(self.n, self.steps) if self.lengths is None else self.lengths,)

    @property
    def longest(self) -> list[int]:
        """Steps that a sample has room for."""
        return [self.steps]

    def _steps(self, number: int) -> Steps:
        return self.window_steps if self.carries else super()._steps(number)

    @property
    def window_steps(self) -> int:
        """Time steps of one training step."""
        return min(self.window or self.steps, self.steps)

    @property
    def rows_each(self) -> int:
        """Rows of X that belong to a sample."""
        return 1 if self.repeated else self.steps

    @property
    def ragged(self) -> bool:
        """Whether a training step can have rows of different lengths."""
        return self.lengths is not None or self.steps % self.window_steps > 0

    @property
    def carries(self) -> bool:
        """Whether a sample takes several training steps, the state carried on."""
        return self.window_steps < self.steps

    def _index(self, group: np.ndarray) -> BatchIndex:
        lengths = None
        if self.lengths is not None:
            group = by_length(group, self.lengths, self.device)
            lengths = self.lengths[group]
        if not self.carries:
            return BatchIndex(group * self.rows_each, group * self.target_steps, group, lengths)
        return self._windows(group, np.full(group.shape, self.steps) if lengths is None else lengths)

    def _windows(self, group: np.ndarray, lengths: np.ndarray) -> BatchIndex:
        """Cut every mini-batch into consecutive windows; `keep` is 0 in the first of each."""
        k, width = self.window_steps, group.shape[1]
        count = -(-self.steps // k)
        offset = np.arange(count)[None, :, None] * k

        def spread(values: np.ndarray) -> np.ndarray:
            return (values[:, None] + offset).reshape(-1, width)

        samples = np.repeat(group, count, axis=0)
        left = np.clip(lengths[:, None] - offset, 0, k).reshape(-1, width)
        keep = (np.arange(len(samples)) % count > 0).astype(float)
        starts = samples if self.repeated else spread(group * self.steps)
        index = BatchIndex(starts, spread(group * self.target_steps), samples, left if self.ragged else None, keep=keep)
        return index.where((left > 0).sum(axis=1) > 0)  # windows behind the end of all their rows teach nothing
