"""What one program is built for: sizes of a mini-batch, its cut into shards, the passes of a shard."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from forecastrnn.engine.buffers import Buffer
from forecastrnn.engine.devices import is_gpu
from forecastrnn.programs.direction import Batch, DirectionPass, MatrixView

ALL = 0  # `last`: the head reads every output


def shards_of(rows: int, device: str = "cpu") -> int:
    """Parts of a mini-batch: a function of its size alone, so that threads never change a result; 1 on a GPU."""
    if is_gpu(device):
        return 1
    return 1 if rows < 2 else 2 if rows < 128 else 4 if rows < 512 else 8


@dataclass(frozen=True)
class Dropout:
    """Chances to be set to zero: of inputs, of each layer's outputs, of the state that the recurrence reads.

    The last is the same at all steps of a sequence (variational dropout, Gal & Ghahramani 2016, arXiv:1512.05287).
    """

    inputs: float = 0.0
    outputs: float = 0.0
    recurrent: float = 0.0

    def __bool__(self) -> bool:
        return bool(self.inputs or self.outputs or self.recurrent)


NO_DROPOUT = Dropout()


@dataclass(frozen=True)
class Shape:
    """What one program is built for.

    steps, rows : time steps and rows of a mini-batch. last : outputs that the head reads (0: all).
    lengths : rows differ in length. training : keep what the backward pass needs. segment : steps for which that is
    kept at once, fewer than `steps` with checkpoints (0: all). dropout : what is set to zero by chance.
    sampled : classes that are drawn for the softmax (0: it is over all).
    device : where it runs, "cpu" or a GPU such as "cuda:0". before : rows of the mini-batch that others run, in front.
    """

    steps: int
    rows: int
    last: int = ALL
    lengths: bool = False
    training: bool = False
    shards: int = 1
    segment: int = 0
    dropout: Dropout = NO_DROPOUT
    sampled: int = 0
    device: str = "cpu"
    before: int = 0

    @property
    def segments(self) -> list[tuple[int, int]]:
        """First step and end of each stretch that is in memory at once."""
        size = self.segment or self.steps
        return [(lo, min(lo + size, self.steps)) for lo in range(0, self.steps, size)]


@dataclass
class ShardPass:
    """The passes of one shard through all layers, over the steps of its batch."""

    batch: Batch
    runs: list[list[DirectionPass]] = field(default_factory=list)
    joined: list[Buffer | None] = field(default_factory=list)
    x: MatrixView | None = None  # set by the forward pass, as the next one
    top: MatrixView | None = None
    features: Any = None  # MatrixView that the head reads; set by the head, as the next two
    skip: Any = None
    out: Any = None
    dout: Any = None  # set by the loss
