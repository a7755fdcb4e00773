"""Forecasts and possible futures of a fitted forecaster, in the form of the series."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from forecastrnn.data.arrays import check_count
from forecastrnn.estimators.covariate_reading import Given, ahead_of
from forecastrnn.estimators.device_choice import device_to_predict
from forecastrnn.estimators.fitted_forecaster import FittedForecaster
from forecastrnn.estimators.fittedness import check_is_fitted
from forecastrnn.estimators.interval_settings import wanted_of
from forecastrnn.estimators.pretrained import USUAL_COLUMNS, Pretrained
from forecastrnn.forecasting.bands import (
    check_intervals,
    quantiles_of_all,
    warn_far,
    warn_unsupported,
)
from forecastrnn.forecasting.reach import checked
from forecastrnn.forecasting.sampling import check_calibrated, sample_paths
from forecastrnn.naming import flag_of, is_among
from forecastrnn.seeds import check_draws

if TYPE_CHECKING:
    import pandas as pd


class Predicts(Pretrained, FittedForecaster):
    """`predict`, `sample_paths` and `generate`."""

    def predict(
        self, h: Any, *, X: Any = None, level: Any = None, quantiles: Any = None, y: Any = None, past: Any = None,
        static: Any = None, ids: Any = None,
    ) -> pd.Series | pd.DataFrame:  # fmt: skip
        """Forecast the h values behind the end of each series.

        Parameters
        ----------
        h : int, list of int, or time
            Steps to forecast; which steps; or a last time, such as "2025-12", a Timestamp or a Period: all steps up to
            it (of series that end later, fewer, or none). At most `horizon` with the direct strategy, any number with
            others.
        X : DataFrame or Series, optional
            Where `fit` had X: its columns at all steps that are forecast, and with `y` at all times of it as well. Rows
            are found by series and time; others are passed over. `make_future_frame` makes a frame of those wanted.
        level : float or list of float, optional
            Intervals, in percent: [80, 95]. The forecast itself stays as it is.
        quantiles : float or list of float, optional
            Quantiles in (0, 1).
        y : like the y of `fit`, optional
            Other series to forecast, which `fit` need not have seen; a long frame with the same column names.
        past : like the past of `fit`, optional
            With y, where `fit` had it: what is known until the end of y, at each of its times.
        static : like the static of `fit`, optional
            With y, where `fit` had it: needed for series that `fit` has not seen, and for numbers.
        ids : list, optional
            Which series to forecast, in this order; None: all.

        Returns
        -------
        Series or DataFrame, as the input: a Series gives a Series (its index continued: frequency, time zone, name),
        a wide frame a wide frame, a long frame (or one of times and values) such a frame with the column `alias`,
        "RNN"; one of polars or Arrow gives one of that library. With `level` and `quantiles` columns are added: RNN,
        RNN-lo-95, RNN-lo-80, RNN-hi-80, RNN-hi-95, then RNN_ql0.1 and so on; a Series then gives a frame, a wide frame
        one with columns (series, RNN). Its `attrs` tell `forecastrnn.metrics.evaluate` the season and the names of
        columns.

        Raises
        ------
        ValueError
            If h is not possible, y has an unusable series, static does not fit to it, or there is no series of ids; if
            X lacks a row, a value or a column, or is given although `fit` had none, or the reverse; for a level
            that is not in (1, 100) or a quantile not in (0, 1), and for either of a model without intervals; if a
            forecast is no finite number, as of values of 1e308.
        TypeError
            If a column of X holds texts and held numbers, or the reverse; if its times cannot be compared with those of
            the series.
        NotFittedError
            Before `fit`.
        """
        from forecastrnn.data.series import columns_of, write_forecast

        if self._forecasts_unfitted():
            given = Given.of(y, X, past, static, columns=USUAL_COLUMNS)
            return self._predict_unfitted(h, given, {"level": level, "quantiles": quantiles}, ids)
        check_is_fitted(self)
        model, device = self._model, device_to_predict(self)
        wanted = wanted_of(level, quantiles, self.alias)
        if wanted:
            check_intervals(model)
        given = Given.of(y, X, past, static, columns=model.reading.columns, fitted=model.given_covariates)
        chosen, steps, ahead = self._asked(given, h, ids, spread_on=device if wanted else None)
        last = int(steps[-1])
        columns = {self.alias: model.point(chosen.within(None), last, device, ahead)}
        if wanted:
            warn_far(model, last)
            warn_unsupported(model, wanted.levels)
            found = quantiles_of_all(model, chosen, columns[self.alias], wanted.shares, device, ahead=ahead)
            columns |= dict(zip(wanted.names, found, strict=True))
        clipped = {
            name: checked(chosen, chosen.clip(values)[:, steps - 1], "predict") for name, values in columns.items()
        }
        out = write_forecast(chosen.axis, clipped, h)
        out.attrs = {"season_length": model.layout.season} | columns_of(chosen.axis)
        return given.written(out, model)

    def sample_paths(
        self, h: Any, n_paths: int = 100, *, X: Any = None, y: Any = None, past: Any = None, static: Any = None,
        ids: Any = None, calibrated: bool = True, random_state: Any = None, output: str = "frame",
    ) -> pd.DataFrame | np.ndarray:  # fmt: skip
        """Draw joint futures: each path is one way in which a series may go on.

        What is asked of whole paths (totals, maxima, the chance to pass a limit) cannot be read off intervals, which
        are those of each step by itself. A draw is fed back to the network, never the mean, so that steps go together;
        with strategy="direct", which feeds nothing back, as they did in whole windows of held-out errors.

        Parameters
        ----------
        h : int, list of int, or time
            Steps, as in `predict`.
        n_paths : int
            Futures of each series, each from one member in turn.
        X, y, past, static, ids
            What is known of the steps; other series, and which ones, as in `predict`.
        calibrated : bool
            True: at each step the paths are stretched about the forecast, their order kept, until their quantiles are
            those of the calibrated intervals. False: as the networks draw them, with residuals of the training, often
            too narrow; of the direct strategy there are no others than calibrated ones.
        random_state : int, RandomState or None
            Seed of the draws.
        output : {"frame", "array"}
            "array": an array of shape (n_paths, n_series, steps).

        Returns
        -------
        DataFrame or ndarray
            Of a Series or an array: a column for each path, 0 .. n_paths - 1, called `path`. Of a wide frame: columns
            (series, path). Of all else a row for each series, time and path, in the columns of ids and times, `path`,
            and `alias`, "RNN"; `forecastrnn.metrics.evaluate` takes them all for "crps".

        Raises
        ------
        ValueError
            As `predict`; if calibrated=True and intervals were not calibrated in `fit`; if the paths would not fit into
            memory.
        NotFittedError
            Before `fit`.

        Examples
        --------
        >>> from forecastrnn import RNNForecaster
        >>> from forecastrnn.datasets import load_airline
        >>> model = RNNForecaster(n_members=1, max_steps=20, random_state=0).fit(load_airline())
        >>> paths = model.sample_paths(12, 200, random_state=0)
        >>> year = paths.sum()  # the total of each future
        >>> bool(year.quantile(0.1) < model.predict(12).sum() < year.quantile(0.9))
        True
        """
        from forecastrnn.data.path_frames import write_paths
        from forecastrnn.data.series import columns_of

        check_is_fitted(self)
        check_output(output)
        model, device, count = self._model, device_to_predict(self), check_count(n_paths, "n_paths")
        spread = flag_of(calibrated, "calibrated") or model.strategy == "direct"
        if spread:
            check_calibrated(model)
        given = Given.of(y, X, past, static, columns=model.reading.columns, fitted=model.given_covariates)
        chosen, steps, ahead = self._asked(given, h, ids, spread_on=device if spread else None)
        last = int(steps[-1])
        if spread:
            warn_far(model, last)
        paths = sample_paths(
            model, chosen, last, count, calibrated=spread, rng=check_draws(random_state), device=device,
            ahead=ahead,
        )[..., steps - 1]  # fmt: skip
        checked(chosen, paths, "sample_paths")
        if output == "array":
            return paths
        out = write_paths(chosen.axis, paths, h, self.alias)
        out.attrs = columns_of(chosen.axis)
        return given.written(out, model)

    def generate(
        self, n_steps: Any, prompt: Any = None, n_sequences: int = 1, random_state: Any = None, static: Any = None, *,
        ids: Any = None,
    ) -> pd.Series | pd.DataFrame:  # fmt: skip
        """Possible futures in columns of their own: the former name of `sample_paths(calibrated=False)`.

        It is here for one release more; other estimators keep their `generate`.

        Parameters
        ----------
        n_steps : int or time
            Steps of each sequence, or a last time, as in `predict`.
        prompt : like the y of `fit`, optional
            Series to continue; default those of `fit`.
        n_sequences : int
            Sequences for each series; each from one member in turn.
        random_state : int, RandomState or None
            Seed of the residuals.
        static : DataFrame, optional
            The static categories of the prompt, as in `predict`.
        ids : list, optional
            Which series to draw futures of, in this order; None: all.

        Returns
        -------
        Series or DataFrame in the form of the input; with several sequences the columns "RNN-path-1", ...

        Warns
        -----
        FutureWarning
            Says what to call instead.

        Raises
        ------
        ValueError
            For a direct strategy, which does not feed back; for counts below 1.
        """
        from forecastrnn.data.series import is_time, read_horizon, write_forecast

        check_is_fitted(self)
        warnings.warn(
            "RNNForecaster.generate becomes an error in 0.4: sample_paths(h, n_paths, y=prompt, calibrated=False) "
            "draws the same futures, calibrated=True those with the spread of past errors.",
            FutureWarning,
            stacklevel=2,
        )
        model, count = self._model, check_count(n_sequences, "n_sequences")
        model.check_recursive("generate", "the direct strategy does not feed back")
        given = Given.of(prompt, static=static, name="prompt", columns=model.reading.columns)
        chosen = self._choose(given, ids)
        until = n_steps if is_time(n_steps) else check_count(n_steps, "n_steps")
        h = int(read_horizon(chosen.axis, until)[-1])
        rng, device = check_draws(random_state), device_to_predict(self)
        ahead = ahead_of(model, None, chosen.axis, until, h)
        paths = model.futures(chosen, h, count, rng=rng, known=prompt is None, device=device, ahead=ahead)
        checked(chosen, paths, "generate")
        names = [self.alias] if count == 1 else [f"{self.alias}-path-{k + 1}" for k in range(count)]
        return given.written(write_forecast(chosen.axis, dict(zip(names, paths, strict=True)), until), model)


def check_output(output: str) -> None:
    """Refuse a kind of output that there is not."""
    if not is_among(output, ("frame", "array")):
        raise ValueError(f"output must be 'frame' or 'array'. Got {output!r}")
