"""Arithmetic on values of an ONNX graph: what is written as a formula becomes nodes of the graph being written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from forecastrnn.onnx_models.graph import Graph
from forecastrnn.onnx_models.loops import Step, Typed, loop
from forecastrnn.onnx_models.rows import unless

LAST = 2**62  # the end of an axis, in `cut`


class Scope:
    """The graph that is being written: the outermost one, or the body of a loop while that is written."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph

    def constant(self, value: Any, dtype: Any = np.float64) -> Value:
        """An array."""
        return Value(self, self.graph.constant(value, dtype), dtype)

    def apply(self, operation: str, *values: Value, dtype: Any = None, **attributes: Any) -> Value:
        """An operation; its result has the dtype of the first value, or another."""
        name = self.graph.add(operation, *(one.name for one in values), **attributes)
        return Value(self, name, values[0].dtype if dtype is None else dtype)

    def where(self, condition: Value, one: Any, other: Any) -> Value:
        """One value where a condition holds, else the other; numbers take the dtype of the other one."""
        kind = next(value.dtype for value in (one, other) if isinstance(value, Value))
        pair = [value if isinstance(value, Value) else self.constant(value, kind) for value in (one, other)]
        return self.apply("Where", condition, *pair, dtype=kind)

    def stack(self, *values: Value, axis: int) -> Value:
        """Values side by side along an axis that is there."""
        return self.apply("Concat", *values, axis=axis)

    def unless(self, wrong: Value, value: Value, why: str) -> Value:
        """A value of int64 in the shape of `wrong`; where that is true the runtime fails and says why."""
        return Value(self, unless(self.graph, wrong.name, value.name, why), np.int64)

    def counted(self, count: Value) -> Value:
        """0 .. count - 1, of a scalar of int64."""
        return self.apply("Range", self.constant(0, np.int64), count, self.constant(1, np.int64))

    def shape(self, *sizes: Value | int) -> Value:
        """A shape of scalars and numbers."""
        parts = [one.lifted(0) if isinstance(one, Value) else self.constant([one], np.int64) for one in sizes]
        return self.stack(*parts, axis=0)

    @contextmanager
    def inside(self, body: Graph) -> Iterator[None]:
        """Write into a body."""
        around, self.graph = self.graph, body
        try:
            yield
        finally:
            self.graph = around

    def loop(
        self, most: Value, first: Sequence[Value],
        body: Callable[[Value, list[Value]], tuple[Value | None, Sequence[Value], Sequence[Value]]],
    ) -> list[Value]:  # fmt: skip
        """Steps of body(number, states) -> whether it goes on, new states, what is kept; last states and all kept."""
        kept_dtypes: list[Any] = []

        def step(graph: Graph, number: str, states: Sequence[str]) -> Step:
            with self.inside(graph):
                own = [Value(self, name, one.dtype) for name, one in zip(states, first, strict=True)]
                go, new, kept = body(Value(self, number, np.int64), own)
            kept_dtypes.extend(one.dtype for one in kept)
            return Step(go.name if go else "", [one.name for one in new], [Typed(*one.typed) for one in kept])

        names = loop(self.graph, most.name, [Typed(*one.typed) for one in first], step)
        kinds = [*(one.dtype for one in first), *kept_dtypes]
        return [Value(self, name, kind) for name, kind in zip(names, kinds, strict=True)]

    def either(
        self, condition: Value, one: Callable[[], Sequence[Value]], other: Callable[[], Sequence[Value]]
    ) -> list[Value]:  # fmt: skip
        """The values of one of two branches, of which that alone is computed."""
        branches, kinds = [], []
        for write in (one, other):
            body = self.graph.body()
            with self.inside(body):
                found = [self.apply("Identity", value) for value in write()]
            kinds = [value.dtype for value in found]
            branches.append(body.as_graph("branch", [], [body.info(*value.typed, None) for value in found]))
        names = self.graph.many("If", [condition.name], len(kinds), then_branch=branches[0], else_branch=branches[1])
        return [Value(self, name, kind) for name, kind in zip(names, kinds, strict=True)]


