"""What a cell declares, and what follows from it without a kernel: shapes, slots, first weights, the graph."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest

from forecastrnn import Cell
from forecastrnn.formulas import tanh
from forecastrnn.networks.cells import CELLS
from support.users_file import Counted


def test_slots_are_sorted_by_their_products() -> None:
    frame = Counted().frame
    assert frame.order == (1, 3, 0, 2)
    assert (frame.second, frame.inputs, frame.first, frame.states, frame.count) == (1, 3, 2, 2, 4)
    assert (frame.input_gates, frame.state_gates, frame.recurrent_gates) == ((0, 1, 3), (0, 2), (0, 1, 2))
    assert (frame.n_states, frame.n_diagonals) == (2, 2)


def test_parameters_follow_from_the_products() -> None:
    assert Counted().parameter_shapes(3, 5) == {
        "kernel": (3, 15), "recurrent_kernel": (5, 15), "bias": (15,), "recurrent_bias": (10,), "diagonal": (2, 5),
    }  # fmt: skip


def test_first_weights_are_as_declared() -> None:
    weights = Counted().init_weights(3, 50, random_state=0)
    assert weights["bias"].reshape(3, 50).tolist() == [[0.0] * 50, [0.0] * 50, [3.0] * 50]
    assert not weights["diagonal"][0].any()
    assert 0.5 <= weights["diagonal"][1].min() < 0.6 and 0.9 < weights["diagonal"][1].max() <= 1.0


def test_a_cell_without_a_product_with_the_state_has_no_recurrent_kernel() -> None:
    @dataclass(frozen=True)
    class Own(Cell):
        gates = ("s",)
        no_state = ("s",)
        diagonals = ("u",)

        def step(self, s, h, u):
            return tanh(s + u * h)

    assert Own().parameter_shapes(3, 5) == {"kernel": (3, 5), "bias": (5,), "diagonal": (1, 5)}
    assert set(Own().init_weights(3, 5, random_state=0)) == {"kernel", "bias", "diagonal"}


def test_a_state_is_counted_from_its_start() -> None:
    """Old and new states are held as their distance from the start; what is computed is the formula."""
    cell, rng = Counted(), np.random.default_rng(0)
    names = ("sum.both", "sum.late", "sum.state", "sum.inputs", "weight.p", "weight.q", "old.n")
    at = {name: rng.standard_normal(7) for name in names}
    found = cell.graph.compute(at, cell.graph.outputs)
    sums = {name.partition(".")[2]: values for name, values in at.items()}
    n, h = cell.step(**sums | {"n": at["old.n"] + 1.0})
    np.testing.assert_allclose(found, [n - 1.0, h], rtol=0.0, atol=1e-14)


@pytest.mark.parametrize("name", CELLS)
def test_the_cells_of_the_package_are_right(name: str) -> None:
    CELLS[name].check()


def test_equal_cells_share_their_graph() -> None:
    assert Counted(3.0).graph is Counted(3.0).graph
    assert Counted(3.0).graph is not Counted(2.0).graph


def test_the_text_shows_both_ways() -> None:
    text = Counted().text
    assert [line.partition("(")[0] for line in text.splitlines() if line.startswith("def")] == [
        "def between", "def between_back", "def step", "def step_back",
    ]  # fmt: skip


def changed(**declared: object) -> Callable[[], Cell]:
    """Counted, with something declared in another way."""
    return dataclass(frozen=True)(type("Changed", (Counted,), declared))


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ({"second": ("late", "none")}, "second must be a tuple of gates, each once. Got .*none"),
        ({"no_state": "inputs"}, "no_state must be a tuple of gates, each once. Got 'inputs'"),
        ({"no_input": ("state", "late")}, "second and no_input cannot both name the gate 'late'"),
        ({"no_state": ("state", "inputs")}, "no_state and no_input cannot both name the gate 'state'"),
        ({"start": {"h": 1.0}}, r"start can have \('n',\), the states but the last one. Got 'h'"),
        ({"start": {"n": np.inf}}, "start of the state n must be a finite number. Got inf"),
        ({"start": {"n": "1"}}, "start of the state n must be a finite number. Got '1'"),
        ({"states": ("n", "both")}, "names of their own. Twice: both"),
        ({"gates": "abcd"}, "gates must be a tuple of names. Got 'abcd'"),
        ({"diagonals": ["p", "q"]}, "diagonals must be a tuple of names. Got"),
        ({"bias_start": {"state": 1.0}}, "bias_start can have gates with a product of the inputs, .* Got 'state'"),
        ({"bias_start": {"late": np.nan}}, "bias_start of late must be a finite number. Got nan"),
        ({"diagonal_start": {"r": (0.0, 1.0)}}, r"diagonal_start can have \('p', 'q'\). Got 'r'"),
        ({"diagonal_start": {"p": (1.0, 0.0)}}, r"diagonal_start of p must be a pair of finite numbers, .* Got \(1.0"),
        ({"diagonal_start": {"p": 1.0}}, "diagonal_start of p must be a pair of finite numbers"),
        ({"between": None}, "a cell has `between` and gates whose products read it"),
    ],
    ids=str,
)
def test_a_declaration_that_does_not_fit_is_refused_when_the_cell_is_made(declared: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        changed(**declared)()


def test_what_is_missing_is_said() -> None:
    with pytest.raises(TypeError, match="Empty declares no gates: set gates"):
        dataclass(frozen=True)(type("Empty", (Cell,), {}))()
    with pytest.raises(TypeError, match="Still declares no step"):
        dataclass(frozen=True)(type("Still", (Cell,), {"gates": ("s",)}))()


@pytest.mark.parametrize("decorator", [lambda kind: kind, dataclass], ids=["plain", "not frozen"])
def test_a_class_that_is_no_frozen_dataclass_is_refused(decorator: Callable[[type], type]) -> None:
    class Open(Cell):
        gates = ("s",)

        def step(self, s):
            return tanh(s)

    with pytest.raises(ValueError, match=r"write @dataclass\(frozen=True\) above class Open"):
        _ = decorator(Open)().graph


def test_an_option_that_has_no_hash_is_refused() -> None:
    with pytest.raises(ValueError, match="numbers, texts or tuples. Got {'scale': 'list'} of Counted"):
        Counted([1.0])  # type: ignore[arg-type]


def test_options_that_are_not_compared_are_refused() -> None:
    """Cells that differ in them would be equal, and share their kernels."""

    @dataclass(frozen=True)
    class Quiet(Counted):
        share: float = field(default=1.0, compare=False)

    with pytest.raises(ValueError, match=r"all options of a cell must be compared, .*: \['share'\] of Quiet"):
        Quiet()
