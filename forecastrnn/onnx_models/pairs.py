"""An encoder and a decoder as a model of ONNX: tokens in, the likeliest token of each step out, which is fed back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, cast

import numpy as np

from forecastrnn.networks.exported import ExportedPair
from forecastrnn.networks.network import vectors_of
from forecastrnn.onnx_models.graph import Graph
from forecastrnn.onnx_models.layers import Steps, run_layers, step_layers
from forecastrnn.onnx_models.loops import Step, Typed, loop
from forecastrnn.onnx_models.rows import at_least_one, first_rows, size_of, unless
from forecastrnn.onnx_models.sequences import ends_of, valid_steps

_LOWEST = float(np.finfo(np.float32).min)


class _Source(NamedTuple):
    """What a decoder looks back at: outputs (n, time, units) of the encoder, and which steps count, (n, time)."""

    outputs: str
    valid: str


def model_of_pair(exported: ExportedPair) -> bytes:
    """The bytes of the file."""
    _refuse_beams(exported)
    graph = Graph()
    declared = [graph.info("X", _dtype(exported, "source"), ["batch", "time"])]
    declared += [graph.info("lengths", np.int64, ["rows"]), graph.info("max_length", np.int64, [1])]
    graph.constant([-1], np.int64, "lengths")
    graph.constant([exported.settings["MAX_LENGTH"]], np.int64, "max_length")
    source, states, batch = _encoded(graph, exported)
    symbols, count = _decoded(graph, exported, source, states, batch)
    rows = size_of(graph, "X", 0)
    tokens = exported.arrays["target_tokens"].tolist()
    behind_end = "" if isinstance(tokens[0], str) else 0
    known = graph.constant([*tokens, behind_end], object if behind_end == "" else np.int64)
    graph.call(graph.add("Gather", known, first_rows(graph, symbols, rows)), "tokens")
    graph.call(first_rows(graph, count, rows), "n_tokens")
    outputs = [graph.info("tokens", _dtype(exported, "target"), ["batch", "steps"])]
    outputs.append(graph.info("n_tokens", np.int64, ["batch"]))
    return graph.as_model("forecastrnn", declared, outputs, {"estimator": exported.title})


def _refuse_beams(exported: ExportedPair) -> None:
    width = cast(int, exported.settings["BEAM_WIDTH"])
    if width > 1:
        raise ValueError(
            f"to_onnx: decoding keeps a beam of {width} hypotheses, but a file takes the likeliest token in each step. "
            "Say so with set_params(decoding=1), or use export_numpy, which has beams."
        )


def _dtype(exported: ExportedPair, side: str) -> np.dtype:
    kind = exported.arrays[f"{side}_tokens"].dtype
    return np.dtype(object) if kind.kind in "US" else np.dtype(np.int64)


def _encoded(graph: Graph, exported: ExportedPair) -> tuple[_Source, list[list[str]], str]:
    """What the encoder says of X, its last states, and how many rows there are."""
    pair, n_tokens = exported.network, len(exported.arrays["source_tokens"])
    codes = at_least_one(graph, _codes(graph, exported), 2, graph.constant(0, np.int64))
    batch, time = size_of(graph, codes, 0), size_of(graph, codes, 1)
    ends = ends_of(graph, batch, time)
    valid = valid_steps(graph, ends, time)
    flat_valid = graph.add("Squeeze", valid, graph.integers(2))
    codes = graph.add("Where", flat_valid, codes, graph.constant(0, np.int64))
    if exported.settings["RAISES"]:
        unknown = graph.add("Equal", codes, graph.constant(n_tokens, np.int64))
        codes = unless(graph, unknown, codes, "X has a token that fit has not seen")
    if exported.settings["REVERSES"]:
        codes = graph.add("ReverseSequence", codes, ends, batch_axis=0, time_axis=1)
    theta = pair.reader_theta(exported.theta)
    x = graph.add("Gather", graph.constant(pair.reader.views(theta)[vectors_of(0)]), codes)
    x = graph.add("Where", valid, x, graph.constant(0.0))
    steps = Steps(graph.add("Transpose", valid, perm=[1, 0, 2]), graph.cast(ends, np.int32), batch)
    each, states = run_layers(graph, pair.reader, theta, graph.add("Transpose", x, perm=[1, 0, 2]), steps)
    return _Source(graph.add("Transpose", each, perm=[1, 0, 2]), flat_valid), states, batch


def _codes(graph: Graph, exported: ExportedPair) -> str:
    """The number of each token; one more than the last of those that fit has not seen."""
    known = exported.arrays["source_tokens"].tolist()
    keys: dict[str, Any] = {"keys_strings" if isinstance(known[0], str) else "keys_int64s": known}
    numbers = list(range(len(known)))
    return graph.of_ml("LabelEncoder", "X", values_int64s=numbers, default_int64=len(known), **keys)


def _decoded(
    graph: Graph, exported: ExportedPair, source: _Source, states: list[list[str]], batch: str
) -> tuple[str, str]:  # fmt: skip
    """Symbols (n, steps), the last number behind the end, and how many before it (n,)."""
    end = len(exported.arrays["target_tokens"])
    wrong = graph.add("Less", "max_length", graph.integers(1))
    most = graph.add("Squeeze", unless(graph, wrong, "max_length", "max_length must be 1 or more"))
    first = graph.add("Expand", graph.constant(end, np.int64), batch)
    none = graph.add("Expand", graph.constant(0, np.int64), batch)
    widths = [len(own) for own in states]

    def step(body: Graph, number: str, old: Sequence[str]) -> Step:
        last, count, *flat = old
        symbol, new = _next_symbol(body, exported, source, last, _by_layers(flat, widths))
        ended = body.add("Equal", last, body.constant(end, np.int64))  # which is also what comes before the first one
        done = body.add("And", ended, body.add("Greater", number, body.constant(0, np.int64)))
        symbol = body.add("Where", done, body.constant(end, np.int64), symbol)
        goes_on = body.cast(body.add("Less", symbol, body.constant(end, np.int64)), np.int64)
        go = body.cast(body.add("ReduceMax", goes_on, keepdims=0), np.bool_)
        flat = [one for own in new for one in own]
        return Step(go, [symbol, body.add("Add", count, goes_on), *flat], [Typed(symbol, np.int64)])

    begin = [Typed(first, np.int64), Typed(none, np.int64), *(Typed(one) for own in states for one in own)]
    found = loop(graph, most, begin, step)
    return graph.add("Transpose", found[-1], perm=[1, 0]), found[1]


def _by_layers(states: Sequence[str], widths: Sequence[int]) -> list[Sequence[str]]:
    """States of all layers, so many of each."""
    ends = np.cumsum([0, *widths]).tolist()
    return [states[begin:end] for begin, end in zip(ends, ends[1:])]


def _next_symbol(
    body: Graph, exported: ExportedPair, source: _Source, symbol: str, states: Sequence[Sequence[str]]
) -> tuple[str, list[list[str]]]:  # fmt: skip
    """The likeliest symbol (n,) behind the last one, and the new states."""
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
    scores = body.add("Add", scores, body.constant(views["output.bias"]))
    return body.add("ArgMax", scores, axis=1, keepdims=0), new


def _attended(body: Graph, weights: Mapping[str, np.ndarray], source: _Source, h: str) -> str:
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
