"""What a stream knows ahead: the covariates of the time that it forecasts next."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from forecastrnn.forecasting.ends import SeriesEnds, rows_ahead

if TYPE_CHECKING:
    from forecastrnn.data.covariate_values import Covariates


@dataclass(frozen=True)
class StreamPlan:
    """Rows of covariates, each of the time that is forecast.

    tail : of the one series. first : covariates (1 row) of the first time behind its end. read : makes those of a later
    one of what `step` is given. Both None where nothing is known ahead. dates : puts the columns of the calendar behind
    those of the next time, call by call.
    """

    tail: SeriesEnds
    first: Covariates | None
    read: Callable[[object], Covariates] | None
    dates: Callable[[Covariates | None], Covariates] | None = None

    @property
    def names(self) -> list:
        """Of the columns of X: all that are known ahead but for those of the calendar, which are read as they are."""
        own = self.tail.prepared.covariates
        known = [column for column in own.scales.columns if column.role == "known"] if own else []
        return [column.name for column in known if column.kind != "plain"]

    def begin(self) -> np.ndarray | None:
        """The row (columns,) of the first forecast; None: the last known one stays."""
        if self.names and self.first is None:
            raise ValueError(
                f"stream: the model was fitted with X, {self.names}; give their values at the first time behind the end"
            )
        return self._row(self._dated(self.first))

    def row(self, given: object) -> np.ndarray | None:
        """The row of the next forecast; None: that of the one before stays."""
        if given is not None and not self.names:
            raise ValueError("step: X must not be given here: the model was fitted without X")
        if self.names and (given is None or self.read is None):
            raise ValueError(
                f"step: the model was fitted with X, {self.names}; give their values at the time behind the value, "
                "which is forecast: step(value, X)"
            )
        found = self.read(given) if self.read and self.names else None
        return None if found is None and self.dates is None else self._row(self._dated(found))

    def _dated(self, found: Covariates | None) -> Covariates | None:
        """What is known of the next time, with its date."""
        if self.dates is None:
            return found
        return self.dates(self.read(()) if found is None and self.read else found)

    def _row(self, found: Covariates | None) -> np.ndarray | None:
        rows = rows_ahead(self.tail, 1, found)
        return None if rows is None else rows[0, 0]
