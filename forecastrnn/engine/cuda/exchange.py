"""Sums over several processes inside a step: gradients go from GPU to GPU, and never through the host."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from numba import cuda, float64

from forecastrnn.engine.cuda.build import SIMULATED, Planner, Spot, device_kernel
from forecastrnn.engine.cuda.graphs import address_of


@device_kernel(double=True)
def leave_sums(sums, s0, grad, g0, step, c0, n):
    """grad[n:] = sums (steps, 2)[step]: loss and weight, so that one sum over all processes does for everything."""
    k = cuda.grid(1)
    if k < 2:
        grad[g0 + n + k] = sums[s0 + 2 * step[c0] + k]


@device_kernel(double=True)
def take_sums(grad, g0, sums, s0, step, c0, n):
    """grad[:n] is divided by the weight behind it; sums[step] = what is there."""
    weight = float64(grad[g0 + n + 1])
    scale = grad.dtype.type(1.0 / weight if weight > 0.0 else 1.0)
    k = cuda.grid(1)
    if k < 2:
        sums[s0 + 2 * step[c0] + k] = grad[g0 + n + k]
    while k < n:
        grad[g0 + k] *= scale
        k += cuda.gridsize(1)


@dataclass(frozen=True)
class SumOverProcesses:
    """An array of the device becomes the sum of those of all processes."""

    spot: Spot
    count: int
    communicator: Any

    def bind(self, stream: Any) -> Callable[[], None]:
        """The call that puts it on a stream."""
        number = 0 if SIMULATED else address_of(stream)
        return self.communicator.sum_call(self.spot.handle.array, self.count, number)


def plan_meeting(plan: Planner, grad: Spot, sums: Spot, communicator: Any) -> None:
    """Plan the sum of all processes' gradients, undivided, and of what they are divided by: one exchange a step."""
    n = grad.handle.size - 2
    plan.each(leave_sums, 2, sums, grad, plan.step, n)
    plan.launches.append(SumOverProcesses(grad, n + 2, communicator))
    plan.each(take_sums, n, grad, sums, plan.step, n)
