"""Kernels of a cell, made of the text that its formula became (see `forecastrnn.networks.tracing.stages`).

A kernel is the code of a template with other globals: the cell's constants, and its panels. Numba's cache knows a
function by its qualified name and its bytecode, but not by its globals. So the name carries a digest of all that these
are made from, and two cells never share an entry. What writes the text, in `networks/tracing` and
`forecastrnn.formulas`, needs no place in `KERNEL_SOURCES`: the digest is that of the text itself; the templates have
theirs there, as all kernels.
"""

from __future__ import annotations

import re
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from forecastrnn.engine.compiling import rebuilt
from forecastrnn.engine.cpu.build import Kernel, integers, pointers, sizes
from forecastrnn.engine.cpu.cell_source import CellSource, forget
from forecastrnn.engine.cpu.layer_norm import normalise, normalise_back
from forecastrnn.engine.cpu.panels import panels_of, title_of
from forecastrnn.engine.cpu.recurrent import (
    BACKWARD,
    BACKWARD_SIZES,
    FORWARD,
    FORWARD_SIZES,
    backward,
    forward,
)
from forecastrnn.engine.cpu.stopping import stop_word
from forecastrnn.networks.frame import Frame
from forecastrnn.networks.tracing.stages import Stages

REMEMBERED = 128  # cells whose kernels are kept, besides those of programs
LONGEST_LABEL = 40


@dataclass(frozen=True)
class CellKernels:
    """The kernels of a cell, there and back; those of a GPU have the same source."""

    forward: Kernel
    backward: Kernel

    @property
    def source(self) -> CellSource:
        """What they are made from."""
        return self.forward.cell


# ruff: noqa: F821  # names of templates
def forward_kernel(record, step):
    """All steps."""
    arrays, states = pointers(record, 0, ARRAYS), pointers(record, ARRAYS, STATES)
    (active,) = integers(record, ACTIVE, 1)
    lengths, stop = sizes(record, SIZES, LENGTHS), stop_word(record)
    forward(arrays, states, active, lengths, SLOTS, first_panel, second_panel, normalisation, stop)


def backward_kernel(record, step):
    """All steps back."""
    arrays, states = pointers(record, 0, ARRAYS), pointers(record, ARRAYS, STATES)
    dstates = pointers(record, DSTATES, STATES)
    (active,) = integers(record, ACTIVE, 1)
    lengths, stop = sizes(record, SIZES, LENGTHS), stop_word(record)
    backward(arrays, states, dstates, active, lengths, SLOTS, first_panel, second_panel, normalisation, stop)


def kernels_of(frame: Frame, stages: Stages, layer_norm: bool = False, label: str = "cell") -> CellKernels:
    """The kernels of a cell, the same ones for equal cells, compiled when first used. label : a word for people."""
    word = re.sub(r"\W", "", label, flags=re.ASCII)[:LONGEST_LABEL].lower()
    return _made(CellSource(word, frame, stages, layer_norm))


@lru_cache(REMEMBERED)
def _made(source: CellSource) -> CellKernels:
    stages = {"between": source.stages.between, "step": source.stages.step}
    both = [panels_of(source, stage, name) for name, stage in stages.items() if stage is not None]
    made = CellKernels(
        _kernel(source, forward_kernel, [ahead for ahead, _ in both]),
        _kernel(source, backward_kernel, [back for _, back in reversed(both)]),
    )
    for name in stages:  # their text is there as long as they are
        weakref.finalize(made.forward, forget, title_of(source, name))
    return made


def _kernel(source: CellSource, template: Callable[..., object], panels: list[Callable[..., object]]) -> Kernel:
    """A template around the panels of a cell."""
    ahead, n = template is forward_kernel, len(source.states)
    arrays, lengths = (FORWARD, FORWARD_SIZES) if ahead else (BACKWARD, BACKWARD_SIZES)
    states = source.states if ahead else [*source.states, *(f"d{state}" for state in source.states)]
    count = len(arrays.split())
    names = {
        "SLOTS": source.slots, "ARRAYS": count, "STATES": n, "DSTATES": count + n, "ACTIVE": count + len(states),
        "SIZES": count + len(states) + 1, "LENGTHS": len(lengths.split()),
        "first_panel": panels[0], "second_panel": panels[1] if len(panels) > 1 else None,
        "normalisation": (normalise if ahead else normalise_back) if source.layer_norm else None,
    }  # fmt: skip
    function = rebuilt(template, names, source.name("forward" if ahead else "backward"))
    return Kernel(function, f"{arrays} {' '.join(states)} active | {lengths}", source)
