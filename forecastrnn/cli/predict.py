"""`forecastrnn predict`: forecasts of a model file."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

import pandas as pd

from forecastrnn.cli.failures import USAGE, Failure, of_file
from forecastrnn.cli.fit import ID_COL, read_static
from forecastrnn.cli.models import columns_of, covariates_of, id_column
from forecastrnn.cli.paths import check_inputs, check_output
from forecastrnn.cli.reading import read_table
from forecastrnn.cli.writing import in_long_form, write_table
from forecastrnn.estimators.forecaster import RNNForecaster
from forecastrnn.native_frames import as_pandas


def run(args: Namespace) -> None:
    """Forecast, and write that."""
    model, given = opened(args)
    with of_file(args.model):
        forecast = model.predict(horizon_of(args, model), level=args.level, quantiles=args.quantiles, **given)
    write_forecast(forecast, args, model)


def opened(args: Namespace) -> tuple[RNNForecaster, dict[str, Any]]:
    """The model, and what `predict` is given of the files beside it."""
    check_inputs(args.data, args.future, args.static)
    check_output(args.output, args.force)
    if args.static and not args.data:
        raise Failure(USAGE, "--static goes with --data: of the series of the fit it is known")
    model = RNNForecaster.load(args.model)
    columns = columns_of(model)
    known, read_as = covariates_of(model, "known"), {"time_col": columns["time_col"], "id_col": id_column(model)}
    X = read_table(args.future, args, **read_as) if args.future else None
    if not args.data:
        return model, {"X": X}
    y = read_table(args.data, args, numbers=[columns["target_col"]], **read_as)
    if X is not None and known:
        X = pd.concat([y.drop(columns=y.columns.difference([*columns.values(), *known])), X], ignore_index=True)
    static = read_static(args.static, args, columns["id_col"] or ID_COL)
    return model, {"y": y, "X": X, "past": covariates_of(model, "past"), "static": static}


def horizon_of(args: Namespace, model: RNNForecaster) -> int | str:
    """How far to forecast: as asked, else a season, or what a direct strategy forecasts."""
    if args.to:
        return str(args.to)
    if args.steps:
        return int(args.steps)
    direct = model._model.settings.horizon if model._model.strategy == "direct" else None
    return int(direct or max(model.season_length_, 2))


def write_forecast(forecast: Any, args: Namespace, model: RNNForecaster) -> None:
    """A frame of any library in long form; dates without a time of day where a step is a day or more."""
    columns = columns_of(model)
    keys = str(columns["id_col"] or ID_COL), str(columns["time_col"])
    clock = model._model.axis.clock
    frame, _ = as_pandas(forecast, "forecast")
    write_table(in_long_form(frame, model.alias, keys), args, days=clock.kind == "integer" or not clock.tick)
