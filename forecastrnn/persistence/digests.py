"""Whether parameters and data are those that they were: a digest of values of all kinds, without pandas."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, Protocol

import numpy as np

from forecastrnn.networks.cell import Cell
from forecastrnn.networks.likelihood import Likelihood


class _Hash(Protocol):
    def update(self, data: bytes, /) -> None: ...


def digest_of(*values: Any) -> str:
    """The same for the same values, in every process; that of other ones is another."""
    found = hashlib.sha256()
    for value in values:
        _feed(found, value)
    return found.hexdigest()


def _feed(found: _Hash, value: Any) -> None:
    """A value behind those before it, its kind in front."""
    if isinstance(value, np.random.RandomState):
        value = value.get_state(legacy=False)
    kind = type(value)
    if isinstance(value, np.ndarray):
        _feed_array(found, value)
    elif isinstance(value, np.generic):
        _feed(found, value.item())
    elif isinstance(value, Mapping):
        _feed_each(found, "mapping", [part for pair in value.items() for part in pair])
    elif isinstance(value, list | tuple):
        _feed_each(found, kind.__name__, value)
    elif is_dataclass(value):
        formula = value.text if isinstance(value, Cell | Likelihood) else ""  # of a class that may have changed
        _feed_each(found, kind.__name__, [formula, *(getattr(value, field.name) for field in fields(value))])
    elif hasattr(value, "columns") and hasattr(value, "to_numpy"):  # a frame
        _feed_each(found, "frame", [getattr(value, "index", None), *map(str, value.columns)])
        _feed_each(found, "columns", [value[name].to_numpy() for name in value.columns])
    elif hasattr(value, "to_numpy"):
        _feed(found, value.to_numpy())
    else:
        text = repr(value)
        found.update(f"{kind.__name__} {'' if ' at 0x' in text else text}\n".encode())


def _feed_each(found: _Hash, kind: str, parts: Any) -> None:
    found.update(f"{kind} {len(parts)}\n".encode())
    for part in parts:
        _feed(found, part)


def _feed_array(found: _Hash, values: np.ndarray) -> None:
    if values.dtype == object:
        _feed_each(found, f"objects {values.shape}", values.ravel().tolist())
        return
    found.update(f"array {values.dtype.str} {values.shape}\n".encode())
    found.update(np.ascontiguousarray(values).tobytes())
