"""Cells that no table knows, in model files: their graphs come back as cells; a file that lies about one is refused."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import forecastrnn
from forecastrnn import Cell, ModelFileError
from forecastrnn.formulas import sigmoid, tanh
from forecastrnn.networks.traced_cell import TracedCell
from forecastrnn.networks.tracing.graph import MOST_NODES
from forecastrnn.persistence import plain_values
from support.forged_files import forge
from support.model_cases import X, regressor
from support.users_file import Counted


@dataclass(frozen=True)
class Everything(Counted):
    """All that a cell can declare."""

    bias_start = {"inputs": 3, "both": -1.0}
    diagonal_start = {"q": (0.5, 1.0), "p": (0.0, 0.25)}
    diagonal_name = "own"


@dataclass(frozen=True)
class Plain(Cell):
    """An LSTM's parameters."""

    gates = ("i", "f", "g", "o")
    states = ("c", "h")

    def step(self, i, f, g, o, c):
        c = sigmoid(f) * c + sigmoid(i) * tanh(g)
        return c, sigmoid(o) * tanh(c)


EACH = pytest.mark.parametrize("cell", [Everything(), Everything(0.25), Plain()], ids=str)


def through_json(cell: Cell) -> Cell:
    """What a file gives back."""
    return plain_values.decode(json.loads(json.dumps(plain_values.encode(cell, "cell"), sort_keys=True)))


@EACH
def test_a_cell_comes_back_without_its_class(cell: Cell) -> None:
    found = through_json(cell)
    assert type(found) is TracedCell and repr(found) == f"TracedCell('{type(cell).__name__}')"
    for word in ("gates", "states", "diagonals", "second", "no_state", "no_input", "graph", "frame", "text"):
        assert getattr(found, word) == getattr(cell, word), word
    assert (found.start, found.stages.digest) == (cell.start, cell.stages.digest)
    assert found.parameter_shapes(3, 5) == cell.parameter_shapes(3, 5)


@EACH
@pytest.mark.parametrize("initializer", ["glorot", "uniform"])
def test_first_weights_are_those_of_the_class(cell: Cell, initializer: str) -> None:
    expected = cell.init_weights(3, 5, 0, initializer)
    found = through_json(cell).init_weights(3, 5, 0, initializer)
    assert list(found) == list(expected)
    for name, weights in expected.items():
        np.testing.assert_array_equal(found[name], weights, err_msg=name)


@EACH
def test_it_is_a_value(cell: Cell) -> None:
    """Equal by content, also where it was saved again, copied or pickled; and nobody's else."""
    found, again = through_json(cell), through_json(cell)
    for other in (again, through_json(found), copy.deepcopy(found), pickle.loads(pickle.dumps(found))):
        assert other == found and hash(other) == hash(found)
    assert found not in (cell, through_json(Everything(0.125)))
    assert plain_values.encode(found, "cell") == plain_values.encode(cell, "cell")


def test_what_only_its_start_tells_apart() -> None:
    raw = plain_values.encode(Everything(), "cell")
    assert plain_values.decode(raw | {"bias_start": {}}) != plain_values.decode(raw)


# Files that lie -----------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A file of an LSTM."""
    path = tmp_path_factory.mktemp("lstm") / "model.rnn"
    regressor(cell="lstm").fit(X, X).save(path)
    return path.read_bytes()


def forged(content: bytes, raw: Any) -> bytes:
    """The file with another cell."""

    def change(header: dict) -> None:
        header["parameters"]["cell"] = raw
        header["state"]["network"]["layers"]["tuple"][0]["cell"] = raw

    return forge(content, change)


RAW = json.loads(json.dumps(plain_values.encode(Plain(), "cell")))
NESTED = json.loads(json.dumps(plain_values.encode(Everything(), "cell")))


def with_graph(**changes: Any) -> dict:
    return RAW | {"graph": RAW["graph"] | changes}


def with_node(place: int, node: Any) -> dict:
    nodes = list(RAW["graph"]["nodes"])
    nodes[place] = node
    return with_graph(nodes=nodes)


