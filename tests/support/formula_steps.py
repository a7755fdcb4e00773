"""One step of a declared cell on arrays: by its formula, and by the text that was made of it, forward and backward.

The product that the gates `second` read is a factor for each unit here, and the state that products see is masked.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from forecastrnn import Cell, formulas
from forecastrnn.networks.tracing.stages import Stage, Stages

Array = np.ndarray
SHAPE = (5, 7)


@dataclass(frozen=True, kw_only=True)
class Point:
    """What a step is computed from, and the derivatives by the new states."""

    sums: dict[str, Array]
    old: dict[str, Array]
    weights: dict[str, Array]
    factor: Array
    mask: Array
    d: dict[str, Array]


def point_of(cell: Cell, dtype: str = "float64", seed: int = 0) -> Point:
    """Random numbers; the derivatives by states that only keep an sLSTM in range are 0."""
    rng = np.random.default_rng(seed)

    def draw(names: Iterable[str]) -> dict[str, Array]:
        return {name: rng.standard_normal(SHAPE).astype(dtype) for name in names}

    old, d = draw(cell.states), draw(cell.states)
    if "m" in cell.states:
        old["n"] = np.abs(old["n"]) + 1
        d |= {name: np.zeros(SHAPE, dtype) for name in ("c", "n", "m")}
    factor, mask = rng.standard_normal(SHAPE).astype(dtype), (rng.random(SHAPE) < 0.8).astype(dtype) * 1.25
    return Point(
        sums=draw(cell.gates), old=old, weights=draw(cell.diagonals), factor=factor, mask=mask.astype(dtype), d=d
    )


def _call(formula: Callable, values: dict[str, Array]) -> tuple[Array, ...]:
    result = formula(**{name: values[name] for name in inspect.signature(formula).parameters if name in values})
    return result if isinstance(result, tuple) else (result,)


def by_formula(cell: Cell, point: Point) -> tuple[Array, ...]:
    """The new states, by calling the formula on arrays."""
    sums = dict(point.sums)
    if cell.second:
        last = cell.states[-1]
        (seen,) = _call(cell.between, {**sums, **point.weights, last: point.old[last] * point.mask})
        sums |= {gate: sums[gate] + seen * point.factor for gate in cell.second}
    return _call(cell.step, {**sums, **point.old, **point.weights})


def functions_of(stage: Stage, constant: str = "{}") -> tuple[Callable, Callable]:
    """The two functions of a stage's text."""
    scope = {name: getattr(formulas, name) for name in formulas.__all__} | {"real": np.float32}
    names = set(scope) | {"__builtins__"}
    exec(stage.text(constant), scope)
    forward, backward = (scope[name] for name in scope if name not in names)
    return forward, backward


def _some(values: dict[str, Array], numbers: tuple[int, ...]) -> tuple[Array, ...]:
    names = list(values)
    return tuple(values[names[k]] for k in numbers)


class TextStep:
    """One step by the text of a cell's stages, with one place for each gate, as loops over time run it."""

    def __init__(self, cell: Cell, stages: Stages, point: Point, constant: str = "{}") -> None:
        self.cell, self.stages, self.point, self.constant = cell, stages, point, constant
        self.places = dict(point.sums)
        last = cell.states[-1]
        self.seen = {name: point.old[name] * (point.mask if name == last else np.nan) for name in cell.states}

    def forward(self) -> tuple[Array, ...]:
        """The new states; places hold what is kept."""
        if self.stages.between is not None:
            (seen,) = self._run(self.stages.between, self.seen)
            for gate in self.cell.second:
                self.places[gate] = self.places[gate] + seen * self.point.factor
        self.new = dict(zip(self.cell.states, self._run(self.stages.step, self.point.old)))
        return tuple(self.new.values())

    def _run(self, stage: Stage, old: dict[str, Array]) -> tuple[Array, ...]:
        forward, _ = functions_of(stage, self.constant)
        kept, results = forward(
            _some(self.places, stage.reads), _some(old, stage.old), _some(self.point.weights, stage.weights)
        )
        self._put(stage.writes, kept)
        return results

    def _put(self, gates: tuple[int, ...], values: tuple[Array, ...]) -> None:
        for gate, value in zip(gates, values, strict=True):
            self.places[self.cell.gates[gate]] = value

    def backward(self) -> dict[str, Array]:
        """Derivatives by sums, old states and weights, by name; a state's is that besides products."""
        zero = np.zeros_like(self.point.factor)
        self.totals = {name: zero for name in self.point.weights}
        d_old = {name: zero for name in self.cell.states}
        step, between = self.stages.step, self.stages.between
        found, carried = self._run_back(step, self.point.old, tuple(self.point.d.values()), ())
        d_old |= dict(zip(_some({n: n for n in self.cell.states}, step.through), found, strict=True))
        if between is not None:
            d = sum(self.places[gate] * self.point.factor for gate in self.cell.second)
            found, _ = self._run_back(between, self.seen, (d,), carried)
            for name, value in zip(_some({n: n for n in self.cell.states}, between.through), found, strict=True):
                d_old[name] = d_old[name] + value * self.point.mask
        return {**self.places, **d_old, **self.totals}

    def _run_back(
        self, stage: Stage, old: dict[str, Array], d: tuple[Array, ...], carried: tuple[Array, ...]
    ) -> tuple[tuple[Array, ...], tuple[Array, ...]]:
        _, backward = functions_of(stage, self.constant)
        assert len(carried) in (0, len(stage.carried))
        d_sums, d_old, carried, totals = backward(
            _some(self.places, stage.back_reads), _some(old, stage.back_old), _some(self.new, stage.back_new),
            _some(self.point.weights, stage.weights), d, carried, _some(self.totals, stage.weights),
        )  # fmt: skip
        self._put(stage.sums, d_sums)
        self.totals |= dict(zip(_some({n: n for n in self.totals}, stage.weights), totals, strict=True))
        return d_old, carried


def differences(cell: Cell, point: Point, step: float = 1e-6) -> dict[str, Array]:
    """The same derivatives, by central differences of the formula."""
    found = {}
    for values in (point.sums, point.old, point.weights):
        for name, value in list(values.items()):
            losses = []
            for sign in (1.0, -1.0):
                values[name] = value + sign * step
                losses.append(sum(d * new for d, new in zip(point.d.values(), by_formula(cell, point))))
            values[name] = value
            found[name] = (losses[0] - losses[1]) / (2 * step)
    return found
