"""An encoder and a decoder as a model of ONNX: tokens in, the likeliest ones out, which are fed back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from forecastrnn.networks.exported import ExportedPair
from forecastrnn.networks.network import vectors_of
from forecastrnn.onnx_models.beams import beam_decoded
from forecastrnn.onnx_models.decoders import Source, by_layers, scores_of
from forecastrnn.onnx_models.graph import Graph
from forecastrnn.onnx_models.layers import Steps, run_layers
from forecastrnn.onnx_models.loops import Step, Typed, loop
from forecastrnn.onnx_models.rows import at_least_one, first_rows, size_of, unless
from forecastrnn.onnx_models.sequences import ends_of, valid_steps


def model_of_pair(exported: ExportedPair) -> bytes:
    """The bytes of the file."""
    graph = Graph()
    declared = [graph.info("X", _dtype(exported, "source"), ["batch", "time"])]
    declared += [graph.info("lengths", np.int64, ["rows"]), graph.info("max_length", np.int64, [1])]
    graph.constant([-1], np.int64, "lengths")
    graph.constant([exported.settings["MAX_LENGTH"]], np.int64, "max_length")
    source, states, batch = _encoded(graph, exported)
    find = _decoded if exported.settings["BEAM_WIDTH"] == 1 else beam_decoded
    symbols, count = find(graph, exported, source, states, batch)
    rows = size_of(graph, "X", 0)
    tokens = exported.arrays["target_tokens"].tolist()
    behind_end = "" if isinstance(tokens[0], str) else 0
    known = graph.constant([*tokens, behind_end], object if behind_end == "" else np.int64)
    graph.call(graph.add("Gather", known, first_rows(graph, symbols, rows)), "tokens")
    graph.call(first_rows(graph, count, rows), "n_tokens")
    outputs = [graph.info("tokens", _dtype(exported, "target"), ["batch", "steps"])]
    outputs.append(graph.info("n_tokens", np.int64, ["batch"]))
    return graph.as_model("forecastrnn", declared, outputs, {"estimator": exported.title})


def _dtype(exported: ExportedPair, side: str) -> np.dtype:
    kind = exported.arrays[f"{side}_tokens"].dtype
    return np.dtype(object) if kind.kind in "US" else np.dtype(np.int64)


def _encoded(graph: Graph, exported: ExportedPair) -> tuple[Source, list[list[str]], str]:
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
    return Source(graph.add("Transpose", each, perm=[1, 0, 2]), flat_valid), states, batch


def _codes(graph: Graph, exported: ExportedPair) -> str:
    """The number of each token; one more than the last of those that fit has not seen."""
    known = exported.arrays["source_tokens"].tolist()
    keys: dict[str, Any] = {"keys_strings" if isinstance(known[0], str) else "keys_int64s": known}
    numbers = list(range(len(known)))
    return graph.of_ml("LabelEncoder", "X", values_int64s=numbers, default_int64=len(known), **keys)


def _decoded(
    graph: Graph, exported: ExportedPair, source: Source, states: list[list[str]], batch: str
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
        scores, new = scores_of(body, exported, source, last, by_layers(flat, widths))
        symbol = body.add("ArgMax", scores, axis=1, keepdims=0)
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
