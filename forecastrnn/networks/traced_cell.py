"""A cell without its class: what a model file keeps of one that a user wrote, and what it gives back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from operator import attrgetter

from forecastrnn.networks.cell import Cell
from forecastrnn.networks.tracing.cell_graph import CellGraph
from forecastrnn.networks.tracing.records import Record, as_record, from_record, read_names
from forecastrnn.networks.tracing.trace import check_start

LONGEST = 100  # letters of a class's name
NUMBERS = ("start", "bias_start", "diagonal_start")


@dataclass(frozen=True, kw_only=True)
class Declared:
    """What the class of a cell declares beside its graph, as in `Cell`."""

    no_state: tuple[str, ...]
    no_input: tuple[str, ...]
    diagonal_name: str
    start: Mapping[str, float] = field(hash=False)
    bias_start: Mapping[str, float] = field(hash=False)
    diagonal_start: Mapping[str, tuple[float, float]] = field(hash=False)


@dataclass(frozen=True, repr=False)
class TracedCell(Cell):
    """A cell by its graph, with the bits of its class, of which `name` is the name; ValueError if it cannot be."""

    name: str
    formula: CellGraph
    declared: Declared

    graph = property(attrgetter("formula"))
    gates, states, diagonals, second = (
        property(attrgetter(f"formula.{word}")) for word in ("gates", "states", "diagonals", "second")
    )
    no_state, no_input, diagonal_name, start, bias_start, diagonal_start = (
        property(attrgetter(f"declared.{one.name}")) for one in fields(Declared)
    )

    def __post_init__(self) -> None:
        if not self.name.isprintable() or not 0 < len(self.name) <= LONGEST:
            raise ValueError(f"the name of a cell must have 1 to {LONGEST} letters. Got {self.name!r:.80}")
        check_start(self.start, self.states)
        self.check()

    def __repr__(self) -> str:
        return f"TracedCell({self.name!r})"


def cell_name(cell: Cell) -> str:
    """What a cell is called in words: by its class, one from a file by what that was."""
    return cell.name if isinstance(cell, TracedCell) else type(cell).__name__


def cell_as_record(cell: Cell) -> Record:
    """A cell as names, lists and numbers, which JSON can hold."""
    return {
        "class": cell_name(cell),
        "graph": as_record(cell.graph),
        "no_state": list(cell.no_state),
        "no_input": list(cell.no_input),
        "diagonal_name": cell.diagonal_name,
        "start": {name: float(x) for name, x in cell.start.items()},
        "bias_start": {name: float(x) for name, x in cell.bias_start.items()},
        "diagonal_start": {name: [float(x) for x in bounds] for name, bounds in cell.diagonal_start.items()},
    }


def cell_from_record(record: Record) -> TracedCell:
    """The cell that `cell_as_record` wrote down; ValueError for anything else."""
    words = {"class", "graph", *(one.name for one in fields(Declared))}
    if record.keys() != words or not isinstance(record["class"], str):
        raise ValueError(f"it must have the fields {sorted(words)}. Got {sorted(record)!r:.200}")
    declared = Declared(
        no_state=read_names(record["no_state"]), no_input=read_names(record["no_input"]),
        diagonal_name=str(record["diagonal_name"]), **{word: _read_numbers(word, record[word]) for word in NUMBERS},
    )  # fmt: skip
    return TracedCell(record["class"], from_record(record["graph"]), declared)


def _read_numbers(word: str, value: object) -> dict:
    """Numbers by name, and pairs of them as tuples."""
    if not isinstance(value, dict):
        raise ValueError(f"{word} must be numbers by name. Got {value!r:.80}")
    return {name: tuple(x) if isinstance(x, list) else x for name, x in value.items()}