class Value:
    """A value of a graph, its dtype, and what can be computed of it; numbers beside it take its dtype."""

    def __init__(self, scope: Scope, name: str, dtype: Any) -> None:
        self.scope, self.name, self.dtype = scope, name, dtype

    @property
    def typed(self) -> tuple[str, Any]:
        """Name and dtype."""
        return self.name, self.dtype

    def of(self, operation: str, *others: Any, dtype: Any = None, **attributes: Any) -> Value:
        """An operation on this value and others."""
        values = [one if isinstance(one, Value) else self.scope.constant(one, self.dtype) for one in others]
        return self.scope.apply(operation, self, *values, dtype=dtype, **attributes)

    def __add__(self, other: Any) -> Value:
        return self.of("Add", other)

    def __sub__(self, other: Any) -> Value:
        return self.of("Sub", other)

    def __rsub__(self, other: float) -> Value:
        return self.scope.constant(other, self.dtype) - self

    def __mul__(self, other: Any) -> Value:
        return self.of("Mul", other)

    def __truediv__(self, other: Any) -> Value:
        return self.of("Div", other)

    def __rtruediv__(self, other: float) -> Value:
        return self.scope.constant(other, self.dtype) / self

    def __mod__(self, other: Any) -> Value:
        return self.of("Mod", other)

    def __neg__(self) -> Value:
        return self.of("Neg")

    def __lt__(self, other: Any) -> Value:
        return self.of("Less", other, dtype=np.bool_)

    def __le__(self, other: Any) -> Value:
        return self.of("LessOrEqual", other, dtype=np.bool_)

    def __gt__(self, other: Any) -> Value:
        return self.of("Greater", other, dtype=np.bool_)

    def __ge__(self, other: Any) -> Value:
        return self.of("GreaterOrEqual", other, dtype=np.bool_)

    def equals(self, other: Any) -> Value:
        """Where both are equal."""
        return self.of("Equal", other, dtype=np.bool_)

    def __and__(self, other: Value) -> Value:
        return self.of("And", other)

    def __or__(self, other: Value) -> Value:
        return self.of("Or", other)

    def __invert__(self) -> Value:
        return self.of("Not")

    def abs(self) -> Value:
        """The size of each number."""
        return self.of("Abs")

    def to(self, dtype: Any) -> Value:
        """In another dtype."""
        return Value(self.scope, self.scope.graph.cast(self.name, dtype), dtype)

    def least(self, other: Any) -> Value:
        """The smaller of both."""
        return self.of("Min", other)

    def most(self, other: Any) -> Value:
        """The larger of both."""
        return self.of("Max", other)

    def over(self, how: str, axis: int, *, keep: bool = False) -> Value:
        """`how`: Sum, Mean, Max or Min, of an axis."""
        if how == "Sum":
            axes = self.scope.constant([axis], np.int64)
            return self.scope.apply("ReduceSum", self, axes, keepdims=int(keep))
        return self.of(f"Reduce{how}", axes=[axis], keepdims=int(keep))

    def size(self, axis: int) -> Value:
        """The size of an axis, a scalar."""
        sizes = self.of("Shape", dtype=np.int64)
        return sizes.take(self.scope.constant(axis, np.int64), 0)

    def lifted(self, *axes: int) -> Value:
        """With axes of one."""
        return self.scope.apply("Unsqueeze", self, self.scope.constant(axes, np.int64))

    def flat(self, *axes: int) -> Value:
        """Without axes of one."""
        return self.scope.apply("Squeeze", self, self.scope.constant(axes, np.int64))

    def turned(self, *order: int) -> Value:
        """Axes in another order."""
        return self.of("Transpose", perm=order)

    def shaped(self, shape: Value) -> Value:
        """In another shape."""
        return self.scope.apply("Reshape", self, shape)

    def spread(self, shape: Value) -> Value:
        """Repeated along axes of one."""
        return self.scope.apply("Expand", self, shape)

    def cut(self, axis: int, begin: Value | int, end: Value | int) -> Value:
        """What lies between two places of an axis; from the end, where they are negative."""
        places = [
            one.lifted(0) if isinstance(one, Value) else self.scope.constant([one], np.int64) for one in (begin, end)
        ]
        return self.scope.apply("Slice", self, *places, self.scope.constant([axis], np.int64))

    def take(self, places: Value, axis: int) -> Value:
        """What lies at places of an axis, the same of all rows."""
        return self.scope.apply("Gather", self, places, axis=axis)

    def pick(self, places: Value, axis: int) -> Value:
        """What lies at places of an axis, which each row says: places in the shape of the result."""
        return self.scope.apply("GatherElements", self, places, axis=axis)

    def sums(self, axis: int) -> Value:
        """Sums of the first 0, 1, .. n values along an axis, one more than there are."""
        found = self.scope.apply("CumSum", self, self.scope.constant(axis, np.int64))
        return self.scope.stack(found.cut(axis, 0, 1) * 0.0, found, axis=axis)

    def padded(self, axis: int, dimensions: int, count: Value) -> Value:
        """With `count` zeros behind an axis."""
        none = self.scope.constant([0], np.int64)
        pads = [none] * (2 * dimensions)
        pads[dimensions + axis] = count.lifted(0)
        return self.scope.apply("Pad", self, self.scope.stack(*pads, axis=0))

    def __getitem__(self, places: Sequence[int] | np.ndarray) -> Value:
        """Columns of (m, n) by number."""
        return self.take(self.scope.constant(places, np.int64), 1)
