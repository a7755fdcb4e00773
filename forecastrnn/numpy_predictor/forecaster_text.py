"""A forecaster as the text of a module: what networks, series and candidates are made with, one behind the other."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from inspect import getsource
from pathlib import Path
from types import ModuleType

import numpy as np

from forecastrnn.data import calendar_features
from forecastrnn.engine.cpu import levels, seasonal, series
from forecastrnn.networks.likelihood import Likelihood
from forecastrnn.networks.network import Network
from forecastrnn.numpy_predictor import (
    bands,
    calendars,
    candidate_forecasts,
    covariates,
    draws,
    forecasts,
    given_series,
    likelihoods,
    past_values,
    predictions,
    spreads,
)
from forecastrnn.numpy_predictor.kernel_text import modules_of, renamed, text_of
from forecastrnn.numpy_predictor.likelihood_text import text_of_likelihood
from forecastrnn.numpy_predictor.writing import (
    ARRAYS,
    NAME,
    begin_of,
    cell_text,
    cells_of,
    places_of,
    targets_of,
    write_files,
)

PRETRAINED = "pretrained"  # a candidate, and the name of its module and archive
_LOADED = f'import runpy\n\nPRETRAINED = runpy.run_path(str(Path(__file__).with_name("{PRETRAINED}.py")))["predict"]'
_CALENDAR = ("within", "day_within", "CYCLE_PLACES")
_LEVELS = ("LEAST", "MOST", "read_levels", "is_of_factors", "mean_size", "centre", "find_hulls")
# Of formulas of lines by name: the constant that is their size, fit, forecast, whether they follow a season.
_FORMULAS = {
    "damped_trend": ("DAMPED_TREND_SIZE", "fit_damped", "damped_ahead", False),
    "theta": ("THETA_SIZE", "fit_theta", "theta_ahead", False),
    "autoregression": ("AUTOREGRESSION_SIZE", "fit_regression", "regression_ahead", False),
    "seasonal_changes": ("AUTOREGRESSION_SIZE", "fit_seasonal", "seasonal_ahead", True),
}


@dataclass(frozen=True, kw_only=True)
class ExportedForecaster:
    """A forecaster, and what its numbers mean.

    network : whose layers both sides have. arrays : all of them. settings : values of names at the top of the texts.
    candidates : names of those that count somewhere. beside : the network of the package, where that is one of them.
    likelihood : how values are distributed, where the networks say it.
    """

    title: str
    network: Network
    arrays: Mapping[str, np.ndarray]
    settings: Mapping[str, object]
    candidates: tuple[str, ...]
    beside: ExportedForecaster | None = None
    likelihood: Likelihood | None = None

    def write(self, folder: str | os.PathLike, names: tuple[str, str] = (NAME, ARRAYS)) -> Path:
        """Write the module and its archive, and what it loads before it; gives the path of the module."""
        if self.beside is not None:
            targets_of(folder, names)
            self.beside.write(folder, (PRETRAINED, PRETRAINED))
        return write_files(self.arrays, self.text(names[1]), folder, names)

    def text(self, archive: str = ARRAYS) -> str:
        """The module."""
        cells = cells_of(self.network)
        settings = [f"{name} = {literal(value)}" for name, value in self.settings.items()]
        begin, plain = _parts(forecasts)[1:]
        predicted, short = _parts(predictions)[1:]
        parts = [
            begin_of(self.title, "predict", archive), *(cell_text(cell, number) for number, cell in enumerate(cells)),
            f"PLACES = [\n{places_of(self.network, cells)}\n]\n" + "\n".join(settings), begin,
            *([plain] if self.likelihood is None else [text_of_likelihood(self.likelihood), _part(likelihoods)]),
            text_of(levels, _LEVELS), text_of(seasonal), text_of(series, ("mean_changes", "pad_left")),
            _part(past_values), *self._beside(), *self._candidates(), _part(bands),
            _part(spreads if self.likelihood is None else draws), _part(given_series), predicted,
            short if self.settings["SHORT"] == "naive" else "figure_of: Any = None\nnaive_columns = whole = figure_of",
        ]  # fmt: skip
        return "\n\n\n".join(part.strip("\n") for part in parts) + "\n"

    def _beside(self) -> list[str]:
        """What is read beside values."""
        if not self.settings["NUMBER_COLUMNS"] and not self.settings["CATEGORY_COLUMNS"]:
            return ["Beside: Any = None\nSteps = beside_of = rows_ahead = rows_of = until = Beside"]
        dates = [text_of(calendar_features, _CALENDAR), _part(calendars)] if self.settings["MADE"] else []
        return [*dates, _part(covariates)] if dates else ["calendar_of: Any = None", _part(covariates)]

    def _candidates(self) -> list[str]:
        """What candidates are made with, those that count alone."""
        if not self.candidates:
            return ["CANDIDATES = ()\n\n\ndef mixed(network: Array, ends: Ends, h: int) -> Array:\n    return network",
                    "candidate_of: Any = None"]  # fmt: skip
        own = {name: _FORMULAS[name] for name in self.candidates if name in _FORMULAS}
        rows = [f'    "{name}": ({", ".join(map(str, row))}),' for name, row in own.items()]
        named = f"CANDIDATES = {self.candidates!r}\nFORMULAS: Any = {{\n" + "\n".join([*rows, "}"])
        _, lines, rings, beside, end = _parts(candidate_forecasts)
        formulas = [name for name in self.candidates if name != PRETRAINED]
        texts = [text_of(module) for module in modules_of(formulas)]
        parts = [*([lines] if own else []), *([rings] if len(own) < len(formulas) else [])]
        others = ["BESIDE: Any = {}"] if self.beside is None else [_LOADED, beside]
        return [*texts, named, *parts, *others, end]


def literal(value: object) -> str:
    """A value as it stands in a text."""
    if isinstance(value, tuple):
        return f"({''.join(f'{literal(one)}, ' for one in value).rstrip()})"
    return f'float("{value}")' if isinstance(value, float) and not np.isfinite(value) else repr(value)


def _part(module: ModuleType) -> str:
    """The text of a module behind its mark."""
    return _parts(module)[1]


def _parts(module: ModuleType) -> list[str]:
    source = getsource(module)
    return re.split(r"^# module: \w+\n", renamed(source, source, module.__name__), flags=re.MULTILINE)
