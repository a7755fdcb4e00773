"""Which candidates a model is mixed with, and how much each counts, by forecasts of windows that nobody had seen."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from forecastrnn.exceptions import TrainingDivergedError
from forecastrnn.forecasting.calibration_windows import Windows, lengths_of, parts_of, place_windows
from forecastrnn.forecasting.candidates.candidate_ends import CandidateEnds
from forecastrnn.forecasting.candidates.weights import EARLY, NETWORK, weights_of
from forecastrnn.forecasting.choosing import candidates_at
from forecastrnn.forecasting.conformal import WindowPlan
from forecastrnn.forecasting.earlier_networks import NetworksBefore, is_held_out
from forecastrnn.forecasting.long_run import is_of_means
from forecastrnn.forecasting.mixture import Mixture
from forecastrnn.forecasting.model import Model
from forecastrnn.forecasting.settings import MANY

if TYPE_CHECKING:
    from forecastrnn.data.series import SeriesSet

# Of many series: three long windows near the end, before which networks know nearly all. In backtests the weights of
# one window were worse (tourism: by 1.5%), and those of three members no better than those of one.
PANEL = WindowPlan(n_windows=3)


def mixed(
    model: Model, read: SeriesSet, names: tuple[str, ...], least: int, device: str, before: NetworksBefore
) -> Model:
    """The model mixed with candidates; as it is, if there are none or no window tells their weights.

    least : values that a series needs before its windows; before : networks trained on shorter series.
    """
    if not names:
        return model
    most = model.settings.horizon if model.strategy == "direct" else None
    few = is_held_out("auto", model, read.n_series)
    asked = WindowPlan() if few else PANEL
    windows = place_windows(lengths_of(read), asked, most or model.tail.prepared.ahead, least, most)
    if not windows.there.any():
        return model
    try:
        by = before(windows.reach, 1)
    except TrainingDivergedError:
        return model
    even = np.ones(1 + len(names))
    mixture = Mixture(names=names, usual=even)
    by = _with_weights(by, mixture, np.tile(even, (read.n_series, 1)))
    priors = np.array([NETWORK, *(one.prior for one in mixture.candidates)])
    errors = _errors(by, mixture, read, windows, unit_of(model), device)
    has_few_values = model.tail.prepared.n_observations < MANY  # networks of two thirds of them know clearly less
    errors[0] *= EARLY if few or has_few_values else 1.0
    weights, usual = weights_of(errors, priors)
    model = _with_weights(model, replace(mixture, usual=usual), weights)
    ends = candidates_at(model, read, model.tail.prepared, np.arange(read.n_series), are_kept=True)
    return replace(model, tail=replace(model.tail, candidates=ends))


def _with_weights(model: Model, mixture: Mixture, weights: np.ndarray) -> Model:
    """The model with weights (n_series, 1 + k) of its series; candidates are not begun."""
    ends = CandidateEnds(weights=weights, states=())
    return replace(model, mixture=mixture, tail=replace(model.tail, candidates=ends))


def unit_of(model: Model) -> np.ndarray:
    """What errors of each series are counted in (n_series,): its seasonal error, or its level if there is none."""
    errors, level = model.naive_errors, model.tail.prepared.level
    assert errors is not None
    return np.where(np.isfinite(errors) & (errors > 1e-6 * level), errors, level)


def _errors(
    by: Model, mixture: Mixture, read: SeriesSet, windows: Windows, unit: np.ndarray, device: str
) -> np.ndarray:
    """Mean sizes (1 + k, n_series) of errors of networks and candidates in windows, of squares where means count."""
    sums, count = np.zeros((read.n_series, 1 + len(mixture.names))), np.zeros(read.n_series)
    power = 2 if is_of_means(by.settings.loss) else 1
    for part in parts_of(by, read, windows):
        network = by.network_median(part.tail, part.own, windows.horizon, device, part.ahead)
        assert part.tail.candidates is not None
        every = np.concatenate([network[None], mixture.forecasts(part.tail.candidates, windows.horizon)])
        known = np.isfinite(part.truth)
        sizes = np.abs(np.where(known, part.truth - every, 0.0)) / unit[part.rows, None]
        np.add.at(count, part.rows, known.sum(axis=1))
        np.add.at(sums, part.rows, (sizes**power).sum(axis=2).T)
    mean = np.where(count > 0, sums.T, np.nan) / np.maximum(count, 1)
    return np.asarray(mean ** (1 / power))
