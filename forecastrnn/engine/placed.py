"""Programs whose layers are on several devices: stage after stage, with the buffers brought to where they are read.

A stage is what the shards of a round can do on one device before another one has to go on. It is for stacks that one
device cannot hold; nothing runs side by side, so it is no faster than the fastest device alone.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from forecastrnn.engine.buffers import Buffer, Operation, Runnable, Stretch
from forecastrnn.engine.devices import CPU


@dataclass
class Stage:
    """Operations of one device as a program of one round, and the buffers that they use."""

    program: Runnable
    buffers: list[Buffer]

    def run(self, step: int, n_threads: int, arguments: Mapping[str, np.ndarray | int]) -> None:
        """Run one step."""
        if self.program.device == CPU:
            for buffer in self.buffers:
                buffer.touch()
        self.program.run(step, 1, n_threads, None, **arguments)


class Placed:
    """Runs the operations of one program, each where it belongs."""

    def __init__(self, program: Runnable) -> None:
        self.program = program
        self._stages: dict[tuple[int, int], list[Stage]] = {}

    def run(
        self, first: int, steps: int, n_threads: int, rounds: Stretch, arguments: Mapping[str, np.ndarray | int]
    ) -> None:
        """Run steps first .. first + steps."""
        stages = self.stages(self.program.stretch(rounds))
        for step in range(first, first + steps):
            for stage in stages:
                stage.run(step, n_threads, arguments)

    def stages(self, stretch: tuple[int, int]) -> list[Stage]:
        """The stages of some rounds."""
        if stretch not in self._stages:
            turns = self.program.rounds[slice(*stretch)]
            self._stages[stretch] = [self._stage(device, lists) for turn in turns for device, lists in cut(turn)]
        return self._stages[stretch]

    def _stage(self, device: str, lists: list[list[Operation]]) -> Stage:
        own = copy.copy(self.program)  # the same buffers
        own.rounds, own.device, own.free, own.runners = [lists], device, False, {}
        used = {id(b): b for operations in lists for o in operations for b in o.buffers if not b.given}
        return Stage(own, list(used.values()))


def cut(turn: list[list[Operation]]) -> list[tuple[str, list[list[Operation]]]]:
    """A round's operations of each shard, as (device, operations of each shard) one after the other."""
    left, found = [list(operations) for operations in turn], []
    while any(left):
        device = next(operations[0].device for operations in left if operations)
        counts = [next((k for k, o in enumerate(ops) if o.device != device), len(ops)) for ops in left]
        found.append((device, [ops[:n] for ops, n in zip(left, counts, strict=True)]))
        left = [ops[n:] for ops, n in zip(left, counts, strict=True)]
    return found
