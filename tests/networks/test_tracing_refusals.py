"""What no formula can be: every message shows the line of the formula."""

from __future__ import annotations

import inspect
import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from forecastrnn.formulas import sigmoid, tanh
from forecastrnn.networks.tracing.graph import MOST_NODES
from forecastrnn.networks.tracing.trace import trace_cell

LEAKED: list = []


def helper(x: Any) -> Any:
    return x if x > 0 else 0.0 * x


def branch(a, b):
    if a:  # here
        return a
    return b


def in_a_helper(a, b):
    return helper(a) + b


def use_of_an_earlier_call(a, b):
    LEAKED.append(a)
    return LEAKED[0] + b  # here


def too_long(a, b):
    for k in range(MOST_NODES + 1):
        a = a * b + k  # here
    return a


REFUSED: dict[str, Callable[..., Any]] = {
    "a > b": lambda a, b: a + b * (a > 0),
    "a == b": lambda a, b: a if a == b else b,
    "a != b": lambda a, b: a if a != b else b,
    "a in": lambda a, b: a if a in (b, a + b) else b,
    "a and b": lambda a, b: a and b,
    "not a": lambda a, b: not a,
    "max": lambda a, b: max(a, b),
    "np.sin": lambda a, b: np.sin(a) + b,
    "np.positive": lambda a, b: np.positive(a) * b,
    "np.where": lambda a, b: np.where(a, a, b),
    "np.clip": lambda a, b: np.clip(a, -1.0, 1.0) + b,
    "np.greater": lambda a, b: np.greater(a, b) * a,
    "np.dot": lambda a, b: np.dot(a, b),
    "np.add.reduce": lambda a, b: np.add.reduce(a) + b,
    "np.tanh with out": lambda a, b: np.tanh(a, where=True) + b,
    "np.array": lambda a, b: np.array(a) + b,
    "np.asarray of many": lambda a, b: np.asarray([a, b]),
    "math.tanh": lambda a, b: math.tanh(a) + b,
    "float": lambda a, b: float(a) + b,
    "int": lambda a, b: int(a) + b,
    "round": lambda a, b: round(a) + b,
    "index": lambda a, b: [1.0, 2.0][a] + b,
    "modulo": lambda a, b: a % b,
    "floor": lambda a, b: a // 2 + b,
    "power": lambda a, b: a**0.5 + b,
    "power zero": lambda a, b: a**0 + b,
    "power of a value": lambda a, b: a**b,
    "value as exponent": lambda a, b: 2.0**a + b,
    "matmul": lambda a, b: a @ b,
    "a[0]": lambda a, b: a[0] + b,
    "len": lambda a, b: len(a) + b,
    "for": lambda a, b: sum(x for x in a) + b,
    "item": lambda a, b: operator.setitem(a, 0, b),
    "text": lambda a, b: a + "1" + b,
    "None": lambda a, b: a * None + b,
    "complex": lambda a, b: a * 1j + b,
    "object": lambda a, b: a * np.array(None) + b,
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_no_graph_can_hold(text: str) -> None:
    step = REFUSED[text]
    with pytest.raises(TypeError) as raised:
        trace_cell(step=step, gates=("a", "b"), states=("h",))
    check_line(str(raised.value), step, f'"{text}": lambda a, b:')


def check_line(message: str, step: Callable[..., Any], text: str) -> None:
    """The message says file, line and text."""
    assert message.splitlines()[1].startswith(f'  File "{__file__}", line '), message
    line = int(message.splitlines()[1].partition(", line ")[2].partition(",")[0])
    source, first = inspect.getsourcelines(step)
    assert first <= line < first + len(source)
    assert text in message.splitlines()[2], message


def check(step: Callable[..., Any], kind: type[Exception], match: str, line: str, **options: Any) -> None:
    options = {"gates": ("a", "b"), "states": ("h",)} | options
    with pytest.raises(kind, match=match) as raised:
        trace_cell(step=step, **options)
    check_line(str(raised.value), options.get("between") or step, line)


def test_a_branch() -> None:
    check(branch, TypeError, "cannot branch on a value.*maximum, minimum or positive", "if a:  # here")


def test_a_branch_in_a_helper_shows_the_line_there() -> None:
    with pytest.raises(TypeError, match="cannot compare") as raised:
        trace_cell(step=in_a_helper, gates=("a", "b"), states=("h",))
    check_line(str(raised.value), helper, "return x if x > 0 else 0.0 * x")


def test_an_unknown_function_is_told_which_there_are() -> None:
    with pytest.raises(TypeError, match=r"cannot use numpy\.sin\. There are exp, fixed, log.* of NumPy absolute, add"):
        trace_cell(step=lambda s: np.sin(s), gates=("s",), states=("h",))


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (lambda s: s.tanh(), r"without 'tanh': write tanh\(x\) of"),
        (lambda s: s.sum(), "without 'sum': There are exp, fixed"),
    ],
)
def test_methods_of_arrays_and_tensors_are_told_what_there_is(step: Callable, said: str) -> None:
    with pytest.raises(AttributeError, match=f"a value of a formula is one number a unit, {said}"):
        trace_cell(step=step, gates=("s",), states=("h",))


def test_a_value_of_an_earlier_call() -> None:
    LEAKED.clear()
    trace_cell(step=use_of_an_earlier_call, gates=("a", "b"), states=("h",))
    check(use_of_an_earlier_call, ValueError, "of another formula, or of an earlier call", "# here")


def test_too_many_values() -> None:
    check(too_long, ValueError, f"{MOST_NODES} values at most", "# here")


