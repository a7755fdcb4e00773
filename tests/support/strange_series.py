"""Strange series: times, names and forms as people have them, and some that nobody should have."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from support.strange_values import ARRAYS, COLUMNS, ODD, PROFILES, Draw

Index = Callable[[int], Any]

FREQUENCIES = ["D", "h", "MS", "ME", "B", "W-TUE", "QS", "YE", "15min", "s", "ms", "2D", "SMS", "WOM-3FRI", "-1D", "bh"]
ZONES = ["Europe/Berlin", "UTC", "America/Havana", "Pacific/Apia", "UTC+05:30"]


def _dated(freq: str, start: str = "2020-01-31", **options: Any) -> Index:
    return lambda n: pd.date_range(start, periods=n, freq=freq, **options)


def _far(start: str, unit: str) -> Index:
    return lambda n: pd.DatetimeIndex(np.datetime64(start, unit) + np.arange(n).astype(f"timedelta64[{unit}]"))


def _spoiled(change: Callable[[pd.DatetimeIndex], Any]) -> Index:
    return lambda n: change(pd.date_range("2021", periods=n, freq="D"))


def _with_nat(index: pd.DatetimeIndex) -> pd.DatetimeIndex:
    return index.where(np.arange(len(index)) != len(index) // 2)


TIMES: dict[str, Index] = {
    "days": _dated("D"),
    "none": lambda n: None,
    **{f"freq {freq}": _dated(freq) for freq in FREQUENCIES},
    **{f"zone {zone}": _dated("D", tz=zone) for zone in ZONES},
    "hours over a change of clocks": _dated("h", "2024-03-30", tz="Europe/Berlin"),
    **{f"unit {unit}": _dated("D", unit=unit) for unit in ("s", "ms", "us", "ns")},
    **{f"periods {freq}": lambda n, freq=freq: pd.period_range("2020-01", periods=n, freq=freq) for freq in "DMQWYh"},
    "range": lambda n: pd.RangeIndex(n),
    "range of -2": lambda n: pd.RangeIndex(3, 3 - 2 * n, -2),
    "integers": lambda n: pd.Index(np.arange(n) + 5),
    "unsigned": lambda n: pd.Index(np.arange(n, dtype="uint8")),
    "integers with a gap": lambda n: pd.Index(np.arange(n) + (np.arange(n) > 4)),
    "large integers": lambda n: pd.Index(np.arange(n) + (2**63 - 1 - n)),
    "floats": lambda n: pd.Index(np.arange(n) * 0.5),
    "NaN": lambda n: pd.Index(np.full(n, np.nan)),
    "texts": lambda n: pd.Index([f"2020-01-{k + 1:02d}" for k in range(n)]),
    "names": lambda n: pd.Index([f"x{k}" for k in range(n)]),
    "objects": lambda n: pd.Index([datetime.date(2020, 1, 1) + datetime.timedelta(k) for k in range(n)], dtype=object),
    "mixed": lambda n: pd.Index([ODD[k % len(ODD)] for k in range(n)], dtype=object, tupleize_cols=False),
    "durations": lambda n: pd.timedelta_range("1D", periods=n),
    "two levels": lambda n: pd.MultiIndex.from_product([["a"], range(n)]),
    "series and time": lambda n: pd.MultiIndex.from_product([["a"], pd.date_range("2020", periods=n)]),
    "three levels": lambda n: pd.MultiIndex.from_product([["a"], [1], range(n)]),
    "categories": lambda n: pd.CategoricalIndex([str(k) for k in range(n)]),
    "intervals": lambda n: pd.interval_range(0, periods=n),
    "shuffled": _spoiled(lambda i: i[np.random.default_rng(0).permutation(len(i))]),
    "backwards": _spoiled(lambda i: i[::-1]),
    "a time twice": _spoiled(lambda i: i.where(np.arange(len(i)) != 5, i[4] if len(i) > 4 else pd.NaT)),
    "all at once": _spoiled(lambda i: i[[0] * len(i)]),
    "NaT": _spoiled(_with_nat),
    "all NaT": lambda n: pd.DatetimeIndex([pd.NaT] * n),
    "a gap": _spoiled(lambda i: i.where(np.arange(len(i)) < 7, i + pd.Timedelta("3D"))),
    "jitter": _spoiled(lambda i: i + pd.to_timedelta(np.arange(len(i)) % 3, "s")),
    "the last days": _far("9999-12-20", "s"),
    "before all": _far("-200000-01-01", "s"),
    "the end of nanoseconds": _dated("D", "2262-03-25"),
    "the year 1": _far("0001-01-01", "us"),
}
SIZES = [0, 1, 2, 3, 5, 9, 20, 40]
NAMES: list[Any] = [
    "sales",
    None,
    0,
    "y",
    "ds",
    "unique_id",
    "RNN",
    "cutoff",
    ("a", "b"),
    np.nan,
    "",
    pd.NaT,
    "path",
    2.5,
]


def _values(draw: Draw, n: int) -> Any:
    return draw.one("values", PROFILES, "wave", 0.45)(draw.rng, n)


def single(draw: Draw) -> Any:
    """A pandas Series, or at least what could have been one."""
    n = draw.value("rows", SIZES, 20)
    values, index = _values(draw, n), draw.one("index", TIMES, "days", 0.4)(n)
    made = pd.Series(values, index, name=draw.value("name", NAMES, "sales"))
    return draw.one("column", COLUMNS, "as it is")(made)


def array(draw: Draw) -> Any:
    """Numbers alone."""
    n = draw.value("rows", SIZES, 20)
    return draw.one("array", ARRAYS, "float64", 0.3)(_values(draw, n), draw.rng)


def wide(draw: Draw) -> Any:
    """A column for each series."""
    n, count = draw.value("rows", SIZES, 20), draw.value("columns", [0, 1, 2, 3], 2)
    index = draw.one("index", TIMES, "days", 0.5)(n)
    columns = [pd.Series(_values(draw, n)) for _ in range(count)]
    made = (
        pd.concat([draw.one("column", COLUMNS, "as it is", 0.8)(c) for c in columns], axis=1)
        if columns
        else pd.DataFrame(index=range(n))
    )
    if index is not None:
        made.index = index
    made.columns = pd.Index(
        [draw.value("name", NAMES, k, 0.7) if draw.often(0.3) else f"s{k}" for k in range(count)],
        dtype=object,
        tupleize_cols=False,
    )
    return made


IDS: dict[str, Callable[[np.ndarray], Any]] = {
    "texts": lambda k: np.array(["a", "b", "c"], object)[k],
    "integers": lambda k: k,
    "floats": lambda k: k + 0.5,
    "mixed": lambda k: np.array(["a", 1, 2.5], object)[k],
    "None": lambda k: np.array(["a", None, "c"], object)[k],
    "NaN": lambda k: np.array([1.0, np.nan, 2.0])[k],
    "category": lambda k: pd.Categorical.from_codes(k, ["z", "y", "x"]),
    "category with a missing one": lambda k: pd.Categorical.from_codes(k - 1, ["z", "y"]),
    "dates": lambda k: pd.to_datetime("2020") + pd.to_timedelta(k, "D"),
    "booleans": lambda k: k > 0,
    "odd": lambda k: pd.Series([ODD[9 + i] for i in k], dtype=object).to_numpy(),
    "lists": lambda k: pd.Series([[i] for i in k], dtype=object).to_numpy(),
    "tuples": lambda k: pd.Series([(i, "a") for i in k], dtype=object).to_numpy(),
    "nullable": lambda k: pd.array(k, "Int64"),
}


def long(draw: Draw) -> Any:
    """A row for each series and time."""
    n, count = draw.value("rows", SIZES, 20), draw.value("series", [1, 2, 3], 2)
    index = draw.one("index", TIMES, "days", 0.6)(n)
    times = pd.Series(np.arange(n) if index is None or isinstance(index, pd.MultiIndex) else index)
    codes = np.repeat(np.arange(count), n)
    made = pd.DataFrame(
        {
            "unique_id": draw.one("ids", IDS, "texts", 0.5)(codes),
            "ds": pd.concat([times] * count, ignore_index=True),
            "y": draw.one("column", COLUMNS, "as it is", 0.7)(
                pd.Series(np.concatenate([_values(draw, n) for _ in range(count)]))
            ),
        }
    )
    return draw.one("rows", SPOILED, "as they are", 0.5)(made, draw.rng)


def _shuffled(frame: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    return frame.iloc[rng.permutation(len(frame))]


SPOILED: dict[str, Callable[[pd.DataFrame, np.random.Generator], Any]] = {
    "as they are": lambda f, rng: f,
    "shuffled": _shuffled,
    "twice": lambda f, rng: pd.concat([f, f]),
    "one missing": lambda f, rng: f.drop(f.index[len(f) // 2 : len(f) // 2 + 1]),
    "one column less": lambda f, rng: f.drop(columns=f.columns[rng.integers(3)]),
    "a column more": lambda f, rng: f.assign(extra=1.0),
    "a column twice": lambda f, rng: f[[*f.columns, f.columns[rng.integers(3)]]],
    "index of ids": lambda f, rng: f.set_index("unique_id"),
    "index of ids and times": lambda f, rng: f.set_index(["unique_id", "ds"]),
    "index of times and ids": lambda f, rng: f.set_index(["ds", "unique_id"])["y"],
    "no ids": lambda f, rng: f.drop(columns="unique_id"),
    "times as texts": lambda f, rng: f.assign(ds=f["ds"].astype(str)),
    "as a dict": lambda f, rng: f.to_dict("list"),
    "as records": lambda f, rng: f.to_records(),
    "turned": lambda f, rng: f.T,
}

OTHERS: dict[str, Callable[[], Any]] = {
    "None": lambda: None,
    "a text": lambda: "airline",
    "bytes": lambda: b"123",
    "a number": lambda: 3.5,
    "a list of texts": lambda: ["a", "b"] * 9,
    "an empty list": lambda: [],
    "an iterator": lambda: iter([1.0, 2.0]),
    "a set": lambda: {1.0, 2.0},
    "a dict": lambda: {"a": [1.0] * 9},
    "nested lists": lambda: [[1.0, 2.0]] * 9,
    "ragged lists": lambda: [[1.0], [1.0, 2.0]],
    "a list with a list": lambda: [1.0, [2.0], 3.0] * 5,
    "a table": lambda: np.ones((9, 3)),
    "a cube": lambda: np.ones((5, 3, 2)),
    "a range": lambda: range(30),
    "a tuple": lambda: tuple(float(k % 7) for k in range(30)),
    "a list of series": lambda: [pd.Series([1.0, 2.0])] * 3,
    "booleans": lambda: [True, False] * 9,
    "an index": lambda: pd.Index(np.arange(30.0)),
    "a zero-dim": lambda: np.array(3.0),
    "a class": lambda: pd.Series,
    "a function": lambda: len,
    "an odd list": lambda: [*range(12), ODD[3]],
}


def other(draw: Draw) -> Any:
    """What is no series at all, or hardly."""
    return draw.one("other", OTHERS)()


FORMS = {"series": single, "array": array, "wide": wide, "long": long, "other": other}


def any_series(draw: Draw) -> Any:
    """In any form."""
    return draw.one("form", FORMS, "series", 0.2)(draw)
