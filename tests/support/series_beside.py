"""Series beside covariates, as arrays: all kinds of columns, and what stands for the times ahead."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from forecastrnn.data.covariate_values import Covariate, Covariates
from forecastrnn.data.new_rows import NewRows
from forecastrnn.data.series import SeriesSet, read_series
from forecastrnn.data.slices import cut

KNOWN = (
    Covariate("price", "known", "number"),
    Covariate("promo", "known", "number"),  # 0 and 1 only
    Covariate("rare", "known", "number"),
    Covariate("wave", "known", "plain"),
    Covariate("still", "known", "number"),
    Covariate("holes", "known", "number"),
    Covariate("size", "static", "number"),
    Covariate("shop", "known", "category"),
)
PAST = (Covariate("visits", "past", "number"), Covariate("sky", "past", "category"))
LENGTHS = (60, 47, 53)


def columns_of(columns: tuple[Covariate, ...], n_rows: int, level: float, rng: np.random.Generator) -> Covariates:
    """Values of these columns for one series."""
    holes = np.where(rng.random(n_rows) < 0.2, np.nan, rng.normal(level, 2.0, n_rows))
    made = {
        "price": level * np.exp(rng.normal(0.0, 0.1, n_rows)), "promo": rng.integers(0, 2, n_rows).astype(float),
        "rare": np.where(rng.random(n_rows) < 0.1, 5.0, 0.0), "wave": np.sin(np.arange(n_rows)),
        "still": np.full(n_rows, 7.0), "holes": holes, "size": np.full(n_rows, level),
        "shop": rng.integers(0, 3, n_rows), "sky": rng.integers(0, 2, n_rows), "visits": rng.normal(level, 9.0, n_rows),
    }  # fmt: skip
    numbers = [made[column.name] for column in columns if column.kind != "category"]
    codes = [made[column.name] for column in columns if column.kind == "category"]
    return Covariates(columns, _stacked(numbers, n_rows, float), _stacked(codes, n_rows, np.int64))


def _stacked(columns: list[np.ndarray], n_rows: int, dtype: type) -> np.ndarray:
    return np.stack(columns, axis=1).astype(dtype) if columns else np.empty((n_rows, 0), dtype)


def joined(parts: list[Covariates]) -> Covariates:
    return replace(
        parts[0], numbers=np.concatenate([part.numbers for part in parts]),
        codes=np.concatenate([part.codes for part in parts]),
    )  # fmt: skip


def beside(
    columns: tuple[Covariate, ...] = KNOWN, h: int = 6, lengths: tuple[int, ...] = LENGTHS, seed: int = 0
) -> tuple[SeriesSet, Covariates]:
    """Positive series that follow their price, with covariates, and those of the h times behind each."""
    rng, parts, ahead, frames = np.random.default_rng(seed), [], [], []
    for k, length in enumerate(lengths):
        found = columns_of(columns, length + h, 10.0 * (k + 1), rng)
        found = replace(
            found,
            numbers=np.where(np.arange(length + h)[:, None] < length, found.numbers, np.nan_to_num(found.numbers)),
        )
        y = 50.0 + 3.0 * found.numbers[:, 0] + rng.normal(0.0, 0.1, length + h)
        times = pd.date_range("2020-01-01", periods=length)
        frames.append(pd.DataFrame({"unique_id": f"s{k}", "ds": times, "y": y[:length]}))
        parts.append(found.take(np.arange(length)))
        ahead.append(found.take(np.arange(length, length + h)))
    return replace(read_series(pd.concat(frames)), covariates=joined(parts)), joined(ahead)


def between(read: SeriesSet, begin: int, end: int) -> SeriesSet:
    """Rows of each series, counted from its end."""
    ends = read.offsets[1:]
    begins = read.offsets[:-1] if begin == 0 else ends - begin
    return cut(read, np.arange(read.n_series), begins, ends - end)


def behind(read: SeriesSet, begin: int, end: int) -> NewRows:
    """Rows of each series as new ones."""
    new = between(read, begin, end)
    return NewRows(new, np.arange(read.n_series), new.axis)


def split(read: SeriesSet) -> list[np.ndarray]:
    """The rows of each series."""
    return np.split(np.arange(len(read.values)), read.offsets[1:-1])
