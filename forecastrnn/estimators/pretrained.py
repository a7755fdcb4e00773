"""Forecasts without training, by a network that comes with the package."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

from forecastrnn.estimators.covariate_reading import Given
from forecastrnn.estimators.forecast_settings import plan_of
from forecastrnn.estimators.named_parameters import NamedParameters
from forecastrnn.estimators.reporting import copied
from forecastrnn.estimators.start_settings import PRETRAINED, check_start
from forecastrnn.forecasting.plan import FitPlan
from forecastrnn.forecasting.start import usual_start

if TYPE_CHECKING:
    import pandas as pd

USUAL_COLUMNS = {"id_col": "unique_id", "time_col": "ds", "target_col": "y"}  # of a long frame


class Pretrained(NamedParameters):
    """Gives a forecaster `pretrained`, and `predict` before `fit`."""

    @classmethod
    def pretrained(cls, **parameters: Any) -> Self:
        """A forecaster that needs no `fit`: a network that has learned from synthetic series of all kinds.

        `predict(h, y=...)` forecasts any series at once, of any step, season and length from 4 values on; nothing is
        learned from them. `fit` goes on from the network (`start="pretrained"`), for `max_steps` updates; with
        `max_steps=0` it learns nothing, but finds intervals, and what the network is mixed with, from the series.

        Parameters
        ----------
        **parameters
            Others of `RNNForecaster`, such as `season_length` and `missing`. `n_members` is 1 here, since one network
            was trained, and `candidates="network"`, which is faster: "auto" mixes its forecasts with others, as far as
            the last values of each series speak for them.

        Returns
        -------
        RNNForecaster

        Examples
        --------
        >>> from forecastrnn import RNNForecaster
        >>> from forecastrnn.datasets import load_airline
        >>> y = load_airline()
        >>> forecast = RNNForecaster.pretrained().predict(12, y=y[:-12])
        >>> bool((abs(forecast - y[-12:]) < 0.2 * y[-12:]).all())
        True
        """
        usual = {
            "start": PRETRAINED, "hidden_layer_sizes": usual_start().units, "n_members": 1, "candidates": "network",
        }  # fmt: skip
        return cls(**usual | parameters)

    _kept: tuple[dict[str, Any], FitPlan] | None = None  # parameters, and the plan that follows from them

    def _forecasts_unfitted(self) -> bool:
        """Whether there is a network although nothing was fitted."""
        return self.start is not None and not hasattr(self, "_model")

    def _predict_unfitted(self, h: Any, given: Given, wanted: dict[str, Any], ids: Any) -> pd.Series | pd.DataFrame:
        """Forecasts of series from which nothing is learned."""
        check_start(self, given)
        if given.y is None:
            raise ValueError(
                "y is missing: a pre-trained forecaster has no series of its own. Call predict(h, y=series), or fit "
                "first, which learns from them."
            )
        plan = self._plan_unfitted()
        has_bands = any(one is not None for one in wanted.values())
        intervals = plan.intervals if has_bands else None
        plan = replace(plan, intervals=intervals, draws=intervals == "paths")
        return copied(self)._learn(plan, given).predict(h, **wanted, ids=ids)

    def _plan_unfitted(self) -> FitPlan:
        """The plan of a fit that learns nothing, kept while parameters stay: to check them takes as long as all."""
        current = {name: value for name, value in vars(self).items() if not name.startswith("_")}
        if self._kept is None or self._kept[0] != current:
            self._validate_params()
            plan = plan_of(self, USUAL_COLUMNS, watched=False)
            plan = replace(plan, members=replace(plan.members, max_steps=0), random_state=0)  # nothing is drawn
            self._kept = current, plan
        return self._kept[1]
