"""An ONNX graph that grows node by node, whose values have names of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np

from forecastrnn._version import __version__
from forecastrnn.networks.frameworks.onnx_door import PRODUCER, load_onnx

OPSET, IR_VERSION = 17, 8  # read by ONNX Runtime from 1.12 on
LARGE = 256  # numbers of an array, from which on those that are equal are kept once
ML, ML_OPSET = "ai.onnx.ml", 3  # where what reads texts stands


class Graph:
    """Nodes and constants. A body, of a loop, has nodes of its own and the constants and names of the graph around."""

    def __init__(self, around: Graph | None = None) -> None:
        self.onnx = load_onnx()
        self.nodes: list[Any] = []
        self.constants: list[Any] = [] if around is None else around.constants
        self._names: list[str] = [] if around is None else around._names
        self._large: dict[tuple, str] = {} if around is None else around._large

    def body(self) -> Self:
        """A graph inside this one."""
        return type(self)(self)

    def name(self, word: str) -> str:
        """A name that nothing else has."""
        self._names.append(f"{word}_{len(self._names)}")
        return self._names[-1]

    def constant(self, value: Any, dtype: type = np.float32, name: str = "") -> str:
        """The name of an array; a large one that is there already, as where series are read twice, is kept once."""
        array: np.ndarray = np.array(value, dtype, order="C")
        if array.size < LARGE or array.dtype.kind not in "fi" or name:
            return self._kept(array, name)
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._large:
            self._large[key] = self._kept(array)
        return self._large[key]

    def _kept(self, array: np.ndarray, name: str = "") -> str:
        name = name or self.name("constant")
        self.constants.append(self.onnx.numpy_helper.from_array(array, name))
        return name

    def integers(self, *values: int) -> str:
        """The name of a vector of int64, as of axes and shapes."""
        return self.constant(values, np.int64)

    def many(self, operation: str, inputs: Sequence[str], count: int, **attributes: Any) -> list[str]:
        """The names of all results of an operation; an input "" is left out."""
        found = [self.name(operation.lower()) for _ in range(count)]
        self.nodes.append(self.onnx.helper.make_node(operation, inputs, found, **attributes))
        return found

    def add(self, operation: str, *inputs: str, **attributes: Any) -> str:
        """The name of the one result of an operation."""
        return self.many(operation, inputs, 1, **attributes)[0]

    def of_ml(self, operation: str, *inputs: str, **attributes: Any) -> str:
        """The same for an operation of ONNX for machine learning in general."""
        return self.add(operation, *inputs, domain=ML, **attributes)

    def named(self, operation: str, node: str, *inputs: str) -> str:
        """The same for a node that is called by its name if it fails."""
        found = self.add(operation, *inputs)
        count = self._names.count(node)
        self._names.append(node)
        self.nodes[-1].name = f"{node} ({count + 1})" if count else node  # no two nodes may have one name
        return found

    def cast(self, value: str, dtype: type) -> str:
        """A value in the type of a dtype."""
        return self.add("Cast", value, to=self.type_of(dtype))

    def type_of(self, dtype: type | np.dtype) -> int:
        """The number by which ONNX knows a dtype; all texts are one type."""
        kind = np.dtype(dtype)
        return int(self.onnx.helper.np_dtype_to_tensor_dtype(np.dtype(object) if kind.kind in "US" else kind))

    def info(self, name: str, dtype: type | np.dtype, shape: Sequence[str | int | None] | None) -> Any:
        """A value as graphs declare it."""
        return self.onnx.helper.make_tensor_value_info(name, self.type_of(dtype), shape)

    def call(self, value: str, name: str) -> None:
        """Give a value a name that is known outside."""
        self.nodes.append(self.onnx.helper.make_node("Identity", [value], [name]))

    def as_graph(self, name: str, inputs: Sequence[Any], outputs: Sequence[Any], *, whole: bool = False) -> Any:
        """The graph as ONNX has it; whole : with its constants, as the outermost one."""
        constants = self.constants if whole else []
        return self.onnx.helper.make_graph(self.nodes, name, inputs, outputs, constants)

    def as_model(self, name: str, inputs: Sequence[Any], outputs: Sequence[Any], about: Mapping[str, str]) -> bytes:
        """The whole model, checked, as the bytes of a file."""
        helper = self.onnx.helper
        domains = {"": OPSET} | ({ML: ML_OPSET} if any(node.domain == ML for node in self.nodes) else {})
        opsets = [helper.make_opsetid(*one) for one in domains.items()]
        model = helper.make_model(
            self.as_graph(name, inputs, outputs, whole=True), opset_imports=opsets,
            ir_version=IR_VERSION, producer_name=PRODUCER, producer_version=__version__,
        )  # fmt: skip
        helper.set_model_props(model, dict(about))
        self.onnx.checker.check_model(model)
        return bytes(model.SerializeToString())