VALUES: dict[str, tuple[Callable[..., Any], str]] = {
    "an array": (lambda a, b: a * np.ones(3) + b, r"single numbers. Got an array of shape \(3,\)"),
    "an array of one": (lambda a, b: np.ones(1) * a + b, r"single numbers. Got an array of shape \(1,\)"),
    "a list": (lambda a, b: a + [1.0, 2.0] + b, r"single numbers. Got an array of shape \(2,\)"),
    "infinity": (lambda a, b: np.maximum(a, -np.inf) + b, "must be finite. Got -inf"),
    "not a number": (lambda a, b: a * float("nan") + b, "must be finite. Got nan"),
    "infinite results": (lambda a, b: a + b / (a * 0.0) * (1.0 / (a * 0.0)), "div of 1.0, 0.0 is not finite"),
    "too few states": (lambda a, b: a + b, "must return c, h. It returns 1 values"),
    "too many states": (lambda a, b: (a, b, a + b), "must return c, h. It returns 3 values"),
    "an unset state": (lambda a, b: (a + b, None), "must return c, h. It returns None for h"),
    "nothing": (lambda a, b: None, "must return c, h. It returns None for c"),
    "one value twice": (lambda a, b: (a + b, b + a), "new states c and h are one value"),
    "a constant state": (lambda a, b: (a * b, 1.0), "a constant for h"),
    "a state that folds to a constant": (lambda a, b: (a * b, a * 0.0), "a constant for h"),
    "an array as a state": (lambda a, b: (a * b, np.zeros(4)), r"single numbers. Got an array of shape \(4,\)"),
    "an unused gate": (lambda a: (a, a * a), "no new state depends on b"),
    "a gate times zero": (lambda a, b: (a + 0.0 * b, a * a), "no new state depends on b"),
}


@pytest.mark.parametrize("name", VALUES)
def test_values_and_states(name: str) -> None:
    step, match = VALUES[name]
    check(step, ValueError, match, f'"{name}": (lambda a', states=("c", "h"))


def test_text_as_a_state() -> None:
    check(lambda a, b: "a", TypeError, "cannot compute with 'a'", "check(lambda")


def test_a_return_in_another_line_is_shown() -> None:
    def step(a, b):
        c = a + b
        h = tanh(c)
        return c, c * (1.0 if h is None else 1.0)

    check(step, ValueError, "are one value", "return c, c * (1.0 if", states=("c", "h"))


def test_names_that_a_formula_asks_for() -> None:
    check(lambda a, b, x: a, TypeError, "asks for x, but there are a, b, h", "lambda a, b, x")
    check(lambda *values: values[0], TypeError, "asks for values", "lambda *values")
    check(lambda **values: values["a"], TypeError, "asks for values", "lambda **values")


def test_a_default_stays() -> None:
    def step(s, slope=0.5):
        return s * slope

    assert 0.5 in [node.content for node in trace_cell(step=step, gates=("s",), states=("h",)).nodes]


NAMES: dict[str, tuple[dict[str, tuple], str]] = {
    "twice": ({"gates": ("h", "b")}, "names of their own. Twice: h"),
    "no name": ({"gates": ("a", "b c")}, "must be names of Python, in ASCII. Got 'b c'"),
    "no ASCII": ({"states": ("ħ",)}, "in ASCII. Got 'ħ'"),
    "no text": ({"gates": ("a", 1)}, "in ASCII. Got 1"),
    "long": ({"gates": ("a", "b" * 41)}, "in ASCII. Got 'bbb"),
    "no gates": ({"gates": ()}, "has a gate, a state"),
    "no states": ({"states": ()}, "has a gate, a state"),
    "many": ({"diagonals": tuple(f"p{k}" for k in range(40))}, "at most 32 gates"),
    "unknown second": ({"second": ("x",)}, "second must name gates"),
    "second twice": ({"second": ("a", "a")}, "second must name gates"),
}


@pytest.mark.parametrize("name", NAMES)
def test_names(name: str) -> None:
    options, match = NAMES[name]
    with pytest.raises(ValueError, match=match):
        trace_cell(**{"step": lambda a, b: a * b, "gates": ("a", "b"), "states": ("h",), **options})


def test_an_unused_diagonal() -> None:
    check(lambda a, b: a * b, ValueError, "no new state depends on p, whose", "check(lambda", diagonals=("p",))


def test_what_between_may_read() -> None:
    """Sums that are there by then, the last state and diagonal weights."""
    options = {"gates": ("a", "b"), "states": ("c", "h"), "second": ("b",)}

    def step(a, b, c):
        return a * b, tanh(b) + c

    check(step, TypeError, "asks for b, but there are a, h", "between=lambda b", between=lambda b: b, **options)
    check(step, TypeError, "asks for c, but there are a, h", "between=lambda c", between=lambda c: c, **options)
    check(step, ValueError, "must return what products read", "lambda", between=lambda a, h: (a, h), **options)
    check(step, ValueError, "a constant for what products", "lambda a", between=lambda a: a * 0 + 1, **options)


def test_between_and_second_belong_together() -> None:
    def step(a, b):
        return sigmoid(a) * b

    with pytest.raises(ValueError, match="or neither"):
        trace_cell(step=step, between=lambda a, h: a * h, gates=("a", "b"), states=("h",))
    with pytest.raises(ValueError, match="or neither"):
        trace_cell(step=step, gates=("a", "b"), states=("h",), second=("b",))


def test_source_that_is_not_there() -> None:
    """A formula of a console has a line number at least."""
    scope: dict[str, Any] = {}
    exec("def step(a):\n    return a if a > 0 else -a\n", scope)
    with pytest.raises(TypeError, match=r'File "<string>", line 2, in step$'):
        trace_cell(step=scope["step"], gates=("a",), states=("h",))
