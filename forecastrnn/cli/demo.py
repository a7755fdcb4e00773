"""`forecastrnn demo`: what the package does, on series that come with it; nothing is needed, one picture is left."""

from __future__ import annotations

from argparse import Namespace

from forecastrnn.cli.backtest import BASELINE, table_of
from forecastrnn.cli.models import new_forecaster, talking
from forecastrnn.cli.picture import check_picture, write_picture
from forecastrnn.datasets import load_airline
from forecastrnn.metrics import evaluate
from forecastrnn.plotting import BacktestDisplay

YEAR, YEARS = 12, 3


def run(args: Namespace) -> None:
    """Forecast the last three years of air passengers, each from the end of the year before; errors and a picture."""
    check_picture(args.output, args.force)
    y, model = load_airline(), new_forecaster(args)
    with talking(args, model):
        found = model.cross_validation(y, YEAR, n_windows=YEARS, level=[80, 95], baselines=BASELINE)
    errors = evaluate(found, ["mase", "smape", "coverage"], train=y, by=None)
    print(f"{y.name}: the last {YEARS} years, each forecast from the end of the year before\n")
    print(table_of(errors))
    write_picture(BacktestDisplay.from_predictions(found, history=y), args.output)
    print(f"\npicture: {args.output}")
