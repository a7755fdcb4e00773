"""Kernels of likelihoods, made of the text that their formulas became (see `networks.tracing.head_text`).

As those of cells they are the code of templates with other globals, under names that carry a digest of the text.
Sizes: k steps, B rows, O outputs in rows of ldo: NUMBERS for each target. A target has VALUES: itself and, where
WITH_SHIFT, what is added to the first output, and what that is multiplied with before.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import ModuleType

from forecastrnn.engine import quantile_formulas, scalar_formulas
from forecastrnn.engine.compiling import rebuilt
from forecastrnn.engine.cpu.build import Kernel, fast, pointers, sizes
from forecastrnn.engine.cpu.cell_source import defined
from forecastrnn.engine.cpu.losses import FIELDS, each_row
from forecastrnn.engine.cpu.simd import at
from forecastrnn.networks.likelihood import Likelihood
from forecastrnn.networks.tracing.head_text import LOSS, VALUE
from forecastrnn.networks.tracing.operations import CALLED_IN_HEADS

REMEMBERED = 128  # likelihoods whose kernels are kept
DRAWN = "out shares shift figure unit gain"  # what draws are made of
MIDDLE = 0.5  # the share of the median
NEAR = 0.5  # what 0 is in a series of logarithms


@dataclass(frozen=True)
class HeadSource:
    """What kernels of a likelihood are made from; `with_shift`: a target also says what the first output gets."""

    label: str
    text: str
    numbers: int
    with_shift: bool

    @property
    def digest(self) -> str:
        """What tells two likelihoods apart."""
        return hashlib.sha256(repr((self.text, self.numbers, self.with_shift)).encode()).hexdigest()[:12]

    @property
    def constants(self) -> dict[str, object]:
        """What templates call their numbers."""
        return {"NUMBERS": self.numbers, "WITH_SHIFT": self.with_shift, "VALUES": 3 if self.with_shift else 1}

    def functions(self, names: Mapping[str, object]) -> dict[str, Callable[..., object]]:
        """The functions of the text, of those that it calls by their names."""
        return defined(self.text, f"{self.label} {self.digest}", dict(names))


def scalars(module: ModuleType) -> dict[str, Callable[..., object]]:
    """The functions of a module of formulas by name."""
    return {name: one for name, one in vars(module).items() if callable(one) and hasattr(one, "__code__")}


def called() -> dict[str, Callable[..., object]]:
    """What texts call."""
    every = scalars(scalar_formulas) | scalars(quantile_formulas)
    return {name: every[name] for name in CALLED_IN_HEADS}


# ruff: noqa: F821  # names of templates
@fast
def each_target(element, _kind, w, O, out, target, row, dout):
    """A row's loss is the mean over its targets; one that is NaN is not observed and counts 0."""
    loss, weight, count = 0.0, 0.0, O // NUMBERS
    for j in range(count):
        place = (row * count + j) * VALUES
        y, share = float(target[place]), w / count
        if w != 0.0 and y == y:
            shift = float(target[place + 1]) if WITH_SHIFT else 0.0
            gain = float(target[place + 2]) if WITH_SHIFT else 1.0
            loss += share * loss_of(y, shift, gain, share, out, j * NUMBERS, dout, j * NUMBERS)
            weight += share
        else:
            for o in range(NUMBERS):
                dout[j * NUMBERS + o] = 0
    return loss, weight


def loss_kernel(record, step):
    """out (k, B, ldo), target (k, B, targets, VALUES) -> dout (k, B, ldd)."""
    each_row(record, step, row_loss, None)


@fast
def raw_value(share, out, last, shift, figure, unit, gain):
    """A count or amount in the scale of its series, whose last value there is `last`; unit 0: of logarithms."""
    if unit > 0.0:
        return value_at(share, shift, gain, out, 0) * unit - figure
    value = value_at(share, shift + gain * last, gain, out, 0)
    return (math.log(value if value > NEAR else NEAR) - shift) / gain


def next_value(record, step):
    """z[r, now + step + 1] = a quantile, of share shares[r, step] or the median; the trailing mean follows."""
    z, a, out, shares, shift, figure, unit, gain = pointers(record, 0, 8)
    B, ldo, width, length, now, h, drawn = sizes(record, 8, 7)
    t = now + step + 1
    for r in range(B):
        row, place = r * length + t, r * h + step
        share = float(shares[place]) if drawn != 0 else MIDDLE
        last, own = float(z[row - 1]), at(out, r * ldo)
        if WITH_SHIFT:
            numbers = float(shift[place]), float(figure[place]), float(unit[r]), float(gain[r])
            z[row] = raw_value(share, own, last, numbers[0], numbers[1], numbers[2], numbers[3])
        else:
            z[row] = last + value_at(share, 0.0, 1.0, own, 0)
        a[row] = a[row - 1] + (z[row] - z[row - width]) / width


def all_values(record, step):
    """result (B, steps): quantiles of all steps, relative to the last value z[r, now]; `h` of them are wanted."""
    z, result, out, shares, shift, figure, unit, gain = pointers(record, 0, 8)
    B, ldo, length, now, steps, h, drawn = sizes(record, 8, 7)
    for r in range(B):
        for j in range(h):
            place = r * h + j
            share = float(shares[place]) if drawn != 0 else MIDDLE
            own, last = at(out, r * ldo + j * NUMBERS), float(z[r * length + now])
            if WITH_SHIFT:
                numbers = float(shift[place]), float(figure[place]), float(unit[r]), float(gain[r])
                value = raw_value(share, own, last, numbers[0], numbers[1], numbers[2], numbers[3])
                result[r * steps + j] = value - last
            else:
                result[r * steps + j] = value_at(share, 0.0, 1.0, own, 0)


TEMPLATES = {
    "loss": (loss_kernel, FIELDS),
    "next_value": (next_value, f"z a {DRAWN} | B ldo width length now h drawn"),
    "all_values": (all_values, f"z result {DRAWN} | B ldo length now steps h drawn"),
}


def kernel_of(likelihood: Likelihood, what: str) -> Kernel:
    """A kernel of a likelihood: its "loss", the "next_value" of a forecast, or "all_values" of one at once."""
    source = HeadSource(
        type(likelihood).__name__.lower(), likelihood.text, likelihood.n_numbers, not likelihood.is_scaled
    )
    return _made(source, what)


@lru_cache(REMEMBERED)
def _made(source: HeadSource, what: str) -> Kernel:
    template, fields = TEMPLATES[what]
    found = source.functions(called())
    names = source.constants | {LOSS: fast(found[LOSS]), VALUE: fast(found[VALUE])}
    names |= {"row_loss": fast(rebuilt(each_target, names)), "raw_value": fast(rebuilt(raw_value, names))}
    return Kernel(rebuilt(template, names, f"{source.label}_{what}_{source.digest}"), fields, head=(source, what))
