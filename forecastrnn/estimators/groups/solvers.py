"""Update rules with their constants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, replace
from typing import Any, ClassVar, Self

from sklearn.utils._param_validation import StrOptions

from forecastrnn.estimators.groups.group import AUTO, NOT_NEGATIVE, POSITIVE, SHARE, Group, Own, option
from forecastrnn.estimators.groups.schedules import Schedule, opened_schedule, scheduled
from forecastrnn.training.optimizers import SCHEDULES, SOLVERS


@dataclass(frozen=True, repr=False)
class Solver(Group):
    """What all update rules have; `SGD` says what it means."""

    learning_rate: float | str | Schedule = option(
        "auto", POSITIVE, AUTO, StrOptions(SCHEDULES.keys()), Schedule, was="learning_rate", opens=opened_schedule
    )
    _: KW_ONLY
    clip_norm: float | str | None = option("auto", POSITIVE, None, AUTO, was="clip_norm")
    noise: float = option(0.0, NOT_NEGATIVE, was="gradient_noise")
    solver: ClassVar[str]

    def values_of(self, own: Own) -> dict[str, Any]:
        """The course and its rate apart, as they were."""
        found = super().values_of(own) | {"solver": self.solver, "learning_rate_init": own["learning_rate_init"]}
        course = found["learning_rate"]
        if isinstance(course, Schedule):
            rate = found["learning_rate_init"] if course.rate == "auto" else course.rate
            course = course.name if isinstance(course.course(), str) else course.at_rate("auto")
            return found | {"learning_rate": course, "learning_rate_init": rate}
        return found if isinstance(course, str) else found | {"learning_rate": "constant", "learning_rate_init": course}

    def taking(self, old: Mapping[str, object], own: Own) -> Self:
        """With a rate apart from its course."""
        course = old.get("learning_rate", self.opened("learning_rate", own))
        rate = old.get("learning_rate_init", "auto")
        if rate == "auto" and course == "constant":
            rate = own["learning_rate_init"]
        given = "learning_rate" in old or "learning_rate_init" in old
        return super().taking(dict(old) | ({"learning_rate": scheduled(course, rate)} if given else {}), own)

    def lean(self, own: Own) -> Self:
        """Also without a rate, or a rate and a course, that are the estimator's own."""
        values = self.values_of(own)
        course, rate = values["learning_rate"], values["learning_rate_init"]
        own_rate = rate == own["learning_rate_init"]
        if own_rate and course == own["learning_rate"]:
            lean = "auto"
        else:
            lean = scheduled(course, "auto" if own_rate and course != "constant" else rate)
        return super(Solver, replace(self, learning_rate=lean)).lean(own)

    @property
    def says_rate(self) -> bool:
        """Whether the rate, not only its course, is given."""
        course = self.learning_rate
        return course.rate != "auto" if isinstance(course, Schedule) else not isinstance(course, str)

    def without_rate(self) -> Self:
        """The same at the estimator's own rate."""
        course = self.learning_rate
        return replace(self, learning_rate=course.at_rate("auto") if isinstance(course, Schedule) else "auto")

    def short(self) -> object:
        """Its name, if nothing else is asked for."""
        return self if self.changed() else self.solver


@dataclass(frozen=True, repr=False)
class Adam(Solver):
    """Adam (Kingma & Ba 2015, arXiv:1412.6980), with an L2 penalty in the gradient.

    Parameters
    ----------
    learning_rate, clip_norm, noise
        As in `forecastrnn.SGD`.
    l2 : float or "auto"
        L2 penalty on kernels. "auto" is the estimator's own: 0.0001 in `RNNForecaster`, 0 in the others.
    beta_1, beta_2 : float
        How much the running means of the gradient and of its square keep of themselves.
    epsilon : float
        What keeps the quotient finite.

    Examples
    --------
    >>> from forecastrnn import Adam, RNNRegressor
    >>> RNNRegressor(solver=Adam(0.01)).set_params(solver__beta_1=0.8).solver
    Adam(learning_rate=0.01, beta_1=0.8)
    """

    _: KW_ONLY
    l2: float | str = option("auto", NOT_NEGATIVE, AUTO, was="alpha")
    beta_1: float = option(0.9, SHARE, was="beta_1")
    beta_2: float = option(0.999, SHARE, was="beta_2")
    epsilon: float = option(1e-8, POSITIVE, was="epsilon")
    solver: ClassVar[str] = "adam"


