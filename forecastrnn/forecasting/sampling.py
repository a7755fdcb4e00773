"""Joint futures: as networks draw them, or as held-out errors went together; as wide as calibrated intervals."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from forecastrnn.forecasting.bands import quantiles_of_all
from forecastrnn.forecasting.calibration import KEPT, Calibration
from forecastrnn.forecasting.model import check_size, slices
from forecastrnn.forecasting.raw_values import as_domain

if TYPE_CHECKING:
    from forecastrnn.data.covariate_values import Covariates
    from forecastrnn.forecasting.model import Model
    from forecastrnn.forecasting.naive_series import Chosen

LEAST = 100  # paths that ranks are taken among, also where fewer are asked for
EDGE = 1.0 / (KEPT + 1)  # share of values beyond the outermost quantiles that are kept


def check_calibrated(model: Model) -> None:
    """Refuse the spread of intervals that there are not."""
    kept, direct = model.intervals, model.strategy == "direct"
    found = kept.calibration if kept else None
    if found is None or direct and found.vectors is None:
        why = f"could not be calibrated in fit: {kept.why}" if kept and kept.why else (
            "were not calibrated in fit, or the file is older than they are")  # fmt: skip
        out = ", or another strategy" if direct else ", or take calibrated=False: futures as the networks draw them"
        raise ValueError(
            f"sample_paths: futures get their spread from intervals, which {why}. Fit with intervals='conformal' and "
            f"series that are long enough{out}."
        )


def sample_paths(
    model: Model, chosen: Chosen, h: int, count: int, *, calibrated: bool, rng: np.random.RandomState, device: str,
    ahead: Covariates | None = None,
) -> np.ndarray:  # fmt: skip
    """Futures (count, n_series, h) of all series of a call, in their unit.

    ahead : covariates (n_series * h rows) of the times that are forecast.
    """
    draw = partial(model.futures, h=h, rng=rng, known=chosen.are_of_fit, device=device, ahead=ahead)
    if not calibrated and model.strategy != "direct":
        return draw(chosen, count=count)
    drawn = max(count, LEAST)
    check_size(h, drawn, chosen.axis.n_series, copies=3)
    free = chosen.within(None)
    median = model.point(free, h, device, ahead)
    if model.strategy == "direct":
        found = _of_errors(model, chosen, h, drawn, rng)
    else:
        found = draw(free, count=drawn)
    order = np.empty(found.shape, np.int64)
    for part in slices(found.shape[1], drawn * h):  # of series
        order[:, part] = np.argsort(found[:, part], axis=0, kind="stable")
    shares = (np.arange(drawn) + 0.5) / drawn
    quantiles = partial(quantiles_of_all, model, free, median, device=device, ahead=ahead)
    values = _between_quantiles(quantiles, np.clip(shares, EDGE, 1.0 - EDGE))
    np.put_along_axis(found, order, values, axis=0)
    return chosen.clip(as_domain(found[:count], model.settings.likelihood))  # between two counts there is none


def _between_quantiles(quantiles: Callable[[np.ndarray], np.ndarray], shares: np.ndarray) -> np.ndarray:
    """Quantiles (len(shares), n_series, h), in line between those of the shares that are kept: no two are the same."""
    place = np.round(shares / EDGE, 9)
    below = np.floor(place).astype(np.int64)
    part, kept = place - below, np.unique([below, np.ceil(place).astype(np.int64)])
    found = quantiles(kept * EDGE)
    low, high = (found[np.searchsorted(kept, ends)] for ends in (below, np.ceil(place).astype(np.int64)))
    return low + part[:, None, None] * (high - low)


def _of_errors(model: Model, chosen: Chosen, h: int, count: int, rng: np.random.RandomState) -> np.ndarray:
    """Errors (count, n_series, h) of whole windows, by whose ranks steps go together; the last holds behind."""
    kept = model.intervals.calibration if model.intervals else None
    assert isinstance(kept, Calibration) and kept.vectors is not None
    pick = rng.randint(len(kept.vectors), size=(count, chosen.axis.n_series))
    return kept.vectors[pick][..., np.minimum(np.arange(h), kept.horizon - 1)]
