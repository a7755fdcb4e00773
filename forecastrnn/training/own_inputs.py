"""Scheduled sampling: in training a decoder reads some of its own outputs in place of the right ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forecastrnn.engine.buffers import Buffer
from forecastrnn.engine.cpu.pairs import ONE_HOT, TOKEN, VALUE
from forecastrnn.engine.program import Program
from forecastrnn.programs.direction import MatrixView
from forecastrnn.programs.shapes import ShardPass

SAMPLING_SALT = 3  # of the chance that an own output is fed; dropout has others
AS_INPUT = {"value": VALUE, "token": TOKEN, "one_hot": ONE_HOT}


@dataclass(frozen=True)
class OwnInput:
    """How the decoder's output becomes its next input, in the columns of X_out from `column` on.

    kind : "value": each output times gain, plus shift. "token": the number of the best class times gain, plus shift,
    in one column. "one_hot": gain in the column of the best class, shift in those of the others.
    """

    kind: str
    gain: np.ndarray
    shift: np.ndarray
    column: int = 0


def own_token(classes: int, shift: int = 0) -> OwnInput:
    """Class k is token k + shift."""
    return OwnInput("token", np.ones(classes), np.full(classes, float(shift)))


def own_one_hot(classes: int) -> OwnInput:
    """Class k is a 1 in column k."""
    return OwnInput("one_hot", np.ones(classes), np.zeros(classes))


def own_value(outputs: int, gain: np.ndarray | None = None, shift: np.ndarray | None = None) -> OwnInput:
    """Outputs are inputs, in another unit if `gain` and `shift` say so."""
    return OwnInput("value", np.ones(outputs) if gain is None else gain, np.zeros(outputs) if shift is None else shift)


@dataclass(frozen=True)
class Sampling:
    """How outputs become inputs, and the chance of it.

    rate : the chance, which "linear" reaches at the end, from 0 at the first update on (Bengio et al. 2015,
    arXiv:1506.03099, whose epsilon is 1 minus this), and "constant" has all the time.
    """

    own: OwnInput
    rate: float
    schedule: str = "linear"

    def __post_init__(self) -> None:
        if not 0.0 <= self.rate <= 1.0:
            raise ValueError(f"rate must be between 0 and 1. Got {self.rate!r}.")
        if self.schedule not in ("linear", "constant"):
            raise ValueError(f"schedule must be 'linear' or 'constant'. Got {self.schedule!r}.")

    def chances(self, done: int, steps: int, total: int) -> np.ndarray:
        """Those of the updates done .. done + steps, of `total` in all."""
        if self.schedule == "constant":
            return np.full(steps, self.rate)
        return self.rate * np.minimum(np.arange(done, done + steps) / max(total - 1, 1), 1.0)


class OwnInputs:
    """Emits the feeding of own outputs, for one program."""

    def __init__(self, program: Program, own: OwnInput) -> None:
        self.program, self.own = program, own
        self.gain, self.shift = (
            program.bind(f"own.{name}", np.ascontiguousarray(getattr(own, name), program.dtype), constant=True)
            for name in ("gain", "shift")
        )

    def emit(self, stack: ShardPass, x: MatrixView, seeds: Buffer, chances: Buffer, first_row: int) -> None:
        """Emit: inputs x (steps, rows, ld) become what `stack` put out at the step before, each by chance."""
        self.program.emit(
            "feed_own", stack.batch.shard, out=stack.out.place, x=x.place, gain=self.gain, shift=self.shift,
            seeds=seeds, chances=chances, T=stack.batch.steps, B=stack.batch.rows, O=stack.out.width, ldo=stack.out.ld,
            ldx=x.ld, column=self.own.column, kind=AS_INPUT[self.own.kind], salt=SAMPLING_SALT, row=first_row,
        )  # fmt: skip
