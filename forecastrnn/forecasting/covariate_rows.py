"""Covariates in the rows that networks read: in front of the columns of the series the raw ones, behind them asinh.

Row t is what a network reads to forecast the value at t + 1: what is known ahead is that of t + 1. What is known until
now is that of t; only an encoder, which forecasts nothing, reads it in the row of what belongs to t + 1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from forecastrnn.data.row_ranges import rows_between
from forecastrnn.forecasting.covariates import CovariateScales, ScaledCovariates

if TYPE_CHECKING:
    from forecastrnn.data.covariate_values import Covariates
    from forecastrnn.forecasting.input_layout import InputLayout
    from forecastrnn.forecasting.preparation import Prepared


def put(rows: np.ndarray, layout: InputLayout, numbers: np.ndarray, codes: np.ndarray) -> None:
    """Numbers (n, k) and codes (n, c) go to their columns of rows (n, columns)."""
    k, ends = layout.covariates, 2 * layout.n_columns
    rows[:, :k] = numbers
    rows[:, ends - k : ends] = np.arcsinh(numbers)
    rows[:, ends : ends + layout.categories] = codes


def of_all_times(p: Prepared) -> tuple[np.ndarray, np.ndarray]:
    """Numbers (total, k) and codes (total, c) of all padded times: before a series 0, and the codes of its begin."""
    own, lengths = p.covariates, np.diff(p.starts)
    assert own is not None
    at, offsets = rows_between(p.starts[:-1] + p.pads, p.starts[1:])
    first = offsets[:-1]
    found = []
    begins = np.zeros_like(own.numbers[first]), own.codes[first]
    which = zip(*(own.scales.having(*roles) for roles in _where(own.scales)), strict=True)
    for values, begin, (static, ahead, now) in zip((own.numbers, own.codes), begins, which, strict=True):
        begin[:, static] = values[first][:, static]
        out = begin.repeat(lengths, axis=0)
        out[np.ix_(at - 1, ahead)], out[np.ix_(at, now)] = values[:, ahead], values[:, now]
        found.append(out)
    return found[0], found[1]


def _where(scales: CovariateScales) -> tuple[tuple[str, ...], ...]:
    """The roles that stay the same, those of the time that is forecast, and those of the time before it."""
    return (("static",), ("known", "past"), ()) if scales.in_encoder else (("static",), ("known",), ("past",))


def ahead(
    own: ScaledCovariates, layout: InputLayout, inputs: np.ndarray, owners: np.ndarray, found: Covariates | None
) -> np.ndarray:
    """Rows (n, columns) of times to forecast, each of a series, owners (n,), but for what is found from its values.

    inputs (n_series, columns) : the last row of each series, from which its own codes come. found : covariates (n rows)
    of these times, of which those known ahead are read; None: they stay as they were.
    """
    rows, numbers, codes = inputs[owners], own.numbers[owners], own.codes[owners]
    if found is not None:
        new = own.scales.scaled(found, own.centre[owners])
        for old, values, known in zip((numbers, codes), new, own.scales.n_known, strict=True):
            old[:, :known] = values[:, :known]
    put(rows, layout, numbers, codes)
    return rows


def behind(
    own: ScaledCovariates, layout: InputLayout, inputs: np.ndarray, series: np.ndarray, counts: np.ndarray,
    found: Covariates,
) -> np.ndarray:  # fmt: skip
    """Rows (total, columns) before new values of series (m,), so many of each, but for what is found from the values.

    inputs as in `ahead`; found : covariates (total rows) of the times of these values.
    """
    owners, first = series.repeat(counts), (np.cumsum(counts) - counts)[counts > 0]
    rows, numbers, codes = inputs[owners], own.numbers[owners], own.codes[owners]
    new, later = own.scales.scaled(found, own.centre[owners]), np.delete(np.arange(len(owners)), first)
    which = zip(*(own.scales.having(*roles) for roles in _where(own.scales)[1:]), strict=True)
    for old, values, (next_one, now) in zip((numbers, codes), new, which, strict=True):
        old[:, next_one] = values[:, next_one]
        old[np.ix_(later, now)] = values[np.ix_(later - 1, now)]
    put(rows, layout, numbers, codes)
    return rows


def without_past(rows: np.ndarray, own: ScaledCovariates, layout: InputLayout) -> np.ndarray:
    """The same rows (n, columns) as a decoder, if there is one, reads them: without what is known until now only."""
    scales, k, ends = own.scales, layout.covariates, 2 * layout.n_columns
    if not scales.in_encoder or not any(column.role == "past" for column in scales.columns):
        return rows
    numbers, codes = map(np.flatnonzero, scales.having("past"))
    rows = rows.copy()
    rows[:, numbers] = rows[:, ends - k + numbers] = 0.0
    rows[:, ends + codes] = [len(scales.seen[code]) for code in codes]
    return rows
