"""Likelihoods of counts, and of amounts that are often 0: the first output is the logarithm of their mean."""

from __future__ import annotations

import math
from dataclasses import dataclass

from forecastrnn.formulas import (
    exp,
    lgamma,
    log,
    log_wright,
    maximum,
    minimum,
    negative_binomial_quantile,
    poisson_quantile,
    positive,
    softplus,
    tweedie_quantile,
)
from forecastrnn.networks.likelihood import Likelihood

FURTHEST = 40.0  # of the logarithm of a mean from 0: a network in the midst of training stays finite
BEGIN = 3.0  # networks put out about 0 at first: a dispersion then is near that of no more than chance
LEAST = 1e-6  # of a dispersion: with less, a negative binomial is a Poisson distribution
CERTAIN = 30.0  # of the logit of a share from 0
TINY = 1e-300  # what keeps a logarithm finite where it does not count


def _log_mean(output):
    return minimum(maximum(output, -FURTHEST), FURTHEST)


def _inflated(zero, y, loss, none):
    """The loss where a share of all values is 0 besides; zero : its logit; none : minus the logarithm of P(0) else."""
    odds = exp(zero)
    at_zero = softplus(zero) - log(odds + exp(-none) + TINY)
    more = positive(y)
    return more * (softplus(zero) + loss) + (1.0 - more) * at_zero


def _rest(share, zero):
    """Where a share of all lies among those that are no further zeros; 0 or less: it is one of these."""
    return 1.0 - (1.0 - share) * (1.0 + exp(zero))


class _Counts(Likelihood):
    """What counts have in common: a mean, perhaps a dispersion, and perhaps further zeros."""

    domain = "counts"
    zero_inflated: bool

    def _names(self, *names: str) -> tuple[str, ...]:
        return (*names, "zero") if self.zero_inflated else names

    def _links(self, *links, zero):
        return (*links, minimum(maximum(zero[0], -CERTAIN), CERTAIN)) if zero else links


@dataclass(frozen=True)
class Poisson(_Counts):
    """The Poisson distribution: the mean alone; and of inflated zeros, the logit of their share."""

    zero_inflated: bool = False

    @property
    def outputs(self):
        return self._names("mean")

    def link(self, mean, *zero):
        return self._links(_log_mean(mean), zero=zero)

    def loss(self, y, log_mean, *zero):
        mean = exp(log_mean)
        plain = mean - y * log_mean + lgamma(y + 1.0)
        return _inflated(zero[0], y, plain, mean) if zero else plain

    def quantile(self, share, log_mean, *zero):
        return poisson_quantile(_rest(share, zero[0]) if zero else share, exp(log_mean))


@dataclass(frozen=True)
class NegativeBinomial(_Counts):
    """The negative binomial distribution: mean m and dispersion a, by which the variance is m + a m^2."""

    zero_inflated: bool = False

    @property
    def outputs(self):
        return self._names("mean", "dispersion")

    def link(self, mean, dispersion, *zero):
        return self._links(_log_mean(mean), 1.0 / (softplus(dispersion - BEGIN) + LEAST), zero=zero)

    def loss(self, y, log_mean, size, *zero):
        mean = exp(log_mean)
        none = size * log(1.0 + mean / size)  # minus the logarithm of P(0)
        gammas = lgamma(y + 1.0) + lgamma(size) - lgamma(y + size)
        plain = gammas + none - y * (log_mean - log(size + mean))
        return _inflated(zero[0], y, plain, none) if zero else plain

    def quantile(self, share, log_mean, size, *zero):
        return negative_binomial_quantile(_rest(share, zero[0]) if zero else share, exp(log_mean), size)


@dataclass(frozen=True)
class Tweedie(Likelihood):
    """Amounts that are 0 or add up from pieces: a Poisson number of gamma distributed ones (Tweedie 1984).

    The variance is dispersion times mean^power, 1 < power < 2. The density is the series of Dunn and Smyth (2005,
    doi 10.1007/s11222-005-4070-y), a generalised Bessel function of Wright.
    """

    power: float = 1.5
    outputs = ("mean", "dispersion")
    domain = "amounts"

    def link(self, mean, dispersion):
        return _log_mean(mean), softplus(dispersion - BEGIN) + LEAST

    def loss(self, y, log_mean, dispersion):
        p, log_y = self.power, log(maximum(y, TINY))
        shape = (2.0 - p) / (p - 1.0)
        log_d = log(dispersion)
        none = exp((2.0 - p) * log_mean) / (dispersion * (2.0 - p))
        scaled = shape * (log_y - math.log(p - 1.0)) - (1.0 + shape) * log_d - math.log(2.0 - p)
        more = y * exp((1.0 - p) * log_mean) / (dispersion * (p - 1.0)) + log_y - log_wright(scaled, shape)
        return none + positive(y) * more

    def quantile(self, share, log_mean, dispersion):
        return tweedie_quantile(share, exp(log_mean), dispersion, self.power)
