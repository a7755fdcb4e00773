"""What the kernels of a cell are made from: how its sums lie, and the text of its stages."""

from __future__ import annotations

import hashlib
import linecache
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from forecastrnn.networks.frame import Frame
from forecastrnn.networks.tracing.stages import Stages


class Slots(NamedTuple):
    """The sums of a unit, `count` side by side, and how many of them each product adds to."""

    count: int
    inputs: int  # by x: the first ones
    states: int  # by the last state: those from `first` on
    first: int
    second: int  # by what `between` returns: the first ones
    through: int  # 1: the last state also reaches the next one without a product
    diagonals: int  # rows of weights that are one number a unit
    plain: int  # 1: the only sum goes to the place of the state


@dataclass(frozen=True)
class CellSource:
    """What kernels of a cell are made from. label : part of their names, for people."""

    label: str
    frame: Frame
    stages: Stages
    layer_norm: bool = False

    @property
    def slots(self) -> Slots:
        """The constants of the loops."""
        frame, step = self.frame, self.stages.step
        last, count, kept = frame.n_states - 1, len(frame.order), bool(step.writes or step.back_reads)
        return Slots(
            count=count, inputs=frame.inputs, states=frame.states, first=frame.first, second=frame.second,
            through=int(last in (*step.through, *self.ended)), diagonals=frame.n_diagonals,
            plain=int(count == 1 and self.stages.rests and not (kept or frame.n_diagonals or frame.second)),
        )  # fmt: skip

    @property
    def ended(self) -> tuple[int, ...]:
        """States of which derivatives go no further back, and become 0.

        Not the last one where the product of its derivative overwrites what was there.
        """
        between = self.stages.between
        overwritten = self.frame.states > 0 and not (between and between.through)
        states = range(self.frame.n_states - overwritten)
        return tuple(state for state in states if state not in self.stages.step.through)

    @property
    def states(self) -> list[str]:
        """Names of the arrays of states among the fields of kernels."""
        return [f"state_{k}" for k in range(self.frame.n_states)]

    @property
    def carried(self) -> int:
        """Number of sums that both stages read."""
        return len(self.stages.step.carried)

    @property
    def digest(self) -> str:
        """What tells two cells apart: of the text, and of all constants."""
        content = repr((self.stages.digest, self.stages.rests, self.frame, self.slots, self.layer_norm))
        return hashlib.sha256(content.encode()).hexdigest()[:12]

    def name(self, way: str) -> str:
        """Of a kernel."""
        return f"{self.label}{'_norm' * self.layer_norm}_{way}_{self.digest}"


def defined(text: str, title: str, scope: dict[str, object]) -> dict[str, Callable[..., object]]:
    """The functions of a text that uses the names in scope; tracebacks show it until it is forgotten."""
    filename = _file(title)
    linecache.cache[filename] = len(text), None, text.splitlines(True), filename
    exec(compile(text, filename, "exec"), scope)
    return {name: scope[name] for name in re.findall(r"^def (\w+)", text, re.MULTILINE)}


def forget(title: str) -> None:
    """Tracebacks need the text no more."""
    linecache.cache.pop(_file(title), None)


def _file(title: str) -> str:
    return f"<forecastrnn {title}>"
