"""Twins: for each kernel of the CPU, by its name, the launches that do the same on the device."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass

from forecastrnn.engine.cpu.build import KERNELS

TWINS: dict[str, Twin] = {}

# What a user asks for that needs kernels without a twin, and these.
CPU_ONLY_KERNELS = {"stream()": "scale_in scale_out"}
CPU_ONLY = {kernel: what for what, kernels in CPU_ONLY_KERNELS.items() for kernel in kernels.split()}


@dataclass(frozen=True)
class Twin:
    """A function (planner, fields of the kernel's record) that plans launches, and the fields it writes to."""

    plan: Callable[..., None]
    writes: tuple[str, ...]


def twin(writes: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register the twin of the CPU kernel of the same name."""

    def wrap(function):
        key = function.__name__
        fields = tuple(inspect.signature(function).parameters)[1:]
        if set(fields) != set(KERNELS[key].fields):
            raise TypeError(f"{key} has the fields {KERNELS[key].fields}, not {fields}")
        TWINS[key] = Twin(function, tuple(writes.split()))
        return function

    return wrap


def twin_of(name: str) -> Twin:
    """The twin of a kernel, or an error that says what needs the CPU."""
    if name not in TWINS:
        what = CPU_ONLY.get(name, f"the kernel {name!r}")
        raise NotImplementedError(f'{what} runs on the CPU only, not with device="cuda". Use device="cpu".')
    return TWINS[name]
