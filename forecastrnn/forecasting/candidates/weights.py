"""How much each forecast counts in a mixture, by its errors in windows that nobody had seen."""

from __future__ import annotations

import numpy as np

NETWORK = 0.5  # share of the networks before anything is known; those of candidates are their `prior`
OF_SET, OF_SERIES = -6.0, -1.0  # powers of an error over all series, and in the series itself
EARLY = 0.85  # that the error of networks counts which are fewer, and have seen no more than two thirds of their series
NOISE = 0.01  # of the unit of errors: less than this tells nothing
LEAST = 0.005  # a share below this is none


def weights_of(errors: np.ndarray, priors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weights (n_series, 1 + k) of networks and candidates, and those (1 + k,) of a series of which nothing is known.

    prior x (error over the set / the best one's)^OF_SET x (error in the series / the networks')^OF_SERIES, made to
    shares. errors (1 + k, n_series) : mean sizes, in a unit of each series, of the networks first; NaN where a series
    has no such forecast, or no window. priors (1 + k,) : shares before anything is known.
    """
    errors = errors + NOISE
    known = np.isfinite(errors) & np.isfinite(errors[0])
    ratio = np.where(known, errors, 1.0) / np.where(known, errors[0], 1.0)
    sums = np.where(known, errors, 0.0).sum(axis=1), np.where(known, errors[0], 0.0).sum(axis=1)
    over_set = np.where(sums[1] > 0.0, sums[0], np.inf) / np.where(sums[1] > 0.0, sums[1], 1.0)
    usual = priors * (over_set / over_set.min()) ** OF_SET
    own = np.where(known, ratio**OF_SERIES, 0.0)
    unknown = ~known[0]
    own[:, unknown] = 1.0
    return _shares((usual[:, None] * own).T), _shares(usual[None])[0]


def _shares(weights: np.ndarray) -> np.ndarray:
    """Weights (n, 1 + k) that add up to 1, the smallest left out."""
    weights = weights / weights.sum(axis=1, keepdims=True)
    weights = np.where(weights < LEAST, 0.0, weights)
    return weights / weights.sum(axis=1, keepdims=True)
