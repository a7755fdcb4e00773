"""`forecastrnn info`: what a model file holds."""

from __future__ import annotations

import json
import os
from argparse import Namespace
from typing import Any

from forecastrnn.estimators.forecaster import RNNForecaster
from forecastrnn.estimators.loading import load


def run(args: Namespace) -> None:
    """Print a summary and the parameters, or both as JSON."""
    model = load(args.model)
    held: dict[str, Any] = {"model": repr(model), "bytes": os.path.getsize(args.model)}
    is_forecaster = isinstance(model, RNNForecaster)
    if args.json:
        print(json.dumps(held | (model.summary() if is_forecaster else {}), indent=1))
        return
    if is_forecaster:
        print(model.summary(), end="\n\n")
    print(f"{held['model']}\n{args.model}, {held['bytes']:,} bytes")
