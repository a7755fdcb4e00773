"""`forecastrnn backtest`: forecasts from earlier times, and how far they were off."""

from __future__ import annotations

import sys
from argparse import Namespace

import pandas as pd

from forecastrnn.cli.failures import DASH, USAGE, Failure, of_file
from forecastrnn.cli.fit import ID_COL, GivenFiles, read_given
from forecastrnn.cli.models import new_forecaster, talking
from forecastrnn.cli.paths import check_inputs, check_output
from forecastrnn.cli.picture import check_picture, write_picture
from forecastrnn.cli.writing import write_table
from forecastrnn.metrics import evaluate
from forecastrnn.metrics.formulas import METRICS

BASELINE, ITS_COLUMN = "seasonal_naive", "SeasonalNaive"


def run(args: Namespace) -> None:
    """Forecast, write that if asked to, and print the table of errors."""
    check_inputs(args.data, args.static)
    check_output(args.output, args.force)
    check_picture(args.plot, args.force)
    check_metrics(args)
    model = new_forecaster(args)
    given = with_ids(read_given(args))
    with of_file(args.data), talking(args, model):
        found = model.cross_validation(
            given.y, args.steps, n_windows=args.windows, step_size=args.step, refit=args.refit, X=args.future_cols,
            past=args.past_cols, static=given.static, level=args.level, quantiles=args.quantiles, baselines=BASELINE,
            checkpoint=args.checkpoint, **given.columns,
        )  # fmt: skip
        errors = evaluate(found, args.metrics, train=given.y, by=None, benchmark=ITS_COLUMN, **given.columns)
    if args.output:
        write_table(found, args)
    if args.plot:
        from forecastrnn.plotting import BacktestDisplay  # brings Matplotlib with it

        write_picture(BacktestDisplay.from_predictions(found, history=given.y, **given.columns), args.plot)
    print(table_of(errors), file=sys.stderr if args.output == DASH else sys.stdout)


def check_metrics(args: Namespace) -> None:
    """Refuse metrics that there are not, and those whose forecasts were not asked for."""
    needs = {"interval": ("level", args.level), "quantiles": ("quantiles", args.quantiles), "paths": ("", None)}
    for name in args.metrics:
        metric = METRICS.get(name)
        if metric is None or metric.reads == "paths":
            listed = ", ".join(known for known, one in METRICS.items() if one.reads != "paths")
            raise Failure(USAGE, f"--metrics: there is no {name!r}; there are {listed}")
        flag, value = needs.get(metric.reads, ("", True))
        if not value:
            raise Failure(USAGE, f"--metrics {name} needs --{flag}")


def with_ids(given: GivenFiles) -> GivenFiles:
    """One series is that of the name of its values."""
    if given.columns["id_col"] is not None:
        return given
    y = given.y.assign(**{ID_COL: given.columns["target_col"]})
    return GivenFiles(y=y, static=given.static, columns=given.columns | {"id_col": ID_COL})


def table_of(errors: pd.DataFrame) -> str:
    """A line for each metric, a column for each forecast."""
    return errors.to_string(index=False, float_format="{:.4g}".format)
