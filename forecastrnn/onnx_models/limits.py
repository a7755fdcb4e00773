"""What a file of a forecaster cannot do, said before anything is written."""

from __future__ import annotations

from collections.abc import Collection

from forecastrnn.networks.exported import ExportedCovariates, ExportedForecasts
from forecastrnn.onnx_models.calendars import TIMES

_TAKEN = ("y", "h", "ids", "forecast")  # names of other inputs and outputs
_MOST_BYTES = 1.9e9  # of parameters: a message of protobuf, with all else in it, has less than 2 GB


def check_writable(exported: ExportedForecasts) -> None:
    """Refuse what the graph has no nodes for, by the setting that says it."""
    beside = "or use export_numpy, whose module has all of it"
    if exported.settings["IS_STEADY"] and exported.horizon is None:
        raise ValueError(
            "to_onnx: the loss is of a mean that stays, which is forecast over paths drawn for a number of steps. Say "
            f'how many with horizon, or fit with loss="absolute_error", {beside}.'
        )
    _check_size(exported)
    _check_level(exported)
    if exported.covariates is not None:
        _check_names(exported.covariates, exported.shares)


def _check_size(exported: ExportedForecasts) -> None:
    size = sum(theta.size * 4 for theta in exported.thetas)
    if size > _MOST_BYTES:
        raise ValueError(
            f"to_onnx: the networks take {size / 1e9:.1f} GB, but a file can have 2. Fit with global_model=True, or on "
            "some of the series at a time."
        )


def _check_level(exported: ExportedForecasts) -> None:
    if not exported.shares:
        return
    why = exported.settings["NO_LEVEL_OF_Y"]
    if exported.likelihood is not None:
        why = (
            "intervals of a loss that says how values are distributed are quantiles of some hundred paths drawn from "
            "it; fit with loss='absolute_error', use export_numpy, whose module has them"
        )
    if why:
        raise ValueError(f"to_onnx: level: {why}, or set level=None.")


def _check_names(own: ExportedCovariates, shares: Collection[str]) -> None:
    """Covariates are inputs by their own names."""
    names, others = own.given, {*_TAKEN, *shares, *((TIMES,) if own.calendar else ())}
    taken = [name for name in names if name in others or names.count(name) > 1]
    if taken:
        raise ValueError(
            f"to_onnx: the covariate {taken[0]!r} would be an input of the file, in which something else is called so. "
            "Fit with another name of the column."
        )
