"""The series of a call: those of fit as they are, others prepared as those were."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from forecastrnn.data.static_input import read_static
from forecastrnn.forecasting.bounds import Rule, never_negative
from forecastrnn.forecasting.candidates.candidate import KnownSeries
from forecastrnn.forecasting.candidates.candidate_ends import CandidateEnds
from forecastrnn.forecasting.ends import SeriesEnds, ends_of, take
from forecastrnn.forecasting.filling import behind_end_gaps
from forecastrnn.forecasting.inputs import SeriesInputs
from forecastrnn.forecasting.model import Model
from forecastrnn.forecasting.naive_series import Chosen
from forecastrnn.forecasting.preparation import Prepared, drop_leading_gaps
from forecastrnn.forecasting.reading import set_apart, without_end_gaps
from forecastrnn.forecasting.series_codes import rows_among

if TYPE_CHECKING:
    from forecastrnn.data.series import SeriesSet

_NONE = np.zeros(0, np.int64)  # rows of no series


def choose(model: Model, read: SeriesSet | None, static: object = None, rule: Rule = None) -> Chosen:
    """The series of fit, or others, prepared as those were; rule : of what forecasts do not pass."""
    if read is None:
        rows = np.arange(model.tail.n_series)
        floors = np.zeros(len(rows), bool) if model.floors is None else model.floors
        if model.naive is None:
            return Chosen(model.axis, model.tail, rows, floors)
        floors = np.insert(floors, model.naive.places - np.arange(len(model.naive.places)), model.naive.floors)
        return Chosen(model.naive.axis, model.tail, rows, floors, model.naive)
    learned, naive = set_apart(model.reading, read, model.layout.season, read.argument, is_fit=False)
    tail, own = ends_of_others(model, learned, static, rule) if learned.n_series else (take(model.tail, _NONE), _NONE)
    every = read if naive else learned
    floors = never_negative(every.values, every.offsets)
    return Chosen(every.axis, tail, own, floors, naive, without_end_gaps(learned)[0])


def ends_of_others(
    model: Model, read: SeriesSet, static: object = None, rule: Rule = None
) -> tuple[SeriesEnds, np.ndarray]:
    """Tail of series that are not those of fit, and the row in fit of each that is there too, or of any."""
    rows, codes = rows_among(read.ids, model.axis.ids), None
    if model.trained.is_local:
        _check_rows(model, read, rows)
    elif model.codes.any:
        codes = model.codes.columns(rows, _static_codes(model, read, static, rows))
    places, rows = rows, rows % model.tail.n_series
    found, gaps = without_end_gaps(read)
    prepared = model.tail.prepared.others(
        found.values, found.offsets, found.covariates, is_raw=model.settings.is_raw, least=model.settings.least
    )
    tail = ends_of(SeriesInputs(prepared, model.settings.dtype, codes))
    tail = replace(tail, candidates=candidates_at(model, found, prepared, places))
    floors = never_negative(found.values, found.offsets)
    return behind_end_gaps(model, tail, read, gaps, rule, floors=floors, own=rows), rows


def candidates_at(
    model: Model, read: SeriesSet, prepared: Prepared, rows: np.ndarray, *, are_kept: bool = False
) -> CandidateEnds | None:  # fmt: skip
    """What is mixed with the networks behind series that end with known values; rows: theirs in fit, n: none.

    are_kept : the states are those of a model, and not only forecast from.
    """
    if model.mixture is None or model.tail.candidates is None:
        return None
    values, offsets = drop_leading_gaps(read.values, read.offsets)
    series = KnownSeries(values=values, offsets=offsets, season=prepared.layout.season, periods=prepared.period_of)
    return model.mixture.begin(series, rows, model.tail.candidates.weights, are_kept=are_kept)


def _static_codes(model: Model, read: SeriesSet, static: object, rows: np.ndarray) -> np.ndarray | None:
    """Codes of the static categories of other series: those that are given, or their own where fit knew them."""
    if model.static is None:
        return None
    if static is not None:
        id_col, missing = model.reading.columns["id_col"], model.reading.missing
        return read_static(static, read.ids, id_col, model.static, missing=missing)[1]
    new = _first_new(read, rows, model.tail.n_series)
    if new is not None:
        raise ValueError(
            f"static is needed: the model was fitted with it, and series {new!r} was not in fit. Give a frame "
            f"with a row for each series of y and the columns {list(model.static.names)}."
        )
    return model.tail.inputs[rows, -1, -len(model.static.names) :]


def _check_rows(model: Model, read: SeriesSet, rows: np.ndarray) -> None:
    """Local networks forecast the series that they have learned."""
    new = _first_new(read, rows, model.tail.n_series)
    if new is not None:
        raise ValueError(
            f"{read.argument}: series {new!r} was not in fit, and with global_model=False each series has a "
            "network of its own. Fit with it, or use global_model=True."
        )


def _first_new(read: SeriesSet, rows: np.ndarray, n_known: int) -> object:
    """The id of the first series that fit has not seen, or None."""
    return next((name for name, row in zip(read.ids, rows, strict=True) if row == n_known), None)
