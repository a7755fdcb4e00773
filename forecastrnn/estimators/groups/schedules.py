"""Courses of the learning rate over the updates of a fit."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from numbers import Real
from typing import Any, ClassVar, Self

from sklearn.utils._param_validation import Interval

from forecastrnn.estimators.groups.group import AUTO, POSITIVE, WITHIN, Group, option
from forecastrnn.training.optimizers import Course


class _Shares(Interval):
    """Some numbers, each within the interval."""

    def is_satisfied_by(self, val: object) -> bool:
        return isinstance(val, tuple | list) and bool(val) and all(super(_Shares, self).is_satisfied_by(x) for x in val)

    def __str__(self) -> str:
        return f"a tuple of floats, each {super().__str__()}"


@dataclass(frozen=True, repr=False)
class Schedule(Group):
    """A course; its first field is the rate that it begins with or climbs to, "auto": the estimator's own."""

    name: ClassVar[str]

    @property
    def rate(self) -> object:
        """The first field."""
        return getattr(self, fields(self)[0].name)

    def course(self) -> str | Course:
        """What the update rule reads: a name, with numbers if they are not the usual ones."""
        return self.name

    def at_rate(self, rate: object) -> Self:
        """The same course with another rate."""
        return replace(self, **{fields(self)[0].name: rate})


@dataclass(frozen=True, repr=False)
class OneCycle(Schedule):
    """Up to `peak` and down to almost nothing, each by half a cosine (Smith 2018, arXiv:1803.09820).

    Parameters
    ----------
    peak : float or "auto"
        The largest rate; "auto" is the estimator's own, 0.004 in `RNNForecaster`, 0.005 in the others. It begins at
        1/25 of it and ends at 1/250,000.
    warmup : float
        Share of the updates in which it climbs. 0.15: half of the 0.3 that is usual, as few updates are made.

    Examples
    --------
    >>> from forecastrnn import AdamW, OneCycle, RNNForecaster
    >>> RNNForecaster(solver=AdamW(OneCycle(0.01, warmup=0.3))).get_params()["solver__learning_rate__warmup"]
    0.3
    """

    peak: float | str = option("auto", POSITIVE, AUTO)
    warmup: float = option(0.15, WITHIN)
    name: ClassVar[str] = "one_cycle"

    def course(self) -> str | Course:
        """With its own warm-up, if it has one."""
        return self.name if self.warmup == OneCycle.warmup else Course(self.name, (float(self.warmup),))


@dataclass(frozen=True, repr=False)
class _FromStart(Schedule):
    """A course that begins with its largest rate."""

    start: float | str = option("auto", POSITIVE, AUTO)


@dataclass(frozen=True, repr=False)
class Cosine(_FromStart):
    """Half a cosine from `start` to 0 (Loshchilov & Hutter 2017, arXiv:1608.03983).

    Parameters
    ----------
    start : float or "auto"
        The first rate; "auto" is the estimator's own.
    """

    name: ClassVar[str] = "cosine"


@dataclass(frozen=True, repr=False)
class InvScaling(_FromStart):
    """`start` over the square root of the number of the update, as scikit-learn's "invscaling" with power_t 0.5.

    Parameters
    ----------
    start : float or "auto"
        The first rate; "auto" is the estimator's own.
    """

    name: ClassVar[str] = "invscaling"


@dataclass(frozen=True, repr=False)
class Steps(_FromStart):
    """`start`, multiplied by `factor` at each of some shares of the updates.

    Parameters
    ----------
    start : float or "auto"
        The first rate; "auto" is the estimator's own.
    at : tuple of float
        Shares of the updates, between 0 and 1.
    factor : float
        What the rate is multiplied by, there.
    """

    at: tuple[float, ...] = option((0.5, 0.75), _Shares(Real, 0, 1, closed="neither"))
    factor: float = option(0.1, POSITIVE)
    name: ClassVar[str] = "step"

    def course(self) -> str | Course:
        """With its own steps, if they are not the usual ones."""
        usual = tuple(self.at) == Steps.at and self.factor == Steps.factor
        return self.name if usual else Course(self.name, (float(self.factor), *map(float, self.at)))


SCHEDULE_OF = {one.name: one for one in (OneCycle, Cosine, InvScaling, Steps)}


def opened_schedule(value: object) -> object:
    """The schedule that a name stands for."""
    return SCHEDULE_OF[value]() if isinstance(value, str) and value in SCHEDULE_OF else value


def scheduled(course: object, rate: Any) -> Any:
    """What a solver's learning rate is that has this course, by name or not, and rate, "auto": the estimator's own."""
    if isinstance(course, Schedule):
        return course.at_rate(rate)
    if rate == "auto":
        return course
    return SCHEDULE_OF[course](rate) if isinstance(course, str) and course in SCHEDULE_OF else rate
