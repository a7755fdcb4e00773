"""What a formula is called with: values that write down what is done with them, and refuse what cannot be."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

import numpy as np

from forecastrnn import formulas
from forecastrnn.formulas import Operand, Traced
from forecastrnn.networks.tracing.graph import Graph
from forecastrnn.networks.tracing.lines import line_here

LARGEST_POWER = 8
NO_BRANCH = "write both ways with maximum, minimum or positive of forecastrnn.formulas, which are arithmetic"


def _both_ways(operation: str) -> tuple[Callable[..., Value], Callable[..., Value]]:
    """Methods of an operation: the value on its left, and on its right."""

    def left(self: Value, other: Operand) -> Value:
        return apply(self.graph, operation, self, other)

    def right(self: Value, other: Operand) -> Value:
        return apply(self.graph, operation, other, self)

    return left, right


class Value(Traced):
    """One number a unit, of which a graph knows how it is made."""

    __slots__ = ("graph", "number")

    def __init__(self, graph: Graph, number: int) -> None:
        self.graph, self.number = graph, number

    def record(self, operation: str, *others: Operand) -> Value:
        """The value of an operation on this one and others."""
        return apply(self.graph, operation, self, *others)

    def special(self, operation: str, *arguments: Operand) -> Value:
        """The value of an operation on arguments of which this is one."""
        return apply(self.graph, operation, *arguments)

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("_"):
            raise AttributeError(name)
        function = f"write {name}(x) of forecastrnn.formulas" if name in formulas.__all__ else AVAILABLE
        _refuse(f"a value of a formula is one number a unit, without {name!r}: {function}", AttributeError)

    __add__, __radd__ = _both_ways("add")
    __sub__, __rsub__ = _both_ways("sub")
    __mul__, __rmul__ = _both_ways("mul")
    __truediv__, __rtruediv__ = _both_ways("div")

    def __neg__(self) -> Value:
        return apply(self.graph, "neg", self)

    def __pos__(self) -> Value:
        return self

    def __abs__(self) -> Value:
        return apply(self.graph, "maximum", self, -self)

    def __pow__(self, power: Operand) -> Value:
        if isinstance(power, Traced) or np.ndim(power) != 0 or power not in range(1, LARGEST_POWER + 1):
            _refuse(f"a formula can raise to whole powers from 1 to {LARGEST_POWER}; else use exp(power * log(x))")
        result = self
        for _ in range(1, int(power)):
            result = result * self
        return result

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Operand, **options: object) -> Value:
        """NumPy's functions, and its numbers beside a value."""
        if method != "__call__" or options or ufunc not in UFUNCS:
            name = f"numpy.{ufunc.__name__}" + ("" if method == "__call__" else f".{method}")
            _refuse(f"a formula cannot use {name}{' with options' if options else ''}. {AVAILABLE}")
        values = [Value(self.graph, as_number(self.graph, x)) for x in inputs]
        return UFUNCS[ufunc](*values)

    def __array_function__(self, function: Callable, types: object, inputs: object, options: object) -> NoReturn:
        _refuse(f"a formula cannot use numpy.{function.__name__}. {AVAILABLE}")

    def __array__(self, *inputs: object, **options: object) -> NoReturn:
        _refuse("a value of a formula is one number a unit and cannot become an array")


def apply(graph: Graph, operation: str, *arguments: Operand) -> Value:
    """The value of an operation, on the way of values and numbers into the graph."""
    if len(graph.nodes) >= graph.most:
        _refuse(f"a formula can have {graph.most} values at most", ValueError)
    numbers = [as_number(graph, x) for x in arguments]
    try:
        return Value(graph, graph.apply(operation, *numbers))
    except ValueError as problem:
        _refuse(str(problem), ValueError)


def as_number(graph: Graph, x: Operand) -> int:
    """Where a value, or a constant, is in the graph."""
    if isinstance(x, Traced):
        if not isinstance(x, Value) or x.graph is not graph:
            _refuse("a formula uses a value of another formula, or of an earlier call", ValueError)
        return x.number
    number = np.asarray(x)
    if number.ndim != 0:
        _refuse(f"constants of a formula are single numbers. Got an array of shape {number.shape}", ValueError)
    if number.dtype.kind not in "fiub":
        _refuse(f"a formula cannot compute with {x!r}")
    if not np.isfinite(number):
        _refuse(f"constants of a formula must be finite. Got {number}", ValueError)
    return graph.constant(float(number))


def _refuse(message: str, kind: type[Exception] = TypeError) -> NoReturn:
    raise kind(message + line_here())


def _refused(message: str) -> Callable[..., NoReturn]:
    def method(self: Value, *others: object) -> NoReturn:
        _refuse(message)

    return method


_COMPARED = f"a formula cannot compare values, which differ from unit to unit: {NO_BRANCH}"
_REFUSED = {
    f"a formula cannot branch on a value, which differs from unit to unit: {NO_BRANCH}": ("bool",),
    _COMPARED: ("eq", "ne", "lt", "le", "gt", "ge"),
    "a value of a formula is no Python number, so the math module cannot use it: take tanh, exp ... from "
    "forecastrnn.formulas": ("float", "int", "complex", "index", "round", "trunc", "floor", "ceil"),
    "a formula cannot use %, // or divmod": ("mod", "rmod", "floordiv", "rfloordiv", "divmod", "rdivmod"),
    "a formula cannot have a value as an exponent: use exp(power * log(x))": ("rpow",),
    "a formula has no products of matrices: those stand in its sums": ("matmul", "rmatmul"),
    "a value of a formula is one number a unit, not an array": ("len", "iter", "getitem", "setitem", "contains"),
}
for _message, _names in _REFUSED.items():
    for _name in _names:
        setattr(Value, f"__{_name}__", _refused(_message))

UFUNCS: dict[np.ufunc, Callable[..., Value]] = {
    np.add: lambda a, b: a + b,
    np.subtract: lambda a, b: a - b,
    np.multiply: lambda a, b: a * b,
    np.true_divide: lambda a, b: a / b,
    np.negative: lambda a: -a,
    np.absolute: abs,
    np.square: lambda a: a * a,
    np.reciprocal: lambda a: 1.0 / a,
    np.tanh: lambda a: a.record("tanh"),
    np.exp: lambda a: a.record("exp"),
    np.log: lambda a: a.record("log"),
    np.sqrt: lambda a: a.record("sqrt"),
    np.maximum: lambda a, b: a.record("maximum", b),
    np.minimum: lambda a, b: a.record("minimum", b),
}
AVAILABLE = (
    f"There are {', '.join(formulas.__all__)} in forecastrnn.formulas, and of NumPy "
    f"{', '.join(sorted(ufunc.__name__ for ufunc in UFUNCS))}"
)
