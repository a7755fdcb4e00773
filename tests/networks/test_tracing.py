"""Cells by their formula: states, derivatives, what is kept, and what tells two of them apart."""

from __future__ import annotations

import json
import time

import numpy as np
import pytest

from forecastrnn.networks.tracing import joint, keeping
from forecastrnn.networks.tracing.records import as_record, from_record
from forecastrnn.networks.tracing.stages import Stages, stages_of
from forecastrnn.networks.tracing.trace import trace_cell
from support import hand_derivatives as by_hand
from support.formula_cells import CELLS, Clipped
from support.formula_steps import SHAPE, Point, TextStep, by_formula, differences, functions_of, point_of

each_cell = pytest.mark.parametrize("name", CELLS)
KEPT = {  # gate -> what lies in its place after the step; a sum that stays is "input"
    "elman": {},
    "elman_relu": {},
    "elman_logistic": {},
    "lstm": {"i": "sigmoid", "f": "sigmoid", "g": "tanh", "o": "sigmoid"},
    "peephole_lstm": {"i": "sigmoid", "f": "sigmoid", "g": "tanh", "o": "sigmoid"},
    "cifg": {"f": "sigmoid", "g": "tanh", "o": "sigmoid"},
    "gru": {"r": "sigmoid", "z": "sigmoid", "n": "tanh", "m": "input"},
    "gru_before": {"r": "sigmoid", "z": "sigmoid", "n": "tanh"},
    "mgu": {"f": "sigmoid", "n": "tanh"},
    "min_gru": {"z": "sigmoid", "n": "input"},
    "ugrnn": {"f": "sigmoid", "n": "tanh"},
    "indrnn": {},
}


def stages_by_name(name: str) -> Stages:
    return stages_of(CELLS[name].graph)


@each_cell
def test_graph_is_the_formula(name: str) -> None:
    """Evaluated on arrays, to the last bit."""
    cell, point = CELLS[name], point_of(CELLS[name])
    traced, last = cell.graph, cell.states[-1]
    inputs = {f"sum.{gate}": value for gate, value in point.sums.items()}
    inputs |= {f"old.{state}": value for state, value in point.old.items()}
    inputs |= {f"weight.{diagonal}": value for diagonal, value in point.weights.items()}
    if traced.between is not None:
        seen = {f"seen.{last}": point.old[last] * point.mask}
        given = {key: value for key, value in inputs.items() if key.partition(".")[2] not in cell.second}
        (between,) = traced.compute(given | seen, [traced.between])
        inputs |= {f"sum.{gate}": point.sums[gate] + between * point.factor for gate in cell.second}
    np.testing.assert_array_equal(traced.compute(inputs, traced.outputs), by_formula(cell, point))


@each_cell
def test_text_forward_is_the_formula(name: str) -> None:
    point = point_of(CELLS[name])
    found = TextStep(CELLS[name], stages_by_name(name), point).forward()
    np.testing.assert_array_equal(found, by_formula(CELLS[name], point))


@each_cell
def test_derivatives_are_those_of_the_formula(name: str) -> None:
    point = point_of(CELLS[name])
    step = TextStep(CELLS[name], stages_by_name(name), point)
    step.forward()
    found, expected = step.backward(), differences(CELLS[name], point)
    assert found.keys() == expected.keys()
    for key in found:
        if key != "m" or "n" not in CELLS[name].states:  # the stabiliser of an sLSTM
            np.testing.assert_allclose(found[key], expected[key], rtol=1e-7, atol=1e-8, err_msg=key)


@each_cell
def test_text_of_constants_in_float32(name: str) -> None:
    """Constants in the form that a backend asks for; nothing becomes float64."""
    point = point_of(CELLS[name], "float32")
    step = TextStep(CELLS[name], stages_by_name(name), point, "real({})")
    new, d = step.forward(), step.backward()
    assert {value.dtype.name for value in (*new, *d.values())} == {"float32"}
    exact = point_of(CELLS[name])
    np.testing.assert_allclose(new, by_formula(CELLS[name], exact), rtol=2e-4, atol=1e-5)


# Against the derivatives written by hand -------------------------------------------------------------------


def found_at(name: str) -> tuple[Point, dict[str, np.ndarray], dict[str, np.ndarray]]:
    """A point, what the step there leaves in the places, and its derivatives."""
    point = point_of(CELLS[name])
    step = TextStep(CELLS[name], stages_by_name(name), point)
    step.forward()
    kept = {**step.places, "new": step.new}
    return point, kept, step.backward()


@pytest.mark.parametrize(
    ("name", "slope"),
    [
        ("elman", by_hand.tanh_slope),
        ("elman_logistic", by_hand.sigmoid_slope),
        ("elman_relu", by_hand.positive),
    ],
)
def test_elman_has_the_bits_of_the_derivative_by_hand(name: str, slope) -> None:
    point, kept, d = found_at(name)
    np.testing.assert_array_equal(d["s"], point.d["h"] * slope(kept["new"]["h"]))
    np.testing.assert_array_equal(d["h"], np.zeros(SHAPE))


def test_lstm_has_the_bits_of_the_derivatives_by_hand() -> None:
    point, kept, d = found_at("lstm")
    d_o, d_c = by_hand.lstm_output_back(kept["o"], kept["new"]["c"], point.d["h"])
    expected = by_hand.lstm_state_back(kept["i"], kept["f"], kept["g"], point.old["c"], point.d["c"] + d_c)
    for key, value in zip("ifgco", (*expected, d_o)):
        np.testing.assert_array_equal(d[key], value, err_msg=key)


