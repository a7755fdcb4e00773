"""One piece of a graph for many sets of parameters: what differs between them is taken from tables, by a number."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np

from forecastrnn.onnx_models.graph import Graph
from forecastrnn.onnx_models.values import Scope, Value

Write = Callable[[np.ndarray], Value]


def by_table(scope: Scope, write: Write, sets: np.ndarray, place: Value) -> Value:
    """What `write` makes of the set at a place (a scalar); it makes the same nodes of all of sets (n, ..)."""
    noted = []
    for one in sets:
        notes = _Notes(scope.graph)
        with scope.inside(notes):
            write(one)
        noted.append(notes.arrays)
    tabled = _Tabled(scope.graph, list(zip(*noted, strict=True)), place.name)
    tabled.nodes = scope.graph.nodes
    with scope.inside(tabled):
        return write(sets[0])


class _Notes(Graph):
    """Makes no nodes: it notes the arrays that are asked for."""

    def __init__(self, around: Graph) -> None:
        super().__init__(around)
        self.arrays: list[np.ndarray] = around.arrays if isinstance(around, _Notes) else []

    def constant(self, value: Any, dtype: type = np.float32, name: str = "") -> str:
        self.arrays.append(np.array(value, dtype))
        return ""

    def many(self, operation: str, inputs: Sequence[str], count: int, **attributes: Any) -> list[str]:
        return [""] * count

    def name(self, word: str) -> str:
        return ""

    def info(self, name: str, dtype: type | np.dtype, shape: Sequence[str | int | None] | None) -> Any:
        return None

    def as_graph(self, name: str, inputs: Sequence[Any], outputs: Sequence[Any], *, whole: bool = False) -> Any:
        return None


class _Tabled(Graph):
    """Each array that is asked for is the next of `columns`: one, where all of a column are equal, or one by place."""

    def __init__(self, around: Graph, columns: list[tuple[np.ndarray, ...]], place: str) -> None:
        super().__init__(around)
        self._columns, self._place = columns, place

    def body(self) -> Self:
        return type(self)(self, self._columns, self._place)

    def constant(self, value: Any, dtype: type = np.float32, name: str = "") -> str:
        column = self._columns.pop(0)
        if all(np.array_equal(one, column[0], equal_nan=one.dtype.kind == "f") for one in column[1:]):
            return super().constant(value, dtype, name)
        return self.add("Gather", super().constant(np.stack(column), dtype), self._place, axis=0)
