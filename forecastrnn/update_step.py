"""The operations of an update: gradient noise, the norm that clips, the rule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from forecastrnn.cpu.build import KERNELS
from forecastrnn.network import Parameter
from forecastrnn.optimizers import SOLVERS, Rule
from forecastrnn.program import Buffer, Field, Program

Layout = Mapping[str, Parameter]


@dataclass(frozen=True)
class Update:
    """How parameters are updated: the rule, its rates (steps,), and the moments."""

    rule: Rule
    rates: Buffer
    m: Buffer
    v: Buffer
    seed: int = 0


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
    _emit_pieces(
        program, layout, SOLVERS[update.rule.solver].kernel, theta=theta, grad=grad, m=update.m, v=update.v,
        rates=update.rates, options=options, partial=partial, shards=shards,
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
