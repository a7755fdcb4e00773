"""The formulas of a likelihood -> the text of what kernels call: its loss with all slopes, and its quantiles."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from forecastrnn.networks.tracing.derivatives import gradients
from forecastrnn.networks.tracing.graph import Graph
from forecastrnn.networks.tracing.joint import MOST_DERIVED
from forecastrnn.networks.tracing.lines import last_line
from forecastrnn.networks.tracing.text import Function, Given
from forecastrnn.networks.tracing.values import Value, as_number

LOSS, VALUE = "loss_of", "value_at"  # what kernels call
MEDIAN = 0.5  # the share below it


class Formulas(NamedTuple):
    """What a likelihood is made of: `link` of outputs, `loss` of a value and `quantile` of a share, both by the links.

    outputs : how many numbers the network puts out for a target.
    """

    outputs: int
    link: Callable[..., object]
    loss: Callable[..., object]
    quantile: Callable[..., object]


def head_text(formulas: Formulas) -> str:
    """The text of two functions of single numbers in float64.

    ``loss_of(y, shift, gain, d, out, at, dout, to)`` is the loss of the value y for the outputs out[at:], the first of
    them times `gain` plus `shift`; dout[to:] become d times the slopes by them. ``value_at(share, shift, gain, out,
    at)`` is a quantile.
    """
    text = "\n\n".join([_loss_text(formulas), _quantile_text(formulas)])
    return re.sub(r"\{(.*?)\}", r"\1", text)


def median_graph(formulas: Formulas) -> tuple[Graph, int]:
    """The graph of the median by the outputs, its inputs "o0", "o1", ..., and which of its values that is."""
    graph, _, outputs = _begun(formulas, "share")
    return graph, _called(formulas.quantile, graph, MEDIAN, formulas.link(*outputs))


def _loss_text(formulas: Formulas) -> str:
    graph, y, outputs = _begun(formulas, "y")
    loss = _called(formulas.loss, graph, y, formulas.link(*outputs))
    d = graph.input("d")
    slopes = gradients(graph, {loss: d}, [one.number for one in outputs])
    wanted = [loss, *(slope for slope in slopes if slope is not None)]
    body = Function(graph, [*_given(y, outputs), Given("d", 0, d, "d")], wanted)
    found = [0.0 if slope is None else body.name(slope) for slope in slopes]
    stored = [f"dout[to + {k}] = {slope}{' * gain' if k == 0 else ''}" for k, slope in enumerate(found)]
    header = f"def {LOSS}(y, shift, gain, d, out, at, dout, to):"
    return "\n    ".join([header, *_loads(formulas), *body.lines, *stored, f"return {body.name(loss)}"]) + "\n"


def _quantile_text(formulas: Formulas) -> str:
    graph, share, outputs = _begun(formulas, "share")
    value = _called(formulas.quantile, graph, share, formulas.link(*outputs))
    body = Function(graph, _given(share, outputs), [value])
    header = f"def {VALUE}(share, shift, gain, out, at):"
    return "\n    ".join([header, *_loads(formulas), *body.lines, f"return {body.name(value)}"]) + "\n"


def _begun(formulas: Formulas, first: str) -> tuple[Graph, Value, list[Value]]:
    """A graph with its inputs: a value or a share, and the outputs."""
    graph = Graph(most=MOST_DERIVED)
    outputs = [Value(graph, graph.input(f"o{k}")) for k in range(formulas.outputs)]
    return graph, Value(graph, graph.input(first)), outputs


def _given(first: Value, outputs: Sequence[Value]) -> list[Given]:
    values = [first, *outputs]
    return [Given("input", k, one.number, one.graph.input_name(one.number)) for k, one in enumerate(values)]


def _loads(formulas: Formulas) -> list[str]:
    shifts = [" * gain + shift", *[""] * (formulas.outputs - 1)]
    return [f"o{k} = float(out[at + {k}]){shift}" for k, shift in enumerate(shifts)]


def _called(formula: Callable[..., object], graph: Graph, first: Value | float, links: object) -> int:
    """The value of a formula."""
    result = formula(first, *(links if isinstance(links, tuple | list) else (links,)))
    try:
        value = as_number(graph, result)  # type: ignore[arg-type]
    except (TypeError, ValueError) as problem:
        raise type(problem)(f"{problem}{last_line(formula)}") from None
    if graph.number_of(value) is not None:
        raise ValueError(f"the formula {formula.__name__} of a likelihood is a constant{last_line(formula)}")
    return value
