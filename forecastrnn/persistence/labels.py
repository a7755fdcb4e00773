"""Lists of texts and of labels, classes or categories, as entries and tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from forecastrnn.exceptions import ModelFileError
from forecastrnn.persistence.codec import Kind, Make, Part, array, as_bools, choice, count, each, mapped
from forecastrnn.persistence.utf8 import utf8

_AS_NUMBERS = {"int": "<i8", "|b1": "|u1"}  # kinds that are not called as their numbers are kept
NUMBERS = ("|b1", "|i1", "|u1", "<f2", "<f4", "<f8", *(f"<{sign}{size}" for sign in "iu" for size in (2, 4, 8)))


def texts(word: str, part: Part, value: list[str] | None, sizes: tuple[str, str]) -> Make:
    """UTF-8 end to end, and the bytes of each; how many there are, and bytes in all, is known by these names."""
    parts = [utf8(text, "the text") for text in value or ()]
    lengths = np.array([len(one) for one in parts], np.int64)
    text = array("|u1", sizes[1]).walk(part, f"{word}.text", np.frombuffer(b"".join(parts), np.uint8))
    each = array("<i8", sizes[0]).walk(part, f"{word}.lengths", lengths)
    return lambda values: _cut(word, text(values).tobytes(), each(values))


def _cut(word: str, joined: bytes, lengths: np.ndarray) -> list[str]:
    if (lengths < 0).any() or (lengths > len(joined)).any() or lengths.sum() != len(joined):
        raise ModelFileError(f"{word}: the lengths of the texts do not fit")
    ends = np.cumsum(lengths).tolist()
    try:
        return [joined[end - size : end].decode() for end, size in zip(ends, lengths.tolist())]
    except UnicodeDecodeError as error:
        raise ModelFileError(f"{word}: a text is not UTF-8") from error


def names(n: str) -> Kind:
    """An object array of n texts."""

    def walk(part: Part, word: str, value: Any) -> Make:
        found = None if value is None else [str(name) for name in value]
        count().walk(part, word, None if found is None else bytes_of(found))
        make = texts(word, part, found, (n, word))
        return lambda values: np.array(make(values), object)

    return Kind(walk)


def bytes_of(texts: list[str]) -> int:
    """Their length in a file."""
    return sum(len(utf8(text, "the text")) for text in texts)


Split = Callable[[str, Any], tuple[str, Any]]
Join = Callable[[str, str, Any], Any]


def described(kinds: tuple[str, ...], bounds: tuple, split: Split, join: Join, tensors: str = "") -> Kind:
    """A list of one of some kinds: "text" and "json" are lists of texts, "width" code points, others dtypes of numbers.

    split(word, value) is its kind and what is kept; join(word, kind, kept) makes the value. tensors : their name.
    """

    def walk(part: Part, word: str, value: Any) -> Make:
        kind, kept = ("", None) if part.values is None else split(word, value)
        inner, name = Part(part.take(word, dict), word, part), tensors or word
        count(*bounds).walk(inner, "count", None if kept is None else len(kept))
        kind = str(choice(*kinds).read(inner, "kind", kind))
        is_text, is_wide = kind in ("text", "json"), kind == "width"
        size = None if kept is None else bytes_of(kept) if is_text else kept.shape[1] if is_wide else 0
        count(int(is_wide)).walk(inner, "size", size)
        inner.close()
        if is_text:
            make = texts(name, inner, kept, ("count", "size"))
        elif is_wide:
            make = array("<u4", "count", "size").walk(inner, f"{name}.points", kept)
        else:
            make = array(_AS_NUMBERS.get(kind, kind), "count").walk(inner, f"{name}.numbers", kept)
        return lambda values: join(word, kind, make(values))

    return Kind(walk)


def labels(least: int | str, most: int | str, kinds: tuple[str, ...] = ("text", "width", *NUMBERS)) -> Kind:
    """An array of different labels in order: texts of any length, of fixed width, or numbers."""
    return described(kinds, (least, most), _split, _join)


def _split(word: str, labels: np.ndarray) -> tuple[str, list | np.ndarray]:
    if labels.dtype.kind == "O":
        return "text", [str(label) for label in labels]
    if labels.dtype.kind == "U":
        points = np.ascontiguousarray(labels, labels.dtype.newbyteorder("<"))
        return "width", points.view("<u4").reshape(len(labels), -1)
    kind = labels.dtype.newbyteorder("<").str
    if kind not in NUMBERS:
        raise TypeError(f"{word} of dtype {labels.dtype} cannot be saved; use texts, integers, floats or booleans.")
    return kind, labels.view(np.uint8) if kind == "|b1" else labels


def _join(word: str, kind: str, kept: Any) -> np.ndarray:
    found = np.array(kept, object) if kind == "text" else as_bools(kept) if kind == "|b1" else kept
    if kind == "width":
        if (kept > 0x10FFFF).any():
            raise ModelFileError(f"{word}: one is not a text")
        found = kept.view(f"<U{kept.shape[1]}")[:, 0].astype(f"U{kept.shape[1]}")
    if len(np.unique(found)) != len(found) or (found[1:] <= found[:-1]).any():
        raise ModelFileError(f"the {word} are not in order")
    return found


def categories(counts: Callable[[Part], list[int]]) -> Kind:
    """Labels of some columns, as many of each as counts(part) says."""

    def kinds(part: Part, n: int) -> list[Kind]:
        sizes = counts(part)
        if n != len(sizes):
            raise ModelFileError("the categories are not those of the network")
        return [labels(size, size) for size in sizes]

    return mapped(each(kinds), lambda some: some or (), tuple)
