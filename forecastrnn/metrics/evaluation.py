"""Scores of forecasts in frames."""

from __future__ import annotations

import warnings
from collections.abc import Hashable, Sequence

import numpy as np
import pandas as pd

from forecastrnn.metrics import formulas
from forecastrnn.metrics.checks import check_level, check_season
from forecastrnn.metrics.columns import Columns, read_columns
from forecastrnn.metrics.forms import CUTOFF, Data, names_of
from forecastrnn.metrics.formulas import METRICS
from forecastrnn.metrics.grouping import check_by, group_rows
from forecastrnn.metrics.scorer import Function, Request, Scorer
from forecastrnn.metrics.table import Table, read_table
from forecastrnn.naming import is_among, names_in
from forecastrnn.native_frames import as_pandas, in_library


def evaluate(
    forecasts: Data,
    metrics: str | Function | Sequence[str | Function] = ("mase", "smape"),
    *,
    train: Data | None = None,
    season_length: int | None = None,
    truth: Data | None = None,
    level: float | Sequence[float] | None = None,
    models: str | Sequence[Hashable] | None = None,
    benchmark: Hashable | None = None,
    by: str | Sequence[str] | None = "series",
    agg: str = "mean",
    how: str = "exact",
    id_col: Hashable = None,
    time_col: Hashable = None,
    target_col: Hashable = None,
) -> pd.DataFrame:
    """Score forecasts against what came, by series, cutoff or step.

    Rows are matched by series, time and cutoff, never by position. Rows whose truth is NaN are left out. A series at a
    cutoff is scored by itself, in the order of time and against its own past; `agg` then makes one score of all that
    have the same keys. Where `by` has "step", the rows of a step are scored together instead, over all series and
    cutoffs that `by` does not part.

    Parameters
    ----------
    forecasts : DataFrame, Series, list or ndarray
        What `predict`, `sample_paths` or `cross_validation` gives, in any of their forms: a long frame with a column
        for each model (`RNN`), the ends of its intervals (`RNN-lo-80`, `RNN-hi-80`) and its quantiles (`RNN_ql0.1`),
        and perhaps `cutoff`, the last time that was known, `path`, and what came (`target_col`). Never changed.
        Frames of polars or Arrow, which have no `attrs`, give scores as one of theirs.
    metrics : str, callable, or list of these, default=("mase", "smape")
        "mae", "mse", "rmse", "bias", "mape", "smape", "wape" or "nd", "mase", "rmsse", "owa", "relative_mae" of point
        forecasts; "interval_score", "msis", "coverage", "width", "scaled_width" of intervals; "pinball", "wql" of
        quantiles; "crps" of sample paths. Or a function `f(y_true, y_pred)` that gives a number, as scikit-learn has
        them, which is called once for each series and cutoff.
    train : DataFrame, Series, list or ndarray, default=None
        The past, for metrics that are scaled by it. Rows behind a cutoff, or behind the beginning of the forecasts, are
        not used. Rows that are missing in it count as none: a season is a number of rows.
    season_length : int, default=None
        Steps of a season, for scaled metrics. None: what `forecasts.attrs["season_length"]` says, if it does.
    truth : DataFrame, Series, list or ndarray, default=None
        What came, if `forecasts` has no column of it. Columns of a frame of forecasts without times are series if this
        is a wide frame, else models. Lists and arrays begin behind `train`, if that is one too.
    level : float or list of float, default=None
        Intervals to score, in percent. None: all that there are.
    models : str or list of hashable, default=None
        Columns to score. None: all that hold numbers, but those of intervals and quantiles. The name of forecasts
        that have none (a Series, a wide frame) is "RNN".
    benchmark : hashable, default=None
        Column of the forecast that "owa" and "relative_mae" compare with.
    by : {"series", "cutoff", "step"}, list of these, or None, default="series"
        What a row of the result is for; None: one row for each metric. Steps are counted from 1 in the rows of a series
        and cutoff.
    agg : {"mean", "median", "pooled"}, default="mean"
        What is made of several scores. NaN is left out. The mean of "relative_mae" is geometric, and that of "owa" is
        made of the means of sMAPE and MASE, as in M4. "pooled": there are no several scores, the rows of all series
        and cutoffs are one, so that `by=None` with "wape" or "wql" is what is often said of a whole set.
    how : {"exact", "inner"}, default="exact"
        Whether a row that only one of `forecasts` and `truth` has is an error, or left out.
    id_col, time_col, target_col : hashable, default=None
        Columns of long frames. None: what `forecasts.attrs["columns"]` says, as frames of `RNNForecaster` do, else
        "unique_id", "ds" and "y". A frame without `id_col` is one series, as are a Series and an array: the same one in
        all that is given.

    Returns
    -------
    DataFrame
        The columns of `by` (`id_col`, "cutoff", "step"), "metric", and one for each model. Metrics of intervals have
        their level in the name: "coverage_level80". `attrs["agg_counts"][metric][model]` is the number of scores that
        are not NaN, of `attrs["n_scores"]`, and `attrs["rows_left_out"]` that of rows without truth.

    Raises
    ------
    ValueError
        If a row has no counterpart, is there twice or has a forecast of NaN, if something is missing that a metric
        needs, or an option is unknown.
    TypeError
        If something is of another type, or times cannot be compared.

    Warns
    -----
    UserWarning
        If "mape" meets values of 0.

    Examples
    --------
    >>> import pandas as pd
    >>> months = pd.date_range("2024-01-01", periods=6, freq="MS")
    >>> y = pd.Series([1.0, 2.0, 4.0, 5.0, 7.0, 8.0], index=months, name="sales")
    >>> forecast = pd.Series([5.0, 6.0], index=months[4:])
    >>> evaluate(forecast, ["mae", "mase"], truth=y[4:], train=y[:4], season_length=1)
      unique_id metric  RNN
    0     sales    mae  2.0
    1     sales   mase  1.5
    """
    if not is_among(how, ("exact", "inner")):
        raise ValueError(f"how must be 'exact' or 'inner'. Got {how!r}")
    forecasts, library = as_pandas(forecasts, "forecasts")
    (train, _), (truth, _) = as_pandas(train, "train"), as_pandas(truth, "truth")
    names = names_of((truth, forecasts), train, (id_col, time_col, target_col))
    table = read_table(forecasts, truth, train, how, names)
    kinds = {name: dtype.kind for name, dtype in table.frame.dtypes.items()}
    columns = read_columns(kinds, names, None if models is None else names_in(models, "models"))
    requests = _requests(metrics, level, columns)
    _check_needs(requests, table, benchmark)
    keys = check_by(by, agg, table.places.cutoff is not None)
    scorer = Scorer(
        table=table, columns=columns, grouping=group_rows(table, keys, agg),
        season=_season(requests, season_length, forecasts), benchmark=benchmark, agg=agg,
    )  # fmt: skip
    _warn_of_zeros(requests, table)
    return in_library(_score(scorer, requests), library)