def test_peephole_lstm_has_the_bits_of_the_derivatives_by_hand() -> None:
    point, kept, d = found_at("peephole_lstm")
    p_i, p_f, p_o = point.weights.values()
    d_o, d_c = by_hand.lstm_output_back(kept["o"], kept["new"]["c"], point.d["h"])
    d_c = point.d["c"] + d_c + d_o * p_o
    d_i, d_f, d_g, d_old = by_hand.lstm_state_back(kept["i"], kept["f"], kept["g"], point.old["c"], d_c)
    expected = {"i": d_i, "f": d_f, "g": d_g, "o": d_o, "c": d_old + (d_i * p_i + d_f * p_f)}
    expected |= {"p_i": d_i * point.old["c"], "p_f": d_f * point.old["c"], "p_o": d_o * kept["new"]["c"]}
    for key, value in expected.items():
        np.testing.assert_array_equal(d[key], value, err_msg=key)


def test_gru_has_the_bits_of_the_derivatives_by_hand() -> None:
    point, kept, d = found_at("gru")
    gates = (kept[gate] for gate in "nrzm")
    expected = by_hand.gru_after_back(*gates, point.old["h"], point.d["h"])
    for key, value in zip("nrzmh", expected):
        np.testing.assert_array_equal(d[key], value, err_msg=key)


# What is kept ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", KEPT)
def test_kept_values_are_those_of_the_kernels_by_hand(name: str) -> None:
    found = joint.derived(CELLS[name].graph)
    kept = {CELLS[name].gates[gate]: found.graph.nodes[value].operation for gate, value in found.kept.items()}
    assert kept == KEPT[name]


@each_cell
def test_choice_of_one_value_at_a_time_is_right_and_seldom_dearer(name: str, monkeypatch) -> None:
    """For the cells of papers it finds the best choice."""
    best = stages_by_name(name)
    monkeypatch.setattr(keeping, "MOST_TRIALS", 0)
    found = stages_by_name(name)
    if name in KEPT:
        assert found == best
    point = point_of(CELLS[name])
    steps = [TextStep(CELLS[name], stages, point) for stages in (found, best)]
    for step in steps:
        step.forward()
    d, expected = (step.backward() for step in steps)
    for key in d:
        np.testing.assert_allclose(d[key], expected[key], rtol=1e-11, atol=1e-13, err_msg=key)


def test_states_without_a_derivative_are_not_written() -> None:
    """Products alone bring back the derivative by an Elman state; a GRU's gate lets one through besides."""
    through = {name: stages_by_name(name).step.through for name in ("elman", "lstm", "gru", "slstm")}
    assert through == {"elman": (), "lstm": (0,), "gru": (0,), "slstm": (0, 1)}


def test_gates_of_both_stages_carry_a_derivative() -> None:
    carried = {name: stages_by_name(name).step.carried for name in ("gru_before", "mgu", "shared_between")}
    assert carried == {"gru_before": (), "mgu": (0,), "shared_between": (0, 1)}
    for name, gates in carried.items():
        assert stages_by_name(name).between.carried == gates


# What tells cells apart, and what a file holds -------------------------------------------------------------


@each_cell
def test_graph_goes_into_a_file_and_back(name: str) -> None:
    """With the same kernels, so that a cell from a file shares those of its class."""
    cell = CELLS[name].graph
    read = from_record(json.loads(json.dumps(as_record(cell))))
    assert read == cell
    assert stages_of(read).digest == stages_of(cell).digest


def test_digests_tell_all_cells_apart() -> None:
    digests = [stages_of(cell.graph).digest for cell in (*CELLS.values(), Clipped(clip=0.25))]
    assert len(set(digests)) == len(digests)
    assert stages_of(CELLS["elman"].graph).digest == stages_of(CELLS["elman"].graph).digest


def test_a_changed_formula_changes_its_digest_alone() -> None:
    """Even where only a constant or the order of states differs."""

    def digest(step, states=("c", "h")) -> str:
        return stages_of(trace_cell(step=step, gates=("s",), states=states)).digest

    one = digest(lambda s, c: (0.5 * c + s, s * s))
    assert one == digest(lambda s, c: (0.5 * c + s, s * s))
    assert one != digest(lambda s, c: (0.25 * c + s, s * s))
    assert one != digest(lambda s, c: (s * s, 0.5 * c + s), ("h", "c"))


def test_seconds_to_trace() -> None:
    """Milliseconds a cell; the best of three."""
    for name, cell in CELLS.items():
        seconds = []
        for _ in range(3):
            start = time.thread_time()
            assert stages_of(cell.graph).digest
            seconds.append(time.thread_time() - start)
        assert min(seconds) < 0.05, f"{name}: {min(seconds):.3f} s"


def test_text_can_be_read() -> None:
    assert stages_by_name("elman").step.text("real({})") == (
        "def step(places, old, weights):\n"
        "    (sum_s,) = places\n"
        "    v1 = tanh(sum_s)\n"
        "    return (), (v1,)\n"
        "\n\n"
        "def step_back(places, old, new, weights, d, carried, totals):\n"
        "    (new_h,) = new\n"
        "    (d_h,) = d\n"
        "    v7 = new_h * new_h\n"
        "    v9 = real(1.0) - v7\n"
        "    v10 = d_h * v9\n"
        "    return (v10,), (), (), ()\n"
    )
    forward, _ = functions_of(stages_by_name("elman").step)
    assert forward((0.5,), (), ()) == ((), (np.tanh(0.5),))
