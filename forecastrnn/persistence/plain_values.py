"""Python values as JSON and back: parameters, cells, networks, settings; nothing else comes out."""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Sequence
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, get_args, get_origin, get_type_hints

import numpy as np

from forecastrnn.exceptions import ModelFileError
from forecastrnn.networks.cell import Cell
from forecastrnn.networks.cells import cell_classes
from forecastrnn.networks.traced_cell import TracedCell, cell_as_record, cell_from_record
from forecastrnn.persistence.codec import LARGEST, Kind, Part, entry
from forecastrnn.persistence.utf8 import utf8

IMPORT_IT = "If it is of your own making, import the module that defines it before you load the file"


def encode(value: Any, what: str) -> Any:
    """A value for the header; `what` names it in the TypeError for a value that a file cannot keep."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, str):
        utf8(value, f"{what}:")
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int | float):
        if not math.isfinite(value) or abs(value) >= LARGEST:
            raise ValueError(f"{what}={value!r} cannot be saved; set it to a finite number first.")
        return value
    if isinstance(value, list | np.ndarray):
        return [encode(each, what) for each in value]
    if isinstance(value, tuple):
        return {"tuple": [encode(each, what) for each in value]}
    if isinstance(value, Cell) and not _is_known(type(value)):
        record = cell_as_record(value)
        cell_from_record(record)
        return record
    if is_dataclass(value):
        return {"record": type(value).__name__} | encode_fields(value)
    raise TypeError(f"{what}={value!r} cannot be saved: a model file keeps numbers, texts, lists and cells.")


def _is_known(kind: type) -> bool:
    return is_dataclass(kind) and cell_classes().get(kind.__name__) is kind


def encode_fields(value: Any) -> dict[str, Any]:
    """The fields of a dataclass; those that came `later` are left out at their default, for earlier versions."""
    found = {field.name: getattr(value, field.name) for field in fields(value)}
    later = {field.name: field.default for field in fields(value) if field.metadata.get("later")}
    return {name: encode(one, name) for name, one in found.items() if name not in later or one != later[name]}


def decode(value: Any, among: Sequence[type] = ()) -> Any:
    """The value that `encode` was given: its records are cells, or of the classes `among`."""
    if isinstance(value, list):
        return [decode(each, among) for each in value]
    if not isinstance(value, dict):
        return value
    if list(value) == ["tuple"] and isinstance(value["tuple"], list):
        return tuple(decode(each, among) for each in value["tuple"])
    if "class" in value:
        return _decode_cell(value)
    name, known = value.get("record"), cell_classes() | {kind.__name__: kind for kind in filter(is_dataclass, among)}
    if not isinstance(name, str) or name not in known:
        raise ModelFileError(f"the file holds a {str(name)[:40]!r}, which this version does not know. {IMPORT_IT}")
    return decode_fields(known[name], {key: each for key, each in value.items() if key != "record"})


def _decode_cell(record: dict) -> TracedCell:
    """A cell that stands in the file with its formula."""
    try:
        return cell_from_record(record)
    except ValueError as error:
        what = str(record["class"])[:40]
        raise ModelFileError(f"the cell {what!r} of the file cannot be: {str(error)[:200]}") from error


def decode_fields(kind: type, values: Any) -> Any:
    """A dataclass from its fields, each of the type it is declared with; those missing take their defaults."""
    if not isinstance(values, dict):
        raise ModelFileError(f"the file has no description of its {kind.__name__}")
    declared = {field.name: field for field in fields(kind)}
    odd = [name for name in values if name not in declared]
    odd += [name for name, field in declared.items() if name not in values and field.default is MISSING]
    if odd:
        raise ModelFileError(f"{kind.__name__} has other fields than this version: {odd[0][:40]!r}")
    hints, found = get_type_hints(kind), {}
    for name, raw in values.items():
        found[name] = decode(raw, [part for part in (hints[name], *get_args(hints[name])) if isinstance(part, type)])
        if not _is_a(hints[name], found[name]):
            declaration = declared[name].type
            raise ModelFileError(f"{kind.__name__}.{name} must be {declaration}. Got {str(found[name])[:40]}")
    try:
        return kind(**found)
    except (TypeError, ValueError) as error:
        raise ModelFileError(f"{kind.__name__}: {str(error)[:200]}") from error


def _is_a(hint: Any, value: Any) -> bool:
    """Whether a value is of a declared type; True is no number."""
    inner = get_args(hint)
    if get_origin(hint) is tuple:
        return isinstance(value, tuple) and all(_is_a(inner[0], each) for each in value)
    if inner:
        return any(_is_a(each, value) for each in inner)
    return isinstance(value, hint) if hint is Cell else type(value) in ((int, float) if hint is float else (hint,))


def plain(kind: type, what: str, check: Callable[[Any, Part], None]) -> Kind:
    """A record that is one entry; check(value, part) refuses it, and may make its sizes known."""

    def read(part: Part, word: str, raw: Any) -> Any:
        value = decode(raw, [kind])
        if type(value) is not kind:
            raise ModelFileError(f"the file has no description of {what}")
        check(value, part)
        return value

    return entry(read, lambda value: encode(value, what))


def check_known(what: str, name: str, table: Container[str]) -> None:
    """Refuse the name of a cell, a loss or an update rule that is not in its table."""
    if name not in table:
        raise ModelFileError(f"the file names the {what} {name[:40]!r}, which this version does not know. {IMPORT_IT}")
