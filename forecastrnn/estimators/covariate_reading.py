"""What a forecaster is given beside its series: read as a caller of `fit` names it, or as the fit has had it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from inspect import signature
from os import PathLike
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from forecastrnn.data.covariate_values import Covariate, Covariates
from forecastrnn.forecasting.model import Model
from forecastrnn.forecasting.plan import FitPlan
from forecastrnn.forecasting.reading import ReadingOptions, too_short
from forecastrnn.naming import is_among

if TYPE_CHECKING:
    from forecastrnn.data.covariate_input import Reading, Values
    from forecastrnn.data.covariate_tables import CovariateTable
    from forecastrnn.data.new_rows import NewRows
    from forecastrnn.data.series import SeriesSet, TimeAxis

ReadAs = Callable[[object], "SeriesSet"]
T = TypeVar("T")
FILES = (".parquet", ".pq", "/")  # how a text ends that is no name of a column


@dataclass(frozen=True, kw_only=True, eq=False)
class Given:
    """What a caller gives: series, what will be known beside them, what is known until now, and what stays the same.

    library : whose frame y was; "": there is no y, and that of the fit counts.
    is_file : y was read from Parquet files, with ids as codes.
    """

    y: object
    X: object = None
    past: object = None
    static: object = None
    library: str = ""
    is_file: bool = False

    @classmethod
    def of(
        cls, y: object, X: object = None, past: object = None, static: object = None, name: str = "y", *,
        columns: Mapping[str, Hashable], fitted: Sequence[Covariate] | None = None,
    ) -> Given:  # fmt: skip
        """With frames of other libraries, and Parquet files, as frames of pandas.

        name : what the caller calls y; columns : names of those of a long frame; fitted : what the model reads of files
        of X and past, None: all that they have.
        """
        from forecastrnn.native_frames import as_pandas  # brings pandas with it

        as_of = _function(X) if callable(X) else None
        read = _from_file(y, name, columns, [one for given in (X, past) for one in _named(given)])
        is_file = read is not y
        y, library = as_pandas(read, name)
        roles = {"X": "known", "past": "past"} if fitted else {}
        wanted = {argument: [one.name for one in fitted or () if one.role == role] for argument, role in roles.items()}
        keys = {parameter: column for parameter, column in columns.items() if parameter != "target_col"}
        X, past, static = (
            as_pandas(_from_file(value, argument, keys, wanted.get(argument)), argument)[0]
            for argument, value in {"X": as_of or X, "past": past, "static": static}.items()
        )
        return cls(y=y, X=X, past=past, static=_as_frame(static), library="" if y is None else library, is_file=is_file)

    def written(self, found: T, model: Model) -> T:
        """A frame as one of the library that y came in; that of the fit, where there is none."""
        from forecastrnn.native_frames import in_library

        return in_library(found, self.library or model.library)


def _as_came(given: Given, read: SeriesSet) -> SeriesSet:
    """Series with the ids of a file as texts again; refuse columns of numbers alone where a frame has no index."""
    axis = read.axis
    if axis.form == "wide" and (given.is_file or given.library not in ("", "pandas")):
        came = "Parquet" if given.is_file else given.library
        raise ValueError(
            f"y is a frame of {came} without columns of times and ids, and such frames have no index: give a "
            "long one, whose columns id_col, time_col and target_col name (unpivot makes it), or times and values"
        )
    if not given.is_file or not hasattr(axis.id_dtype, "categories"):
        return read
    return replace(read, axis=replace(axis, id_dtype=axis.id_dtype.categories.dtype))


def _named(given: object) -> Sequence[Hashable]:
    """Names of columns of y that are covariates; a text that ends as files do is none."""
    if isinstance(given, str):
        return () if given.endswith(FILES) else (given,)
    return given if isinstance(given, list | tuple) else ()


def _from_file(
    given: object, argument: str, columns: Mapping[str, Hashable], beside: Sequence[Hashable] | None = None
) -> object:
    """The columns of a Parquet file that a call reads, beside those of ids, times and values; all else as it is."""
    if not isinstance(given, str | PathLike) and not hasattr(given, "count_rows"):
        return given
    from forecastrnn.data.parquet_files import is_file, read_files  # brings pandas with it

    if argument in ("X", "past") and _named(given):
        return given
    return read_files(given, argument, columns, beside) if is_file(given) else given


def _as_frame(static: Any) -> object:
    """A named Series, one value for each series, as a frame; anything else as it is."""
    if not hasattr(static, "to_frame") or hasattr(static, "columns"):
        return static
    if static.name is None:
        raise ValueError("static is a Series without a name: give it one, such as rename('town')")
    return static.to_frame()


def _function(X: Callable[[Hashable], object]) -> Callable[[Hashable], object]:
    """A function of the cutoff that gives frames of pandas; raises TypeError for one that takes no cutoff."""
    try:
        signature(X).bind(None)
    except TypeError as error:
        raise TypeError(f"X as a function is called with a cutoff, and gives the frame known then: {error}") from error
    except ValueError:
        pass  # what is built in may not say what it takes
    return partial(_as_of, X)


def _as_of(X: Callable[[Hashable], object], cutoff: Hashable) -> object:
    """What a caller's function says of a cutoff, as a frame of pandas."""
    from forecastrnn.native_frames import as_pandas

    return as_pandas(X(cutoff), "X")[0]


