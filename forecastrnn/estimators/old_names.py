"""The flat parameters of before there were groups: what they mean, in constructors and in model files.

What a flat parameter is now is said once, by the field that has taken its place (`option(was=...)`).
"""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable, Iterable
from typing import Any, ParamSpec, cast

from sklearn.utils._param_validation import InvalidParameterError

from forecastrnn.estimators.groups.group import Group
from forecastrnn.estimators.groups.heads import HEADS
from forecastrnn.estimators.groups.solvers import Solver

P = ParamSpec("P")  # a type checker knows the parameters of a constructor, and so does who completes them
RATE = "learning_rate_init"  # MLPRegressor's word for solver__learning_rate; where it stays, None is unused


def heads_of(estimator: Any) -> list[str]:
    """The parameters of an estimator that are groups."""
    return [name for name in estimator._get_param_names() if name in HEADS]


def old_names_of(estimator: Any, names: Iterable[str] = ()) -> set[str]:
    """The parameters that those have taken the place of; `names`: of parameters, if not all of the estimator."""
    there = {*(names or estimator._get_param_names())}
    old = {name for head in HEADS.keys() & there for name in HEADS[head].flat_constraints()}
    return old - there - estimator._never_flat


def takes_old_names(init: Callable[P, None]) -> Callable[P, None]:
    """A constructor that sets old parameters too, which its signature does not name: scikit-learn then has none."""
    names = [*inspect.signature(init).parameters]

    @functools.wraps(init)
    def with_old_names(self: Any, **given: Any) -> None:
        old = given.keys() & old_names_of(self, names)
        cast(Callable[..., None], init)(self, **{name: value for name, value in given.items() if name not in old})
        for name in old:
            setattr(self, name, given[name])

    return cast(Callable[P, None], with_old_names)


def used_names(estimator: Any, head: str) -> dict[str, object]:
    """Old parameters that are given for a group: attributes that are there only then."""
    found = {name: value for name, value in vars(estimator).items() if name in HEADS[head].flat_constraints()}
    return {name: value for name, value in found.items() if name != head and not (name == RATE and value is None)}


def group_of(estimator: Any, head: str) -> Group:
    """The group that a parameter means, with the old ones that are used."""
    group = HEADS[head].opens(getattr(estimator, head))
    if not isinstance(group, Group):
        estimator._check_params()
        raise TypeError(f"{head}={group!r} is no group")
    used = used_names(estimator, head)
    return group.taking(used, estimator._own) if used else group


def flat_of(estimator: Any, head: str) -> dict[str, Any]:
    """What a group means, by the flat names, with the estimator's own values where it has none."""
    return group_of(estimator, head).values_of(estimator._own)


def check_together(estimator: Any) -> None:
    """Refuse an old parameter beside the group that has taken its place."""
    for head in heads_of(estimator):
        given, used = getattr(estimator, head), used_names(estimator, head)
        group = HEADS[head].opens(given)
        if not used or not isinstance(group, Group):
            continue
        if used.keys() == {RATE} and isinstance(group, Solver) and not group.says_rate:
            continue
        if isinstance(given, Group) or HEADS[head].is_new and group.changed():
            old = ", ".join(f"{name}={value!r}" for name, value in used.items())
            raise InvalidParameterError(
                f"{old} and {head}={given!r} of {type(estimator).__name__} exclude one another. Write "
                f"{head}={group.taking(used, estimator._own)!r}."
            )


def warn_of_old_names(estimator: Any) -> None:
    """One warning for all old parameters that are used, with what to write."""
    before: dict[str, object] = {}
    now = []
    for head in heads_of(estimator):
        used = used_names(estimator, head)
        if used.keys() - estimator._aliases:
            before |= used
            now.append(f"{head}={group_of(estimator, head).lean(estimator._own).short()!r}")
    if before:
        given = ", ".join(f"{name}={value!r}" for name, value in before.items())
        warnings.warn(
            f"{type(estimator).__name__}({given}) becomes an error in 0.4: write {', '.join(now)} in its place.",
            FutureWarning,
            stacklevel=4,
        )


def flat_parameters(estimator: Any) -> dict[str, object]:
    """All parameters as files have them: those inside groups by the flat names."""
    never, found = estimator._never_flat, estimator.get_params(deep=False)
    for head in heads_of(estimator):
        usual = {name: estimator._own.get(name, value) for name, value in HEADS[head].flat().items()}
        if usual:
            gone = {head, *HEADS[head].flat_constraints()}
            found = {name: value for name, value in found.items() if name not in gone}
            values = usual | flat_of(estimator, head)
            found |= {name: value for name, value in values.items() if name not in never or value != usual[name]}
    return dict(sorted(found.items()))


def modernise(estimator: Any) -> None:
    """Put groups, or their short forms, in the place of old parameters that are used."""
    for head in heads_of(estimator):
        if not HEADS[head].flat():
            continue
        group, used = group_of(estimator, head), used_names(estimator, head)
        setattr(estimator, head, group.lean(estimator._own).short())
        for name in used:
            delattr(estimator, name)
    for name in estimator._aliases:
        setattr(estimator, name, None)
