"""Strange sequences, targets, weights and texts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from support.strange_series import OTHERS
from support.strange_values import ARRAYS, COLUMNS, ODD, PROFILES, Draw

N, STEPS, CHANNELS = 8, 4, 2
SHAPES: dict[str, tuple[int, ...]] = {
    "cube": (N, STEPS, CHANNELS),
    "table": (N, STEPS),
    "row": (N,),
    "four": (2, 2, 2, 2),
    "no rows": (0, STEPS, CHANNELS),
    "one row": (1, STEPS, CHANNELS),
    "no steps": (N, 0, CHANNELS),
    "no channels": (N, STEPS, 0),
    "one step": (N, 1, CHANNELS),
    "other channels": (N, STEPS, 3),
    "longer": (N, 7, CHANNELS),
    "number": (),
    "one more row": (N + 1, STEPS, CHANNELS),
}


def _ragged(cube: np.ndarray) -> list[np.ndarray]:
    return [row[: 1 + k % len(row)] if len(row) else row for k, row in enumerate(cube)]


def _objects(rows: list[Any]) -> np.ndarray:
    made = np.empty(len(rows), dtype=object)
    made[:] = rows
    return made


def _cells(cube: np.ndarray, make: Callable[[np.ndarray], Any]) -> pd.DataFrame:
    """Each cell of a frame a sequence, as sktime nests them."""
    return pd.DataFrame({f"c{k}": _objects([make(row[:, k]) for row in cube]) for k in range(cube.shape[2])})


BOXES: dict[str, Callable[[np.ndarray], Any]] = {
    "as it is": lambda x: x,
    "lists": lambda x: x.tolist(),
    "tuples": lambda x: tuple(map(tuple, x.tolist())),
    "a list of arrays": list,
    "ragged arrays": _ragged,
    "ragged lists": lambda x: [row.tolist() for row in _ragged(x)],
    "an object array": lambda x: _objects(_ragged(x)),
    "a column of lists": lambda x: pd.Series([row.tolist() for row in _ragged(x)]),
    "a column of arrays": lambda x: pd.Series(_ragged(x)),
    "a list of frames": lambda x: [pd.DataFrame(row) for row in _ragged(x)],
    "a list of series": lambda x: [pd.Series(row[:, 0]) for row in _ragged(x)],
    "nested series": lambda x: _cells(x, pd.Series),
    "nested lists": lambda x: _cells(x, list),
    "a frame": lambda x: pd.DataFrame(x.reshape(len(x), -1)),
    "a frame of named columns": lambda x: pd.DataFrame(x[:, :, 0], columns=[f"t{k}" for k in range(x.shape[1])]),
    "a frame of a column twice": lambda x: pd.DataFrame(x[:, :, 0], columns=["t"] * x.shape[1]),
    "a frame of texts": lambda x: pd.DataFrame(x[:, :, 0]).astype(str),
    "a frame with a category": lambda x: pd.DataFrame(x[:, :, 0]).astype({0: "category"}),
    "nullable": lambda x: pd.DataFrame(x[:, :, 0]).astype("Float64"),
    "a dict": lambda x: {"a": x},
    "rows that are None": lambda x: [None, *x[1:]],
    "a row that is a number": lambda x: [1.0, *x[1:]],
    "a row that is odd": lambda x: [*x[:-1], ODD[len(ODD) // 3]],
    "an empty row": lambda x: [*x[:-1], x[-1][:0]] if len(x) else [],
    "words": lambda x: [["low" if v < 10 else "high" for v in row[:, 0]] for row in _ragged(x)],
    "a generator": lambda x: (row for row in x),
    "a memory view": memoryview,
}


def sequences(draw: Draw) -> Any:
    """An X."""
    if draw.often(0.05):
        return draw.one("other", OTHERS)()
    shape = draw.one("shape", SHAPES, "cube", 0.6)
    numbers = draw.one("values", PROFILES, "wave", 0.4)(draw.rng, int(np.prod(shape))).reshape(shape)
    made = draw.one("array", ARRAYS, "float64", 0.5)(numbers, draw.rng)
    return _boxed(draw, made)


def _boxed(draw: Draw, made: Any) -> Any:
    """In a box that this array fits into, or as it is."""
    box = draw.one("box", BOXES, "as it is", 0.4)
    try:
        return box(made)
    except (ValueError, TypeError, IndexError, AttributeError, ZeroDivisionError):  # such a box is not possible
        return made


LABELS: dict[str, Callable[[int], Any]] = {
    "numbers": lambda n: np.arange(n) * 0.5,
    "classes": lambda n: np.arange(n) % 2,
    "texts": lambda n: np.resize(["up", "down", "same"], n),
    "objects": lambda n: np.resize(np.array(["up", "down"], object), n),
    "booleans": lambda n: np.arange(n) % 2 == 0,
    "one class": lambda n: np.zeros(n, int),
    "a rare class": lambda n: (np.arange(n) == 3) * 1,
    "mixed": lambda n: np.resize(np.array(["a", 1, 2.5], object), n),
    "None": lambda n: np.resize(np.array(["a", None], object), n),
    "NaN": lambda n: np.where(np.arange(n) == 2, np.nan, np.arange(n) % 2),
    "NA": lambda n: pd.array([*np.arange(n - 1) % 2, None], "Int64") if n else pd.array([], "Int64"),
    "odd": lambda n: np.resize(_objects(ODD[:14]), n),
    "categories": lambda n: pd.Categorical(np.resize(["a", "b"], n), ["a", "b", "c"]),
    "dates": lambda n: pd.date_range("2020", periods=n),
    "bytes": lambda n: np.resize([b"a", b"b"], n),
    "complex": lambda n: np.arange(n) + 1j,
    "huge": lambda n: np.resize([1e308, -1e308], n),
    "infinite": lambda n: np.resize([np.inf, 1.0], n),
    "large classes": lambda n: np.resize([2**63 - 1, 0], n),
    "float classes": lambda n: np.resize([0.5, 1.5], n),
    "a column": lambda n: np.arange(n)[:, None] % 2,
    "two columns": lambda n: np.arange(2 * n).reshape(n, 2) % 3,
    "each step": lambda n: np.arange(n * STEPS).reshape(n, STEPS) % 2,
    "each step and channel": lambda n: np.arange(n * STEPS * 2.0).reshape(n, STEPS, 2),
    "four dimensions": lambda n: np.zeros((n, 2, 2, 2)),
    "ragged": lambda n: [[1.0] * (1 + k % STEPS) for k in range(n)],
    "ragged labels": lambda n: [["a", "b"] * (1 + k % 2) for k in range(n)],
    "one less": lambda n: np.arange(max(n - 1, 0)) % 2,
    "masked": lambda n: np.ma.masked_array(np.arange(n) % 2, np.arange(n) == 1),
    "a series": lambda n: pd.Series(np.arange(n) % 2, index=np.arange(n)[::-1]),
    "a frame": lambda n: pd.DataFrame({"y": np.arange(n) % 2}),
    "sparse": lambda n: pd.arrays.SparseArray(np.arange(n) % 2),
    "None at all": lambda n: None,
    "a number": lambda n: 1.0,
    "a text": lambda n: "yes",
    "a set": lambda n: {1, 2},
    "a dict": lambda n: {"a": 1},
    "an iterator": lambda n: iter(range(n)),
}
ROWS: dict[str, Callable[[int], Any]] = {
    "none": lambda n: None,
    "full": lambda n: np.full(n, STEPS),
    "rising": lambda n: np.arange(n) % STEPS + 1,
    "zeros": lambda n: np.zeros(n, int),
    "negative": lambda n: np.full(n, -1),
    "too long": lambda n: np.full(n, 99),
    "halves": lambda n: np.full(n, 1.5),
    "floats": lambda n: np.full(n, 2.0),
    "NaN": lambda n: np.full(n, np.nan),
    "inf": lambda n: np.full(n, np.inf),
    "texts": lambda n: ["2"] * n,
    "booleans": lambda n: [True] * n,
    "one less": lambda n: np.full(max(n - 1, 0), 2),
    "a table": lambda n: np.ones((n, 1)),
    "a number": lambda n: 2,
    "a series": lambda n: pd.Series(np.full(n, 2)),
    "masked": lambda n: np.ma.masked_array(np.full(n, 2), np.arange(n) == 1),
    "objects": lambda n: np.resize(_objects(ODD), n),
    "huge": lambda n: np.full(n, 1e308),
    "tiny": lambda n: np.full(n, 5e-324),
    "far apart": lambda n: np.resize([1e-300, 1e300], n),
    "None inside": lambda n: [None] * n,
    "nullable": lambda n: pd.array([2] * n, "Int64"),
    "nullable with NA": lambda n: pd.array([2] * (n - 1) + [None] * (n > 0), "Int64"),
    "a dict": lambda n: {0: 1},
    "large": lambda n: [2**70] * n,
}


def targets(draw: Draw, n: int = N) -> Any:
    """A y."""
    made = draw.one("y", LABELS, "classes", 0.4)(n)
    return draw.one("column of y", COLUMNS)(made.astype(float)) if isinstance(made, pd.Series) else made


def rows(draw: Draw, what: str, n: int = N) -> Any:
    """One number for each row: lengths, weights."""
    return draw.one(what, ROWS, "none", 0.75)(n)


WORDS: dict[str, Callable[[], Any]] = {
    "words": lambda: ["ab", "ba", "aab", "b"],
    "lists of words": lambda: [["a", "b"], ["b"], ["a"], ["b", "b"]],
    "other symbols": lambda: ["xyz", "ab", "ba", "\N{GREEK SMALL LETTER ALPHA}"],
    "with an empty one": lambda: ["ab", "", "b", "a"],
    "all empty": lambda: [""] * 4,
    "empty lists": lambda: [[], ["a"], ["b"], []],
    "one less": lambda: ["ab", "b", "a"],
    "integers": lambda: [[1, 2], [2], [1, 1], [2, 1]],
    "numbers": lambda: np.ones((4, 3)),
    "floats": lambda: [[0.5], [1.5], [0.5], [1.5]],
    "NaN": lambda: ["ab", np.nan, "b", "a"],
    "None inside": lambda: ["ab", None, "b", "a"],
    "mixed": lambda: ["ab", ["a"], "b", 3],
    "mixed symbols": lambda: [["a", 1], [1], ["a"], [2]],
    "bytes": lambda: [b"ab", b"b", b"a", b"ba"],
    "a text": lambda: "abba",
    "a column": lambda: pd.Series(["ab", "b", "a", "ba"]),
    "nullable texts": lambda: pd.Series(["ab", "b", None, "ba"], dtype="string"),
    "categories": lambda: pd.Series(["ab", "b", "a", "ba"], dtype="category"),
    "an array": lambda: np.array(["ab", "b", "a", "ba"]),
    "an object array": lambda: _objects([["a"], ["b"], ["a", "b"], ["b"]]),
    "a table of words": lambda: np.array([["a", "b"]] * 4),
    "a frame": lambda: pd.DataFrame({"a": ["ab", "b", "a", "ba"]}),
    "surrogates": lambda: ["\ud800a", "b", "a", "ba"],
    "zeros inside": lambda: ["a\0b", "b", "a", "ba"],
    "long": lambda: ["ab" * 40, "b", "a", "ba"],
    "a tuple": lambda: ("ab", "b", "a", "ba"),
    "nested": lambda: [[["a"]], [["b"]], [["a"]], [["b"]]],
    "none": list,
    "None": lambda: None,
    "a number": lambda: 7,
    "a set": lambda: {"ab", "b"},
    "a dict": lambda: {"ab": 1},
    "an iterator": lambda: iter(["ab", "b", "a", "ba"]),
    "booleans": lambda: [[True], [False], [True], [True]],
    "odd": lambda: ODD[:4],
    "odd symbols": lambda: [[o] for o in ODD[8:12]],
    "dates": lambda: pd.date_range("2020", periods=4),
}


def texts(draw: Draw, what: str) -> Any:
    """Sources or targets of an encoder and decoder."""
    return draw.one(what, WORDS, "words", 0.4)()
