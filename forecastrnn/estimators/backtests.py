"""A forecaster is tested on its past."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import clone

from forecastrnn.callbacks import check_callback
from forecastrnn.engine.threads import check_jobs
from forecastrnn.estimators.covariate_reading import Given, check_given, read_to_backtest
from forecastrnn.estimators.fitted_forecaster import FittedForecaster
from forecastrnn.estimators.fittedness import check_is_fitted
from forecastrnn.estimators.forecast_settings import plan_of, read_known
from forecastrnn.estimators.interval_settings import Wanted, wanted_of
from forecastrnn.estimators.resuming import going_on_from
from forecastrnn.estimators.telling import telling
from forecastrnn.forecasting.bands import NO_INTERVALS
from forecastrnn.forecasting.members import Callback
from forecastrnn.forecasting.reading import SHORTEST
from forecastrnn.forecasting.series_codes import rows_among

if TYPE_CHECKING:
    import pandas as pd

    from forecastrnn.backtesting.known_then import KnownThen
    from forecastrnn.backtesting.origins import Needs, Origins
    from forecastrnn.backtesting.run import Options
    from forecastrnn.backtesting.windows import Windows
    from forecastrnn.data.series import SeriesSet, TimeAxis


class Backtests(FittedForecaster):
    """`cross_validation`."""

    def cross_validation(
        self, y: Any, h: int, *, n_windows: int = 3, step_size: int | None = None, refit: bool | int | str = True,
        X: Any = None, past: Any = None, static: Any = None, level: Any = None, quantiles: Any = None,
        max_length: int | None = None, gap: int = 0, id_col: Any = "unique_id", time_col: Any = "ds",
        target_col: Any = "y", callback: Callback | None = None, baselines: str | Sequence[str] = (),
        n_jobs: int | None = None, checkpoint: Any = None,
    ) -> pd.DataFrame:  # fmt: skip
        """Forecast from several earlier times, and put beside it what came.

        Windows are counted from the end of each series, as statsforecast counts them: the last one ends where the
        series ends. Series that end at other times have other cutoffs, and a fit may see values of one that are later
        than the cutoff of another. What is fitted and forecast at a cutoff is handed the rows of each series up to its
        cutoff alone, so that level, season, scale, early stopping and intervals come of these; only the step of the
        times is read from all. The forecaster itself is not changed: copies with the same seeds are fitted.

        Parameters
        ----------
        y : like the y of `fit`
            One or many series. With missing="mask" or "zero" they may have gaps, also at a cutoff; where a value is
            missing, so is the truth.
        h : int
            Steps of each window.
        n_windows : int
            Cutoffs of each series.
        step_size : int or None
            Steps between two cutoffs; None: h, so that windows do not overlap.
        refit : True, False, int, "update", "never"
            True: a fit at each cutoff, which is what refitting before each forecast would have given. k: one at every
            k-th. False: one, at the first cutoff. Between fits weights stay and series go on, as with
            `predict(y=rows up to the cutoff)`, all windows in one call. "update": one fit, at the first cutoff, and
            `update` with the new rows at each later one, of the series that it has seen. "never": this fitted
            forecaster as it is, on series that it has not seen.
        X : as in `fit`, or callable, optional
            Covariates, with a row for each time of y. In a fit those up to the cutoff are read, in a forecast those of
            its steps, since the role says that they are known then. If they are forecasts of something, of the weather,
            and X holds what came, the backtest is too good: a function of the cutoff (of the type of the times) then
            gives the frame that there was, for the history and the steps behind it.
        past, static : as in `fit`, optional
            With rows for all times and series.
        level, quantiles : optional
            As in `predict`.
        max_length : int or None
            Rows of a series that a fit or a forecast sees at most, the last ones; None: all up to the cutoff.
        gap : int
            Steps between a cutoff and the first forecast: where data come late.
        id_col, time_col, target_col : hashable
            As in `fit`; also the columns of the result for series in other forms.
        callback : callable, optional
            As in `fit`, to which it is handed; in other processes it is a copy.
        baselines : {"naive", "seasonal_naive", "drift"}, or list of them
            Columns to compare with: "Naive" repeats the last value, "SeasonalNaive" the last season, "Drift" goes on
            along the line from the first value to the last. With `level` or `quantiles` they have the intervals that
            normal errors of their one-step forecasts would make.
        n_jobs : int or None
            Fits side by side, in any backend of joblib (`joblib.parallel_config`); each has threads of its own, so the
            forecaster's `n_jobs` had better be 1 then. The result does not depend on it.
        checkpoint : path or Checkpoint, optional
            File in which to keep what has been trained, window by window. Where this process is killed, the same call
            goes on from there, as that of `fit` does; at the end the file is gone. With `n_jobs` a window is kept when
            its forecasts are there.

        Returns
        -------
        DataFrame
            The columns `id_col`, `time_col`, "cutoff" (the last time that was known), `target_col` (what came),
            `alias` and intervals, baselines; a row for each series, cutoff and step, in this order. The names of a long
            frame are kept; a Series is the series of its name. `forecastrnn.metrics.evaluate` takes it as it is, with
            `train=y`.

        Raises
        ------
        ValueError
            If no series is long enough for a window, an option is not possible, or, with refit="never", a series was
            seen in `fit` behind a cutoff. What `fit` and `predict` raise.
        NotFittedError
            With refit="never", before `fit`.

        Warns
        -----
        UserWarning
            If series are too short for some of the windows, from which they are left out.

        Examples
        --------
        >>> from forecastrnn import RNNForecaster
        >>> from forecastrnn.datasets import load_airline
        >>> model = RNNForecaster(n_members=1, max_steps=20, random_state=0)
        >>> cv = model.cross_validation(load_airline(), 6, n_windows=2, baselines="naive")
        >>> cv.columns.tolist(), cv["cutoff"].dt.strftime("%Y-%m").unique().tolist()
        (['unique_id', 'ds', 'cutoff', 'y', 'RNN', 'Naive'], ['1959-12', '1960-06'])
        """
        from forecastrnn.backtesting.baselines import columns_of, forecasts_of
        from forecastrnn.backtesting.origins import origins_of
        from forecastrnn.backtesting.run import Options, backtest, transfer
        from forecastrnn.backtesting.table import CUTOFF, ends_of, table_of
        from forecastrnn.backtesting.windows import check_table, windows_of
        from forecastrnn.native_frames import in_library

        windows = windows_of(h, n_windows=n_windows, step_size=step_size, gap=gap, max_length=max_length, refit=refit)
        self._check_asked(windows, callback, n_jobs, _given(level=level, quantiles=quantiles))
        compared, columns = columns_of(baselines), {"id_col": id_col, "time_col": time_col, "target_col": target_col}
        given = Given.of(y, X, past, static, columns=columns)
        then, needs = self._past(given, columns, windows, callback is not None)
        read, axis = then.read, then.read.axis
        _check_apart(axis, CUTOFF, wanted_of(level, quantiles, self.alias), [self.alias, *compared])
        origins, groups = origins_of(read, windows, needs)
        check_table(len(origins.series), windows)
        options = Options(
            fit=columns | _given(static=given.static, callback=callback),
            predict=_given(level=level, quantiles=quantiles),
            others=_given(static=given.static), updates=windows.updates,
        )  # fmt: skip
        if windows.refit_every is None:
            _check_unseen(self._model.axis, read, origins)
            forecasts = transfer(self, then, origins, windows.steps, options)
        else:
            run = partial(backtest, then=then, origins=origins, groups=groups, steps=windows.steps, options=options)
            forecasts = self._refitted(
                run, read, windows, options, static=given.static, n_jobs=n_jobs, checkpoint=checkpoint
            )
        season, ends = forecasts.attrs["season_length"], ends_of(forecasts, self.alias)
        forecasts = forecasts.assign(**forecasts_of(compared, read, origins, windows.steps, season=season, ends=ends))
        return in_library(table_of(read, origins, windows.steps, forecasts), given.library)

    def _check_asked(self, windows: Windows, callback: Any, n_jobs: Any, wanted: dict[str, Any]) -> None:
        """Refuse what would be refused behind a fit, or in words of others."""
        check_callback(callback, "a look")
        check_jobs(n_jobs)
        if self.intervals is None and windows.refit_every is not None and wanted:
            raise ValueError(NO_INTERVALS.replace("the model was fitted (or its file written)", "this one is"))

    def _refitted(
        self, run: Callable[..., pd.DataFrame], read: SeriesSet, windows: Windows, options: Options, *, static: Any,
        n_jobs: int | None, checkpoint: Any,
    ) -> pd.DataFrame:  # fmt: skip
        """Forecasts of copies that are fitted, by `run`; they go on from a checkpoint."""
        asked = {} if options.predict else {"intervals": None}  # which cost a third of a fit
        about = {"windows": windows, "options": [options.predict, "callback" in options.fit]}
        with telling(self.verbose), going_on_from(checkpoint, self, **about) as kept:
            if kept is not None:
                kept.check(read, static)
            keeper = kept.keeper if kept is not None else None
            return run(clone(self).set_params(**asked), n_jobs=n_jobs, keeper=keeper)

    def _past(self, given: Given, columns: dict[str, Any], windows: Windows, watched: bool) -> tuple[KnownThen, Needs]:
        """The series, whose forecasts are written in long form, what is beside them, and what one of them needs."""
        from forecastrnn.backtesting.known_then import KnownThen
        from forecastrnn.backtesting.origins import Needs
        from forecastrnn.data.frame_columns import Names
        from forecastrnn.data.slices import in_long_form

        self._validate_params()
        is_fitted = windows.refit_every is None
        if is_fitted:
            check_is_fitted(self)
            reading = later = self._model.reading
        else:
            plan = plan_of(self, columns, watched=watched)
            check_given(plan, given)
            reading, later = plan.reading, plan.later
        usual, apart = self._model.axis.clock if is_fitted else None, reading.short != "raise"
        asked = replace(reading, columns=columns, least=1)
        read_as = partial(read_known, asked, freq=self.freq, usual=usual, alias=self.alias)
        as_of = given.X if callable(given.X) else None
        read = read_to_backtest(replace(given, X=None) if as_of else given, asked, read_as)
        needs = Needs(
            fit=reading.least, forecast=later.least, known=SHORTEST if apart else 1, from_known=apart,
            naive=reading.short == "naive", fitted_only=not self.global_model,
        )  # fmt: skip
        then = KnownThen(
            read=in_long_form(read, **columns), axis=read.axis, steps=windows.gap + windows.h, missing=reading.missing,
            names=Names(**columns), as_of=as_of,
        )  # fmt: skip
        return then, needs


def _check_apart(axis: TimeAxis, cutoff: str, wanted: Wanted | None, forecasts: list[str]) -> None:
    """Refuse two columns of one name; forecasts : the first of a model, and those of baselines."""
    from forecastrnn.data.frame_columns import check_apart

    ends = ["", *(name.removeprefix(forecasts[0]) for name in (wanted.names if wanted else ()))]
    made = [f"{name}{end}" for name in forecasts for end in ends]
    check_apart([axis.id_name, axis.time_name, cutoff, axis.value_name, *made], "cross_validation")


def _given(**options: Any) -> dict[str, Any]:
    """Those that are not None."""
    return {name: value for name, value in options.items() if value is not None}


def _check_unseen(fitted: TimeAxis, read: SeriesSet, origins: Origins) -> None:
    """Refuse to forecast what a fit has seen: values behind the cutoffs of its own series."""
    from forecastrnn.data.time_index import to_index

    row = rows_among(read.ids, fitted.ids)[origins.series]
    known = np.flatnonzero(row < fitted.n_series)
    if not len(known):
        return
    kinds = [clock.kind + (" with a time zone" if clock.tz else "") for clock in (fitted.clock, read.axis.clock)]
    name = read.ids[origins.series[known[0]]]
    if kinds[0] != kinds[1]:
        raise TypeError(
            f"cross_validation: refit='never' must know which values of series {name!r} fit has seen, but its times "
            f"were of kind {kinds[0]!r}, and are now {kinds[1]!r}"
        )
    cutoffs = to_index(read.axis.clock, read.times(origins.end[known] - 1))
    ends = to_index(fitted.clock, fitted.last[row[known]])
    seen = np.flatnonzero(cutoffs < ends)
    if len(seen):
        name = read.ids[origins.series[known[seen[0]]]]
        raise ValueError(
            f"cross_validation: refit='never' is for values that fit has not seen, but it knew series {name!r} up to "
            f"{ends[seen[0]]}, behind the cutoff {cutoffs[seen[0]]}; give other series or later values, or refit=True"
        )
