"""Categories that have been read apart, brought together: codes of one reading as those of another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from forecastrnn.data.covariate_columns import labels_of
from forecastrnn.data.covariate_input import Values, apart, nothing
from forecastrnn.data.covariate_values import UNKNOWN, Covariate, Covariates
from forecastrnn.data.labels import are_texts, codes_of, sorted_labels


def recoded(found: Covariates, columns: tuple[Covariate, ...]) -> list[Values]:
    """Covariates as these columns have them, in their order; what they lack of static and of plain ones is missing.

    Raises ValueError for a column that is not there, TypeError for one of another kind.
    """
    given = {(one.name, one.role): (one, values) for one, values in apart(found)}
    return [(one, _values(one, given.get((one.name, one.role)), _rows(found))) for one in columns]


def _rows(found: Covariates) -> int:
    return len(found.numbers)


def _values(one: Covariate, given: Values | None, rows: int) -> np.ndarray:
    if given is None:
        if one.role == "static" or one.kind == "plain":
            return nothing(one, rows)
        raise ValueError(f"covariate {one.name!r} ({one.role}) is not given: the model was fitted with it")
    before, values = given
    if before == one:
        return values
    if before.kind != one.kind or one.categories and are_texts(labels_of(before)) != are_texts(labels_of(one)):
        raise TypeError(f"covariate {one.name!r} holds other values than in fit: give it the same dtype")
    if one.kind != "category":
        return values
    place = codes_of(labels_of(before), labels_of(one)).astype(np.int64)
    return np.append(np.where(place == len(one.categories), UNKNOWN, place), UNKNOWN)[values]


def united(columns: Sequence[tuple[Covariate, ...]]) -> tuple[Covariate, ...]:
    """The columns of several readings, with the categories of all of them."""
    found = []
    for one in columns[0]:
        same = [each for others in columns for each in others if (each.name, each.role) == (one.name, one.role)]
        labels = [labels_of(each) for each in same if each.categories]
        if labels and len({are_texts(some) for some in labels}) == 1:
            one = Covariate(
                one.name, one.role, one.kind, tuple(sorted_labels(np.concatenate(labels)).tolist()), one.shared
            )
        found.append(one)
    return tuple(found)
