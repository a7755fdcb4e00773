"""What is known beside series, as inputs of a graph named as its columns, and as the rows that networks read of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from forecastrnn.networks.exported import ExportedCovariates
from forecastrnn.onnx_models.calendars import TIMES, calendar_values
from forecastrnn.onnx_models.rows import at_least_one
from forecastrnn.onnx_models.values import LAST, Scope, Value


class Given(NamedTuple):
    """Covariates of the times of series and of the steps ahead: numbers (m, n + h, k), codes (m, n + h, c)."""

    numbers: Value | None
    codes: Value | None

    def take(self, times: Value) -> Given:
        """Those of some times."""
        return Given(*(one and one.take(times, 1) for one in self))


class Rows(NamedTuple):
    """The same as networks read them: scaled, in their order, float32 and int64."""

    numbers: Value | None
    codes: Value | None


class Beside(NamedTuple):
    """What networks read beside series: codes (m, k) of each, rows of the context, and of the steps ahead."""

    codes: Value | None = None
    context: Rows = Rows(None, None)
    ahead: Rows = Rows(None, None)


def declared(scope: Scope, own: ExportedCovariates | None) -> list[Any]:
    """The inputs."""
    if own is None:
        return []
    shapes = {"known": ["series", "time_and_h"], "past": ["series", "time"], "static": ["series"]}
    found = [scope.graph.info(TIMES, np.int64, ["rows_of_times", "time_and_h"])] if own.calendar else []
    found += [scope.graph.info(name, np.float64, shapes[role]) for name, role in own.numbers if name in own.given]
    return found + [scope.graph.info(name, _dtype(known), shapes[role]) for name, role, known in own.categories]


def _dtype(known: Sequence[Any]) -> Any:
    """Of the input of a category: texts, or numbers."""
    return np.dtype(object) if known and isinstance(known[0], str) else np.float64


def given_of(
    scope: Scope, own: ExportedCovariates | None, y: Value, h: Value, places: Value | None
) -> Given | None:  # fmt: skip
    """The inputs, those that are not known ahead as missing there, side by side; places (m,): of the series."""
    if own is None:
        return None
    made = calendar_values(scope, own.calendar, _times(scope, y, h), places) if own.calendar else {}
    given = {name: _rows(scope, name, role, np.float64) for name, role in own.numbers if name not in made}
    numbers = [
        made[name] if name in made else _along(scope, name, role, given[name], y, h, missing=np.nan)
        for name, role in own.numbers
    ]
    codes = [
        _along(scope, name, role, _codes(scope, name, role, known), y, h, missing=len(known))
        for name, role, known in own.categories
    ]
    both = (scope.stack(*(one.lifted(2) for one in some), axis=2) if some else None for some in (numbers, codes))
    return Given(*both)


def _times(scope: Scope, y: Value, h: Value) -> Value:
    """Times (m, n + h) of steps, a row for each series or one for all."""
    m, steps = y.size(0), y.size(1) + h
    times = _checked(scope, _rows(scope, TIMES, "known", np.int64), 1, steps, f"{TIMES} must have time + h values")
    rows = times.size(0)
    said = f"{TIMES} must have a row for each series, or one"
    begin = scope.unless(~(rows.equals(m) | rows.equals(1)), rows * 0, said)
    return times.cut(0, begin, LAST).spread(scope.shape(m, steps))


def _rows(scope: Scope, name: str, role: str, dtype: Any) -> Value:
    """An input with a row at least."""
    stand_in = scope.graph.constant(0, dtype)
    return Value(scope, at_least_one(scope.graph, name, 1 if role == "static" else 2, stand_in), dtype)


def _codes(scope: Scope, name: str, role: str, known: Sequence[Any]) -> Value:
    """Numbers of the categories of an input, the one behind the last of those that fit has not seen."""
    if _dtype(known) == np.dtype(object):
        keys = {"keys_strings": list(known), "values_int64s": list(range(len(known)))}
        codes = scope.graph.of_ml("LabelEncoder", name, default_int64=len(known), **keys)
        stand_in = scope.graph.constant(0, np.int64)
        rows = at_least_one(scope.graph, codes, 1 if role == "static" else 2, stand_in)
        return Value(scope, rows, np.int64)
    given = _rows(scope, name, role, np.float64).lifted(-1)
    same = given.equals(scope.constant(np.array([*known], np.float64))).to(np.int32)
    found = same.of("ArgMax", axis=-1, keepdims=0, dtype=np.int64)
    return scope.where(same.of("ReduceMax", axes=[-1], keepdims=0) > 0, found, len(known))


def _along(scope: Scope, name: str, role: str, values: Value, y: Value, h: Value, *, missing: Any) -> Value:
    """Values (m, n + h) of a column, missing where they are not known ahead; of other sizes the runtime says why."""
    m, n = y.size(0), y.size(1)
    if role == "static":
        values = _checked(scope, values, 0, m, f"{name} must have a value for each series")
        return values.lifted(1).spread(scope.shape(m, n + h))
    steps, said = (n + h, "time + h values") if role == "known" else (n, "time values")
    values = _checked(scope, values, 1, steps, f"{name} must have {said} for each series")
    if role == "known":
        return values
    return scope.stack(values, scope.constant(missing, values.dtype).spread(scope.shape(m, h)), axis=1)


def _checked(scope: Scope, values: Value, axis: int, size: Value, said: str) -> Value:
    """Values, if an axis has this size."""
    begin = scope.unless(~values.size(axis).equals(size), size * 0, said)
    return values.cut(axis, begin, LAST)


def rows_of(
    scope: Scope, own: ExportedCovariates | None, given: Given | None, known: Value, context: int, codes: Value | None
) -> Beside:
    """What networks read beside series of which known (m, n) says where they have values; codes (m, k) of each."""
    if own is None or given is None:
        return Beside(codes)
    laid = _Laid(scope, own, known, context)
    roles = np.array([role for _, role, _ in own.categories], object)
    unknown = scope.constant([len(one) for _, _, one in own.categories], np.int64)
    numbers = given.numbers and laid.rows(_scaled(scope, own, given.numbers, laid), own.roles, None)
    both = numbers or (None, None), given.codes and laid.rows(given.codes, roles, unknown) or (None, None)
    return Beside(codes, *(Rows(*parts) for parts in zip(*both, strict=True)))


class _Laid:
    """How the times of covariates lie beside what networks read: begin (m, 1) of series of n values."""

    def __init__(self, scope: Scope, own: ExportedCovariates, known: Value, context: int) -> None:
        self.scope, self.own, self.n, self.context = scope, own, known.size(1), context
        self.begin = known.to(np.int32).of("ArgMax", axis=1, keepdims=1, dtype=np.int64)

    def rows(self, values: Value, roles: np.ndarray, unknown: Value | None) -> tuple[Value, Value]:
        """Those of the context (m, context, w) and of the steps ahead (m, h, w); unknown (w,): codes of no category."""
        which = {role: self.scope.constant(roles == role, np.bool_) for role in ("known", "past", "static")}
        following, now = (self._before(values, back, unknown, which["static"]) for back in (0, 1))
        context = following if self.own.in_encoder else self.scope.where(which["past"], now, following)
        last = values.cut(1, self.n - 1, self.n)
        if self.own.in_encoder:  # what a decoder does not read
            last = self.scope.where(which["past"], last * 0 if unknown is None else unknown, last)
        ahead = self.scope.where(which["known"], values.cut(1, self.n, LAST), last)
        return self._typed(context), self._typed(ahead)

    def _before(self, values: Value, back: int, unknown: Value | None, is_static: Value) -> Value:
        """Values of the steps that rows of the context lead to, or so many before; nothing before a series begins."""
        scope = self.scope
        times = (scope.constant(np.arange(self.context) - self.context - back, np.int64) + self.n).lifted(0)
        places = times.most(self.begin).lifted(2)
        width = scope.shape(self.begin.size(0), self.context, values.size(2))
        found = values.pick(places.spread(width), 1)
        if unknown is not None:  # of categories that of the begin
            return found
        return scope.where((times >= self.begin).lifted(2) | is_static, found, 0.0)

    def _typed(self, values: Value) -> Value:
        return values.to(np.float32) if values.dtype is np.float64 else values


def _scaled(scope: Scope, own: ExportedCovariates, numbers: Value, laid: _Laid) -> Value:
    """Numbers (m, n + h, width) as networks read them: in spreads from their centres, 0 where there is none."""
    there, moves = ~numbers.of("IsNaN", dtype=np.bool_), own.spread > 0.0
    centre, counts = _centres(scope, own, numbers, laid), there & scope.constant(moves, np.bool_)
    away = (scope.where(counts, numbers, 0.0) - scope.where(counts, centre, 0.0)) / scope.constant(
        np.where(moves, own.spread, 1.0)
    )
    parts = [away.most(-own.most).least(own.most)]
    if own.gaps.any():
        parts.append(there.to(np.float64).take(scope.constant(np.flatnonzero(own.gaps), np.int64), 2))
    return scope.stack(*parts, axis=2).take(scope.constant(own.order, np.int64), 2)


def _centres(scope: Scope, own: ExportedCovariates, numbers: Value, laid: _Laid) -> Value:
    """The centre (m, 1, k) of each number in each series: the median of its values, or what fit has found."""
    middle = scope.constant(own.middle)
    if not own.centred.any():
        return middle
    past = numbers.cut(1, 0, laid.n).turned(0, 2, 1)
    inside = (scope.counted(laid.n).lifted(0) >= laid.begin).lifted(1)
    there = inside & ~past.of("IsNaN", dtype=np.bool_)
    size = laid.n.lifted(0)
    names = scope.graph.many("TopK", [scope.where(there, past, np.inf).name, size.name], 2, axis=2, largest=0)
    ordered, count = Value(scope, names[0], np.float64), there.to(np.int64).over("Sum", 2, keep=True)
    low, high = (ordered.pick(place.of("Div", 2), 2) for place in ((count - 1).most(0), count))
    found = (scope.where(count > 0, low * 0.5 + high * 0.5, 0.0)).turned(0, 2, 1)
    has = (count > 0).turned(0, 2, 1) & scope.constant(own.centred, np.bool_)
    return scope.where(has, found, middle)
