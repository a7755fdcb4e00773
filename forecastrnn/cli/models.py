"""Forecasters: made of parameters on the command line, or read from model files."""

from __future__ import annotations

import json
import sys
import tomllib
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Any

from forecastrnn.cli.failures import USAGE, Failure, of_usage
from forecastrnn.estimators.forecast_settings import plan_of
from forecastrnn.estimators.forecaster import RNNForecaster


def new_forecaster(args: Namespace) -> RNNForecaster:
    """One of the parameters that were given; a Failure for what cannot be."""
    named = {"random_state": args.seed, "n_jobs": args.jobs, "device": args.device, "missing": args.missing}
    given = {name: value for name, value in named.items() if value is not None}
    if args.freq is not None:
        given["freq"] = int(args.freq) if args.freq.isdigit() else args.freq
    settings = _from_config(args.config) | given | {name: _value_of(text) for name, text in args.set}
    with of_usage():
        model = RNNForecaster().set_params(**settings)
        model._validate_params()
        plan_of(model, {"id_col": None, "time_col": "ds", "target_col": "y"}, watched=False)
    return model


def _value_of(text: str) -> Any:
    """A value as JSON, else the text itself."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _from_config(path: str | None) -> dict[str, Any]:
    """Parameters in TOML; those of a table [solver] are solver__..."""
    if path is None:
        return {}
    with open(path, "rb") as file:
        try:
            given = tomllib.load(file)
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise Failure(USAGE, f"{path}: no TOML: {error}") from None
    tables = {name: value for name, value in given.items() if isinstance(value, dict)}
    plain = {name: value for name, value in given.items() if name not in tables}
    return plain | {f"{table}__{name}": value for table, own in tables.items() for name, value in own.items()}


def columns_of(model: RNNForecaster) -> dict[str, Any]:
    """`id_col`, `time_col` and `target_col` of the frame that the model was fitted on."""
    return dict(model._model.reading.columns)


def id_column(model: RNNForecaster) -> str | None:
    """The column whose values are texts; ids that are numbers are read as such."""
    ids = model._model.axis.ids
    return columns_of(model)["id_col"] if all(isinstance(name, str) for name in ids) else None


def covariates_of(model: RNNForecaster, role: str) -> list[str] | None:
    """Names of the covariates of a role, None if there are none."""
    return [str(one.name) for one in model.covariates_ if one.role == role] or None


@contextmanager
def talking(args: Namespace, model: RNNForecaster) -> Iterator[None]:
    """What a training says goes to standard error, and is no part of the model."""
    silent = args.quiet or args.no_progress
    model.set_params(verbose=args.verbose or (False if silent else "auto"))
    with redirect_stdout(sys.stderr):
        yield
    model.set_params(verbose="auto")
