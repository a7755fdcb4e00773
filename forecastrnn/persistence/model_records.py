"""Python values of a model as JSON and back: parameters, cells, settings, lists of texts; nothing else comes out."""

from __future__ import annotations

import math
from collections.abc import Container, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any

import numpy as np

from forecastrnn.exceptions import ModelFileError
from forecastrnn.networks.cells import Cell, cell_classes
from forecastrnn.networks.network import Embedding, Layer, Network
from forecastrnn.networks.seq2seq_network import Seq2SeqNetwork
from forecastrnn.persistence.model_file import Tensor
from forecastrnn.programs.shapes import Dropout
from forecastrnn.training.optimizers import Rule

_RECORDS = (Layer, Embedding, Network, Seq2SeqNetwork, Rule, Dropout)
IMPORT_IT = "If it is of your own making, import the module that defines it before you load the file"
MOST = 2**24  # inputs, units or outputs: their products stay far within int64
LARGEST = 2**63
_SIMPLE: dict[str, tuple[type, ...]] = {
    "None": (type(None),), "bool": (bool,), "int": (int,), "float": (float, int), "str": (str,),
}  # fmt: skip


def records() -> dict[str, type]:
    """Classes that a file names: those of the cells in `CELLS`, and what a network and its training consist of."""
    return cell_classes() | {kind.__name__: kind for kind in _RECORDS}


def encode(value: Any, what: str) -> Any:
    """A value for the header; `what` names it in the TypeError for a value that a file cannot keep."""
    if isinstance(value, np.generic):
        value = value.item()
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
    if records().get(type(value).__name__) is type(value) and is_dataclass(value):
        return {"record": type(value).__name__} | encode_fields(value)
    if isinstance(value, Cell):
        raise TypeError(f"{what}={value!r} cannot be saved: its class must be a dataclass with a name in CELLS.")
    raise TypeError(f"{what}={value!r} cannot be saved: a model file keeps numbers, texts, lists and cells.")


def encode_fields(value: Any) -> dict[str, Any]:
    """The fields of a dataclass."""
    return {field.name: encode(getattr(value, field.name), field.name) for field in fields(value)}


def decode(value: Any) -> Any:
    """The value that `encode` was given."""
    if isinstance(value, list):
        return [decode(each) for each in value]
    if not isinstance(value, dict):
        return value
    if list(value) == ["tuple"] and isinstance(value["tuple"], list):
        return tuple(decode(each) for each in value["tuple"])
    kind, known = value.get("record"), records()
    if not isinstance(kind, str) or kind not in known:
        raise ModelFileError(f"the file holds a {str(kind)[:40]!r}, which this version does not know. {IMPORT_IT}")
    return decode_fields(known[kind], {name: each for name, each in value.items() if name != "record"})


def decode_fields(kind: type, values: Any) -> Any:
    """A dataclass from its fields, each of the type it is declared with; those missing take their defaults."""
    if not isinstance(values, dict):
        raise ModelFileError(f"the file has no description of its {kind.__name__}")
    known = {field.name: field for field in fields(kind)}
    odd = [name for name in values if name not in known]
    odd += [name for name, field in known.items() if name not in values and field.default is MISSING]
    if odd:
        raise ModelFileError(f"{kind.__name__} has other fields than this version: {odd[0][:40]!r}")
    found = {name: decode(value) for name, value in values.items()}
    for name, value in found.items():
        _check_type(kind.__name__, known[name], value)
    try:
        return kind(**found)
    except (TypeError, ValueError) as error:
        raise ModelFileError(f"{kind.__name__}: {error}") from error


def _check_type(owner: str, field: Field, value: Any) -> None:
    declared = field.type.__name__ if isinstance(field.type, type) else str(field.type)
    if declared.startswith("tuple["):
        inner = declared.removeprefix("tuple[").split(",")[0]
        good = isinstance(value, tuple) and all(_is_a(inner, each) for each in value)
    else:
        good = any(_is_a(name, value) for name in declared.split(" | "))
    if not good:
        raise ModelFileError(f"{owner}.{field.name} must be {declared}. Got {str(value)[:40]}")


def _is_a(name: str, value: Any) -> bool:
    if name == "Cell":
        return isinstance(value, Cell)
    return type(value) in _SIMPLE.get(name, ()) or type(value) is records().get(name)


