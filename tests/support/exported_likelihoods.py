"""Counts and amounts for forecasters that are exported, and likelihoods of a user's own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from forecastrnn import Likelihood
from forecastrnn.formulas import log, log_sigmoid, normal_quantile, softplus
from support.exported_cases import Y

RNG = np.random.default_rng(0)
COUNTS = pd.DataFrame(
    {"few": RNG.poisson(0.6, 100), "some": RNG.poisson(30, 100), "many": RNG.negative_binomial(1, 2e-4, 100)},
    index=Y.index, dtype=float,
)  # fmt: skip
_PIECES = RNG.poisson([0.8, 9.0, 90.0], (100, 3))
AMOUNTS = pd.DataFrame(
    RNG.gamma(np.maximum(_PIECES, 1e-9), [1.0, 30.0, 8.0]) * (_PIECES > 0), Y.index, ["few", "some", "many"]
)


@dataclass(frozen=True)
class Skewed(Likelihood):
    """A logistic distribution whose median lies beside its first output; of another share, one ONNX has not."""

    by: float = 0.3
    outputs = ("middle", "width")

    def link(self, middle, width):
        return middle, softplus(width) + 0.001

    def loss(self, y, middle, width):
        z = (y - middle) / width
        return log(width) - log_sigmoid(z) - log_sigmoid(-z)

    def quantile(self, share, middle, width):
        return middle + width * (log(share) - log(1.0 - share) + self.by)


class Unknown(Skewed):
    """One whose median needs what a graph has not."""

    def quantile(self, share, middle, width):
        return middle + normal_quantile(share + 0.1 * log_sigmoid(width))
