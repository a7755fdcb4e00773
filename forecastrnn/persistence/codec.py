"""How fitted records become the header and the tensors of a model file, and back: each field is described once.

To add a fitted field, give it a default in its dataclass: what it is in files that lack it. A count, a flag or a text
needs no more; for anything else name its kind in the `record(...)` of its class, in `fitted_records.py` or beside the
state of its estimators; an array stands in an `optional`, and its tensor comes behind those that `State.order` names.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import MISSING, dataclass, fields, is_dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from forecastrnn.exceptions import ModelFileError
from forecastrnn.persistence.model_file import Tensor
from forecastrnn.persistence.parts import Kind, Make, Part, Range, Values, key_of

LARGEST = 2**63
MOST = 2**24  # inputs, units or outputs: their products stay far within int64
LONGEST = 2**40  # counts of values: more than any memory holds
STEPS = 2**20  # of one sequence, which a network puts out
ANY: Range = (-np.inf, np.inf)
POSITIVE: Range = (5e-324, np.inf)
SHARE: Range = (0.0, 1.0)


# Entries of the header --------------------------------------------------------------------------------------------
def entry(decode: Callable[[Part, str, Any], Any], encode: Callable[[Any], Any] | None = None) -> Kind:
    """One entry: decode(part, word, raw) is the value of what `encode` has made, which is known by its word."""

    def walk(part: Part, word: str, value: Any) -> Make:
        raw = part.take(word, lambda: encode(value) if encode else getattr(value, "item", lambda: value)())
        found = part.known[word] = decode(part, word, raw)
        return lambda values: found

    return Kind(walk)


def tested(expected: str, good: Callable[[Any], bool]) -> Kind:
    """An entry that is kept as it is, if it is good."""
    return entry(lambda part, word, raw: raw if good(raw) else part.refuse(word, expected))


def choice(*names: str) -> Kind:
    """One of some texts."""
    return tested(f"one of {sorted(names)}", lambda raw: isinstance(raw, str) and raw in names)


def count(least: int | str = 0, most: int | str = LARGEST - 1) -> Kind:
    """An integer within bounds; a text names an entry before."""

    def decode(part: Part, word: str, raw: Any) -> int:
        low, high = part.ends_of((least, most))
        return raw if type(raw) is int and low <= raw <= high else part.refuse(word, f"an int from {low} to {high}")

    return entry(decode)


def number(within: Range) -> Kind:
    """A float within bounds."""

    def decode(part: Part, word: str, raw: Any) -> float:
        low, high = part.ends_of(within)
        return raw if type(raw) is float and low <= raw <= high else part.refuse(word, f"a float from {low} to {high}")

    return entry(decode)


FLAG = tested("true or false", lambda raw: type(raw) is bool)
TEXT = tested("a string", lambda raw: isinstance(raw, str))
_BY_TYPE = {"int": count(), "bool": FLAG, "str": TEXT}


# Tensors ----------------------------------------------------------------------------------------------------------
class Size(NamedTuple):
    """A length that the header says."""

    word: str
    least: int = 0
    most: int = LARGEST - 1


def array(dtype: str, *sizes: str | Size, within: Range = ANY) -> Kind:
    """A tensor whose numbers lie within bounds, which are checked when it is read, and before it is written.

    Its dtype, "<f8", its sizes and its bounds may be what records or entries before have made known by name.
    """
    names = [size.word if isinstance(size, Size) else size for size in sizes]

    def walk(part: Part, word: str, value: Any) -> Make:
        if part.values is not None:
            part.values[word] = value
        for axis, size in enumerate(sizes):
            if isinstance(size, Size):
                count(size.least, size.most).walk(part, size.word, None if value is None else value.shape[axis])

        def announced() -> list[Tensor]:
            if part.values is not None:
                _check_written(word, part.values[word], part.ends_of(within))
            return [Tensor(word, part.known.get(dtype, dtype), tuple(part.known[name] for name in names))]

        part.tensors.append(announced)
        return lambda values: _check_range(word, values[word], part.ends_of(within))

    return Kind(walk, sign=None)


def _check_range(word: str, values: np.ndarray, within: tuple[float, float]) -> np.ndarray:
    """The values, all of them within bounds."""
    low, high = within
    if values.size and not (values.min() >= low and values.max() <= high):
        wrong = values[~((values >= low) & (values <= high))].flat[0]
        raise ModelFileError(f"{word[:80]} must lie within {low} .. {high}. Got {wrong}")
    return values


def _check_written(word: str, values: np.ndarray, within: tuple[float, float]) -> None:
    """The same before a file is written, that it can be read; what is not finite is told of there."""
    try:
        _check_range(word, values, within)
    except ModelFileError as error:
        if np.isfinite(values).all():
            raise ValueError(f"the model is of no use: {error}. Fit it again, then save") from error


def mapped(kind: Kind, to: Callable[[Any], Any], back: Callable[[Any], Any] = lambda kept: kept) -> Kind:
    """A value that is kept as another one."""

    def walk(part: Part, word: str, value: Any) -> Make:
        make = kind.walk(part, word, None if part.values is None else to(value))
        return lambda values: back(make(values))

    return replace(kind, walk=walk)


def numbers_or_nan(*sizes: str | Size) -> Kind:
    """Numbers, some of them missing: a file, which has no place for NaN, holds their bits."""
    bits = array("<i8", *sizes)

    def walk(part: Part, word: str, value: Any) -> Make:
        make = bits.walk(part, word, None if part.values is None else value.view(np.int64))
        return lambda values: as_numbers(word, make(values))

    return replace(bits, walk=walk)


def as_numbers(word: str, bits: np.ndarray) -> np.ndarray:
    """Bits as numbers, some of which may be missing, but none infinite."""
    found = bits.view(float)
    if np.isinf(found).any():
        raise ModelFileError(f"{word[:80]} has an infinite number")
    return found


def as_bools(values: np.ndarray) -> np.ndarray:
    """Bytes as booleans."""
    if (values > 1).any():
        raise ModelFileError("a boolean is neither 0 nor 1")
    return values.view(bool)


def flags(size: str) -> Kind:
    """A vector of booleans."""
    return mapped(array("|u1", size), lambda values: values.view(np.uint8), as_bools)


def curve(size: Size) -> Kind:
    """A list of floats."""
    return mapped(array("<f8", size), lambda numbers: np.array(numbers, float), np.ndarray.tolist)


# Records ----------------------------------------------------------------------------------------------------------
def record(kind: type, make: Callable | None = None, /, **kinds: Kind | None) -> Kind:
    """The fields of a dataclass, or some attributes of an object, as entries and tensors of what it is in.

    They come in the order given, then those that are not named, by their types; None: a field is not kept. `make`
    makes the value of what is kept, if it is not the class. A field that a file lacks has its default.
    """
    declared = {field.name: field for field in fields(kind)} if is_dataclass(kind) else {}
    for name in [name for name in declared if name not in kinds]:
        if str(declared[name].type) not in _BY_TYPE:
            raise TypeError(f"{kind.__name__}.{name} needs a kind in its record(...): it is no int, bool or str")
        kinds[name] = _BY_TYPE[str(declared[name].type)]
    kept = {name: one for name, one in kinds.items() if one is not None}
    words = {name: name if one.word is None else one.word for name, one in kept.items()}
    for name, field in declared.items():
        if name in kept and field.default is not MISSING:
            kept[name] = later(kept[name], field.default)

    def walk(part: Part, word: str, value: Any) -> Make:
        makes = {name: one.walk(part, word + words[name], getattr(value, name, None)) for name, one in kept.items()}
        return lambda values: (make or kind)(**{name: one(values) for name, one in makes.items()})

    return Kind(walk, word="", sign=None)


def nested(kind: Kind, where: str = "") -> Kind:
    """A record as an object of its own in the header; without a name of its own, its tensors have its word in front."""

    def walk(part: Part, word: str, value: Any) -> Make:
        inner = Part(part.take(word, dict), where or word, part)
        make = kind.walk(inner, "" if where else f"{word}.", value)
        inner.close()
        return make

    return Kind(walk)


def later(kind: Kind, default: object) -> Kind:
    """What files lack that were written before there was such a field."""

    def walk(part: Part, word: str, value: Any) -> Make:
        is_there = part.values is not None or kind.sign is None or (kind.sign or key_of(word)) in part.raw
        return kind.walk(part, word, value) if is_there else lambda values: default

    return replace(kind, walk=walk)


def unless(default: object, kind: Kind) -> Kind:
    """What is written only where it is not the default of its field: earlier versions read what does not need it."""

    def walk(part: Part, word: str, value: Any) -> Make:
        if part.values is not None and type(value) is type(default) and value == default:
            return lambda values: default
        return kind.walk(part, word, value)

    return replace(kind, walk=walk)


def maybe(kind: Kind) -> Kind:
    """An entry that is null for None."""

    def walk(part: Part, word: str, value: Any) -> Make:
        if (part.raw.get(key_of(word)) if part.values is None else value) is not None:
            return kind.walk(part, word, value)
        part.take(word, lambda: None)
        return lambda values: None

    return Kind(walk)


def optional(flag: str, kind: Kind) -> Kind:
    """None, or what a flag in the header says that it is there."""

    def walk(part: Part, word: str, value: Any) -> Make:
        is_there = FLAG.read(part, flag, value is not None)
        return kind.walk(part, word, value) if is_there else lambda values: None

    return Kind(walk, kind.word, flag)


def each(kinds: Callable[[Part, int], list[Kind]]) -> Kind:
    """A list, of kinds(part, length); their tensors come under numbers."""

    def walk(part: Part, word: str, value: Any) -> Make:
        raw = part.items(word, lambda: [None] * len(value))
        inner, makes = Part({str(k): one for k, one in enumerate(raw)}, word, part), []
        members = [None] * len(raw) if part.values is None else value
        for k, (kind, one) in enumerate(zip(kinds(part, len(raw)), members, strict=True)):
            makes.append(kind.walk(inner, f"{word}.{k}", one))
            raw[k] = inner.raw[str(k)]
        return lambda values: [make(values) for make in makes]

    return Kind(walk)


def joint(kind: Kind, where: str) -> Kind:
    """A list of records: an object each, their vectors of one name end to end."""

    def walk(part: Part, word: str, value: Any) -> Make:
        inner = [Part(raw, where, part) for raw in part.items(word, lambda: [{} for _ in value])]
        makes, written = [], [Values() for _ in inner]
        members = [None] * len(inner) if part.values is None else value
        for one, own, member in zip(inner, written, members, strict=True):
            one.tensors, one.values = [], None if part.values is None else own
            makes.append(kind.walk(one, "", member))
            one.close()
        part.known[word] = len(inner)
        if part.values is not None:
            part.values |= {name: np.concatenate([own[name] for own in written]) for name in (written or [{}])[0]}
        part.tensors.append(lambda: _end_to_end([one.announced() for one in inner], where))
        return lambda values: [make(own) for make, own in zip(makes, _cut(values, inner), strict=True)]

    return Kind(walk)


def _end_to_end(lists: list[list[Tensor]], where: str) -> list[Tensor]:
    """The tensors of records of one kind, all numbers in a row."""
    if len({tuple(tensor.name for tensor in one) for one in lists}) > 1:
        raise ModelFileError(f"{where} has other tensors than the first")
    return [Tensor(same[0].name, same[0].dtype, (sum(tensor.shape[0] for tensor in same),)) for same in zip(*lists)]


def _cut(values: Values, parts: list[Part]) -> Iterator[Values]:
    """What belongs to each record, as arrays of their own."""
    ends: Counter[str] = Counter()
    for part in parts:
        own = {}
        for tensor in part.announced():
            begin = ends[tensor.name]
            ends[tensor.name] += tensor.shape[0]
            own[tensor.name] = values[tensor.name][begin : ends[tensor.name]].copy()
        yield own


# All of an estimator ----------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class State:
    """What a class keeps, as a header and tensors in the order of the file.

    attributes : of the estimator, as a record. restore(estimator, **attributes) : sets them again.

    check : of entries that must fit to one another. order : names of tensors, or what stands before a dot in them, as
    the first files have them; others come behind.
    """

    attributes: Kind
    restore: Callable[..., None]
    check: Callable[[Part], None]
    order: str = ""

    def write(self, estimator: object, kind: str) -> tuple[dict, list[Tensor], Values]:
        """Header, tensors and their values of a fitted estimator of a class."""
        part = Part({}, "the model", values={})
        tensors, _ = self._walk(part, estimator, kind)
        return part.raw, tensors, part.values or {}

    def read(self, raw: object, kind: str) -> tuple[list[Tensor], Make]:
        """Check the header of an estimator of a class; its tensors, and what makes its attributes of them."""
        return self._walk(Part(raw, "the model"), None, kind)

    def _walk(self, part: Part, estimator: object, kind: str) -> tuple[list[Tensor], Make]:
        part.known["class"] = kind
        make = self.attributes.walk(part, "", estimator)
        self.check(part)
        part.close()
        return sorted(part.announced(), key=self._place), make

    def _place(self, tensor: Tensor) -> int:
        words = self.order.split()
        return next((k for k, word in enumerate(words) if f"{tensor.name}.".startswith(f"{word}.")), len(words))