def _requests(
    metrics: str | Function | Sequence[str | Function], level: float | Sequence[float] | None, columns: Columns
) -> list[Request]:
    """A request for each metric, of intervals for each level."""
    wanted = [metrics] if callable(metrics) else names_in(metrics, "metrics")
    if not wanted:
        raise ValueError("metrics is empty; name at least one")
    levels = columns.levels() if level is None else [check_level(one) for one in np.atleast_1d(level).tolist()]
    found = []
    for metric in wanted:
        request = _request(metric)
        if request.metric.reads != "interval":
            found.append(request)
            continue
        if not levels:
            raise ValueError(f"{request.name} needs columns of intervals, as predict(h, level=[80]) gives them")
        found += [Request(request.name, one) for one in levels]
    return found


def _request(metric: str | Function) -> Request:
    """A metric by its name; functions of this package are taken for their names."""
    if callable(metric):
        named = getattr(metric, "func", metric)  # of a partial, what it calls
        name: str = getattr(named, "__name__", type(named).__name__)
        ours = str(getattr(metric, "__module__", "")).startswith("forecastrnn.metrics.")
        return Request(name) if ours and name in METRICS else Request(name, function=metric)
    if not isinstance(metric, str) or metric not in METRICS:
        raise ValueError(f"unknown metric {metric!r}; there are {', '.join(METRICS)}, or give a function")
    return Request(metric)


def _check_needs(requests: list[Request], table: Table, benchmark: Hashable | None) -> None:
    """Errors that say what a metric cannot do without."""
    for request in requests:
        metric = request.metric
        if metric.scaled and table.past is None:
            raise ValueError(f"{request.name} needs train=, the values that were known before the forecasts")
        if metric.against and benchmark is None:
            raise ValueError(f"{request.name} needs benchmark=, the column of the forecast to compare with")
        if (metric.reads == "paths") != bool(table.n_paths):
            has, needs = ("sample paths", "one value for each time") if table.n_paths else (
                "no sample paths", "them (a column 'path', as sample_paths gives it)")  # fmt: skip
            raise ValueError(f"{request.name} needs {needs}; forecasts has {has}")


def _season(requests: list[Request], season_length: int | None, forecasts: Data) -> int | None:
    """The season if a metric needs it."""
    scaled = [request.name for request in requests if request.metric.scaled]
    if not scaled:
        return None
    given = getattr(forecasts, "attrs", {}).get("season_length") if season_length is None else season_length
    if given is None:
        raise ValueError(f"{scaled[0]} needs season_length=, the steps of a season: 12 for months, 1 for none")
    return check_season(given)


def _warn_of_zeros(requests: list[Request], table: Table) -> None:
    zero = table.y == 0.0
    if zero.any() and any(request.metric.formula is formulas.mape for request in requests):
        where = table.keys.describe(table.places, zero)
        warnings.warn(f"mape is NaN where a value is 0: {where}. See smape, wape or mase", stacklevel=3)


def _score(scorer: Scorer, requests: list[Request]) -> pd.DataFrame:
    """The frame of results: metric by metric, all groups."""
    models = scorer.columns.models
    counts: dict[str, dict[Hashable, int]] = {}
    values: dict[Hashable, list[np.ndarray]] = {model: [] for model in models}
    for request in requests:
        for model in models:
            scores = scorer.scores(request, model)
            counts.setdefault(request.label, {})[model] = int((~np.isnan(scores)).sum())
            values[model].append(scorer.averages(request, model, scores))
    grouping, n = scorer.grouping, len(requests)
    keys = {name: column.iloc[np.tile(np.arange(len(column)), n)].array for name, column in _keys(scorer).items()}
    labels = np.repeat([request.label for request in requests], grouping.n_groups)
    found = pd.DataFrame(keys | {"metric": labels} | {model: np.concatenate(values[model]) for model in models})
    left_out = len(scorer.table.y) - len(scorer.used)
    found.attrs = {"agg_counts": counts, "n_scores": grouping.n_units, "rows_left_out": left_out}
    return found


def _keys(scorer: Scorer) -> dict[Hashable, pd.Series]:
    """Columns that say which group a row is, from the first row of each."""
    table, grouping = scorer.table, scorer.grouping
    names = {"series": table.id_name, "cutoff": CUTOFF}
    found = {names[key]: table.rows_of(names[key], grouping.first) for key in grouping.by if key != "step"}
    return found if grouping.step is None else found | {"step": pd.Series(grouping.step[grouping.first])}
