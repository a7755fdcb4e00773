"""Graphs of cells in files: plain lists, and what is refused when they are read."""

from __future__ import annotations

import pytest

from forecastrnn.networks.tracing.graph import MOST_NODES
from forecastrnn.networks.tracing.records import as_record, from_record
from forecastrnn.networks.tracing.trace import trace_cell
from support.formula_cells import CELLS

LSTM = as_record(CELLS["lstm"].graph)
MGU = as_record(CELLS["mgu"].graph)


def test_record_is_plain() -> None:
    assert as_record(trace_cell(step=lambda a, b: a * b + 0.5, gates=("a", "b"), states=("h",))) == {
        "gates": ["a", "b"],
        "states": ["h"],
        "diagonals": [],
        "second": [],
        "nodes": [
            ["input", "sum.a"],
            ["input", "sum.b"],
            ["mul", 0, 1],
            ["constant", 0.5],
            ["add", 2, 3],
        ],
        "between": None,
        "outputs": [4],
    }


def changed_node(record: dict, place: int, node: object) -> dict:
    nodes = list(record["nodes"])
    nodes[place] = node
    return record | {"nodes": nodes}


DAMAGED: dict[str, object] = {
    "no record": ["lstm"],
    "nothing": None,
    "a missing entry": {key: value for key, value in LSTM.items() if key != "second"},
    "an entry more": LSTM | {"code": "import os"},
    "no nodes": LSTM | {"nodes": []},
    "nodes that are no list": LSTM | {"nodes": "add"},
    "too many nodes": LSTM | {"nodes": [["input", "sum.i"]] * (MOST_NODES + 1)},
    "an unknown operation": changed_node(LSTM, 5, ["system", 0]),
    "an attribute as operation": changed_node(LSTM, 5, ["__class__", 0]),
    "an operation that is no name": changed_node(LSTM, 5, [5, 0]),
    "no operation": changed_node(LSTM, 5, []),
    "no list": changed_node(LSTM, 5, "sigmoid"),
    "too few arguments": changed_node(LSTM, 9, ["mul", 6]),
    "too many arguments": changed_node(LSTM, 5, ["sigmoid", 0, 1]),
    "a forward reference": changed_node(LSTM, 5, ["sigmoid", 6]),
    "a value of itself": changed_node(LSTM, 5, ["sigmoid", 5]),
    "a negative reference": changed_node(LSTM, 5, ["sigmoid", -1]),
    "a truth value as reference": changed_node(LSTM, 9, ["mul", True, 4]),
    "a float as reference": changed_node(LSTM, 5, ["sigmoid", 0.0]),
    "a name as reference": changed_node(LSTM, 5, ["sigmoid", "sum.i"]),
    "a constant that is no number": changed_node(LSTM, 5, ["constant", "1"]),
    "a constant that is a truth value": changed_node(LSTM, 5, ["constant", True]),
    "a constant that is not finite": changed_node(LSTM, 5, ["constant", float("nan")]),
    "an infinite constant": changed_node(LSTM, 5, ["constant", float("inf")]),
    "a constant beyond all floats": changed_node(LSTM, 5, ["constant", 10**400]),
    "constants whose quotient is not finite": LSTM
    | {"nodes": [["constant", 1.0], ["constant", 0.0], ["div", 0, 1]], "outputs": [0, 2]},
    "an unknown input": changed_node(LSTM, 0, ["input", "sum.x"]),
    "an input of no kind": changed_node(LSTM, 0, ["input", "i"]),
    "an input that is no name": changed_node(LSTM, 0, ["input", 1]),
    "an input as code": changed_node(LSTM, 0, ["input", "sum.i = 1; import os"]),
    "a long input": changed_node(LSTM, 0, ["input", "sum." + "i" * 100]),
    "what products see, in the step": changed_node(LSTM, 4, ["input", "seen.h"]),
    "no outputs": LSTM | {"outputs": []},
    "too few outputs": LSTM | {"outputs": [13]},
    "too many outputs": LSTM | {"outputs": [11, 13, 12]},
    "an output that is not there": LSTM | {"outputs": [11, 14]},
    "an output that is no number": LSTM | {"outputs": [11, "h"]},
    "outputs that are one": LSTM | {"outputs": [13, 13]},
    "an unused gate": LSTM | {"gates": ["i", "f", "g", "o", "x"]},
    "a gate twice": LSTM | {"gates": ["i", "f", "g", "o", "o"]},
    "a gate that is no name": LSTM | {"gates": ["i", "f", "g", "o", "1"]},
    "a gate that is no text": LSTM | {"gates": ["i", "f", "g", 1]},
    "no gates": LSTM | {"gates": []},
    "gates that are no list": LSTM | {"gates": "ifgo"},
    "too many states": LSTM | {"states": [f"s{k}" for k in range(40)]},
    "a second product of nothing": LSTM | {"second": ["o"]},
    "a second product of no gate": MGU | {"second": ["x"]},
    "between without a second product": MGU | {"second": []},
    "between that is not there": MGU | {"between": 100},
    "between that is a constant": changed_node(MGU, 0, ["constant", 1.0]),
    "between of what comes later": MGU | {"between": MGU["outputs"][0]},
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_record_is_refused(name: str) -> None:
    with pytest.raises(ValueError):
        from_record(DAMAGED[name])


def test_a_record_that_is_not_in_its_shortest_form_is_brought_there() -> None:
    record = as_record(trace_cell(step=lambda a, b: a * b, gates=("a", "b"), states=("h",)))
    long = record | {
        "nodes": [*record["nodes"], ["constant", 1], ["exp", 0], ["mul", 2, 3], ["mul", 1, 0]],
        "outputs": [5],
    }
    assert from_record(long) == from_record(record)
