"""RNNForecaster: pandas series in, forecasts in the same form out."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import partial
from numbers import Integral
from typing import Any, Self

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions

from forecastrnn.callbacks import check_callback
from forecastrnn.estimators.backtests import Backtests
from forecastrnn.estimators.covariate_reading import Given, check_given, covariates_of, read_to_fit
from forecastrnn.estimators.exporting_forecaster import ForecasterToNumpy
from forecastrnn.estimators.forecast_settings import bounds_of, check_within, plan_of, read_known
from forecastrnn.estimators.going_on import GoesOn
from forecastrnn.estimators.groups.heads import constraints_of_heads
from forecastrnn.estimators.loss_settings import check_values
from forecastrnn.estimators.named_parameters import checks_parameters
from forecastrnn.estimators.old_names import takes_old_names
from forecastrnn.estimators.onnx_forecaster import ForecasterToOnnx
from forecastrnn.estimators.own_methods import own_methods
from forecastrnn.estimators.parameters import TRAINING_CONSTRAINTS
from forecastrnn.estimators.picturing import Pictures
from forecastrnn.estimators.planning import Plans
from forecastrnn.estimators.predicting import Predicts
from forecastrnn.estimators.reporting import each_look, fit_task, has_callbacks
from forecastrnn.estimators.resuming import Resumable, going_on_from
from forecastrnn.estimators.saving import SavedToFile
from forecastrnn.estimators.scoring import Scores
from forecastrnn.estimators.start_settings import check_start
from forecastrnn.estimators.summary import Summarises
from forecastrnn.estimators.telling import telling
from forecastrnn.forecasting.compiled_beside import compiled_beside
from forecastrnn.forecasting.fit import fit_model
from forecastrnn.forecasting.members import Callback
from forecastrnn.forecasting.model import Model
from forecastrnn.forecasting.plan import FitPlan
from forecastrnn.forecasting.seen import Seen
from forecastrnn.forecasting.windows import EPOCH
from forecastrnn.persistence.digests import digest_of

_SHARED = ("cell", "hidden_layer_sizes", "layer_norm", "initializer", "warm_start", "random_state", "verbose", "device",
           "n_jobs")  # fmt: skip


@own_methods
class RNNForecaster(
    Predicts, Plans, GoesOn, Backtests, Scores, Pictures, Summarises, ForecasterToNumpy, ForecasterToOnnx, SavedToFile
):
    """Forecasts one or many time series with one recurrent network.

    All series train one global network, whatever their number, levels and lengths. Level, season and scale of each
    are removed first (the seasonal figure causally, so that training sees what a forecast sees); the network learns
    the change from the last value and is fed its own forecasts back. The median of `n_members` networks that differ in
    their seeds is mixed with forecasts that need no training (`candidates`). The only setting that matters is the
    season.

    Parameters
    ----------
    cell : str, cell, or list of them
        The recurrent cell, an instance or a name, as in `RNNRegressor`.
    hidden_layer_sizes : int or list of int
        Units of each layer.
    layer_norm : bool
        Layer normalisation inside the cells, as in `RNNRegressor`.
    strategy : str, `Recursive`, `Direct` or `Seq2Seq`
        How one step becomes many: "recursive": one is learned, and fed back, for any horizon. `Direct(horizon)`: so
        many come out at once. "seq2seq": a decoder with weights of its own writes them.
    season_length : int, list of int, or None
        Steps of a season; None guesses it from the frequency of the index (hours 24, days 7, weeks 52, months 12,
        quarters 4; of a working week its days). Where that says none, or with 1, it is looked for in the series
        (`season_length_` says what was found): how alike their changes are to those so many steps ago. Dates that have
        none, such as years, must be 100 for that. [1] is no season at all. A list holds several, each a multiple of the
        one before: [24, 168] is the day and the week of hourly data, [7, 364] the week and the year of daily data. Each
        is used in the series whose one-step error it lowers, and which have three cycles of it (two of the first).
        Without a list a second season, of two to seven first ones, is looked for, and used where the error falls by 7%,
        by 3% that of seven.
    context_length : int or None
        Steps of history that the network reads before it forecasts; None: twice the season, within 24 .. 72.
    older_means : "auto", list of (int, int), or None
        Older history, coarser: pairs of a length and a count. At each time the network also reads the means of
        `count` blocks of `length` values, each pair's blocks behind those of the pair before it, back from the last
        known value. [(7, 5), (30, 5)] on daily data: five weeks, and five months before those. A mean that reaches
        back beyond the beginning of a series counts as the recent mean. "auto": four blocks as long as the context
        where history is long, 20,000 values in all or 1,000 in the median series, and no series shorter than eight
        contexts; shorter ones were forecast worse with it in backtests. Local networks have none. None: none.
    long_run_mean : "auto" or bool
        Whether the network also reads the mean of all values so far, relative to the recent mean. Without it a forecast
        knows its level by its last step alone, and small errors add up: forecasts of noisy counts drift. With it they
        come back to the mean, which is wrong where series grow. "auto": where the loss asks for a mean
        ("squared_error"), and the recent means of the series of `fit` go more than half of the way back to their
        long-run means within a season (in the median series). With the default loss: where `older_means` does not tell
        the level, and they go three quarters of it, or a quarter, if one network learns from ten series or more.
        Where a mean is forecast with it, series are never made into logarithms, the seasonal figure is chosen by
        squared errors, and noise is fed back with forecasts, so that their sums are right too.
    calendar : "auto", list of str, `Calendar` or None
        What the network reads of the dates of steps. "auto": cycles that lie between a step and half of the history,
        but for the season: the weekday of hours, the day of the year of days. A list names them: ["weekday", "hour"].
        `Calendar(features, holidays="FR", events=frame)` adds public holidays and days of one's own. All is known for
        any horizon, and is read by the clock on the wall. None: nothing.
    n_members : int
        Networks whose median is their forecast. 5 rather than 3: in backtests the median then varies less by seed.
    global_model : bool
        True: one network (a member) learns from all series. False: each series has networks of its own, trained side
        by side in one call; early_stopping and "seq2seq" are then not possible, and `predict` takes series of `fit`
        only.
    id_embedding_dim : int or None
        Each series of `fit` has a learned vector of so many numbers, which its network reads at every step: for series
        that behave differently after the same values. A series that `fit` has not seen reads the mean of all
        vectors. None: a forecast depends on the values alone. Needs global_model=True.
    missing : {"raise", "mask", "zero"}
        What NaN in a series means, and a row that is absent between others: an error; a gap that is bridged in the
        inputs and left out of the loss, at the end of a series by the network's own forecasts; or 0, as where a day
        without a row is one without a sale. The step of times with absent rows is `freq`, or the commonest one.
    short : {"raise", "naive", "drop"}
        What becomes of series that are too short to learn from, with fewer values from the first known to the last than
        `context_length` and `horizon` need, at least 4, or fewer than 4 known ones. "raise": an error that names the
        first, the default, since data with such series often are not what they were meant to be. "naive": they are
        forecast by the value one season before (the last one, if there is no whole season), and "drop": they are left
        out; a warning says how many and which. The networks do not see them: the forecasts of the others are those
        without them. The same holds for the y of `predict`. If no series of `fit` is long enough, it is an error.
    freq : str, pandas offset, int or None
        The step of the times, such as "MS" or pandas.offsets.CustomBusinessDay(holidays=[...]); an int for integers.
        None finds it: in the index, or in the times, also working weeks of other days than Monday to Friday. Which days
        are holidays no times can tell: trading days need it, if the index has no freq.
    loss : str, `Quantiles`, `Gaussian`, `StudentT`, `Laplace`, `Poisson`, `NegativeBinomial` or `Tweedie`
        Loss of the scaled values: "absolute_error" forecasts the median, "squared_error" the mean, "huber" is between
        them. The others say how values are distributed ("quantile", "gaussian", ..., are short for them): the forecast
        is the median, futures are drawn step by step, each draw fed back, and intervals are those of such futures.
        Counts, "poisson" and "negative_binomial", and amounts from 0 on, "tweedie", are learned as they are.
    intervals : {"conformal", "paths", "head"}, Conformal or None
        What `predict(level=, quantiles=)` rests on. "conformal", or `Conformal(...)` with options: errors of forecasts
        of the last windows of the series, which `fit` makes when all is trained: with fewer than 50 series, or local
        networks, by a network that has not seen them, in a fifth of the time of the default fit more. "paths":
        quantiles of sample paths, not calibrated, for nothing; "head" says the same of a loss that draws by itself.
        None: no intervals. Forecasts are the same with any.
    bounds : "auto", (float, float) or None
        What no forecast, interval or drawn future passes: they are cut off there. "auto": 0 from below for each series
        that has no negative value, of `fit` or of the y that is forecast. (0, 100): these, for all series, which must
        keep them in `fit`; one end may be None. None: forecasts as they come. It is read when forecasts are made, so
        that `set_params(bounds=None)` needs no new fit. Series of a file from before there were bounds have none.
    candidates : {"auto", "network"} or list of str
        What the forecast of the networks is mixed with: formulas that forecast a series from its own history, such as
        the value a season ago. How much each counts is found in `fit` for each series (`weights_`), by forecasts of the
        last values, which networks of their own, in a fifth of the time of the default fit more, have not seen. "auto":
        all formulas; where the loss asks for a mean those that forecast one, and none with a loss that says how
        values are distributed. A list names some of them, or "pretrained", the network of `pretrained()`: ["auto",
        "pretrained"] is better where single short series are forecast. The networks are always among what is mixed.
        "network": the networks alone, in two thirds of the time where series are many.
    initializer : str
        As in `RNNRegressor`.
    solver : str, `Adam`, `AdamW`, `SGD`, `RMSprop` or `UpdateRule`
        As in `RNNRegressor`. What is "auto" in it (`OneCycle(0.004)`, a decay of 0.0001, norm 1) was chosen by
        backtests, as was "adamw".
    batch_size : int
        Windows in a mini-batch, drawn at random. "auto": 64; 16 for local networks; and where all series together have
        fewer than 300 windows, which overlap, 16 that are spread over all of them: in backtests as good, in a third of
        the time.
    max_steps : int or None
        Updates of each member; None: 2 sqrt(observations), within 300 .. 1200. 0, with `start`: none.
    early_stopping : bool or `EarlyStopping`
        Hold out the end of each series, look at its loss every 50 updates, stop after 5 looks without a better one, and
        keep the best weights.
    warm_start : bool
        `fit` goes on from the fitted members.
    dropout : float or `Dropout`
        As in `RNNRegressor`; off in forecasts.
    random_state : int, RandomState or None
        Seed; the same seed gives the same bits, whatever n_jobs.
    verbose : "auto", bool or int
        What is told of a fit. "auto": in a terminal or notebook, one that takes more than two seconds shows a line of
        what is under way and how long it will take, which is gone at the end. True: the loss every 50 updates, in lines
        that stay. False: nothing.
    device : {"cpu", "cuda", "cuda:1", "auto"}, or list of them
        Where to train and to forecast, or where each layer is; "auto" takes the first GPU where there is one. Streams
        run on the CPU, as does all of global_model=False, whose many small networks have no kernels of a GPU.
    n_jobs : int or None
        Threads; None and -1 are all physical cores, -2 all but one. Members, and local networks, are also trained side
        by side where a `joblib.parallel_config` around `fit` says so, to the same bits.
    dtype : {"float32", "float64"}
        Type to compute in.
    alias : str
        The name of the column of forecasts, and the beginning of all names made of it: to compare several models in one
        frame, or where the series have a column "RNN".
    start : "pretrained", path or None
        What members begin with. "pretrained": the network that comes with the package, which has learned from synthetic
        series of all kinds (see `pretrained`); a path: one of `python -m forecastrnn.pretraining`. They read the values
        of series alone, without covariates, and have one layer of GRU. None: first weights drawn at random.

    Attributes
    ----------
    season_length_, context_length_ : int
        The season (of several the first; 1: there is none) and the context used.
    periods_ : ndarray of int
        The longest season that is taken out of each series of `fit`, without those left out.
    n_series_in_ : int
        Series in `fit`, without those left out.
    short_series_ : list
        Names of those that are forecast by their seasonal naive value, with short="naive".
    loss_curve_ : list of float
        Training loss, mean over members, every 50 updates.
    n_iter_ : int
        Updates of a member.
    intervals_ : Calibration or None
        What conformal intervals rest on: `n_windows`, `horizon`, `n_scores` (of each step), and `coverage`, the share
        of the last window that intervals of 80% and 95% cover when only the other windows calibrate. None: without,
        or the series were too short.
    weights_ : DataFrame
        How much networks and candidates count in the forecast of each series of `fit`, but for `short_series_`: a row a
        series, a column each, "network" the first; rows add up to 1.
    covariates_ : tuple of Covariate
        What the networks read beside the series: name, role, kind, and the categories, where it is one.
    feature_names_in_ : ndarray
        Names of those that `predict` asks for in X; only where there are some.
    device_ : str

    Examples
    --------
    >>> from forecastrnn import RNNForecaster
    >>> from forecastrnn.datasets import load_airline
    >>> y = load_airline()
    >>> model = RNNForecaster(n_members=1, max_steps=20, random_state=0).fit(y[:-12])
    >>> forecast = model.predict(12)
    >>> forecast.index.equals(y.index[-12:]), forecast.name == y.name
    (True, True)
    """

    _parameter_constraints: dict = {
        **{name: TRAINING_CONSTRAINTS[name] for name in _SHARED},
        **constraints_of_heads("solver", "strategy", "dropout", "early_stopping", "intervals", "calendar"),
        **constraints_of_heads("loss"),
        "season_length": [Interval(Integral, 1, None, closed="left"), list, tuple, None],
        "context_length": [Interval(Integral, 1, None, closed="left"), None],
        "older_means": [StrOptions({"auto"}), list, tuple, None],
        "long_run_mean": [StrOptions({"auto"}), "boolean"],
        "n_members": [Interval(Integral, 1, None, closed="left")],
        "global_model": ["boolean"],
        "id_embedding_dim": [Interval(Integral, 1, None, closed="left"), None],
        "missing": [StrOptions({"raise", "mask", "zero"})],
        "short": [StrOptions({"raise", "naive", "drop"})],
        "freq": "no_validation",  # pandas says what is one
        "bounds": [StrOptions({"auto"}), list, tuple, None],
        "candidates": [StrOptions({"auto", "network"}), list, tuple],
        "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "max_steps": [Interval(Integral, 0, None, closed="left"), None],
        "start": [str, os.PathLike, None],
        "dtype": [StrOptions({"float32", "float64"})],
        "alias": [str],
    }

    _matters = ("cell", "hidden_layer_sizes", "season_length", "loss")
    _own = {"learning_rate": "one_cycle", "learning_rate_init": 0.004, "alpha": 1e-4, "clip_norm": 1.0,
            "n_iter_no_change": 5, "tol": 0.0}  # fmt: skip
    _never_flat = frozenset({"tol"})

    @takes_old_names
    def __init__(
        self, *, cell="gru", hidden_layer_sizes=(64,), layer_norm=False, initializer="uniform", dropout=0.0,
        strategy="recursive", season_length=None, context_length=None, older_means="auto", calendar=None,
        long_run_mean="auto", n_members=5, global_model=True, id_embedding_dim=None, missing="raise", short="raise",
        freq=None, loss="absolute_error", intervals="conformal", bounds="auto", candidates="auto", solver="adamw",
        early_stopping=False, batch_size="auto", max_steps=None, warm_start=False, random_state=None, verbose="auto",
        device="cpu", n_jobs=None, dtype="float32", alias="RNN", start=None,
    ):  # fmt: skip
        self._set(locals())

    # Fitting ------------------------------------------------------------------------------------------
    @checks_parameters
    def fit(
        self, y: Any, X: Any = None, *, past: Any = None, static: Any = None, id_col: Any = "unique_id",
        time_col: Any = "ds", target_col: Any = "y", callback: Callback | None = None, checkpoint: Any = None,
    ) -> Self:  # fmt: skip
        """Learn from one or many series.

        Parameters
        ----------
        y : Series, DataFrame, list or 1-D array
            One series, also as a frame of a column of times and one of values; a wide frame (each column a series); a
            long frame with `id_col`, `time_col`, `target_col`; or a MultiIndex (series, time). Dates may be texts. A
            long frame may be one of polars or Arrow, or others of narwhals: forecasts are of that library then; or
            a path or dataset of Parquet files. Times must be regular, values finite, unless missing="mask".
        X : DataFrame, Series, or list of names of columns of y, optional
            Covariates whose future will be known: prices, a weather forecast, days of a promotion. `predict` asks for
            it. A frame of the form of y: rows are matched by series and time, whatever their order, and rows without
            ids are for all series. For a wide frame, columns (series, covariate) give each series its own. Numbers and
            truth values are scaled; texts and categories are read as learned vectors, as in `static`. The value at a
            time belongs to that of y at that time, which is forecast with it.
        past : like X, optional
            Covariates that are known until now only: visits, the stock. With strategy="seq2seq" and "direct".
        static : DataFrame, optional
            What stays the same for a series: a row for each, the index (or the column `id_col`) its id; of one series
            also a mapping. Floats are numbers; texts, booleans and pandas categories are categories, of which the
            network reads a learned vector for each, of round(1.6 n^0.56) numbers for n categories, 50 at most; a
            category that `fit` has not seen reads the mean. With warm_start the categories stay those of the first fit.
        id_col, time_col, target_col : hashable
            Columns of a long frame; id_col=None: the frame is one series.
        callback : callable, optional
            Called every 50 updates of each member with a `forecastrnn.callbacks.MemberUpdate`: its number, its updates,
            its loss. When it returns True, that member stops there. An error in it ends `fit` and leaves the forecaster
            as it was. Not with global_model=False, where all networks are trained in one call.
        checkpoint : path or Checkpoint, optional
            File in which to keep, once a minute, what is needed to go on: members and local networks, and those by
            which intervals and weights are found. Where this process is killed, the same call goes on from there, and
            ends with the same bits; a fit that ends removes the file. A path that cannot be written is refused at once.

        Returns
        -------
        self

        Raises
        ------
        TypeError, ValueError, TrainingDivergedError, OSError
            As in `RNNRegressor.fit`; for unusable data they name the series, the time and what to do. Of covariates: a
            time of y without a row, a missing value (unless missing="mask"), two rows for one time, times with a zone
            beside times without, a column in two roles, `past` of a recursive forecaster.

        Warns
        -----
        UserWarning
            For columns of y that nobody has named.
        FutureWarning
            For static columns of integers, which are to become numbers.

        Examples
        --------
        >>> import numpy as np, pandas as pd
        >>> from forecastrnn import RNNForecaster
        >>> days = pd.date_range("2024-01-01", periods=80)
        >>> table = pd.DataFrame({"sold": 20.0, "offer": np.arange(80) % 5 == 0}, index=days)
        >>> table["sold"] += 9.0 * table["offer"]
        >>> model = RNNForecaster(n_members=1, max_steps=20, random_state=0).fit(table[:70], X=["offer"])
        >>> model.predict(10, X=table[["offer"]]).shape
        (10, 1)
        """
        with telling(self.verbose, beside=has_callbacks(self)):
            columns = {"id_col": id_col, "time_col": time_col, "target_col": target_col}
            goes_on = checkpoint is not None and self.warm_start and hasattr(self, "_model")
            old = digest_of(self._model.trained, self._model.tail.prepared) if goes_on else None
            with going_on_from(checkpoint, self, callback=callback is not None, fitted_model=old) as kept:
                return self._fit(columns, Given.of(y, X, past, static, columns=columns), callback, kept)

    def _fit(self, columns: dict[str, Any], given: Given, callback: Callback | None, kept: Resumable | None) -> Self:
        check_callback(callback, "a look")
        plan = plan_of(self, columns, watched=callback is not None)
        check_given(plan, given)
        check_start(self, given)
        old = self._model if self.warm_start and hasattr(self, "_model") else None
        with compiled_beside(plan.candidates, plan.members.dtype, plan.members.n_threads):
            return self._learn(plan, given, callback=callback, kept=kept, old=old)

    def _learn(
        self, plan: FitPlan, given: Given, *, callback: Callback | None = None, kept: Resumable | None = None,
        old: Model | None = None,
    ) -> Self:  # fmt: skip
        """Read the series, and carry out a plan that was checked."""
        from forecastrnn.data.series import season_of

        read_as = partial(read_known, plan.reading, freq=self.freq, alias=self.alias)
        read, static = read_to_fit(given, plan.reading, read_as, old)
        if given.is_file:
            given = replace(given, y=None)  # whose columns are those of the series by now, and as large
        check_within(bounds_of(self), read)
        check_values(plan.members, read)
        if kept is not None:
            kept.check(read, static)
        season = plan.season(read, season_of(read.axis), old)
        looks = None if self.max_steps is None else -(-self.max_steps // EPOCH)
        parts = self.n_members + len(plan.behind_training)
        with fit_task(self, {"X": given.X, "y": given.y}, parts) as task:
            with each_look(task if self.global_model else None, callback, looks) as (told, begun):
                model = fit_model(plan, read, season, static, old=old, callback=told, begun=begun)
            self._model = replace(model, seen=Seen.of(read, model.layout.season, plan.seasons), library=given.library)
            self._publish(plan.device)
        return self

    def _publish(self, device: str) -> None:
        model = self._model
        self.device_ = device
        self.season_length_ = model.layout.season
        self.periods_ = model.tail.prepared.period_of.copy()
        self.context_length_ = model.tail.prepared.context
        self.n_series_in_ = model.n_series
        self.short_series_ = model.short_ids
        curves = model.trained.curves
        shortest = min(len(curve) for curve in curves)
        self.loss_curve_ = np.mean([curve[:shortest] for curve in curves], axis=0).tolist()
        self.n_iter_ = model.trained.updates
        self.intervals_ = model.intervals.calibration if model.intervals else None
        self.covariates_ = covariates_of(model)
        known = [one.name for one in self.covariates_ if one.role == "known"]
        if known:
            self.feature_names_in_ = np.array([*known, None], dtype=object)[:-1]
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_
