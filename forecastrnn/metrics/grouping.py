"""What is scored by itself, and what scores are then averaged over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from forecastrnn.metrics.table import Table
from forecastrnn.naming import is_among, names_in

KEYS = ("series", "cutoff", "step")
AGGREGATIONS = ("mean", "median", "pooled")


@dataclass(frozen=True, eq=False)
class Grouping:
    """Rows (n,) belong to units, each scored by itself; units (n_units,) to groups, over which scores are averaged.

    `by` are the keys of groups, `first` (n_groups,) the first row of each; `step` (n,) of each row, where asked for.
    """

    by: tuple[str, ...]
    unit: np.ndarray
    group: np.ndarray
    first: np.ndarray
    step: np.ndarray | None = None

    @property
    def n_units(self) -> int:
        """Number of units."""
        return len(self.group)

    @property
    def n_groups(self) -> int:
        """Number of groups, at least one."""
        return len(self.first)

    def average(self, scores: np.ndarray, agg: str, geometric: bool = False) -> np.ndarray:
        """Mean or median (n_groups,) of the scores (n_units,) that are not NaN."""
        if agg == "median":
            return self._median(scores)
        known = ~np.isnan(scores)
        with np.errstate(divide="ignore", invalid="ignore"):
            terms = np.where(known, np.log(scores) if geometric else scores, 0.0)
            means = np.bincount(self.group, terms) / np.bincount(self.group, known)
        return np.exp(means) if geometric else means

    def _median(self, scores: np.ndarray) -> np.ndarray:
        ordered = scores[np.lexsort((scores, self.group))]  # NaN is behind all numbers
        known = np.bincount(self.group, ~np.isnan(scores)).astype(np.int64)
        begin = np.cumsum(np.bincount(self.group)) - np.bincount(self.group)
        low, high = np.maximum(known - 1, 0) // 2, np.minimum(known // 2, np.maximum(known - 1, 0))
        return np.where(known > 0, 0.5 * (ordered[begin + low] + ordered[begin + high]), np.nan)


def check_by(by: str | Sequence[str] | None, agg: str, has_cutoffs: bool) -> tuple[str, ...]:
    """The keys of the result, in the order of its columns."""
    wanted = () if by is None else tuple(names_in(by, "by"))
    unknown = [key for key in wanted if not is_among(key, KEYS)]
    if unknown:
        raise ValueError(f"by must be None or of {list(KEYS)}. Got {unknown[0]!r}")
    if not is_among(agg, AGGREGATIONS):
        raise ValueError(f"agg must be one of {list(AGGREGATIONS)}. Got {agg!r}")
    if "step" in wanted and agg == "median":
        raise ValueError("agg='median' is of scores of series; by='step' scores all rows of a step together")
    if "cutoff" in wanted and not has_cutoffs:
        raise ValueError("by='cutoff' needs a column 'cutoff', as cross_validation gives it")
    return tuple(key for key in KEYS if key in wanted)


def group_rows(table: Table, by: tuple[str, ...], agg: str) -> Grouping:
    """Units are a series at a cutoff; where steps are asked for, or all is pooled, they are the groups."""
    places = table.places
    nothing = np.zeros(len(places.time), dtype=np.int64)
    keys = {"series": places.series, "cutoff": nothing if places.cutoff is None else places.cutoff}
    if "step" in by:
        keys["step"] = table.steps()
    wanted = [nothing, *(keys[key] for key in by)]
    if "step" in by or agg == "pooled":
        unit, row = _codes(wanted)
        return Grouping(by, unit, np.arange(len(row)), row, keys.get("step"))
    unit, row = _codes(list(keys.values()))
    group, first = _codes([key[row] for key in wanted])
    return Grouping(by, unit, group, row[first])


def _codes(keys: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """One number for each combination of keys (n,), in their order, and its first row."""
    numbers = np.zeros(len(keys[0]), dtype=np.int64)
    for key in keys:
        numbers = numbers * (int(key.max()) + 1) + key
    _, first, codes = np.unique(numbers, return_index=True, return_inverse=True)
    return codes, first
