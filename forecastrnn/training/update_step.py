"""The operations of an update: gradient noise, the norm that clips, the rule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from forecastrnn.engine.buffers import Buffer, Field
from forecastrnn.engine.communicators import Communicator
from forecastrnn.engine.cpu.build import KERNELS
from forecastrnn.engine.program import Program
from forecastrnn.networks.network import Parameter
from forecastrnn.programs.assembly import Assembly
from forecastrnn.programs.seq2seq_assembly import Seq2SeqAssembly
from forecastrnn.training.optimizers import SOLVERS, OptimizerState, Rule

Layout = Mapping[str, Parameter]


@dataclass(frozen=True)
class Update:
    """How parameters are updated: the rule, its rates (steps,), and the moments by name."""

    rule: Rule
    rates: Buffer
    moments: Mapping[str, Buffer]
    seed: int = 0

    @classmethod
    def bound(cls, program: Program, rule: Rule, rates: Buffer, optimizer: OptimizerState, seed: int) -> Update:
        """With an optimizer's moments where they lie."""
        return cls(rule, rates, {name: program.bind(name, optimizer.moments[name]) for name in rule.moments}, seed)


def gradient_buffer(program: Program, size: int, communicator: Communicator | None) -> Buffer:
    """The gradient (size,) of a step; with room behind it for loss and weight where it is shared on GPUs."""
    return program.buffer("grad", (size + (0 if communicator is None else 2),))


def emit_reduction(
    build: Assembly | Seq2SeqAssembly, grad: Buffer, sums: Buffer, communicator: Communicator | None
) -> None:  # fmt: skip
    """Emit, in a round of its own, the gradient of all shards' rows, and of those of all processes on GPUs."""
    build.program.next_round()
    if communicator is None:
        build.reduce(grad, sums)
        return  # else the sum over rows itself, which is divided when that of all processes is there
    build.reduce(grad, build.program.buffer("undivided", sums.shape, np.float64, fill=1))
    build.program.meet(grad, sums, communicator)


def emit_update(program: Program, layout: Layout, theta: Buffer, grad: Buffer, update: Update) -> None:
    """Emit the update of all parameters of `layout`, in the round that has reduced their gradients if it can be."""
    shards, size = program.shards, sum(parameter.size for parameter in layout.values())
    partial, options = (
        program.buffer("norms", (shards,), np.float64),
        program.bind("options", update.rule.options(update.seed)),
    )
    if update.rule.gradient_noise:
        _emit_pieces(program, layout, "add_noise", grad=grad, options=options)
    if update.rule.clip_norm:
        program.next_round()  # the norm needs all shards' reductions
        for shard in range(shards):
            lo, hi = size * shard // shards, size * (shard + 1) // shards
            program.emit("norm_part", shard, grad=grad, partial=partial, lo=lo, hi=hi, piece=shard)
        program.next_round()
    kernel = SOLVERS[update.rule.solver].kernel
    moments = {name: moment for name, moment in update.moments.items() if name in KERNELS[kernel].fields}
    _emit_pieces(
        program, layout, kernel, theta=theta, grad=grad, rates=update.rates, options=options, partial=partial,
        shards=shards, **moments,
    )  # fmt: skip


def _emit_pieces(program: Program, layout: Layout, kernel: str, **fields: Field) -> None:
    """Emit a kernel for each parameter's stretch of each shard."""
    told = {"matrix"} & set(KERNELS[kernel].fields)
    for parameter in layout.values():
        for shard in range(program.shards):
            lo, hi = _piece(parameter, shard, program.shards)
            own = {name: int(parameter.is_matrix) for name in told}
            program.emit(kernel, shard, lo=lo, hi=hi, **fields, **own)


def _piece(parameter: Parameter, shard: int, shards: int) -> tuple[int, int]:
    """The stretch of a parameter that a shard has reduced, and so may update in the same round."""
    rows = parameter.shape[0] if len(parameter.shape) == 2 else 1
    width = parameter.size // max(rows, 1)
    rows -= parameter.fixed_rows
    lo, hi = (rows * (shard + k) // shards * width for k in (0, 1))
    return parameter.offset + lo, parameter.offset + hi
