"""A whole regressor or classifier as a model of ONNX: sequences as a user has them in, numbers or classes out."""

from __future__ import annotations

from typing import Any, NamedTuple, cast

import numpy as np

from forecastrnn.networks.exported import Exported
from forecastrnn.networks.network import vectors_of
from forecastrnn.onnx_models.graph import Graph
from forecastrnn.onnx_models.layers import Steps, run_layers
from forecastrnn.onnx_models.rows import at_least_one, first_rows, size_of, unless


class _Read(NamedTuple):
    """Inputs of a graph: what it declares, x (n, time, channels), ends (n,), batch and time as vectors.

    given : rows of X, of which an empty one has one less than batch.
    """

    declared: list[Any]
    x: str
    ends: str
    batch: str
    time: str
    given: str


def model_of(exported: Exported) -> bytes:
    """The bytes of the file."""
    _refuse_texts_beside_numbers(exported)
    graph = Graph()
    read = _inputs(graph, exported)
    valid = valid_steps(graph, read.ends, read.time)
    x = graph.add("Where", valid, _numbers(graph, exported, read.x), graph.constant(0.0))
    by_time = graph.add("Transpose", valid, perm=[1, 0, 2])
    steps = Steps(by_time, graph.cast(read.ends, np.int32), read.batch)
    x = graph.add("Transpose", x, perm=[1, 0, 2])
    each, states = run_layers(graph, exported.network, exported.theta, x, steps)
    found = _outputs(graph, exported, read, each, states[-1][-1])
    outputs = (_classes if exported.classes else _values)(graph, exported, read, valid, found)
    return graph.as_model("forecastrnn", read.declared, outputs, {"estimator": exported.title})


def _refuse_texts_beside_numbers(exported: Exported) -> None:
    """An input is of texts or of numbers."""
    kinds = {known.dtype.kind in "US" for name, known in exported.arrays.items() if name.startswith("categories.")}
    if len(kinds) > 1:
        raise ValueError(
            "to_onnx: the model reads texts in some channels and numbers in others, but an input of ONNX is of one "
            "kind. Fit it on texts or on numbers in all of them, or use export_numpy."
        )


def _reads_texts(exported: Exported) -> bool:
    known = exported.arrays.get("categories.0")
    return known is not None and known.dtype.kind in "US"


def _coded(graph: Graph, exported: Exported) -> str:
    """Texts in X as numbers of their categories, by channels; one more than there are, where fit has not seen them."""
    parts = []
    for channel in range(len(exported.arrays["x.mean"])):
        known = exported.arrays[f"categories.{channel}"].tolist()
        texts = graph.add("Gather", "X", graph.integers(channel), axis=-1)
        keys = {"keys_strings": known, "values_int64s": list(range(len(known)))}
        parts.append(graph.of_ml("LabelEncoder", texts, default_int64=len(known), **keys))
    return graph.cast(graph.add("Concat", *parts, axis=-1) if len(parts) > 1 else parts[0], np.float64)


def _setting(exported: Exported, name: str) -> int:
    return int(cast(int, exported.settings[name]))


def _inputs(graph: Graph, exported: Exported) -> _Read:
    """X and the optional lengths, -1 for the whole row; for vectors the optional n_steps, too."""
    channels, repeats = len(exported.arrays["x.mean"]), _setting(exported, "REPEATS")
    shape: list[str | int] = ["batch", channels] if repeats else ["batch", "time", channels]
    is_text = _reads_texts(exported)
    dtype = np.dtype(object if is_text else np.float64)
    declared = [graph.info("X", dtype, shape), graph.info("lengths", np.int64, ["rows"])]
    graph.constant([-1], np.int64, "lengths")
    given = _coded(graph, exported) if is_text else "X"
    x = at_least_one(graph, given, len(shape), graph.constant(0.0, np.float64))
    if repeats:
        declared.append(graph.info("n_steps", np.int64, [1]))
        graph.constant([repeats], np.int64, "n_steps")
        x = graph.add("Unsqueeze", x, graph.integers(1))
        rows, width = size_of(graph, x, 0), size_of(graph, x, 2)
        x = graph.add("Expand", x, graph.add("Concat", rows, "n_steps", width, axis=0))
    batch, time = size_of(graph, x, 0), size_of(graph, x, 1)
    return _Read(declared, x, ends_of(graph, batch, time), batch, time, size_of(graph, "X", 0))


def ends_of(graph: Graph, batch: str, time: str) -> str:
    """`lengths`, where they are given, of rows that have none the whole time."""
    lengths = at_least_one(graph, "lengths", 1, graph.constant(-1, np.int64))
    whole = graph.add("Expand", time, batch)
    ends = graph.add("Where", graph.add("Equal", lengths, graph.integers(-1)), whole, lengths)
    wrong = graph.add("Or", graph.add("Less", ends, graph.integers(1)), graph.add("Greater", ends, time))
    return unless(graph, wrong, ends, "lengths must be from 1 to the number of steps")


def _counted(graph: Graph, count: str) -> str:
    """0 .. count - 1, count being a vector of one."""
    scalars = graph.constant(0, np.int64), graph.constant(1, np.int64)
    return graph.add("Range", scalars[0], graph.add("Squeeze", count), scalars[1])


