"""The likelihoods that come with the package: of real values, and quantiles without a distribution.

Deviations are at least LEAST, so that a series that does not change stays finite.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

from forecastrnn.formulas import (
    lgamma,
    log,
    maximum,
    minimum,
    normal_quantile,
    softplus,
    student_quantile,
)
from forecastrnn.networks.count_likelihoods import NegativeBinomial, Poisson, Tweedie
from forecastrnn.networks.likelihood import Likelihood

LEAST = 1e-3  # of a deviation, where a usual change is about 1


@dataclass(frozen=True)
class Gaussian(Likelihood):
    """The normal distribution: mean and standard deviation."""

    outputs = ("mean", "deviation")

    def link(self, mean, deviation):
        return mean, softplus(deviation) + LEAST

    def loss(self, y, mean, deviation):
        z = (y - mean) / deviation
        return 0.5 * z * z + log(deviation) + 0.5 * math.log(2.0 * math.pi)

    def quantile(self, share, mean, deviation):
        return mean + deviation * normal_quantile(share)


@dataclass(frozen=True)
class Laplace(Likelihood):
    """The Laplace distribution: median and mean absolute deviation from it."""

    outputs = ("median", "deviation")

    def link(self, median, deviation):
        return median, softplus(deviation) + LEAST

    def loss(self, y, median, deviation):
        return abs(y - median) / deviation + log(2.0 * deviation)

    def quantile(self, share, median, deviation):
        below, above = log(minimum(2.0 * share, 1.0)), log(minimum(2.0 * (1.0 - share), 1.0))
        return median + deviation * (below - above)


@dataclass(frozen=True)
class StudentT(Likelihood):
    """Student's t distribution: median, scale, and degrees of freedom; those of 0 are learned, from 2 on."""

    degrees: float = 0.0

    @property
    def outputs(self):
        return ("median", "scale") if self.degrees else ("median", "scale", "degrees")

    def link(self, median, scale, degrees=None):
        fixed = self.degrees if degrees is None else 2.0 + softplus(degrees)
        return median, softplus(scale) + LEAST, fixed

    def loss(self, y, median, scale, degrees):
        z, half = (y - median) / scale, 0.5 * (degrees + 1.0)
        gammas = lgamma(0.5 * degrees) - lgamma(half) + 0.5 * log(degrees * math.pi)
        return gammas + log(scale) + half * log(1.0 + z * z / degrees)

    def quantile(self, share, median, scale, degrees):
        return median + scale * student_quantile(share, degrees)


@dataclass(frozen=True)
class Quantiles(Likelihood):
    """Quantiles at some levels, without a distribution: the middle one, and how far each is from the next.

    The distances are positive, so no two cross. The loss is the mean of the levels' pinball losses, doubled, which for
    the level 0.5 alone is the absolute error. Between two levels a quantile lies in line with theirs; beyond the last
    ones the tails are exponential, as wide as the last distance says.
    """

    levels: tuple[float, ...] = (0.1, 0.5, 0.9)

    @property
    def options(self):
        """The levels."""
        return self.levels

    @classmethod
    def of(cls, options):
        """The quantiles at these levels; the usual ones, if there is none."""
        return cls(tuple(options)) if options else cls()

    @property
    def middle(self):
        """Which level is nearest the median."""
        return min(range(len(self.levels)), key=lambda k: abs(self.levels[k] - 0.5))

    @property
    def outputs(self):
        names = [f"distance_{k}" for k in range(len(self.levels) - 1)]
        return ("middle", *names)

    def link(self, middle, *distances):
        widths = [softplus(one) for one in distances]  # from each level to the next
        found = [middle]
        for width in reversed(widths[: self.middle]):
            found.insert(0, found[0] - width)
        for width in widths[self.middle :]:
            found.append(found[-1] + width)
        return tuple(found)

    def loss(self, y, *values):
        total = 0.0
        for level, value in zip(self.levels, values, strict=True):
            e = y - value
            total = total + maximum(level * e, (level - 1.0) * e)
        return (2.0 / len(self.levels)) * total

    def quantile(self, share, *values):
        levels, found = self.levels, values[0]
        gaps = [high - low for low, high in pairwise(values)]
        for (low, high), gap in zip(pairwise(levels), gaps, strict=True):
            found = found + gap * minimum(maximum((share - low) / (high - low), 0.0), 1.0)
        below = gaps[0] / math.log(levels[1] / levels[0])
        above = gaps[-1] / math.log((1.0 - levels[-2]) / (1.0 - levels[-1]))
        found = found + below * log(minimum(share / levels[0], 1.0))
        return found - above * log(minimum((1.0 - share) / (1.0 - levels[-1]), 1.0))


LIKELIHOODS: dict[str, type[Likelihood]] = {
    "quantile": Quantiles,
    "gaussian": Gaussian,
    "student_t": StudentT,
    "laplace": Laplace,
    "poisson": Poisson,
    "negative_binomial": NegativeBinomial,
    "tweedie": Tweedie,
}
