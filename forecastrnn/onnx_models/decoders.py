"""A step of a decoder of tokens in a graph: how likely each symbol is behind the last one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from forecastrnn.networks.exported import ExportedPair
from forecastrnn.networks.network import vectors_of
from forecastrnn.onnx_models.graph import Graph
from forecastrnn.onnx_models.layers import step_layers

_LOWEST = float(np.finfo(np.float32).min)


class Source(NamedTuple):
    """What a decoder looks back at: outputs (n, time, units) of the encoder, and which steps count, (n, time)."""

    outputs: str
    valid: str


def by_layers(states: Sequence[str], widths: Sequence[int]) -> list[Sequence[str]]:
    """States of all layers, so many of each."""
    ends = np.cumsum([0, *widths]).tolist()
    return [states[begin:end] for begin, end in zip(ends, ends[1:])]


def scores_of(
    body: Graph, exported: ExportedPair, source: Source, symbol: str, states: Sequence[Sequence[str]]
) -> tuple[str, list[list[str]]]:  # fmt: skip
    """Scores (n, symbols) of what comes behind the last symbols (n,), and the new states."""
    pair = exported.network
    theta = pair.writer_theta(exported.theta)
    views = pair.writer.views(theta)
    x = body.add("Gather", body.constant(views[vectors_of(0)]), symbol)
    new = step_layers(body, pair.writer, theta, x, states)
    h = new[-1][-1]
    if pair.attention is not None:
        weights = {name: pair.views(exported.theta)[f"attention.{name}"] for name in pair.attention_shapes}
        h = _attended(body, weights, source, h)
    scores = body.add("MatMul", h, body.constant(views["output.kernel"]))
    return body.add("Add", scores, body.constant(views["output.bias"])), new


def _attended(body: Graph, weights: Mapping[str, np.ndarray], source: Source, h: str) -> str:
    """What the projection reads instead of states h (n, units), which look back at the source."""
    if "score_kernel" in weights:
        query = body.add("MatMul", h, body.constant(weights["query_kernel"]))
        keys = body.add("MatMul", source.outputs, body.constant(weights["key_kernel"]))
        both = body.add("Tanh", body.add("Add", body.add("Unsqueeze", query, body.integers(1)), keys))
        fit = body.add("MatMul", both, body.constant(weights["score_kernel"]))
    else:
        fit = body.add("MatMul", source.outputs, body.add("Unsqueeze", h, body.integers(2)))
        fit = body.add("Squeeze", fit, body.integers(2))
    alpha = body.add("Softmax", body.add("Where", source.valid, fit, body.constant(_LOWEST)), axis=1)
    context = body.add("MatMul", body.add("Unsqueeze", alpha, body.integers(1)), source.outputs)
    context = body.add("Squeeze", context, body.integers(1))
    parts = [
        body.add("MatMul", one, body.constant(weights[name]))
        for one, name in ((context, "context_kernel"), (h, "state_kernel"))
    ]
    return body.add("Tanh", body.add("Add", body.add("Add", *parts), body.constant(weights["bias"])))
