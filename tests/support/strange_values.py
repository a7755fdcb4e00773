"""Strange but plausible numbers in strange boxes, drawn from a seed; what was drawn is told in words."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd


class Draw:
    """Choices from a seed, and a list of what they were."""

    def __init__(self, seed: int, number: int) -> None:
        self.rng = np.random.default_rng([seed, number])
        self.told: list[str] = []

    def one(self, what: str, options: Mapping[str, Any], usual: str | None = None, share: float = 0.6) -> Any:
        """One of the options; `usual` in a share of all cases."""
        names = list(options)
        name = usual if usual is not None and self.rng.random() < share else names[self.rng.integers(len(names))]
        self.told.append(f"{what}: {name}")
        return options[name]

    def value(self, what: str, options: list[Any], usual: Any = None, share: float = 0.6) -> Any:
        """As well, of values that tell themselves."""
        by_name = {repr(option)[:60]: option for option in options}
        return self.one(what, by_name, None if usual is None else repr(usual)[:60], share)

    def often(self, share: float) -> bool:
        """Yes in a share of all cases."""
        return bool(self.rng.random() < share)


Profile = Callable[[np.random.Generator, int], np.ndarray]


def _with(value: float, where: Callable[[int], int]) -> Profile:
    """A wave in which one place is something else."""

    def made(rng: np.random.Generator, n: int) -> np.ndarray:
        values = _wave(rng, n)
        if n:
            values[where(n)] = value
        return values

    return made


def _wave(rng: np.random.Generator, n: int) -> np.ndarray:
    return 10 + np.sin(np.arange(n) * 2 * np.pi / 7) + 0.1 * rng.normal(size=n)


PROFILES: dict[str, Profile] = {
    "wave": _wave,
    "noise": lambda rng, n: rng.normal(size=n),
    "walk": lambda rng, n: rng.normal(size=n).cumsum(),
    "constant": lambda rng, n: np.full(n, 3.0),
    "zeros": lambda rng, n: np.zeros(n),
    "minus zeros": lambda rng, n: np.full(n, -0.0),
    "counts": lambda rng, n: rng.poisson(0.7, n).astype(float),
    "powers": lambda rng, n: 10.0 ** rng.integers(-20, 20, n),
    "line": lambda rng, n: np.arange(n, dtype=float),
    "steep": lambda rng, n: np.exp(np.arange(n) * 1.0),
    "huge": lambda rng, n: _wave(rng, n) * 1e300,
    "the largest": lambda rng, n: np.where(np.arange(n) % 2, 1.7e308, -1.7e308),
    "tiny": lambda rng, n: _wave(rng, n) * 1e-300,
    "denormal": lambda rng, n: _wave(rng, n) * 5e-324,
    "a high level": lambda rng, n: _wave(rng, n) + 1e15,
    "one outlier": _with(1e12, lambda n: n // 2),
    "a last outlier": _with(1e300, lambda n: n - 1),
    "almost zero": _with(1e-300, lambda n: n // 3),
    "NaN inside": _with(np.nan, lambda n: n // 2),
    "NaN first": _with(np.nan, lambda n: 0),
    "NaN last": _with(np.nan, lambda n: n - 1),
    "inf inside": _with(np.inf, lambda n: n // 2),
    "minus inf": _with(-np.inf, lambda n: n // 4),
    "all NaN": lambda rng, n: np.full(n, np.nan),
    "half NaN": lambda rng, n: np.where(rng.random(n) < 0.5, np.nan, _wave(rng, n)),
    "two values": lambda rng, n: rng.integers(0, 2, n).astype(float),
    "only a last one": lambda rng, n: (np.arange(n) == n - 1) * 1.0,
}

ODD: list[Any] = [
    None,
    pd.NA,
    pd.NaT,
    "foo",
    "",
    "3.5",
    b"7",
    True,
    10**400,
    -(2**63),
    1 + 2j,
    [1, 2],
    {"a": 1},
    (),
    {1},
    object(),
    Decimal("1.5"),
    Decimal("NaN"),
    Fraction(1, 3),
    datetime.date(2020, 1, 1),
    np.datetime64("2020"),
    np.timedelta64(3, "D"),
    pd.Timestamp("2020"),
    pd.Period("2020-01"),
    pd.Interval(0, 1),
    np.array([1.0]),
    np.float16(2),
    np.nan,
    np.inf,
    "\ud800",
]


def _mixed(values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Objects, one of which is no number."""
    made = values.astype(object)
    if made.size:
        made.flat[rng.integers(made.size)] = ODD[rng.integers(len(ODD))]
    return made


