"""A few parameters that belong together, as one frozen object that scikit-learn's tools can look into."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, field, fields, replace
from numbers import Integral, Real
from typing import Any, Self

from sklearn.utils._param_validation import Interval, StrOptions

AUTO = StrOptions({"auto"})
POSITIVE = Interval(Real, 0, None, closed="neither")
NOT_NEGATIVE = Interval(Real, 0, None, closed="left")
COUNT = Interval(Integral, 1, None, closed="left")
SHARE = Interval(Real, 0, 1, closed="left")
WITHIN = Interval(Real, 0, 1, closed="neither")
Own = Mapping[str, object]  # what "auto" is in an estimator, by the flat names


def option(default: object, *constraints: object, was: str = "", opens: Callable[[Any], object] | None = None) -> Any:
    """A field of a group.

    constraints : of scikit-learn, one of which a value must meet in `fit`. was : the flat parameter that it was before
    there were groups, by which model files and the estimators' own values go on naming it. opens : makes the object
    that a short form stands for.
    """
    return field(default=default, metadata={"constraints": list(constraints), "was": was, "opens": opens})


def was(one: Field) -> str:
    """The flat name of a field; a group that is younger than those has none."""
    return str(one.metadata.get("was") or "")


@dataclass(frozen=True, repr=False)
class Group:
    """Base of all groups: never changed, only replaced, so that estimators can share one.

    Nothing is checked or changed when one is made: a search of scikit-learn sets parameters where an error would end
    all of it. `fit` checks, and names the field: "solver__beta_1".
    """

    def get_params(self, deep: bool = True) -> dict[str, object]:
        """Its fields by name; `deep`: also those of groups inside, as `learning_rate__peak`."""
        return self.params_of({}) if deep else {one.name: getattr(self, one.name) for one in fields(self)}

    def params_of(self, own: Own) -> dict[str, object]:
        """Its fields and, below their names, those of groups that they are or stand for in an estimator."""
        found = self.get_params(deep=False)
        for name in list(found):
            inner = self.opened(name, own)
            if isinstance(inner, Group):
                found |= {f"{name}__{key}": value for key, value in inner.params_of(own).items()}
        return found

    def constraints_of(self, own: Own) -> dict[str, list]:
        """What the fields that `params_of` names may be."""
        found: dict[str, list] = {}
        for one in fields(self):
            found[one.name] = one.metadata["constraints"]
            inner = self.opened(one.name, own)
            if isinstance(inner, Group):
                found |= {f"{one.name}__{key}": rules for key, rules in inner.constraints_of(own).items()}
        return found

    def opened(self, name: str, own: Own) -> object:
        """A field's value; "auto" is the estimator's own, a short form becomes the object that it stands for."""
        one = next(one for one in fields(self) if one.name == name)
        value, opens = getattr(self, name), one.metadata.get("opens")
        if isinstance(value, str) and value == "auto":
            value = own.get(was(one), value)
        return opens(value) if opens else value

    def values_of(self, own: Own) -> dict[str, Any]:
        """The flat parameters that it stands for, with what "auto" is."""
        return {was(one): self.opened(one.name, own) for one in fields(self) if was(one)}

    def with_params(self, params: Mapping[str, object], own: Own = {}, where: str = "") -> Self:  # noqa: B006
        """The same group with other values, also of groups inside; `where`: what stands before the names."""

        def opened(name: str, plain: Mapping[str, object]) -> object:
            return replace(self, **plain).opened(name, own)

        names = [one.name for one in fields(self)]
        return replace(self, **replaced(params, names, opened, own=own, owner=type(self).__name__, where=where))

    def short(self) -> object:
        """The shortest that a parameter can be to mean this: itself, unless there is a short form."""
        return self

    def changed(self) -> list[str]:
        """Names of the fields that are not as when nothing is given."""
        return [one.name for one in fields(self) if not _same(getattr(self, one.name), one.default)]

    def taking(self, old: Mapping[str, object], own: Own) -> Self:
        """The same with the values of flat parameters; those that it has no field for mean nothing to it."""
        return replace(self, **{one.name: old[was(one)] for one in fields(self) if was(one) in old})

    def lean(self, own: Own) -> Self:
        """The same with "auto" wherever a value is the estimator's own."""
        names = [one for one in fields(self) if one.default == "auto" and was(one) in own]
        return replace(self, **{one.name: "auto" for one in names if _same(getattr(self, one.name), own[was(one)])})

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={getattr(self, name)!r}' for name in self.changed())})"


def _same(value: object, default: object) -> bool:
    """Whether a value is the default; of arrays, for which == is no bool, none is."""
    plain = type(value) is type(default) and isinstance(value, str | int | float | tuple)
    return value is default or bool(plain and value == default)


def replaced(
    params: Mapping[str, object], names: list[str], opened: Callable[[str, Mapping[str, object]], object], *,
    own: Own, owner: str, where: str = "",
) -> dict[str, object]:  # fmt: skip
    """New values by name: `params`, of which those with "__" replace a group by one with another value.

    opened(name, plain) is the group that stands under a name when the plain ones are set, which come first: a search
    may change a solver and a field of it at once.
    """
    plain: dict[str, object] = {}
    nested: dict[str, dict[str, object]] = {}
    for key, value in params.items():
        name, deep, rest = key.partition("__")
        if name not in names or deep and not rest:
            raise ValueError(f"Invalid parameter {where + key!r} for {owner}. Valid parameters are: {names!r}.")
        if deep:
            nested.setdefault(name, {})[rest] = value
        else:
            plain[name] = value
    for name, inner in nested.items():
        group = opened(name, plain)
        if not isinstance(group, Group):
            key = f"{where}{name}__{next(iter(inner))}"
            raise ValueError(f"Invalid parameter {key!r} for {owner}: {where}{name}={group!r} has no parameters.")
        plain[name] = group.with_params(inner, own, f"{where}{name}__")
    return plain
