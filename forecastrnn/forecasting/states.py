"""The states of the networks of series: where they lie in a program, and how they get in and out."""

from __future__ import annotations

import numpy as np

from forecastrnn.engine.buffers import Buffer, Field, Place
from forecastrnn.networks.network import Network
from forecastrnn.programs.assembly import Assembly
from forecastrnn.programs.direction import Direction, MatrixView
from forecastrnn.programs.inference import State


def states_width(network: Network) -> int:
    """Numbers in all states of a network."""
    return sum(layer.units * len(layer.cell.states) for layer in network.layers)


def first_states(build: Assembly) -> list[tuple[Direction, Place]]:
    """Where each layer has its states before a step."""
    batch = build.stacks[0].batch
    return [
        (directions[0], directions[0].state(batch, name).at(0))
        for directions, layer in zip(build.directions, build.network.layers, strict=True)
        for name in layer.cell.states
    ]


def _side_by_side(build: Assembly, held: Buffer) -> list[tuple[MatrixView, MatrixView]]:
    """Each state, and its columns in an array (rows, width) of all of them."""
    width, at, found = states_width(build.network), 0, []
    for direction, state in first_states(build):
        found.append((MatrixView(state, direction.Hp, direction.H), MatrixView(held.at(at), width, direction.H)))
        at += direction.H
    return found


def emit_first_states(build: Assembly, given: Buffer | None) -> None:
    """States begin at zero, or as an array (rows, width) has them."""
    batch = build.stacks[0].batch
    for direction, state in first_states(build):
        direction.clear(batch, state)
    for own, held in [] if given is None else _side_by_side(build, given):
        build.copy(0, held, own, batch.rows)


def emit_last_states(build: Assembly, out: Buffer) -> None:
    """The states go to an array (rows, width)."""
    for state, held in _side_by_side(build, out):
        build.copy(0, state, held, build.stacks[0].batch.rows)


def emit_row(build: Assembly, x: MatrixView, source: Field, starts: Field, steps: int = 1) -> None:
    """One row of inputs, or those of some steps, by where each begins."""
    rows = build.stacks[0].batch.rows
    build.program.emit(
        "gather", 0, source=source, out=x.place, starts=starts, T=steps, B=rows, F=x.width, lds=x.width,
        stride=rows, every=1,
    )  # fmt: skip


def emit_context_step(build: Assembly, x: MatrixView, fields: dict[str, Field]) -> None:
    """The state takes one row of known inputs in."""
    emit_row(build, x, fields["inputs"], fields["starts"])
    stack = build.segment(0, 0, 1)
    build.forward(stack, x)
    build.carry(stack)


def as_state(network: Network, states: np.ndarray) -> State:
    """States (n, width) of a network by layer, direction and name."""
    found, at = [], 0
    for layer in network.layers:
        names = {}
        for name in layer.cell.states:
            names[name] = states[:, at : at + layer.units]
            at += layer.units
        found.append([names])
    return found
