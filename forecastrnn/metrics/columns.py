"""Columns of forecasts by their names: `RNN`, `RNN-lo-80`, `RNN-hi-80`, `RNN_ql0.1`."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass

from forecastrnn.metrics.forms import CUTOFF, PATH, Names
from forecastrnn.naming import is_among, is_name

_INTERVAL = re.compile(r"(.+)-(lo|hi)-(\d+(?:\.\d+)?)")
_QUANTILE = re.compile(r"(.+)_ql(\d*\.?\d+(?:e-\d+)?)")


@dataclass(frozen=True)
class Columns:
    """Models in the order of their columns, and the intervals and quantiles that belong to them."""

    models: tuple[Hashable, ...]
    plain: frozenset[Hashable]
    intervals: dict[tuple[Hashable, float], dict[str, Hashable]]  # (model, level) -> {"lo": column, "hi": column}
    quantiles: dict[tuple[Hashable, float], Hashable]

    def levels(self) -> list[float]:
        """All levels that some model has."""
        return sorted({level for model, level in self.intervals if model in self.models})

    def quantile_levels(self) -> list[float]:
        """All quantiles that some model has."""
        return sorted({quantile for model, quantile in self.quantiles if model in self.models})

    def point(self, model: Hashable) -> Hashable:
        """The column of the point forecast."""
        if model not in self.plain:
            raise ValueError(f"forecasts has no column {model!r}; its models are {list(self.models)}")
        return model

    def interval(self, model: Hashable, level: float) -> tuple[Hashable, Hashable]:
        """Columns of both ends."""
        found = self.intervals.get((model, level), {})
        missing = [f"{model}-{side}-{level:g}" for side in ("lo", "hi") if side not in found]
        if missing:
            raise ValueError(f"forecasts has no columns {missing}; predict(h, level=[{level:g}]) gives intervals")
        return found["lo"], found["hi"]

    def quantile(self, model: Hashable) -> list[Hashable]:
        """Columns of all quantiles that some model has."""
        levels = self.quantile_levels() or [0.1, 0.5, 0.9]
        missing = [f"{model}_ql{q:g}" for q in levels if (model, q) not in self.quantiles]
        if missing:
            raise ValueError(f"forecasts has no columns {missing}; predict(h, quantiles={levels}) gives quantiles")
        return [self.quantiles[model, q] for q in levels]


def read_columns(kinds: Mapping[Hashable, str], names: Names, models: Iterable[Hashable] | None) -> Columns:
    """What the columns of a long frame stand for, by the kinds of their dtypes; `models` to score, all by default."""
    others = [name for name in kinds if name not in (names.id, names.time, names.target, CUTOFF, PATH)]
    intervals: dict[tuple[Hashable, float], dict[str, Hashable]] = {}
    quantiles: dict[tuple[Hashable, float], Hashable] = {}
    asked = set(filter(is_name, models or ()))
    plain: list[Hashable] = []
    found: list[Hashable] = []
    for name in others:
        interval, quantile = (pattern.fullmatch(str(name)) for pattern in (_INTERVAL, _QUANTILE))
        if interval:
            intervals.setdefault((interval[1], float(interval[3])), {})[interval[2]] = name
            found.append(interval[1])
        elif quantile:
            quantiles[quantile[1], float(quantile[2])] = name
            found.append(quantile[1])
        elif kinds[name] in "iuf" or (models is not None and name in asked):
            plain.append(name)
            found.append(name)
    chosen = tuple(dict.fromkeys(found)) if models is None else tuple(models)
    if not chosen:
        raise ValueError(f"forecasts has no column of forecasts; its columns are {list(kinds)[:8]}")
    unknown = [model for model in chosen if not is_among(model, found)]
    if unknown:
        raise ValueError(f"forecasts has no column {unknown[0]!r}; its models are {list(dict.fromkeys(found))}")
    return Columns(chosen, frozenset(plain), intervals, quantiles)