@dataclass(frozen=True, repr=False)
class AdamW(Solver):
    """Adam with weight decay apart from the gradient (Loshchilov & Hutter 2019, arXiv:1711.05101).

    Parameters
    ----------
    learning_rate, clip_norm, noise
        As in `forecastrnn.SGD`.
    weight_decay : float or "auto"
        What kernels lose, times the learning rate. "auto" is the estimator's own: 0.0001 in `RNNForecaster`, 0 in the
        others.
    beta_1, beta_2, epsilon : float
        As in `forecastrnn.Adam`.

    Examples
    --------
    >>> from forecastrnn import AdamW, OneCycle, RNNForecaster
    >>> RNNForecaster(solver="adamw").set_params(solver__learning_rate__peak=0.01).solver
    AdamW(learning_rate=OneCycle(peak=0.01))
    """

    _: KW_ONLY
    weight_decay: float | str = option("auto", NOT_NEGATIVE, AUTO, was="alpha")
    beta_1: float = option(0.9, SHARE, was="beta_1")
    beta_2: float = option(0.999, SHARE, was="beta_2")
    epsilon: float = option(1e-8, POSITIVE, was="epsilon")
    solver: ClassVar[str] = "adamw"


@dataclass(frozen=True, repr=False)
class SGD(Solver):
    """Stochastic gradient descent with momentum.

    Parameters
    ----------
    learning_rate : float, schedule, name of a schedule, or "auto"
        A float stays as it is through all updates; `OneCycle`, `Cosine`, `InvScaling` and `Steps` are courses, and
        "one_cycle", "cosine", "invscaling" and "step" short for them. "auto" is the estimator's own: `OneCycle(0.004)`
        in `RNNForecaster`, 0.005 in the others, more than the 0.001 of wide networks, since these are small.
    clip_norm : float, None or "auto"
        Largest global norm of the gradient, so that one update cannot undo many. "auto" is the estimator's own: 1 in
        `RNNForecaster` and `RNNSeq2Seq`, None in the others.
    noise : float
        Variance of the noise that is added to each gradient, falling as (1 + updates)^-0.55 (Neelakantan et al. 2015,
        arXiv:1511.06807); 0.01 to 1 helped very deep networks there.
    momentum : float
        Share of the last change that goes on.
    nesterov : bool
        Look where momentum leads before the gradient is added (Sutskever et al. 2013).
    l2 : float or "auto"
        As in `forecastrnn.Adam`.
    """

    _: KW_ONLY
    momentum: float = option(0.9, SHARE, was="momentum")
    nesterov: bool = option(True, "boolean", was="nesterovs_momentum")
    l2: float | str = option("auto", NOT_NEGATIVE, AUTO, was="alpha")
    solver: ClassVar[str] = "sgd"


@dataclass(frozen=True, repr=False)
class RMSprop(Solver):
    """The gradient over the root of the running mean, 0.9 of which stays, of its square (Tieleman & Hinton 2012).

    Parameters
    ----------
    learning_rate, clip_norm, noise
        As in `forecastrnn.SGD`.
    l2, epsilon : float
        As in `forecastrnn.Adam`.
    """

    _: KW_ONLY
    l2: float | str = option("auto", NOT_NEGATIVE, AUTO, was="alpha")
    epsilon: float = option(1e-8, POSITIVE, was="epsilon")
    solver: ClassVar[str] = "rmsprop"


@dataclass(frozen=True, repr=False)
class UpdateRule(Solver):
    """A rule of one's own by the name under which it is registered, with all constants that a rule may read.

    Parameters
    ----------
    learning_rate, clip_norm, noise, momentum, nesterov
        As in `forecastrnn.SGD`.
    name : str
        In `SOLVERS`; the name alone is short for this with nothing else.
    decay : float or "auto"
        Weight decay if the rule's is decoupled, else an L2 penalty.
    beta_1, beta_2, epsilon : float
        As in `forecastrnn.Adam`.
    """

    _: KW_ONLY
    name: str = option("adam", StrOptions(SOLVERS.keys()))
    decay: float | str = option("auto", NOT_NEGATIVE, AUTO, was="alpha")
    momentum: float = option(0.9, SHARE, was="momentum")
    nesterov: bool = option(True, "boolean", was="nesterovs_momentum")
    beta_1: float = option(0.9, SHARE, was="beta_1")
    beta_2: float = option(0.999, SHARE, was="beta_2")
    epsilon: float = option(1e-8, POSITIVE, was="epsilon")

    @property
    def solver(self) -> str:  # type: ignore[override]
        """The name in the table."""
        return self.name

    def short(self) -> object:
        """Its name, if nothing else is asked for."""
        return self if {*self.changed()} - {"name"} else self.name


SOLVER_OF = {one.solver: one for one in (Adam, AdamW, SGD, RMSprop)}


def opened_solver(value: object) -> object:
    """The rule that a name stands for."""
    if not isinstance(value, str) or value not in SOLVERS:
        return value
    return SOLVER_OF[value]() if value in SOLVER_OF else UpdateRule(name=value)