def renamed(name: str) -> dict:
    """Gate o under another name."""
    nodes = [["input", f"sum.{name}"] if node == ["input", "sum.o"] else node for node in RAW["graph"]["nodes"]]
    return with_graph(gates=["i", "f", "g", name], nodes=nodes)


def deep(length: int) -> dict:
    """A chain behind the graph."""
    nodes = list(RAW["graph"]["nodes"])
    while len(nodes) < length:
        nodes.append(["exp", len(nodes) - 1])
    return with_graph(nodes=nodes, outputs=[RAW["graph"]["outputs"][0], len(nodes) - 1])


def without(name: str) -> dict:
    return {key: value for key, value in RAW.items() if key != name}


LIES: dict[str, tuple[Any, str]] = {
    "a class alone": ({"class": "Popen"}, "the cell 'Popen' of the file cannot be: it must have the fields"),
    "a class and its arguments": ({"class": "Popen", "args": "ls"}, "it must have the fields"),
    "no graph": (without("graph"), "it must have the fields"),
    "no class": (without("class"), "holds a 'None'"),
    "no start": (without("start"), "it must have the fields"),
    "more": (RAW | {"code": "import os"}, "it must have the fields .* Got .*code"),
    "a record besides": (RAW | {"record": "LSTM"}, "it must have the fields"),
    "a class that is no text": (RAW | {"class": 3}, "it must have the fields"),
    "a class of many lines": (RAW | {"class": "A\nB"}, "the name of a cell"),
    "a long class": (RAW | {"class": "A" * 101}, "the name of a cell"),
    "no name": (RAW | {"class": ""}, "the name of a cell"),
    "a graph that is no record": (RAW | {"graph": "import os"}, "must be a record of names, nodes and outputs"),
    "a graph without outputs": (with_graph(outputs=[]), "outputs of a cell's graph"),
    "an output out of range": (with_graph(outputs=[11, 1000]), "must refer to earlier nodes. Got 1000"),
    "an output that is a name": (with_graph(outputs=[11, "h"]), "must refer to earlier nodes. Got 'h'"),
    "equal outputs": (with_graph(outputs=[11, 11]), "are one value"),
    "a loop": (with_node(5, ["tanh", 5]), "must refer to earlier nodes"),
    "an unknown operation": (with_node(5, ["system", 0]), "must be an input, a constant or an operation"),
    "an attribute": (with_node(5, ["__class__", 0]), "must be an input, a constant or an operation"),
    "text as a constant": (with_node(5, ["constant", "__import__('os')"]), "an input, a constant or an operation"),
    "constants that overflow": (
        with_graph(nodes=[["constant", 1e308], ["mul", 0, 0], *RAW["graph"]["nodes"]]), "mul of .* is not finite"),
    "too many nodes": (deep(MOST_NODES + 1), f"a list of 1 to {MOST_NODES} entries"),
    "lambda": (renamed("lambda"), "must be names of Python"),
    "None": (renamed("None"), "must be names of Python"),
    "a call": (renamed("o); import os; ("), "must be names of Python"),
    "a quote": (renamed("o'"), "must be names of Python"),
    "a line": (renamed("o\n"), "must be names of Python"),
    "a long name": (renamed("o" * 41), "must be names of Python|must be an input"),
    "another letter": (renamed("ø"), "must be names of Python"),
    "a gate less": (with_graph(gates=["i", "f", "g"]), "step cannot read sum.o"),
    "a gate more": (with_graph(gates=["i", "f", "g", "o", "p"]), "no new state depends on p"),
    "an output more": (with_graph(states=["c", "d", "h"]), "an output for each of"),
    "a name in place of names": (RAW | {"no_state": "i"}, "must stand in lists"),
    "names in a name": (RAW | {"no_state": [["i"]]}, "must stand in lists"),
    "an unknown gate": (RAW | {"no_state": ["x"]}, "no_state must be a tuple of gates"),
    "no product at all": (RAW | {"no_state": ["i"], "no_input": ["i"]}, "cannot both name the gate 'i'"),
    "fewer products": (RAW | {"no_state": ["i"]}, "the header describes"),
    "more parameters": (RAW | {"no_input": ["o"]}, "the header describes"),
    "a start of nothing": (RAW | {"start": {"x": 1.0}}, "start can have"),
    "a start of the output": (RAW | {"start": {"h": 1.0}}, "start can have"),
    "a start that is no number": (RAW | {"start": {"c": "1"}}, "must be a finite number. Got '1'"),
    "a list of starts": (RAW | {"start": [1.0]}, "start must be numbers by name"),
    "biases of nothing": (RAW | {"bias_start": {"x": 1.0}}, "bias_start can have gates"),
    "a bias that is no number": (RAW | {"bias_start": {"f": True}}, "must be a finite number. Got True"),
    "a bias of a call": (RAW | {"bias_start": None}, "bias_start must be numbers by name"),
    "bounds of nothing": (RAW | {"diagonal_start": {"p": [0.0, 1.0]}}, "diagonal_start can have"),
    "bounds the wrong way": (NESTED | {"diagonal_start": {"p": [1.0, 0.0]}}, "a pair of finite numbers"),
    "bounds in bounds": (NESTED | {"diagonal_start": {"p": [[0.0], [1.0]]}}, "a pair of finite numbers"),
    "a number as a name": (RAW | {"diagonal_name": 3}, "diagonal_name must be a name"),
    "another parameter's name": (RAW | {"diagonal_name": "kernel"}, "diagonal_name must be a name, and none of"),
    "between of later gates": (NESTED | {"graph": NESTED["graph"] | {"second": ["both"]}}, "between cannot read"),
    "parameters of another cell": (NESTED, "the header describes"),
}  # fmt: skip


