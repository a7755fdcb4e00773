"""Runs a program on a GPU: one launch after the other on one stream, step after step.

Nothing is copied to the host within a call. Afterwards the arrays that the caller holds (parameters, moments) are;
other buffers are when they are looked at.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import cuda

from forecastrnn.engine.cuda import graphs
from forecastrnn.engine.cuda.build import Handle, Planner, Spot, device_kernel
from forecastrnn.engine.cuda.exchange import plan_meeting
from forecastrnn.engine.cuda.layers import twin_of_kernel
from forecastrnn.engine.cuda.memory import ArgumentCopy, Mirror
from forecastrnn.engine.devices import explained

if TYPE_CHECKING:
    from forecastrnn.engine.buffers import Buffer, Operation, Runnable

_one_at_a_time = threading.RLock()  # a context belongs to a thread, and kernels compile when first launched


@device_kernel(threads=1)
def advance(step, s0):
    """The next step of the call begins."""
    step[s0] += 1


@dataclass
class LaunchList:
    """The launches of a step, the buffers that they use and those that they write to."""

    launches: list[Any]
    mirrors: list[Mirror]
    written: list[Mirror]
    calls: list[Callable[[], None]] = field(default_factory=list)
    launched: bool = False  # as it is bound now
    graph: Any = None


class Engine:
    """Runs one program on one device."""

    def __init__(self, program: Runnable, device: str, lanes: int) -> None:
        self.program, self.device, self.lanes = program, int(device.partition(":")[2] or 0), lanes
        self.step = Handle(1, np.int64)
        self.given: dict[str, ArgumentCopy] = {}
        self._plans: dict[tuple[int, int], LaunchList] = {}
        self._stream: Any = None
        self.planner = Planner(program.dtype, lanes, Spot(self.step))

    # Planning -----------------------------------------------------------------------------------------
    def plan(self, rounds: Any = None) -> LaunchList:
        """The launches of some rounds, as the program counts them; needs no device."""
        n = self.program.stretch(rounds)
        if n not in self._plans:
            self.planner.launches, used, written = [], {}, {}
            for number, turn in enumerate(self.program.rounds[slice(*n)], n[0]):
                for operation in (o for operations in turn for o in operations):
                    self._plan_operation(operation, used, written)
                if number in self.program.meetings:
                    grad, sums, communicator = self.program.meetings[number]
                    plan_meeting(self.planner, self._spot(grad), self._spot(sums), communicator)
            self.planner.blocks(advance, (1,), self.planner.step)
            self._plans[n] = LaunchList(self.planner.launches, list(used.values()), list(written.values()))
        return self._plans[n]

    def _plan_operation(self, operation: Operation, used: dict, written: dict) -> None:
        twin = twin_of_kernel(operation.code)
        spots = {name: self._spot(value) for name, value in operation.fields.items()}
        for name, spot in spots.items():
            if isinstance(spot, Spot) and isinstance(spot.handle, Mirror):
                used[id(spot.handle)] = spot.handle
                if name in twin.writes:
                    written[id(spot.handle)] = spot.handle
        twin.plan(self.planner, **spots)

    def _spot(self, value: Any) -> Any:
        """A field as twins take it: a place on the device, a number, or None."""
        if value is None or isinstance(value, (int, np.integer)):
            return value
        buffer, offset = getattr(value, "buffer", value), getattr(value, "offset", 0)
        if buffer.given:
            return Spot(self.given.setdefault(buffer.name, ArgumentCopy(buffer.dtype)), offset)
        return Spot(mirror_of(buffer, self.device), offset)

    @property
    def nbytes(self) -> int:
        """Memory of what twins keep between their kernels."""
        self.plan()
        return self.planner.nbytes

    # Running ------------------------------------------------------------------------------------------
    def run(self, first: int, steps: int, rounds: Any, arguments: Mapping[str, np.ndarray | int]) -> None:
        """Run steps first .. first + steps."""
        with explained(f"cuda:{self.device}"), _one_at_a_time, cuda.gpus[self.device]:
            plan = self.plan(rounds)
            if self._stream is None:
                self._stream = cuda.stream()
            moved = [self.given[name].fill(arguments[name]) for name in self.given]
            for mirror in plan.mirrors:
                mirror.upload()
            self.step.array.copy_to_device(np.array([first], np.int64))
            if any(moved) or not plan.calls:
                plan.calls = [launch.bind(self._stream) for launch in plan.launches]
                plan.launched, plan.graph = False, None
            try:
                self._replay(plan, steps)
            except KeyboardInterrupt:
                self._finish(plan)
                raise
            self._finish(plan)

    def _replay(self, plan: LaunchList, steps: int) -> None:
        """All steps: the first one ever launch by launch, which compiles, the others as one graph."""
        for _ in range(steps):
            if plan.graph is None and plan.launched:
                plan.graph = graphs.capture(self._stream, plan.calls)
            if plan.graph is not None:
                plan.graph()
                continue
            for call in plan.calls:
                call()
            plan.launched = True

    def _finish(self, plan: LaunchList) -> None:
        """Wait for what is on the stream, and bring back what the caller holds; nothing after an error of the GPU."""
        self._stream.synchronize()
        for mirror in plan.written:
            mirror.written()
            if mirror.buffer().bound and not mirror.copy.kept:
                mirror.download()


def mirror_of(buffer: Buffer, device: int) -> Mirror:
    """The copy of a buffer on the device of its program."""
    if device not in buffer.mirrors:
        buffer.mirrors[device] = Mirror(buffer, device)
    return buffer.mirrors[device]
