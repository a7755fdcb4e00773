"""Token sequences: what users give, the vocabularies that are learned of it, and the codes that networks read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, repeat
from typing import Any, cast

import numpy as np

from forecastrnn.data.boxes import opened, unboxed
from forecastrnn.masks import refuse_masked

UNKNOWN = ("raise", "mean")
AT_ONCE = 4096  # sequences that are written together
_INTS = (int, np.integer)
_LARGEST = 2**63
Token = str | int
Tokens = str | list[Token]


@dataclass(frozen=True)
class Texts:
    """Sequences of tokens as given, of which it is known that each token is a str, or each an int.

    are_str : each sequence is a str, its characters the tokens; otherwise each is a list or array.
    """

    rows: list
    lengths: np.ndarray
    are_str: bool

    @property
    def n(self) -> int:
        """Number of sequences."""
        return len(self.rows)

    def flat(self) -> Iterator:
        """All tokens, sequence behind sequence."""
        return chain.from_iterable(self.rows)

    def place_of(self, position: int) -> tuple[int, int]:
        """Sequence, and place in it, of a token counted over all."""
        ends = np.cumsum(self.lengths)
        row = int(np.searchsorted(ends, position, side="right"))
        return row, position - int(ends[row] - self.lengths[row])


def read_texts(values: object, name: str) -> Texts:
    """Check that `values` are sequences of tokens; `name` says in messages which argument they are."""
    rows = _rows_of(values, name)
    kinds = np.array([isinstance(row, str) for row in rows])
    plain = [row if text else _tokens_of(row, name, k) for k, (row, text) in enumerate(zip(rows, kinds, strict=True))]
    if kinds.any() and not kinds.all():
        first, other = int(np.argmax(kinds)), int(np.argmin(kinds))
        raise TypeError(
            f"{name} must hold texts, or lists of tokens, not both: {name}[{first}] is a str, {name}[{other}] is "
            f"{type(rows[other]).__name__}. Write [*text] for the list of a text's characters."
        )
    lengths = np.array([len(row) for row in plain], np.int64)
    if not lengths.all():
        raise ValueError(f"{name}[{int(np.argmin(lengths))}] is empty: each sequence needs at least one token.")
    texts = Texts(plain, lengths, bool(kinds.all()))
    if not texts.are_str:
        _check_kinds(texts, name)
    return texts


def _rows_of(values: object, name: str) -> list:
    expected = f"{name} must be a list of sequences of tokens, each a text or a list of str or int"
    if isinstance(values, str | bytes):
        raise TypeError(f"{expected}. Got one {type(values).__name__}: put it in a list, [{values[:20]!r}].")
    refuse_masked(values, name)
    values = opened(values)
    if getattr(values, "shape", ())[1:] == (1,) and (hasattr(values, "columns") or unboxed(values, name) is not None):
        return list(np.asarray(values, dtype=object)[:, 0])  # a frame of one column, each cell a sequence
    array = isinstance(values, np.ndarray) or hasattr(values, "__array__")
    if not isinstance(values, Sequence) and not array:
        raise TypeError(f"{expected}. Got {type(values).__name__}.")
    if array and (np.asarray(values).ndim not in (1, 2) or hasattr(values, "columns")):
        raise TypeError(
            f"{expected}. Got {type(values).__name__} of shape {np.asarray(values).shape}: "
            "give its column of sequences."
        )
    rows = list(cast(Iterable, values))
    if not rows:
        raise ValueError(f"{expected}. Got 0 sequences.")
    return rows


def _tokens_of(row: object, name: str, number: int) -> list[Token]:
    """A sequence that is no text, as a list of Python's own values."""
    is_array = isinstance(row, np.ndarray) or hasattr(row, "to_numpy")
    if not isinstance(row, list | tuple) and not is_array or is_array and np.asarray(row).ndim != 1:
        shape = f" of shape {np.asarray(row).shape}" if is_array else ""
        raise TypeError(
            f"{name}[{number}] must be a sequence of tokens: a text, or a list, tuple or array of str or int. "
            f"Got {type(row).__name__}{shape}."
        )
    if isinstance(row, list | tuple) and not is_array:
        return list(row)
    array: Any = row
    return array.tolist() if hasattr(array, "tolist") else array.to_numpy().tolist()


def _check_kinds(texts: Texts, name: str) -> None:
    """Tokens are all str or all int; integers of NumPy become Python's."""
    kinds = set(map(type, texts.flat()))
    odd = next((kind for kind in kinds if not issubclass(kind, (str, *_INTS)) or issubclass(kind, bool)), None)
    if odd is not None:
        _refuse_token(texts, name, odd)
    words = {kind for kind in kinds if issubclass(kind, str)}
    if words and kinds - words:
        _refuse_token(
            texts, name, next(iter(kinds - words)), " where others are str: tokens must be all str or all int"
        )
    for row in texts.rows if kinds - {int, str} else ():
        row[:] = map(str if words else int, row)
    if not words and not all(-_LARGEST <= token < _LARGEST for token in set(texts.flat())):
        raise ValueError(f"{name} has a token beyond the range of int64.")


def _refuse_token(texts: Texts, name: str, kind: type, why: str = ": a token is a str or an int") -> None:
    position = next(k for k, token in enumerate(texts.flat()) if type(token) is kind)
    row, place = texts.place_of(position)
    value = texts.rows[row][place]
    raise TypeError(f"{name}[{row}][{place}] is {value!r}, of type {kind.__name__}{why}.")


def vocabulary_of(texts: Texts) -> np.ndarray:
    """The distinct tokens, sorted: an array of objects for str, of int64 for int."""
    tokens = sorted(set(texts.flat()))
    return np.array(tokens, np.int64 if isinstance(tokens[0], int) else object)


def check_tokens(texts: Texts, vocabulary: np.ndarray, name: str = "", known: str = "", hint: str = "") -> np.ndarray:
    """The code of each token, one behind the other; a token that is not in the vocabulary has len(vocabulary).

    With `hint`, what a user can do about it, such a token is an error, which says that `name` has it and `known` not.
    """
    numbers = {token: code for code, token in enumerate(vocabulary.tolist())}
    count, size = int(texts.lengths.sum()), len(vocabulary)
    codes = np.fromiter(map(numbers.get, texts.flat(), repeat(size)), np.int64, count)
    if hint and (codes == size).any():
        row, place = texts.place_of(int(np.argmax(codes == size)))
        raise ValueError(
            f"{name}[{row}] has the token {texts.rows[row][place]!r} at place {place}, which is not among the "
            f"{size} of {known}. {hint}"
        )
    return codes


def padded_codes(codes: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Codes (n, longest) of sequences that lie one behind the other."""
    steps = np.arange(lengths.max())
    valid = steps < lengths[:, None]
    return np.where(valid, codes[np.where(valid, (np.cumsum(lengths) - lengths)[:, None] + steps, 0)], 0)


def written(codes: np.ndarray, lengths: np.ndarray, vocabulary: np.ndarray, as_str: bool) -> list[Tokens]:
    """Sequences of tokens from codes (n, steps): texts or lists."""
    tokens = vocabulary.tolist()
    rows: list = []
    for at in range(0, len(codes), AT_ONCE):  # so that Ctrl-C is heard between two parts
        part = slice(at, at + AT_ONCE)
        pairs = zip(codes[part].tolist(), lengths[part].tolist(), strict=True)
        rows += [[tokens[code] for code in row[:size]] for row, size in pairs]
    return ["".join(row) for row in rows] if as_str else rows
