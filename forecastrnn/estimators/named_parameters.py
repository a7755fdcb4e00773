"""Parameters of estimators by name, those inside groups too: get_params, set_params and the check of `fit`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, Self, TypeVar, cast

import numpy as np
from sklearn.base import BaseEstimator, _fit_context
from sklearn.utils._param_validation import Interval, InvalidParameterError, validate_parameter_constraints

from forecastrnn.estimators.groups.group import Group, replaced
from forecastrnn.estimators.groups.heads import HEADS
from forecastrnn.estimators.groups.solvers import Solver
from forecastrnn.estimators.old_names import RATE, check_together, heads_of, old_names_of, warn_of_old_names
from forecastrnn.estimators.reporting import TakesCallbacks
from forecastrnn.estimators.shown import Shown
from forecastrnn.networks.likelihood import Likelihood

Fit = TypeVar("Fit", bound=Callable[..., Any])


def checks_parameters(fit: Fit) -> Fit:
    """scikit-learn's check of all parameters before a `fit`, whose type it keeps."""
    return cast(Fit, _fit_context(prefer_skip_nested_validation=True)(fit))


_LISTS = {"candidates": "", "calendar": "; holidays are those of a Calendar, as in Calendar(holidays='FR')"}
_LONGEST = 800  # characters of a message: values may be large


class NamedParameters(TakesCallbacks, Shown):
    """An estimator whose parameters are attributes of their names, which its constructor sets."""

    _own: ClassVar[Mapping[str, object]] = {}  # what "auto" is in a group, by the flat names of before
    _aliases: ClassVar[frozenset[str]] = frozenset()  # flat names that stay, None where a group says what they would

    _never_flat: ClassVar[frozenset[str]] = frozenset()  # what came with the groups

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """A parameter, or what a fit has learned."""

    def _set(self, given: dict[str, object]) -> None:
        """Each parameter of a constructor, whose `locals()` are given, as an attribute."""
        set_each(self, given)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Parameters by name; old ones only where they are used.

        Parameters
        ----------
        deep : bool
            Also those inside groups, and inside what short forms stand for, as `solver__learning_rate`.

        Returns
        -------
        dict
        """
        old = vars(self).keys() & old_names_of(self)
        found = {name: getattr(self, name) for name in sorted([*self._get_param_names(), *old])}
        return found | (_inside(self, found) if deep else {})

    def set_params(self, **params: Any) -> Self:
        """Set parameters by name, also those inside groups, as `solver__learning_rate=0.01`.

        A group is replaced by one with the new value, so that others who hold it keep theirs; a short form becomes the
        object that it stands for.

        Parameters
        ----------
        **params
            By the names of `get_params`.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            For a name that there is not; then none is set.
        """

        def opened(name: str, plain: Mapping[str, object]) -> object:
            value = plain[name] if name in plain else getattr(self, name, None)
            return HEADS[name].opens(value) if name in HEADS else value

        old = old_names_of(self)
        names = [*self._get_param_names(), *(name for name in params if name in old)]
        new = replaced(params, names, opened, own=self._own, owner=f"estimator {BaseEstimator.__repr__(self)}")
        for name, value in (new | self._one_rate(params, new)).items():
            setattr(self, name, value)
        return self

    def _one_rate(self, params: Mapping[str, object], new: Mapping[str, object]) -> dict[str, object]:
        """What an alias and its parameter become where the other one is set: the last one counts."""
        solver = new.get("solver", getattr(self, "solver", None))
        if RATE not in self._aliases or (RATE in params) == ("solver__learning_rate" in params):
            return {}
        if RATE not in params:
            return {RATE: None}
        return {"solver": solver.without_rate()} if isinstance(solver, Solver) else {}

    def _check_params(self, only: str = "") -> None:
        """Raise scikit-learn's error for a parameter that cannot be, inside groups too; `only`: for this one."""
        values = self.get_params(deep=False)
        inside = _inside(self, values)
        rules = {name: rule for name, rule in constraints_of(self).items() if not only or name.split("__")[0] == only}
        try:
            validate_parameter_constraints(rules, values | inside, caller_name=type(self).__name__)
        except InvalidParameterError as error:
            name = str(error).split("'")[1]
            hint = _hint((values | inside).get(name), "gaussian" in str(error)) + _in_a_list(name, values.get(name))
            raise InvalidParameterError(_in_public_names(str(error), rules) + hint) from None
        if not only:
            check_together(self)

    def _validate_params(self) -> None:
        """What scikit-learn has `fit` call: the check, and the warning of old names."""
        self._check_params()
        check_numbers(self)
        warn_of_old_names(self)