@pytest.mark.parametrize("name", LIES)
def test_a_cell_that_cannot_be_is_refused(content: bytes, name: str, tmp_path: Path) -> None:
    raw, message = LIES[name]
    path = tmp_path / "model.rnn"
    path.write_bytes(forged(content, raw))
    with pytest.raises(ModelFileError, match=rf"model.rnn: .*{message}"):
        forecastrnn.load(path)


def test_a_cell_that_overflows_says_so(content: bytes, tmp_path: Path) -> None:
    """A formula of one's own may be as wild; it ends in an error, not in a crash."""
    nodes = [*RAW["graph"]["nodes"], ["constant", 1e308], ["mul", 13, 14], ["mul", 14, 15], ["log", 13]]
    path = tmp_path / "model.rnn"
    path.write_bytes(
        forged(content, with_graph(nodes=[*nodes, ["div", 16, 17]], outputs=[RAW["graph"]["outputs"][0], 18]))
    )
    with np.errstate(all="ignore"), pytest.raises(ValueError, match="row 0 at step 0 is no finite number"):
        forecastrnn.load(path).predict(X)


def test_a_cell_in_place_of_another_value_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "model.rnn"
    for change in (lambda header: header["parameters"].update(alpha=RAW), lambda header: header.update(state=RAW)):
        path.write_bytes(forge(content, change))
        with pytest.raises(ModelFileError):
            forecastrnn.load(path)


ODD = [None, True, -1, 1, 2**63, 1e308, 0.5, "", "h", "sum.x", "lambda", "'\n", [], {}, [[]], [0], {"tuple": []}, RAW]


def places(raw: Any, way: tuple = ()) -> Iterator[tuple]:
    """The way to each part of a record."""
    parts: Any = raw.items() if isinstance(raw, dict) else enumerate(raw) if isinstance(raw, list) else ()
    for key, part in parts:
        yield (*way, key)
        yield from places(part, (*way, key))


def put(raw: Any, way: tuple, value: Any) -> Any:
    """A copy, changed in one place."""
    found = copy.copy(raw)
    found[way[0]] = value if len(way) == 1 else put(raw[way[0]], way[1:], value)
    return found


@pytest.mark.parametrize("raw", [RAW, NESTED], ids=["plain", "everything"])
def test_any_odd_value_in_any_place_is_refused_or_is_a_cell(raw: dict) -> None:
    """A cell then, that can be saved and loaded again."""
    refused = cells = 0
    for way in places(raw):
        for value in ODD:
            try:
                found = plain_values.decode(put(raw, way, value))
            except ModelFileError:
                refused += 1
                continue
            cells += 1
            assert isinstance(found, TracedCell) and through_json(found) == found
    assert refused > 10 * cells > 0