def check_given(plan: FitPlan, given: Given) -> None:
    """Refuse what networks of a plan cannot read."""
    if plan.members.is_local and given.static is not None:
        raise ValueError("static needs global_model=True: a local network knows one series.")
    if given.past is None or plan.strategy != "recursive":
        return
    named = given.past if isinstance(given.past, list | tuple) else getattr(given.past, "columns", [given.past])
    names = [getattr(name, "name", name) for name in named]
    what = ", ".join(repr(name) for name in names if not is_among(name, plan.reading.columns.values()))
    raise ValueError(
        f"past needs strategy='seq2seq' or 'direct': a recursive forecast would need values of {what} behind the end. "
        "If they are known, give them as X"
    )


def read_to_fit(given: Given, reading: ReadingOptions, read_as: ReadAs, old: Model | None) -> tuple[SeriesSet, object]:
    """Series to learn from with what is beside them, and the categories of static; `old`: of a warm start.

    A warning tells of columns of y that nobody has named.
    """
    from forecastrnn.data import covariates as door  # brings pandas with it

    names, static = door.Names(**reading.columns), _names_of(given.static)
    beside = door.Beside.of(given.y, given.X, given.past, names)
    read = _as_came(given, read_as(beside.series()))
    if read is not given.y:
        door.warn_unnamed(beside, read.axis, names, static)
    fitted = old.given_covariates if old else None
    categories, numbers = _split(given.static, read, reading, fitted)
    rule = door.Reading(reading.missing, fitted, static, is_fit=True)
    return door.with_covariates(read, beside, names, rule, numbers), categories


def read_beside(model: Model, given: Given, read_as: ReadAs) -> tuple[SeriesSet, object]:
    """Series that are not those of fit, with what is beside them, and their categories of static."""
    y, finish = _in_roles(model, given)
    read = _as_came(given, read_as(y))
    categories, numbers = _split(given.static, read, model.reading, model.given_covariates)
    return model.dated(finish(read, numbers)), categories


def read_further(model: Model, given: Given, read_as: Callable[[object], NewRows]) -> NewRows:
    """New rows of series of a fit, with what is beside them; what stays the same is known."""
    y, finish = _in_roles(model, given)
    new = read_as(y)
    return replace(new, read=model.dated(finish(new.read, ())))


def read_to_score(model: Model, given: Given, read_as: ReadAs) -> tuple[SeriesSet, object]:
    """Values that came behind the end of a fit, and the frame of what was known of them ahead."""
    from forecastrnn.data import covariates as door

    beside = door.Beside.of(given.y, given.X, None, door.Names(**model.reading.columns))
    read = read_as(beside.series(one.name for one in model.given_covariates))
    return read, beside.frame(given.X, read.axis)


def read_to_backtest(given: Given, reading: ReadingOptions, read_as: ReadAs) -> SeriesSet:
    """Series of a backtest with what changes by time beside them; each fit is given static as it is."""
    from forecastrnn.data import covariates as door

    names, static = door.Names(**reading.columns), _names_of(given.static)
    beside = door.Beside.of(given.y, given.X, given.past, names)
    read = _as_came(given, read_as(beside.series()))
    door.warn_unnamed(beside, read.axis, names, static)
    return door.with_covariates(read, beside, names, door.Reading(reading.missing, None, static))


