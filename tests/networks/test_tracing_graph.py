"""Graphs of formulas: every operation with its derivative, what becomes one graph, and their size."""

from __future__ import annotations

import gc
import operator
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from forecastrnn import formulas
from forecastrnn.formulas import exp, log, log_sigmoid, maximum, minimum, sigmoid, sqrt, tanh
from forecastrnn.networks.tracing.cell_graph import CellGraph
from forecastrnn.networks.tracing.derivatives import gradients
from forecastrnn.networks.tracing.graph import Graph
from forecastrnn.networks.tracing.operations import OPERATIONS
from forecastrnn.networks.tracing.stages import stages_of
from forecastrnn.networks.tracing.trace import trace_cell
from forecastrnn.networks.tracing.values import Value

# Operations ------------------------------------------------------------------------------------------------


def value_and_slopes(operation: str, arguments: list[float]) -> tuple[float, list[float]]:
    """An operation on numbers and its derivative by each of them, through the graph."""
    graph = Graph()
    inputs = [graph.input(f"sum.{k}") for k in range(len(arguments))]
    result, seed = graph.apply(operation, *inputs), graph.input("d.h")
    slopes = gradients(graph, {result: seed}, inputs)
    numbers = {f"sum.{k}": np.float64(x) for k, x in enumerate(arguments)} | {"d.h": np.float64(0.7)}
    (value,) = graph.compute(numbers, [result])
    return float(value), [0.0 if s is None else float(graph.compute(numbers, [s])[0]) for s in slopes]


@pytest.mark.parametrize("arguments", [[0.8, 0.3], [0.2, 1.7], [1.3, 1.1]])
@pytest.mark.parametrize("operation", [name for name, one in OPERATIONS.items() if not one.scalar] + ["lgamma"])
def test_derivative_of_an_operation(operation: str, arguments: list[float]) -> None:
    """Against central differences; a fixed value has none."""
    arguments = arguments[: OPERATIONS[operation].arity]
    value, slopes = value_and_slopes(operation, arguments)
    assert value == OPERATIONS[operation].on_arrays(*arguments)
    for k, slope in enumerate(slopes):
        up, down = (list(arguments) for _ in range(2))
        up[k], down[k] = up[k] + 1e-6, down[k] - 1e-6
        change = OPERATIONS[operation].on_arrays(*up) - OPERATIONS[operation].on_arrays(*down)
        expected = 0.0 if operation == "fixed" else 0.7 * change / 2e-6
        np.testing.assert_allclose(slope, expected, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("x", [-0.8, 0.0, 0.8])
@pytest.mark.parametrize("operation", ["tanh", "sigmoid", "relu", "exp", "neg", "maximum", "minimum"])
def test_derivative_below_and_at_zero(operation: str, x: float) -> None:
    """relu, maximum and minimum have a kink at 0: nothing goes through x there, but to the second argument."""
    kinked = {"relu": (x > 0,), "maximum": (x > 0, x <= 0), "minimum": (x < 0, x >= 0)}
    slopes = value_and_slopes(operation, [x, 0.0][: OPERATIONS[operation].arity])[1]
    if operation in kinked:
        assert slopes == [0.7 * bool(one) for one in kinked[operation]]
    else:
        apply = OPERATIONS[operation].on_arrays
        np.testing.assert_allclose(slopes[0], 0.7 * (apply(x + 1e-6) - apply(x - 1e-6)) / 2e-6, rtol=1e-8)


def graph_of(formula: Callable[..., Any]) -> CellGraph:
    """Of a formula that needs no weights beyond gates a and b."""
    return trace_cell(step=formula, gates=("a", "b"), states=("h",))


ALIKE: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "tanh": (lambda a, b: a + np.tanh(b), lambda a, b: a + tanh(b)),
    "exp": (lambda a, b: a + np.exp(b), lambda a, b: a + exp(b)),
    "log": (lambda a, b: a + np.log(b), lambda a, b: a + log(b)),
    "sqrt": (lambda a, b: a + np.sqrt(b), lambda a, b: a + sqrt(b)),
    "maximum": (lambda a, b: np.maximum(b, a), lambda a, b: maximum(b, a)),
    "minimum of a number": (lambda a, b: a + np.minimum(2.0, b), lambda a, b: a + minimum(2.0, b)),
    "absolute": (lambda a, b: a + np.abs(b), lambda a, b: a + maximum(b, -b)),
    "abs": (lambda a, b: a + abs(b), lambda a, b: a + maximum(b, -b)),
    "square": (lambda a, b: a + np.square(b), lambda a, b: a + b * b),
    "power": (lambda a, b: a + b**3, lambda a, b: a + b * b * b),
    "reciprocal": (lambda a, b: a + np.reciprocal(b), lambda a, b: a + 1.0 / b),
    "operators of NumPy": (
        lambda a, b: np.divide(np.add(a, b), np.subtract(np.multiply(a, b), np.negative(+b))),
        lambda a, b: (a + b) / (a * b + b),
    ),
    "numbers of NumPy": (lambda a, b: np.float64(2.0) * a - np.float32(0.5) / b, lambda a, b: 2.0 * a - 0.5 / b),
    "arrays of one number": (lambda a, b: np.array(2.0) * a + b, lambda a, b: 2 * a + b),
    "in place": (lambda a, b: operator.iadd(operator.imul(a, b), a), lambda a, b: a * b + a),
    "either order": (lambda a, b: a * b + tanh(b * a), lambda a, b: a * b + tanh(a * b)),
    "times one": (lambda a, b: a * 1 + 1.0 * b, lambda a, b: a + b),
    "divided by one": (lambda a, b: a / 1 + b, lambda a, b: a + b),
    "plus zero": (lambda a, b: a + 0.0 + (0 + b) - 0, lambda a, b: a + b),
    "minus zero": (lambda a, b: a + -0.0 * b + b, lambda a, b: a + b),
    "zero minus": (lambda a, b: 0 - a + b, lambda a, b: b - a),
    "times minus one": (lambda a, b: a + -1 * b, lambda a, b: a - b),
    "twice negative": (lambda a, b: a * operator.neg(-b), lambda a, b: a * b),
    "minus negative": (lambda a, b: a - (-b), lambda a, b: a + b),
    "negative factors": (lambda a, b: -a * -b, lambda a, b: a * b),
    "constants": (lambda a, b: a + b * tanh(a * 0 + 2.0), lambda a, b: a + b * float(np.tanh(2.0))),
}


