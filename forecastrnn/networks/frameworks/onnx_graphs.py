"""The recurrent nodes of an ONNX graph in their order, with their constants; all that computes beside them is refused.

The operators: https://onnx.ai/onnx/operators/onnx__LSTM.html and its neighbours.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from forecastrnn.networks.frameworks.onnx_door import PRODUCER, load_onnx

RECURRENT = ("RNN", "LSTM", "GRU")
FOLDED = ("Cast", "Concat", "Identity", "Reshape", "Slice", "Squeeze", "Transpose", "Unsqueeze")  # of constants
# What moves numbers and changes none.
MOVING = (*FOLDED, "Constant", "ConstantOfShape", "Dropout", "Expand", "Flatten", "Gather", "GatherElements", "Shape")
LINKS = ("LogSoftmax", "Sigmoid", "Softmax")


@dataclass
class Nodes:
    """What a graph consists of: recurrent nodes, nodes of one dense layer, and the link behind it, if there is one."""

    recurrent: list[Any] = field(default_factory=list)
    dense: list[Any] = field(default_factory=list)
    link: str = ""
    constants: dict[str, np.ndarray] = field(default_factory=dict)


def loaded(given: Any) -> Any:
    """A model of a path, bytes, a file or a model itself; ValueError if there is none."""
    onnx = load_onnx()
    if hasattr(given, "graph"):
        return given
    if not isinstance(given, str | bytes | os.PathLike) and not hasattr(given, "read"):
        raise TypeError(f"model must be a path, bytes, a binary file or a model of onnx. Got {type(given).__name__}.")
    try:
        return onnx.load_from_string(given) if isinstance(given, bytes) else onnx.load(given)
    except OSError:
        raise
    except Exception as error:  # whatever the reader of protocol buffers makes of other bytes
        raise ValueError(f"this is no model of ONNX: {given!r:.80}") from error


def nodes_of(model: Any, values: Mapping[str, np.ndarray]) -> Nodes:
    """The nodes of a model; values: of inputs that hold weights. ValueError for what else computes something."""
    onnx = load_onnx()
    if model.producer_name == PRODUCER:
        raise ValueError(
            "to_onnx has written this model, with more around its layers than is read here: scales, lengths, labels. "
            "To go on with a model of forecastrnn, keep it with save and load."
        )
    found = Nodes(constants={one.name: onnx.numpy_helper.to_array(one) for one in model.graph.initializer})
    found.constants |= values
    behind: dict[str, int] = {}  # value -> the number of recurrent and dense nodes it has gone through
    for node in model.graph.node:
        if not _fold(found.constants, node):
            _place(found, node, behind)
    if not found.recurrent:
        raise ValueError(f"the graph has no node of {', '.join(RECURRENT)}.")
    return found


def _fold(constants: dict[str, np.ndarray], node: Any) -> bool:
    """Whether a node is made of constants alone; its result then is one."""
    onnx = load_onnx()
    if node.op_type == "Constant":
        value = attributes_of(node).get("value")
        if value is not None:
            constants[node.output[0]] = onnx.numpy_helper.to_array(value)
        return value is not None
    inputs = [name for name in node.input if name]
    if node.op_type not in FOLDED or not all(name in constants for name in inputs):
        return False
    evaluate = onnx.reference.ReferenceEvaluator(node)
    constants[node.output[0]] = evaluate.run(None, {name: constants[name] for name in inputs})[0]
    return True


def _place(found: Nodes, node: Any, behind: dict[str, int]) -> None:
    """Put a node where it belongs, and say how far its results are."""
    given = {behind.get(name, 0) for name in node.input if name and name not in found.constants}
    stage = len(found.recurrent) + bool(found.dense)
    if node.op_type in RECURRENT and not found.dense:
        given, found.recurrent = {behind.get(node.input[0], 0)}, [*found.recurrent, node]
    elif node.op_type in ("Gemm", "MatMul") and found.recurrent and not found.dense:
        found.dense.append(node)
    elif node.op_type == "Add" and len(found.dense) == 1 and found.dense[0].op_type == "MatMul" and not found.link:
        found.dense.append(node)
    elif node.op_type in LINKS and found.dense and not found.link:
        found.link = node.op_type
    elif node.op_type not in MOVING:
        raise ValueError(
            f"{said(node)} computes what no network here does. The graph may have {', '.join(RECURRENT)} one behind "
            "the other, one dense layer (Gemm, or MatMul and Add) and a Softmax or Sigmoid."
        )
    else:
        stage = max(given, default=0)
        behind.update(dict.fromkeys(node.output, stage))
        return
    if given != {stage}:
        raise ValueError(f"{said(node)} does not read what the layer before it puts out: layers must be one chain.")
    behind.update(dict.fromkeys(node.output, len(found.recurrent) + bool(found.dense)))


def said(node: Any) -> str:
    """A node, for messages."""
    return f"node {node.name or node.output[0]!r} ({node.op_type})"


def attributes_of(node: Any) -> dict[str, Any]:
    """Attributes of a node by name, texts as texts."""
    helper = load_onnx().helper
    return {one.name: _plain(helper.get_attribute_value(one)) for one in node.attribute}


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode()
    return [_plain(one) for one in value] if isinstance(value, list) else value


def constants_of(found: Nodes, node: Any) -> Iterator[np.ndarray | None]:
    """The constant of each input of a node, None where it is none."""
    for name in node.input:
        yield found.constants.get(name)
