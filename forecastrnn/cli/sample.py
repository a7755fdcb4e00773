"""`forecastrnn sample`: possible futures of a model file, a row for each series, time and path."""

from __future__ import annotations

from argparse import Namespace

from forecastrnn.cli.failures import of_file
from forecastrnn.cli.predict import horizon_of, opened, write_forecast


def run(args: Namespace) -> None:
    """Draw, and write that."""
    model, given = opened(args)
    with of_file(args.model):
        paths = model.sample_paths(horizon_of(args, model), args.paths, random_state=args.seed, **given)
    write_forecast(paths, args, model)
