"""An object of a header, gone through entry by entry, and what a kind of value is: what the codec is made of."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NoReturn

import numpy as np

from forecastrnn.exceptions import ModelFileError
from forecastrnn.persistence.model_file import Tensor

Values = dict[str, np.ndarray]
Make = Callable[[Values], Any]
Bound = float | str  # of numbers; a text names an entry before, or what one has made known
Range = tuple[Bound, Bound]  # both ends belong to it


class Part:
    """A JSON object of a header, gone through entry by entry, by who reads it or, with `values`, by who writes it.

    known : what the entries before have said, by their words. tensors : what announces them. values : of them.
    """

    def __init__(self, raw: object, where: str, above: Part | None = None, values: Values | None = None) -> None:
        if not isinstance(raw, dict):
            raise ModelFileError(f"{where} must have the fields of a record. Got {str(raw)[:80]}")
        self.raw, self.where, self.taken = raw, where, set[str]()
        self.known: ChainMap[str, Any] = above.known.new_child() if above else ChainMap()
        self.tensors: list[Callable[[], list[Tensor]]] = above.tensors if above else []
        self.values: Values | None = above.values if above and values is None else values

    def take(self, word: str, write: Callable[[], Any]) -> Any:
        """An entry, which `write` gives where this is written; the last part of a word with dots names it."""
        key = key_of(word)
        if self.values is not None:
            self.raw[key] = write()
        self.taken.add(key)
        if key not in self.raw:
            self.close()
        return self.raw[key]

    def items(self, word: str, write: Callable[[], list]) -> list:
        """An entry that is a list."""
        raw = self.take(word, write)
        return raw if isinstance(raw, list) else self.refuse(word, "a list")

    def announced(self) -> list[Tensor]:
        """All tensors of what has been gone through."""
        return [tensor for some in self.tensors for tensor in some()]

    def refuse(self, word: str, expected: str) -> NoReturn:
        """Raise the error for an entry."""
        key = key_of(word)
        raise ModelFileError(f"{self.where[:80]}: {key[:80]} must be {expected}. Got {str(self.raw[key])[:80]}")

    def ends_of(self, within: Range) -> tuple[float, float]:
        """A range whose names have their values."""
        low, high = (self.known[bound] if isinstance(bound, str) else bound for bound in within)
        return low, high

    def close(self) -> None:
        """Refuse entries that nothing has taken."""
        if set(self.raw) != self.taken:
            there = str(sorted(self.raw))[:200]
            raise ModelFileError(f"{self.where} must have the fields {sorted(self.taken)}. Got {there}")


@dataclass(frozen=True)
class Kind:
    """How a value is kept.

    walk(part, word, value) writes it, where the part is written, and checks what the header says. It announces tensors,
    of which nothing is read before all is checked, and returns what makes the value of them.
    word : in the file, if it is not the field's name. sign : the entry that shows that it is there, if not its own.
    """

    walk: Callable[[Part, str, Any], Make]
    word: str | None = None
    sign: str | None = ""

    def read(self, part: Part, word: str, value: Any = None) -> Any:
        """The value of an entry at once: no tensors are needed for it."""
        return self.walk(part, word, value)({})

    def named(self, word: str) -> Kind:
        """The same under a word of its own."""
        return replace(self, word=word)


def key_of(word: str) -> str:
    """The entry of a word."""
    return word.rpartition(".")[2]
