"""Kernels of a step with layer normalisation on the device: a cell's own, and that, in one launch.

Forward, the sums are normalised first; going back, the derivatives that the cell's kernel leaves are, on the same rows
and units. The text of such a kernel is that of any cell; only its parameters are the cell's.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable

from forecastrnn.engine.cpu.recurrent import Slots
from forecastrnn.engine.cuda.build import DeviceKernel, device_function
from forecastrnn.engine.cuda.layer_norm import ROOM, TEAM, normalise, normalise_back
from forecastrnn.engine.cuda.source import KernelSource

KEPT = ["gain", "gain0", "normed", "normed0", "scale", "scale0", "H", "bits"]


def _begin(step: DeviceKernel, own: list[str]) -> tuple[KernelSource, str]:
    """The head of a kernel that also takes `own`, and the arguments of the one that it has inside."""
    inside = list(inspect.signature(step.function).parameters)
    more = [name for name in own if name not in inside]
    name = step.name.replace("_step", "_norm_step")
    return KernelSource(f"def {name}({', '.join(inside + more)}):"), ", ".join(inside)


def _places(s: KernelSource, slots: Slots) -> None:
    """Where the sums of a step lie, and how far their rows and vectors are apart."""
    plain = slots.count == 1
    s.add(f"width = {'Hp' if plain else f'{slots.count} << bits'}", "here = t * B * width")
    s.add(f"gap = {'1 << bits' if plain else 'T * B * width'}")


def norm_step(step: DeviceKernel, slots: Slots, first: int, count: int) -> DeviceKernel:
    """`step` behind the normalisation of `count` slots from `first` on."""
    s, inside = _begin(step, ["bias", "bias0", "keep", *KEPT])
    array = "h" if slots.count == 1 else "z"  # of a single slot, sums lie at the place of the next states
    s.add(f"room = cuda.shared.array(ROOM, {array}.dtype)")
    _places(s, slots)
    s.add(
        f"normalise({array}, {array}0 + here{' + B * Hp' if slots.count == 1 else ''}, width, gap, gain, gain0, bias, "
        f"bias0, normed, normed0 + here, scale, scale0 + t * B * {slots.count}, room, active[a0 + t], {first}, "
        f"{count}, {slots.count}, H, Hp, bits, keep)",
        f"step({inside})",
    )
    return s.kernel(TEAM, {"ROOM": ROOM, "normalise": normalise, "step": device_function(step.function)})


def norm_back(
    step: DeviceKernel, slots: Slots, first: int, count: int, add_diagonals: Callable[..., None] | None
) -> DeviceKernel:
    """`step`, then the way back through the normalisation of `count` slots from `first` on."""
    looks = ["looks", "looks0"] if add_diagonals else []
    s, inside = _begin(step, ["parts", "parts0", *looks, *KEPT])
    s.add("room = cuda.shared.array(ROOM, z.dtype)", f"step({inside})")
    _places(s, slots)
    rows = "active[a0 + t]"
    if add_diagonals:
        s.add(f"n = {rows}", "if option != 0:")
        s.add("    add_diagonals(z, z0 + here, gap, c, c0 + t * B * Hp, looks, looks0, n, B, H, Hp, bits)")
        rows = "n"  # read once, that registers do
    plain = slots.count == 1
    skip, taken = (slots.first, slots.states) if first == slots.second else (0, slots.second)  # of what goes to flat
    s.add(
        f"normalise_back(z, z0 + here, width, gap, gain, gain0, normed, normed0 + here, scale, "
        f"scale0 + t * B * {slots.count}, {'z, z0' if plain else 'flat, f0'}, parts, parts0, room, {rows}, "
        f"{first}, {count}, {slots.count}, {skip}, {0 if plain else taken}, H, Hp, bits)"
    )
    names = {"ROOM": ROOM, "normalise_back": normalise_back, "add_diagonals": add_diagonals}
    return s.kernel(TEAM, names | {"step": device_function(step.function)})