def _groups(estimator: NamedParameters, values: Mapping[str, object]) -> dict[str, Group]:
    """The parameters that are groups, or short for them."""
    opened = {name: HEADS[name].opens(value) for name, value in values.items() if name in HEADS}
    return {name: group for name, group in opened.items() if isinstance(group, Group)}


def _inside(estimator: NamedParameters, values: Mapping[str, object]) -> dict[str, object]:
    return {
        f"{name}__{key}": value
        for name, group in _groups(estimator, values).items()
        for key, value in group.params_of(estimator._own).items()
    }


def constraints_of(estimator: NamedParameters) -> dict[str, Any]:
    """What all parameters may be, those inside groups and the old ones too."""
    old = {name: rules for head in heads_of(estimator) for name, rules in HEADS[head].flat_constraints().items()}
    return (
        old
        | estimator._parameter_constraints
        | {
            f"{name}__{key}": rules
            for name, group in _groups(estimator, estimator.get_params(deep=False)).items()
            for key, rules in group.constraints_of(estimator._own).items()
        }
    )


def _in_public_names(text: str, rules: Mapping[str, Any]) -> str:
    """An error text with the classes that a user can make, in place of what they have in common; not too long."""
    for kind in {one for allowed in rules.values() for one in allowed if isinstance(one, type)}:
        text = text.replace(f"'{kind.__module__}.{kind.__qualname__}'", " or ".join(_leaves(kind)))
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 60]} ... {text[-50:]}"


def _in_a_list(name: str, value: object) -> str:
    """What to do with one name where names are a list."""
    if name not in _LISTS or not isinstance(value, str):
        return ""
    return f" A single name goes into a list, {[value]!r}{_LISTS[name]}."


def _hint(value: object, likelihoods: bool = False) -> str:
    """What to do with a class, or, where likelihoods can be chosen, with one that has no name."""
    odd = next((one for one in (value if isinstance(value, list | tuple) else [value]) if isinstance(one, type)), None)
    if odd is not None:
        return f" {odd.__name__} is a class: give one of it, {odd.__name__}()."
    if not likelihoods or not isinstance(value, Likelihood):
        return ""
    kind = type(value).__name__
    return (
        f" A likelihood of your own is chosen by name, loss={kind.lower()!r}, once LIKELIHOODS has it: "
        "help(forecastrnn.Likelihood) says how."
    )


def _leaves(kind: type) -> list[str]:
    """Names of a class that is no base of others of the package, or of those that are none below it."""
    every: list[type] = type.__subclasses__(kind)
    below = [one for one in every if one.__module__.startswith("forecastrnn.") and getattr(one, "is_shown", True)]
    return [name for one in below for name in _leaves(one)] if below else [kind.__name__]


def refuse(estimator: NamedParameters, name: str, expected: str) -> NoReturn:
    """Raise scikit-learn's error for a parameter."""
    value = estimator.get_params()[name]
    raise InvalidParameterError(
        f"The {name!r} parameter of {type(estimator).__name__} must be {expected}. Got {value!r} instead.{_hint(value)}"
    )


def check_numbers(estimator: NamedParameters) -> None:
    """Refuse booleans where a number is meant, infinities and NaN: some pass scikit-learn's intervals."""
    values = estimator.get_params()
    for name, constraints in constraints_of(estimator).items():
        if not any(one is Integral or isinstance(one, Interval) for one in constraints):
            continue
        value = values.get(name)
        if isinstance(value, (bool, np.bool_)) and "boolean" not in constraints:
            refuse(estimator, name, "a number, not a bool")
        if isinstance(value, Real) and not np.isfinite(float(value)):
            refuse(estimator, name, "a finite number in the range (0.0, inf)")
    if getattr(estimator, "n_jobs", None) == 0:
        refuse(estimator, "n_jobs", "None, a positive int, or a negative one: -1 for all cores, -2 for all but one")


def set_each(estimator: object, given: dict[str, object]) -> None:
    """Each parameter of a constructor, whose `locals()` are given, as an attribute.

    Unchanged: `clone` and `set_params` of scikit-learn rest on that.
    """
    for name, value in given.items():
        if name not in ("self", "__class__"):
            setattr(estimator, name, value)
