"""`forecastrnn info`: what a model file holds."""

from __future__ import annotations

import json
import os
from argparse import Namespace
from typing import Any

import numpy as np

from forecastrnn.cli.models import covariates_of
from forecastrnn.estimators.forecaster import RNNForecaster
from forecastrnn.estimators.loading import load


def run(args: Namespace) -> None:
    """Print it, a line each, or as JSON."""
    model = load(args.model)
    held: dict[str, Any] = {"model": repr(model), "bytes": os.path.getsize(args.model)}
    if isinstance(model, RNNForecaster):
        held |= _of_forecaster(model)
    print(json.dumps(held, indent=1) if args.json else "\n".join(f"{name}: {said(held[name])}" for name in held))


def _of_forecaster(model: RNNForecaster) -> dict[str, Any]:
    """Series, season, covariates, intervals."""
    axis, intervals = model._model.axis, model.intervals_
    ends = axis.after(np.array([1])).astype(str)
    found: dict[str, Any] = {
        "series": model.n_series_in_,
        "step": axis.clock.freqstr,
        "forecasts begin": sorted({ends[0], ends[-1]}),
        "season": model.season_length_,
        "context": model.context_length_,
        "updates": model.n_iter_,
        "known ahead": covariates_of(model, "known") or [],
        "known until now": covariates_of(model, "past") or [],
    }
    return found | {"intervals": None if intervals is None else repr(intervals)}


def said(value: Any) -> str:
    """A value for who reads."""
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return "none" if value is None else str(value)