def _masked(values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.ma.masked_array(values, rng.random(values.shape) < 0.1)


def _cast(dtype: Any) -> Callable[[np.ndarray, np.random.Generator], Any]:
    def made(values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        with np.errstate(all="ignore"):
            safe = values if np.dtype(dtype).kind in "fcO" else np.nan_to_num(values, posinf=9, neginf=-9) % 100
            return safe.astype(dtype)

    return made


def _strided(values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.repeat(values, 2, axis=0)[::2]


def _unaligned(values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    raw = np.zeros(values.nbytes + 1, np.uint8)
    made = raw[1:].view(values.dtype).reshape(values.shape)
    made[...] = values
    return made


def _read_only(values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    values.flags.writeable = False
    return values


ARRAYS: dict[str, Callable[[np.ndarray, np.random.Generator], Any]] = {
    "float64": lambda values, rng: values,
    **{
        name: _cast(name)
        for name in (
            "float32",
            "float16",
            "longdouble",
            "int8",
            "uint64",
            "int64",
            "bool",
            ">f8",
            ">i4",
            "complex128",
            "datetime64[ns]",
            "timedelta64[s]",
            "str",
            "bytes",
            "object",
            "V8",
        )
    },
    "mixed": _mixed,
    "masked": _masked,
    "strided": _strided,
    "unaligned": _unaligned,
    "read-only": _read_only,
    "reversed": lambda values, rng: values[::-1],
    "Fortran": lambda values, rng: np.asfortranarray(values),
    "structured": lambda values, rng: values.astype([("a", "f8"), ("b", "i4")]),
    "matrix": lambda values, rng: values.view(np.matrix) if values.ndim == 2 else values,
    "Decimals": lambda values, rng: np.array([Decimal(repr(float(v))) for v in values.flat] or [Decimal(1)], object)[
        : values.size
    ].reshape(values.shape),
}

COLUMNS: dict[str, Callable[[pd.Series], pd.Series]] = {
    "as it is": lambda s: s,
    "float32": lambda s: s.astype("float32"),
    "Float64": lambda s: s.astype("Float64"),
    "Float64 with NA": lambda s: s.astype("Float64").mask(np.arange(len(s)) == 3),
    "Int64": lambda s: (s.fillna(0).replace([np.inf, -np.inf], 0) % 50).round().astype("Int64"),
    "boolean": lambda s: (s > 10).astype("boolean"),
    "category of numbers": lambda s: s.astype("category"),
    "category of texts": lambda s: s.astype(str).astype("category"),
    "string": lambda s: s.astype("string"),
    "texts": lambda s: s.astype(str),
    "object": lambda s: s.astype(object),
    "object with None": lambda s: s.astype(object).where(np.arange(len(s)) != 5, None),
    "sparse": lambda s: s.astype(pd.SparseDtype("float64", 0.0)),
    "complex": lambda s: s.astype(complex),
    "dates": lambda s: pd.Series(pd.date_range("2020", periods=len(s)), s.index),
    "durations": lambda s: pd.Series(pd.to_timedelta(np.arange(len(s)), "D"), s.index),
    "intervals": lambda s: pd.Series(pd.interval_range(0, periods=len(s)), s.index),
    "lists": lambda s: pd.Series([[1, 2]] * len(s), s.index, dtype=object),
}