class Fields(Mapping[str, Any]):
    """The fields of a JSON object, read with their types and ranges checked; others than `names` are refused."""

    def __init__(self, raw: Any, where: str, names: str) -> None:
        wanted = names.split()
        if not isinstance(raw, dict) or set(raw) != set(wanted):
            there = sorted(raw) if isinstance(raw, dict) else type(raw).__name__
            raise ModelFileError(f"{where} must have the fields {wanted}. Got {str(there)[:200]}")
        self._raw, self._where = raw, where

    def __getitem__(self, name: str) -> Any:
        return self._raw[name]

    def __iter__(self) -> Any:
        return iter(self._raw)

    def __len__(self) -> int:
        return len(self._raw)

    def count(self, name: str, least: int = 0, most: int = LARGEST - 1) -> int:
        """An integer within bounds."""
        value = self._raw[name]
        if type(value) is not int or not least <= value <= most:
            self.refuse(name, f"an int from {least} to {most}")
        return value

    def flag(self, name: str) -> bool:
        """True or False."""
        if type(self._raw[name]) is not bool:
            self.refuse(name, "true or false")
        return self._raw[name]

    def text(self, name: str, choices: Any = None) -> str:
        """A string, one of `choices` if they are given."""
        value = self._raw[name]
        if not isinstance(value, str) or choices is not None and value not in choices:
            self.refuse(name, "a string" if choices is None else f"one of {sorted(choices)}")
        return value

    def items_of(self, name: str) -> list:
        """A list."""
        if not isinstance(self._raw[name], list):
            self.refuse(name, "a list")
        return self._raw[name]

    def refuse(self, name: str, expected: str) -> None:
        """Raise the error for a field."""
        raise ModelFileError(f"{self._where}: {name} must be {expected}. Got {str(self._raw[name])[:80]}")


def check_known(what: str, name: str, table: Container[str]) -> None:
    """Refuse the name of a cell, a loss or an update rule that is not in its table."""
    if name not in table:
        raise ModelFileError(f"the file names the {what} {name[:40]!r}, which this version does not know. {IMPORT_IT}")


def check_network(network: Network) -> None:
    """Bounds within which the sizes of all parameters can be computed."""
    good = 1 <= len(network.layers) <= 1000 and 1 <= network.n_inputs <= MOST
    good = good and 1 <= network.n_outputs <= MOST and 0 <= network.n_skip <= MOST
    if not good or not all(1 <= layer.units <= MOST for layer in network.layers):
        raise ModelFileError("the network has no layers, or more inputs, units or outputs than can be")
    columns = [e.column for e in network.embeddings]
    good = len(set(columns)) == len(columns) and all(0 <= column < network.n_inputs for column in columns)
    if not good or not all(1 <= e.size <= MOST and 1 <= e.dim <= MOST for e in network.embeddings):
        raise ModelFileError("the network's embeddings have columns or sizes that cannot be")


def check_dropout(dropout: Dropout) -> None:
    """Chances below one."""
    if not all(0 <= chance < 1 for chance in (dropout.inputs, dropout.outputs, dropout.recurrent)):
        raise ModelFileError(f"dropout must lie in [0, 1). Got {dropout}")


def text_tensors(name: str, count: int, n_bytes: int) -> list[Tensor]:
    """The two tensors of a list of texts: UTF-8 end to end, and the bytes of each."""
    return [Tensor(f"{name}.text", "|u1", (n_bytes,)), Tensor(f"{name}.lengths", "<i8", (count,))]


def pack_texts(name: str, texts: list[str]) -> dict[str, np.ndarray]:
    """The values of `text_tensors`."""
    parts = [text.encode() for text in texts]
    joined = np.frombuffer(b"".join(parts), np.uint8)
    return {f"{name}.text": joined, f"{name}.lengths": np.array([len(part) for part in parts], np.int64)}


def unpack_texts(name: str, values: dict[str, np.ndarray]) -> list[str]:
    """The texts that `pack_texts` was given."""
    joined, lengths = values[f"{name}.text"].tobytes(), values[f"{name}.lengths"]
    if (lengths < 0).any() or (lengths > len(joined)).any() or lengths.sum() != len(joined):
        raise ModelFileError(f"{name}: the lengths of the texts do not fit")
    ends = np.cumsum(lengths).tolist()
    try:
        return [joined[end - size : end].decode() for end, size in zip(ends, lengths.tolist())]
    except UnicodeDecodeError as error:
        raise ModelFileError(f"{name}: a text is not UTF-8") from error
