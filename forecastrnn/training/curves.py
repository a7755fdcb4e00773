"""How training went, as values over updates or epochs."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class TrainingCurves:
    """The course of a training, of each member of a forecaster or of the one network of another estimator.

    Attributes
    ----------
    losses : list of list of float
        Training loss.
    each : int
        Updates between two values; 0: they are epochs.
    scores : list of list of float
        Of held-out data, larger is better; empty without early stopping.
    kept : list of int
        How many values lie before the weights that were kept; empty without early stopping.
    rates : list of float
        Learning rates at the values; empty where they are not known, NaN in fits before the last one.
    """

    losses: list[list[float]]
    each: int
    scores: list[list[float]] = field(default_factory=list)
    kept: list[int] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