def valid_steps(graph: Graph, ends: str, time: str) -> str:
    """Whether a step is none past the end, (n, time, 1)."""
    ends = graph.add("Unsqueeze", ends, graph.integers(1))
    return graph.add("Unsqueeze", graph.add("Less", _counted(graph, time), ends), graph.integers(2))


def _numbers(graph: Graph, exported: Exported, x: str) -> str:
    """Channels as the first layer reads them: numbers standardised, in float64, and vectors of categories."""
    mean, scale = exported.arrays["x.mean"], exported.arrays["x.scale"]
    coded = list(cast(tuple, exported.settings["CATEGORICAL"]))
    numbers = [channel for channel in range(len(mean)) if channel not in coded]
    parts = []
    if numbers:
        own = graph.add("Gather", x, graph.integers(*numbers), axis=2) if coded else x
        centred = graph.add("Sub", own, graph.constant(mean[numbers], np.float64))
        parts.append(graph.cast(graph.add("Div", centred, graph.constant(scale[numbers], np.float64)), np.float32))
    parts += [_vectors(graph, exported, x, number, channel) for number, channel in enumerate(coded)]
    return graph.add("Concat", *parts, axis=2)


def _vectors(graph: Graph, exported: Exported, x: str, number: int, channel: int) -> str:
    """The vectors of the categories in a channel; the last one is that of unknown ones."""
    known = exported.arrays[f"categories.{number}"]
    known = np.arange(len(known)) if _reads_texts(exported) else known.astype(np.float64)
    column = graph.add("Gather", x, graph.integers(channel), axis=2)
    equal = graph.cast(graph.add("Equal", column, graph.constant(known, np.float64)), np.float32)
    unknown = graph.add("Sub", graph.constant(1.0), graph.add("ReduceMax", equal, axes=[2], keepdims=1))
    which = graph.add("Concat", equal, unknown, axis=2)
    return graph.add("MatMul", which, graph.constant(exported.network.views(exported.theta)[vectors_of(number)]))


def _outputs(graph: Graph, exported: Exported, read: _Read, each: str, end: str) -> str:
    """Outputs (n, k, outputs) of the head at the last step, the last k steps or all steps, in float64 and unscaled."""
    last = _setting(exported, "LAST")
    if last == 1:
        x = graph.add("Unsqueeze", end, graph.integers(1))
    else:
        x = graph.add("Transpose", each, perm=[1, 0, 2])
        x = _last_steps(graph, read, x, last, exported.network.layers[-1].width) if last else x
    views = exported.network.views(exported.theta)
    dense = graph.add("MatMul", x, graph.constant(views["output.kernel"]))
    found = graph.cast(graph.add("Add", dense, graph.constant(views["output.bias"])), np.float64)
    scaled = graph.add("Mul", found, graph.constant(exported.arrays["y.scale"], np.float64))
    return graph.add("Add", scaled, graph.constant(exported.arrays["y.mean"], np.float64))


def _last_steps(graph: Graph, read: _Read, x: str, last: int, width: int) -> str:
    """The last steps of each row of x (n, time, width)."""
    count = graph.add("Min", graph.integers(last), read.time)
    begin = graph.add("Unsqueeze", graph.add("Sub", read.ends, count), graph.integers(1))
    places = graph.add("Max", graph.add("Add", begin, _counted(graph, count)), graph.integers(0))
    shape = graph.add("Concat", read.batch, count, graph.integers(width), axis=0)
    places = graph.add("Expand", graph.add("Unsqueeze", places, graph.integers(2)), shape)
    return graph.add("GatherElements", x, places, axis=1)


def _values(graph: Graph, exported: Exported, read: _Read, valid: str, found: str) -> list[Any]:
    """Predictions in the shape of the y of `fit`, NaN past the end of a row."""
    dimensions, repeats = _setting(exported, "TARGET_DIMENSIONS"), _setting(exported, "REPEATS")
    outputs = exported.network.n_outputs
    if _setting(exported, "LAST") == 0:
        found = graph.add("Where", valid, found, graph.constant(np.nan, np.float64))
    shape: list[str | int] = ["batch", "steps", outputs]
    if dimensions != 3:
        axes = (2,) if repeats else (1, 2) if dimensions == 1 else (1,)
        shape = [size for axis, size in enumerate(shape) if axis not in axes]
        found = graph.add("Squeeze", found, graph.integers(*axes))
    graph.call(first_rows(graph, found, read.given), "prediction")
    return [graph.info("prediction", np.float64, shape)]


def _classes(graph: Graph, exported: Exported, read: _Read, valid: str, found: str) -> list[Any]:
    """The most probable class and the probability of each, 0 past the end of a row."""
    classes = exported.arrays["classes"]
    shares = graph.add("Softmax", found, axis=-1)
    if _setting(exported, "TARGET_DIMENSIONS") == 1:
        shares, shape = graph.add("Squeeze", shares, graph.integers(1)), ["batch"]
    else:
        shares, shape = graph.add("Where", valid, shares, graph.constant(0.0, np.float64)), ["batch", "steps"]
    best = graph.add("ArgMax", shares, axis=-1, keepdims=0)
    dtype = object if classes.dtype.kind in "US" else classes.dtype.type
    labels = graph.add("Gather", graph.constant(classes, dtype), first_rows(graph, best, read.given))
    graph.call(labels, "label")
    graph.call(first_rows(graph, shares, read.given), "probabilities")
    return [graph.info("label", classes.dtype, shape), graph.info("probabilities", np.float64, [*shape, len(classes)])]
