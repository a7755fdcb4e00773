"""What is asked of intervals: in the constructor, and by `level` and `quantiles` of a forecast."""

from __future__ import annotations

from dataclasses import dataclass, fields
from numbers import Real
from typing import Any, Literal

import numpy as np

from forecastrnn.estimators.groups.intervals import opened_intervals
from forecastrnn.estimators.groups.losses import LossGroup, opened_loss
from forecastrnn.estimators.old_names import flat_of
from forecastrnn.estimators.parameters import NamedParameters
from forecastrnn.forecasting.conformal import ConformalPlan
from forecastrnn.masks import refuse_masked


def intervals_of(forecaster: NamedParameters) -> ConformalPlan | Literal["paths"] | None:
    """How intervals are to be made, checked."""
    asked, draws = forecaster.intervals, isinstance(opened_loss(forecaster.loss), LossGroup)
    if asked is None:
        return None
    if asked == "head" and not draws:
        raise ValueError(
            f"intervals='head' needs a loss that says how values are distributed, as loss='gaussian'. Got "
            f"loss={forecaster.loss!r}: use 'conformal' or 'paths'."
        )
    if asked in ("head", "paths"):
        if not draws and flat_of(forecaster, "strategy")["strategy"] == "direct":
            raise ValueError(
                "intervals='paths' needs strategy='recursive' or 'seq2seq', which feed values back: use 'conformal'."
            )
        return "paths"
    checked = _checked(opened_intervals(asked), forecaster)
    if checked.adaptive and draws:
        raise ValueError(
            f"Conformal(adaptive=True) follows errors of medians, not loss={forecaster.loss!r}: use adaptive=False."
        )
    return checked


def _checked(asked: Any, forecaster: NamedParameters) -> ConformalPlan:
    """Calibration that is possible."""
    if asked.adaptive and not asked.symmetric:
        raise ValueError("Conformal(adaptive=True) needs symmetric=True: it follows the sizes of errors.")
    strategy = flat_of(forecaster, "strategy")
    learned = strategy.get("horizon")
    if strategy["strategy"] == "direct" and learned is not None and (asked.horizon or 0) > learned:
        raise ValueError(
            f"Conformal(horizon={asked.horizon}) is more than horizon={learned}, which strategy='direct' learns."
        )
    return ConformalPlan(**{one.name: getattr(asked, one.name) for one in fields(ConformalPlan)})


@dataclass(frozen=True)
class Wanted:
    """Columns of quantiles (names, shares) in the order of a table, and the levels among what was asked for."""

    names: list[str]
    shares: np.ndarray
    levels: list[float]


def wanted_of(level: Any, quantiles: Any, alias: str) -> Wanted | None:
    """What `level` and `quantiles` ask for beside the median; None: nothing."""
    if level is None and quantiles is None:
        return None
    levels = sorted(_numbers(level, "level", 100.0))
    small = next((one for one in levels if one < 1), None)
    if small is not None:
        raise ValueError(f"level is in percent: {100 * small:g}, not {small:g}")
    shares = _numbers(quantiles, "quantiles", 1.0)
    named = [(f"{alias}-lo-{one:g}", round(0.5 - one / 200, 12)) for one in reversed(levels)]
    named += [(f"{alias}-hi-{one:g}", round(0.5 + one / 200, 12)) for one in levels]
    named += [(f"{alias}_ql{share:g}", share) for share in shares]
    names = [name for name, _ in named]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ValueError(f"level and quantiles name two columns {twice!r}: they differ by less than six digits tell")
    return Wanted(
        names, np.array([share for _, share in named]),
        levels + [100 * abs(2 * share - 1) for share in shares],
    )  # fmt: skip


def _numbers(given: Any, argument: str, end: float) -> list[float]:
    """One number or several, each once, between 0 and an end."""
    if given is None:
        return []
    refuse_masked(given, argument)
    found = []
    for value in given if np.iterable(given) and not isinstance(given, str) else [given]:
        if isinstance(value, bool | np.bool_) or not isinstance(value, Real) or not 0 < float(value) < end:
            raise ValueError(f"{argument} must be one or more numbers in (0, {end:g}). Got {value!r}")
        found.append(float(value))
    if not found or len(set(found)) < len(found):
        raise ValueError(f"{argument} must name at least one number and none twice. Got {given!r}")
    return found
