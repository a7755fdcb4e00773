"""Formulas drawn at random: graph, text and derivatives."""

from __future__ import annotations

import json
import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from forecastrnn import formulas
from forecastrnn.formulas import sigmoid, tanh
from forecastrnn.networks.cell import graph_of
from forecastrnn.networks.tracing.cell_graph import CellGraph
from forecastrnn.networks.tracing.derivatives import gradients
from forecastrnn.networks.tracing.operations import OPERATIONS
from forecastrnn.networks.tracing.records import as_record, from_record
from forecastrnn.networks.tracing.stages import stages_of
from forecastrnn.networks.tracing.trace import trace_cell
from support.formula_cells import SharedBetween
from support.formula_steps import TextStep, by_formula, differences, functions_of, point_of

SMOOTH = ("add", "sub", "mul", "neg", "tanh", "sigmoid")
INPUTS = ("a", "b", "c", "k", "h")
OF_CELLS = tuple(name for name, one in OPERATIONS.items() if not one.scalar)


@st.composite
def formula(draw: st.DrawFn, operations: tuple[str, ...], most: int, inputs: int = len(INPUTS)) -> list[tuple]:
    """Lines (operation, numbers of earlier values or constants)."""
    lines: list[tuple] = []
    for _ in range(draw(st.integers(1, most))):
        operation = draw(st.sampled_from(operations))
        earlier = st.integers(0, inputs + len(lines) - 1)
        constant = st.sampled_from([-1.5, -1.0, 0.0, 0.5, 1.0, 2.0])
        arguments = [draw(earlier)] + [draw(earlier | constant) for _ in range(OPERATIONS[operation].arity - 1)]
        lines.append((operation, *arguments))
    return lines


FUNCTIONS: dict[str, Callable[..., Any]] = {
    **{"add": operator.add, "sub": operator.sub, "mul": operator.mul, "div": operator.truediv, "neg": operator.neg},
    **{name: getattr(formulas, name) for name in OPERATIONS if hasattr(formulas, name)},
}


def last_of(lines: list[tuple], inputs: list[Any]) -> Any:
    """The value of the last line."""
    values = list(inputs)
    for name, *arguments in lines:
        values.append(FUNCTIONS[name](*(x if isinstance(x, float) else values[x] for x in arguments)))
    return values[-1]


def step_of(lines: list[tuple]) -> Callable[..., tuple]:
    """The formula of drawn lines; every gate is used."""

    def step(a, b, c, k, h):
        last = last_of(lines, [a, b, c, k, h])
        return last + tanh(a) * b, sigmoid(last * k) + c

    return step


