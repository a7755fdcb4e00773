"""What a user may get wrong in a cell of one's own is said with the line of the formula, before anything is run."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from forecastrnn import Cell, RNNForecaster, RNNRegressor, check_gradients
from forecastrnn.formulas import sigmoid, tanh
from forecastrnn.functional import dynamic_rnn


class Late(Cell):
    """Checked when it is used, not when it is made: it has a __post_init__ of its own, as cells with options have."""

    gates = ("a", "b")
    states = ("c", "h")

    def __post_init__(self) -> None:
        """Nothing."""


@dataclass(frozen=True)
class Branch(Late):
    def step(self, a, b, c):
        c = a * b
        if c > 0.0:  # here
            c = tanh(c)
        return c, tanh(c)


@dataclass(frozen=True)
class Truth(Late):
    def step(self, a, b, c):
        c = a * b or c  # here
        return c, tanh(c)


@dataclass(frozen=True)
class Unknown(Late):
    def step(self, a, b, c):
        return np.sin(a) * c, tanh(b)  # here


@dataclass(frozen=True)
class Unset(Late):
    def step(self, a, b, c):
        c = sigmoid(a) * c
        return c, None  # here


@dataclass(frozen=True)
class TooFew(Late):
    def step(self, a, b, c):
        return sigmoid(a) * c + b  # here


@dataclass(frozen=True)
class Same(Late):
    def step(self, a, b, c):
        c = sigmoid(a) * c + b
        return c, c  # here


@dataclass(frozen=True)
class Constant(Late):
    def step(self, a, b, c):
        return c * a + b, 1.0  # here


@dataclass(frozen=True)
class Weights(Late):
    def step(self, a, b, c):
        scale = np.linspace(0.0, 1.0, 4)
        c = scale * c + a  # here
        return c, tanh(b)


@dataclass(frozen=True)
class Endless(Late):
    def step(self, a, b, c):
        c = c + a * np.inf  # here
        return c, tanh(b)


@dataclass(frozen=True)
class Name(Late):
    def step(self, a, b, memory):  # here
        return memory + a, tanh(b)


@dataclass(frozen=True)
class Unused(Late):
    def step(self, a, c):
        return c + a, tanh(c)  # here


WRONG: dict[type[Cell], tuple[type[Exception], str]] = {
    Branch: (TypeError, "cannot compare values, .*: write both ways with maximum, minimum or positive"),
    Truth: (TypeError, "cannot branch on a value"),
    Unknown: (TypeError, r"cannot use numpy\.sin\. There are exp, .* of NumPy absolute, add"),
    Unset: (ValueError, "must return c, h. It returns None for h"),
    TooFew: (ValueError, "must return c, h. It returns 1 values"),
    Same: (ValueError, "the new states c and h are one value"),
    Constant: (ValueError, "a constant for h"),
    Weights: (ValueError, r"single numbers. Got an array of shape \(4,\)"),
    Endless: (ValueError, "must be finite. Got inf"),
    Name: (TypeError, "asks for memory, but there are a, b, c, h"),
    Unused: (ValueError, "no new state depends on b, whose weights would never change"),
}
X = np.zeros((4, 3, 2))


def check_line(message: str, kind: type[Cell]) -> None:
    """File, number and text of the line that is marked."""
    lines, first = inspect.getsourcelines(kind)
    place = next(k for k, line in enumerate(lines) if "# here" in line)
    assert f'  File "{__file__}", line {first + place}, in step' in message.splitlines()
    assert lines[place].strip() in message


@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_formula_is_refused_with_its_line(kind: type[Cell]) -> None:
    error, match = WRONG[kind]
    with pytest.raises(error, match=match) as raised:
        kind().check()
    check_line(str(raised.value), kind)


USES: dict[str, Any] = {
    "fit": lambda cell: RNNRegressor(cell=cell).fit(X, X),
    "one of a stack": lambda cell: RNNRegressor(cell=["gru", cell], hidden_layer_sizes=(2, 2)).fit(X, X),
    "forecaster": lambda cell: RNNForecaster(
        candidates="network", intervals=None, cell=cell, n_members=1, max_steps=1
    ).fit(np.arange(40.0)),
    "functional": lambda cell: dynamic_rnn(cell, X, cell.init_weights(2, 3, random_state=0)),
    "check_gradients": check_gradients,
}


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("kind", [Branch, Same])
def test_whatever_uses_it_says_so(kind: type[Cell], use: str) -> None:
    with pytest.raises(WRONG[kind][0]) as raised:
        USES[use](kind())
    check_line(str(raised.value), kind)


def test_without_a_method_of_its_own_it_is_checked_when_it_is_made() -> None:
    @dataclass(frozen=True)
    class Early(Cell):
        gates = ("s",)

        def step(self, s, h):
            return h if s > 0.0 else tanh(s)  # here

    with pytest.raises(TypeError, match="cannot compare") as raised:
        Early()
    check_line(str(raised.value), Early)


def test_a_gate_that_is_a_word_of_python() -> None:
    with pytest.raises(ValueError, match="must be names of Python.* Got 'lambda'"):
        dataclass(frozen=True)(type("Word", (Cell,), {"gates": ("lambda",), "step": lambda self, h: h}))()
