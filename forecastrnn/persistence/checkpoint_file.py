"""What is kept of a fit, in the container of model files: what it is of, and the records of its trainings."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from forecastrnn._version import __version__
from forecastrnn.exceptions import ModelFileError
from forecastrnn.keeping import Records
from forecastrnn.persistence import codec
from forecastrnn.persistence.codec import Part
from forecastrnn.persistence.model_file import ASK, GIVE, ModelFile, Tensor, open_model, write_model

CLASS = "Checkpoint"
BITS = {
    "float32": "<i4",
    "float64": "<i8",
    "int64": "<i8",
    "uint8": "|u1",
}  # as which numbers are kept: they may be NaN
MOST_WORDS = 60  # of the value of a parameter


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Which fit it is: of each parameter what it is in words, and a digest; a digest of the data."""

    parameters: Mapping[str, tuple[str, str]]
    data: str = ""


@dataclass(frozen=True, kw_only=True)
class Kept:
    """What stands in a file."""

    identity: Identity
    records: Records = field(default_factory=dict)


def write_checkpoint(path: str, kept: Kept) -> None:
    """Write a file atomically: whatever goes wrong, one that is there stays as it was."""
    flat = {(name, key): one for name, record in kept.records.items() for key, one in record.items()}
    listed: dict[str, dict[str, Any]] = {name: {} for name in sorted(kept.records)}  # as JSON has them
    for name, key in sorted(flat):
        listed[name][key] = [flat[name, key].dtype.name, flat[name, key].size]
    header = {
        "class": CLASS, "written_by": __version__, "data": kept.identity.data, "records": listed,
        "parameters": {name: list(both) for name, both in kept.identity.parameters.items()},
    }  # fmt: skip
    values = {
        f"{name}/{key}": np.ascontiguousarray(flat[name, key]).view(BITS[flat[name, key].dtype.name])
        for name, record in listed.items()
        for key in record
    }
    write_model(path, header, _tensors_of(listed), values)


def _tensors_of(listed: Mapping[str, Mapping[str, Any]]) -> list[Tensor]:
    return [
        Tensor(f"{name}/{key}", BITS[dtype], (size,))
        for name, record in listed.items()
        for key, (dtype, size) in record.items()
    ]


def read_checkpoint(path: str) -> Kept:
    """What a killed fit has left; a ModelFileError tells what to do with a file that is none, or damaged."""
    try:
        with open_model(path) as file:
            return _read(file)
    except ModelFileError as error:
        what = str(error).removeprefix(f"{path}: ").removeprefix(f"{path} ")
        what = what.removesuffix(ASK).removesuffix(GIVE).rstrip(" .")  # cures of a model
        raise ModelFileError(
            f"checkpoint: {path} is no checkpoint that can be read, and stays as it is: delete it or name another. "
            f"({what})"
        ) from error


def _read(file: ModelFile) -> Kept:
    header = Part(file.header, "the header")
    if isinstance(file.header, dict) and file.header.get("class") != CLASS:
        raise ModelFileError(f"it holds {str(file.header.get('class'))[:40]}, a model")
    for word, kind in {"class": codec.choice(CLASS), "written_by": codec.TEXT, "data": codec.TEXT}.items():
        kind.read(header, word)
    parameters, listed = (_mapping(header, word) for word in ("parameters", "records"))
    header.close()
    values = file.read(_tensors_of({name: _checked(name, record) for name, record in listed.items()}))
    said = {name: (both[0], both[1]) for name, both in parameters.items() if _are_texts(both)}
    if len(said) < len(parameters):
        raise ModelFileError("a parameter has no words")
    records: Records = {
        name: {key: values[f"{name}/{key}"].view(dtype) for key, (dtype, _) in record.items()}
        for name, record in listed.items()
    }
    return Kept(identity=Identity(parameters=said, data=header.raw["data"]), records=records)


def _mapping(header: Part, word: str) -> dict[str, Any]:
    raw = header.take(word, dict)
    return raw if isinstance(raw, dict) else header.refuse(word, "an object")


def _are_texts(both: object) -> bool:
    return isinstance(both, list) and len(both) == 2 and all(isinstance(text, str) for text in both)


def _checked(name: str, record: object) -> dict[str, Any]:
    """What a record holds: a type and a length for each name; a stroke parts the names of both in those of tensors."""
    if not isinstance(record, dict) or not all(map(_is_listed, record.values())):
        raise ModelFileError(f"record {name[:40]} has no types or lengths")
    if any("/" in word for word in (name, *record)):
        raise ModelFileError(f"record {name[:40]} has names with strokes")
    return record


def _is_listed(one: object) -> bool:
    """A type and a length."""
    if not isinstance(one, list) or len(one) != 2:
        return False
    dtype, size = one
    return isinstance(dtype, str) and dtype in BITS and type(size) is int and 0 <= size < codec.LONGEST


def remove_checkpoint(path: str) -> None:
    """Remove a file that is no longer needed."""
    if os.path.exists(path):
        os.unlink(path)