def draw_inputs(seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {name: rng.uniform(-1.0, 1.0, 6) for name in INPUTS}


def traced(lines: list[tuple]) -> CellGraph:
    return trace_cell(step=step_of(lines), gates=("a", "b", "c"), states=("k", "h"))


@settings(deadline=None, max_examples=150)
@given(formula(OF_CELLS, 14), st.integers(0, 99))
def test_any_formula(lines: list[tuple], seed: int) -> None:
    """Text and graph compute what the formula does on arrays, and the text's derivatives are those of the graph."""
    x = draw_inputs(seed)
    try:
        cell = traced(lines)
    except ValueError as problem:
        assert "finite" in str(problem) or "one value" in str(problem)
        return
    assert from_record(json.loads(json.dumps(as_record(cell)))) == cell
    step, (d_k, d_h) = stages_of(cell).step, (x["a"] + 1.0, x["b"] - 1.0)
    forward, backward = functions_of(step)
    with np.errstate(all="ignore"):
        expected = step_of(lines)(**x)
        places, old = [x["a"], x["b"], x["c"]], [x["k"], x["h"]]
        kept, new = forward([places[k] for k in step.reads], [old[k] for k in step.old], ())
        for gate, value in zip(step.writes, kept, strict=True):
            places[gate] = value
        d_sums, d_old, *_ = backward(
            [places[k] for k in step.back_reads], [old[k] for k in step.back_old],
            [new[k] for k in step.back_new], (), (d_k, d_h), (), (),
        )  # fmt: skip
        slopes = slopes_of(cell, x, d_k, d_h)
    fine = np.isfinite(expected)  # what is not finite may have been multiplied by a constant 0
    np.testing.assert_allclose(np.where(fine, new, 0.0), np.where(fine, expected, 0.0), rtol=1e-9, atol=1e-12)
    found = dict(zip("abc", d_sums)) | dict(zip((("k", "h")[k] for k in step.through), d_old))
    for name, slope in slopes.items():
        np.testing.assert_allclose(found.get(name, 0.0) * np.ones(6), slope, rtol=1e-12, err_msg=name)


def slopes_of(cell: CellGraph, x: dict[str, np.ndarray], d_k: np.ndarray, d_h: np.ndarray) -> dict[str, np.ndarray]:
    """Derivatives by all inputs, straight from the graph."""
    graph = cell.graph(10**6)
    names = {name: f"sum.{name}" if name in "abc" else f"old.{name}" for name in INPUTS}
    seeds = [graph.input(f"d.{state}") for state in cell.states]
    numbers = {names[name]: value for name, value in x.items()} | {"d.k": d_k, "d.h": d_h}
    wanted = gradients(graph, dict(zip(cell.outputs, seeds)), [graph.input(name) for name in names.values()])
    return {
        name: np.zeros(6) if slope is None else graph.compute(numbers, [slope])[0] * np.ones(6)
        for name, slope in zip(names, wanted)
    }


@settings(deadline=None, max_examples=100)
@given(formula(SMOOTH, 8), st.integers(0, 99))
def test_derivatives_of_any_smooth_formula(lines: list[tuple], seed: int) -> None:
    """Against central differences."""
    x = draw_inputs(seed)
    d_k, d_h = x["a"] + 1.0, x["b"] - 1.0
    try:
        cell = traced(lines)
    except ValueError:
        return
    named = {f"sum.{name}" if name in "abc" else f"old.{name}": value for name, value in x.items()}
    values = cell.compute(named, range(len(cell.nodes)))
    assume(max(np.abs(value).max() for value in values) < 100.0)
    slopes = slopes_of(cell, x, d_k, d_h)
    for name in INPUTS:
        up, down = (
            sum(d * new for d, new in zip((d_k, d_h), step_of(lines)(**(x | {name: x[name] + step}))))
            for step in (1e-5, -1e-5)
        )
        scale = np.maximum(1.0, np.abs(slopes[name]))
        assert np.all(np.abs((up - down) / 2e-5 - slopes[name]) <= 1e-4 * scale), name


@dataclass(frozen=True)
class TwoStages(SharedBetween):
    """A cell of drawn lines with a second product; gates r and z and the diagonal weight p are in both stages."""

    first: tuple[tuple, ...]
    then: tuple[tuple, ...]

    @property
    def graph(self) -> CellGraph:
        """Traced each time: a line with the constant 1.0 and one with the value 1 would be one key of a cache."""
        return graph_of(self)

    def between(self, r, z, h, p):
        return last_of(self.first, [sigmoid(r), tanh(z), h, p]) + sigmoid(r) * h * p

    def step(self, r, z, n, o, c, h, p):
        c = last_of(self.then, [sigmoid(r), tanh(z), n, o, c, h, p]) + z * c
        return c, sigmoid(o) * tanh(c + n)


@settings(deadline=None, max_examples=60)
@given(formula(SMOOTH, 5, inputs=4), formula(SMOOTH, 6, inputs=7), st.integers(0, 99))
def test_two_stages_of_any_smooth_formulas(first: list[tuple], then: list[tuple], seed: int) -> None:
    """The text of both, with a product between them, against the formula and its central differences."""
    cell = TwoStages(tuple(first), tuple(then))
    point = point_of(cell, seed=seed)
    expected = by_formula(cell, point)
    assume(max(np.abs(value).max() for value in expected) < 30.0)
    step = TextStep(cell, stages_of(cell.graph), point)
    np.testing.assert_allclose(step.forward(), expected, rtol=1e-9, atol=1e-12)
    found, slopes = step.backward(), differences(cell, point, 1e-5)
    for name, slope in slopes.items():
        scale = np.maximum(1.0, np.abs(slope).max())
        np.testing.assert_allclose(found[name] / scale, slope / scale, rtol=0, atol=1e-4, err_msg=name)
