"""Losses that say how values are distributed, as a parameter. Their formulas are in `networks/likelihoods.py`."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real
from typing import ClassVar

from sklearn.utils._param_validation import Interval

from forecastrnn.estimators.groups.group import POSITIVE, Group, option
from forecastrnn.networks.likelihoods import LIKELIHOODS


@dataclass(frozen=True, repr=False)
class LossGroup(Group):
    """Base of all."""

    loss: ClassVar[str]

    @property
    def options(self) -> tuple[float, ...]:
        """What the likelihood of that name has as options."""
        return ()

    def short(self) -> object:
        """Its name, if nothing else is asked for."""
        return self if self.changed() else self.loss


@dataclass(frozen=True, repr=False)
class Gaussian(LossGroup):
    """The normal distribution of the scaled change to the next value; "gaussian" is short for it.

    Of a series whose logarithm is forecast, the values are log-normal.
    """

    loss: ClassVar[str] = "gaussian"


@dataclass(frozen=True, repr=False)
class Laplace(LossGroup):
    """The Laplace distribution, with heavier tails: its median is learned as by the absolute error; "laplace"."""

    loss: ClassVar[str] = "laplace"


@dataclass(frozen=True, repr=False)
class StudentT(LossGroup):
    """Student's t distribution, for series with outliers; "student_t".

    Parameters
    ----------
    degrees : float or None
        Degrees of freedom; None: learned at each time, from 2 on.
    """

    degrees: float | None = option(None, POSITIVE, None)
    loss: ClassVar[str] = "student_t"

    @property
    def options(self) -> tuple[float, ...]:
        """0 where degrees are learned."""
        return (float(self.degrees or 0.0),)


@dataclass(frozen=True, repr=False)
class Quantiles(LossGroup):
    """Quantiles by the pinball loss, without a distribution; "quantile".

    What is learned are the level nearest 0.5 and the distances between neighbours, which are positive: quantiles of a
    network do not cross. Between levels they are in line, beyond the last ones tails are exponential.

    Parameters
    ----------
    levels : tuple of float
        At least two, rising, some at or below 0.5 and some at or above it, so that a median can be told.

    Examples
    --------
    >>> from forecastrnn import Quantiles, RNNForecaster
    >>> RNNForecaster(loss="quantile").set_params(loss__levels=(0.05, 0.5, 0.95)).loss
    Quantiles(levels=(0.05, 0.5, 0.95))
    """

    levels: tuple[float, ...] | list = option((0.1, 0.5, 0.9), tuple, list)
    loss: ClassVar[str] = "quantile"

    @property
    def options(self) -> tuple[float, ...]:
        """The levels."""
        return tuple(float(level) for level in self.levels)


@dataclass(frozen=True, repr=False)
class Poisson(LossGroup):
    """The Poisson distribution of counts, whole numbers from 0 on; "poisson".

    Counts are learned as they are, without a logarithm, and forecasts, quantiles and futures are counts.

    Parameters
    ----------
    zero_inflated : bool
        A share of all values is 0 besides, which the network learns at each time.
    """

    zero_inflated: bool = option(False, "boolean")
    loss: ClassVar[str] = "poisson"

    @property
    def options(self) -> tuple[float, ...]:
        """Whether there are further zeros."""
        return (float(self.zero_inflated),)


@dataclass(frozen=True, repr=False)
class NegativeBinomial(Poisson):
    """The negative binomial distribution of counts that vary more than Poisson's; "negative_binomial".

    The variance is m + a m^2 of a mean m, the dispersion a being learned at each time. As `Poisson` in all else.

    Parameters
    ----------
    zero_inflated : bool
        As in `forecastrnn.Poisson`.
    """

    loss: ClassVar[str] = "negative_binomial"


@dataclass(frozen=True, repr=False)
class Tweedie(LossGroup):
    """Amounts from 0 on that are often 0, as rain or sales in money: a Poisson number of gamma pieces; "tweedie".

    Parameters
    ----------
    power : float
        Between 1 (counts of equal pieces) and 2 (one gamma distributed piece): the variance is in proportion to the
        mean to this power.
    """

    power: float = option(1.5, Interval(Real, 1, 2, closed="neither"))
    loss: ClassVar[str] = "tweedie"

    @property
    def options(self) -> tuple[float, ...]:
        """The power."""
        return (float(self.power),)


@dataclass(frozen=True, repr=False)
class NamedLikelihood(LossGroup):
    """A likelihood of one's own by the name under which it is registered, with its default options.

    Parameters
    ----------
    name : str
        In `LIKELIHOODS`; the name alone is short for this.
    """

    name: str = option("gaussian", str)
    is_shown: ClassVar[bool] = False  # in messages: nobody makes one

    @property
    def loss(self) -> str:  # type: ignore[override]
        """The name in the table."""
        return self.name

    @property
    def options(self) -> tuple[float, ...]:
        """Those of the class."""
        return LIKELIHOODS[self.name]().options

    def short(self) -> object:
        """Its name."""
        return self.name


LOSS_OF = {one.loss: one for one in (Gaussian, Laplace, StudentT, Quantiles, Poisson, NegativeBinomial, Tweedie)}


def opened_loss(value: object) -> object:
    """The likelihood that a name stands for; a plain loss is none."""
    if not isinstance(value, str) or value not in LIKELIHOODS:
        return value
    return LOSS_OF[value]() if value in LOSS_OF else NamedLikelihood(value)
