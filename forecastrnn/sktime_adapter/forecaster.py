"""SktimeForecaster: `RNNForecaster` as a forecaster of sktime."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sktime.datatypes import update_data
from sktime.forecasting.base import BaseForecaster, ForecastingHorizon

from forecastrnn.estimators.forecaster import RNNForecaster
from forecastrnn.estimators.named_parameters import set_each
from forecastrnn.sktime_adapter.frames import Form, behind, ends_of
from forecastrnn.sktime_adapter.horizons import forecast_at
from forecastrnn.sktime_adapter.wrapped import ABOUT, Tested, made

_FRAMES = ["pd.DataFrame", "pd-multiindex", "pd_multiindex_hier"]
_QUICK = {"hidden_layer_sizes": (3,), "n_members": 1, "max_steps": 4, "context_length": 3, "season_length": 1}


class SktimeForecaster(Tested, BaseForecaster):
    """Forecasts with a recurrent network, in sktime: one network for all series of a frame, panel or hierarchy.

    Each column of each instance is a series of `forecastrnn.RNNForecaster`, which is trained on all of them and
    forecasts each from its own values. Forecasts are of times behind the end only: in-sample ones are refused.

    Parameters
    ----------
    cell, hidden_layer_sizes, layer_norm, initializer, dropout, strategy, season_length, context_length, older_means,
    calendar, long_run_mean, n_members, global_model, id_embedding_dim, missing, short, freq, loss, intervals, bounds,
    candidates, solver, early_stopping, batch_size, max_steps, random_state, verbose, device, n_jobs, dtype
        As in `RNNForecaster`, with its defaults, but for missing="mask": NaN is a value that nobody knows. With
        missing="raise" sktime refuses NaN; with intervals=None there are no quantiles. short="drop" is not possible.

    Attributes
    ----------
    forecaster_ : RNNForecaster
        The fitted one, with all its attributes and methods. Its series have the labels of their instances as ids, with
        the name of the column behind them where there are several.

    Notes
    -----
    X is what is known ahead: `predict` needs its rows for all steps up to the last of fh, also where fh has gaps.
    `update` takes in the rows behind the end of each series, and passes over those that it knows. With
    update_params=True the networks learn from these rows (`RNNForecaster.update(train=True)`); local networks and
    those of likelihoods of raw values ("poisson", "tweedie", ...), which cannot, are fitted anew on all rows, which the
    adapter keeps for that.

    Examples
    --------
    >>> from sktime.datasets import load_airline
    >>> from forecastrnn.sktime_adapter import SktimeForecaster
    >>> y = load_airline()
    >>> forecaster = SktimeForecaster(n_members=1, max_steps=20, random_state=0).fit(y[:-12], fh=[1, 2, 12])
    >>> forecaster.predict().index.equals(y.index[[-12, -11, -1]])
    True
    """

    _tags = {
        **ABOUT,
        "y_inner_mtype": _FRAMES,
        "X_inner_mtype": _FRAMES,
        "capability:multivariate": True,
        "capability:exogenous": True,
        "capability:insample": False,
        "capability:pred_int": True,
        "capability:pred_int:insample": False,
        "capability:missing_values": True,
        "capability:non_contiguous_X": False,
        "capability:categorical_in_X": True,
        "capability:unequal_length": True,
        "capability:update": True,
        "requires-fh-in-fit": False,
        "X-y-must-have-same-index": False,
    }
    _tested_with = [
        {**_QUICK, "intervals": "paths"},
        {**_QUICK, "cell": "lstm", "candidates": "network", "loss": "gaussian", "intervals": "head"},
        {**_QUICK, "global_model": False, "intervals": None},
    ]
    _config = {"remember_data": False}
    _y = _X = None  # what sktime keeps where it is told to remember_data

    def __init__(
        self, *, cell="gru", hidden_layer_sizes=(64,), layer_norm=False, initializer="uniform", dropout=0.0,
        strategy="recursive", season_length=None, context_length=None, older_means="auto", calendar=None,
        long_run_mean="auto", n_members=5, global_model=True, id_embedding_dim=None, missing="mask", short="raise",
        freq=None, loss="absolute_error", intervals="conformal", bounds="auto", candidates="auto", solver="adamw",
        early_stopping=False, batch_size="auto", max_steps=None, random_state=None, verbose="auto", device="cpu",
        n_jobs=None, dtype="float32", start=None,
    ):  # fmt: skip
        set_each(self, locals())
        super().__init__()
        self.set_tags(**{
            "capability:missing_values": missing != "raise",
            "capability:pred_int": intervals is not None,
        })  # fmt: skip

    def _fit(self, y: pd.DataFrame, X: pd.DataFrame | None, fh: ForecastingHorizon | None) -> SktimeForecaster:
        if self.short == "drop":
            raise ValueError("short='drop' leaves series out, and sktime wants forecasts of all: use short='naive'.")
        form = Form.of(y)
        rows = form.rows(y)
        forecaster = made(RNNForecaster, self)
        if self.freq is None and form.freq is not None:
            forecaster.set_params(freq=form.freq)
        self.forecaster_ = forecaster.fit(rows, X=form.covariates(X))
        self._form, self._ends = form, ends_of(rows)
        self._kept = None if self._learns_on() else (y, X)
        return self

    def _predict(self, fh: ForecastingHorizon, X: pd.DataFrame | None = None) -> pd.DataFrame:
        times, found = self._forecast(fh, X)
        return self._form.frame(times, found[:, :1], self._form.columns)

    def _predict_quantiles(self, fh: ForecastingHorizon, X: pd.DataFrame | None, alpha: list[float]) -> pd.DataFrame:
        wanted = sorted(set(alpha))
        times, found = self._forecast(fh, X, quantiles=wanted)
        places = [1 + wanted.index(one) for one in alpha]
        return self._form.frame(times, found[:, places], pd.MultiIndex.from_product([self._get_varnames(), alpha]))

    def _forecast(self, fh: ForecastingHorizon, X: pd.DataFrame | None, **asked: Any) -> tuple[pd.Index, np.ndarray]:
        return forecast_at(self.forecaster_, fh, self.cutoff, self._ends, X=self._form.covariates(X), **asked)

    def _update(self, y: pd.DataFrame, X: pd.DataFrame | None = None, update_params: bool = True) -> SktimeForecaster:
        new = behind(self._form.rows(y), self._ends)
        if new.empty:
            return self
        if self._kept is not None:
            self._kept = tuple(update_data(old, more) for old, more in zip(self._kept, (y, X), strict=True))
            if update_params:
                return self._fit(*self._kept, self._fh)
        self.forecaster_.update(new, X=self._form.covariates(X), train=bool(update_params))
        self._ends |= ends_of(new)
        return self

    def _learns_on(self) -> bool:
        """Whether the networks can learn from new rows alone."""
        return self.global_model and not self.forecaster_._model.settings.is_raw