@pytest.mark.parametrize("name", ALIKE)
def test_formulas_that_are_one_graph(name: str) -> None:
    first, second = (graph_of(formula) for formula in ALIKE[name])
    assert first == second


def test_equal_values_are_one() -> None:
    def step(a, b):
        return tanh(a + b) * tanh(b + a) + tanh(a + b)

    operations = [node.operation for node in graph_of(step).nodes]
    assert operations == ["input", "input", "add", "tanh", "mul", "add"]


def test_nothing_that_is_not_needed_is_kept() -> None:
    def step(a, b):
        exp(a)
        return a * b

    assert [node.operation for node in graph_of(step).nodes] == ["input", "input", "mul"]


@pytest.mark.parametrize("name", formulas.__all__)
def test_functions_on_numbers_arrays_and_values(name: str) -> None:
    """They mean the same on all; arrays of float32 stay so."""
    function, arguments = getattr(formulas, name), [np.array([0.3, 1.7]), np.array([0.9, 0.2])]
    count = 2 if name in ("maximum", "minimum") else 1
    expected = function(*arguments[:count])
    graph = Graph()
    inputs = [Value(graph, graph.input(f"sum.{k}")) for k in range(count)]
    found = graph.compute({f"sum.{k}": arguments[k] for k in range(count)}, [function(*inputs).number])[0]
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal([function(*(float(a[k]) for a in arguments[:count])) for k in range(2)], expected)
    assert function(*(a.astype(np.float32) for a in arguments[:count])).dtype == np.float32


def test_logarithm_of_a_gate_far_from_zero() -> None:
    x = np.array([-1000.0, -20.0, 0.0, 20.0, 1000.0])
    np.testing.assert_allclose(log_sigmoid(x), -np.logaddexp(0.0, -x), rtol=1e-7, atol=1e-16)


# Size ------------------------------------------------------------------------------------------------------


def test_memory_does_not_grow_over_many_formulas() -> None:
    """Nothing remembers a formula that is gone."""

    def derive(count: int, offset: float) -> None:
        for k in range(count):
            weight = offset + k
            assert stages_of(graph_of(lambda a, b: tanh(a * weight) + sigmoid(b))).digest  # noqa: B023

    derive(50, 2000.0)
    gc.collect()
    before = sys.getallocatedblocks()
    derive(300, 3000.0)
    gc.collect()
    assert sys.getallocatedblocks() - before < 200


def test_a_long_formula_is_not_slow() -> None:
    """With too many values for all sets to be tried."""

    def step(a, b, h):
        for k in range(40):
            h = tanh(h * a + b) * 0.5 + sigmoid(a + k)
        return h

    start = time.thread_time()
    stages_of(graph_of(step))
    assert time.thread_time() - start < 2.0