def read_to_plan(model: Model, given: Given, read_as: ReadAs) -> tuple[TimeAxis, CovariateTable | None]:
    """The series that are to be forecast, and what X knows of them."""
    from forecastrnn.data import covariates as door

    names = door.Names(**model.reading.columns)
    beside = door.Beside.of(given.y, given.X, None, names)
    if given.y is None:
        axis = model.whole_axis
    else:
        axis = read_as(beside.series(one.name for one in model.given_covariates)).axis
    table = None if given.X is None else door.read_table(beside.frame(given.X, axis), axis, names, "X")
    return axis, table


def _in_roles(model: Model, given: Given) -> tuple[object, Callable]:
    """What is to be read as series, and what puts the rest beside these, with static numbers."""
    from forecastrnn.data import covariates as door

    names = door.Names(**model.reading.columns)
    X = None if isinstance(given.X, Covariates) else given.X  # series of a backtest have theirs
    beside = door.Beside.of(given.y, X, given.past, names)

    def finish(read: SeriesSet, numbers: Sequence[Values]) -> SeriesSet:
        return door.with_covariates(read, beside, names, rule_of(model, read.axis), numbers)

    return beside.series(one.name for one in model.given_covariates), finish


def ahead_of(model: Model, X: object, axis: TimeAxis, h: object, steps: int) -> Covariates | None:
    """What X and the calendar say of so many steps behind the ends of series; None: the model reads nothing of them."""
    found = None
    if X is not None or model.given_covariates:
        from forecastrnn.data import covariates as door

        found = door.covariates_ahead(X, axis, h, steps, door.Names(**model.reading.columns), rule_of(model, axis))
        if found is not None and model.tail.prepared.covariates is not None:
            model.tail.prepared.covariates.warn_of_far(found)
    return found if model.calendar is None else model.calendar.ahead(axis, steps, found, model.given_covariates)


def rule_of(model: Model, axis: TimeAxis) -> Reading:
    """How covariates are read for a model; what has another role there is passed over."""
    from forecastrnn.data import covariates as door

    others = (*model.reading.columns.values(), axis.id_name, axis.time_name, axis.value_name)
    others += model.static.names if model.static else ()
    return door.Reading(
        model.reading.missing, model.given_covariates, others + (axis.ids if axis.form == "wide" else ())
    )


def _split(
    static: object, read: SeriesSet, reading: ReadingOptions, fitted: tuple[Covariate, ...] | None
) -> tuple[object, list[Values]]:
    """Categories of static, and its numbers; series that are too short to learn from need none."""
    if static is None:
        return None, []
    from forecastrnn.data.static_numbers import of_one_series, split_static

    id_col, needed = reading.columns["id_col"], np.ones(read.n_series, bool)
    if read.n_series == 1:
        static = of_one_series(static, read.ids[0], id_col)
    if reading.short != "raise":
        needed = ~too_short(read.values, read.offsets, reading.least)
    known = None if fitted is None else [one.name for one in fitted if one.role == "static"]
    return split_static(static, read.ids, id_col, needed, reading.missing, fitted=known)


def _names_of(static: object) -> tuple:
    """Names of the columns of a frame or a mapping."""
    return tuple(getattr(static, "columns", static if isinstance(static, dict) else ()))


def covariates_of(model: Model) -> tuple[Covariate, ...]:
    """All that networks read beside the series: what changes by time, and static numbers and categories."""
    found = model.given_covariates
    if model.static is None:
        return found
    each = zip(model.static.names, model.static.categories, strict=True)
    return (*found, *(Covariate(name, "static", "category", tuple(labels.tolist())) for name, labels in each))


def check_other(model: Model, given: Given) -> None:
    """Refuse past and static where they are known or not wanted, and ask for static where numbers of it are."""
    if given.past is not None and given.y is None:
        raise ValueError("past must not be given here: the series of fit have theirs.")
    numbers = [one.name for one in model.given_covariates if one.role == "static"]
    names = [*numbers, *(model.static.names if model.static else ())]
    if given.static is not None and (given.y is None or not names):
        why = "the series of fit have theirs" if given.y is None else "the model was fitted without static"
        raise ValueError(f"static must not be given here: {why}.")
    if given.y is not None and given.static is None and numbers:
        raise ValueError(
            f"static is needed: the model was fitted with it. Give a frame with a row for each series of y and the "
            f"columns {names}."
        )
