"""New values of the series that a model knows: it goes on behind them, and may learn from them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from forecastrnn.engine.cpu.series import go_on_naive, move_ends
from forecastrnn.forecasting.adaptive import Adaptive
from forecastrnn.forecasting.bounds import Rule
from forecastrnn.forecasting.calibration import Calibration, Intervals
from forecastrnn.forecasting.calibration_windows import in_space
from forecastrnn.forecasting.ends import histories_of, take
from forecastrnn.forecasting.filling import fill, floors_behind, guessed_behind
from forecastrnn.forecasting.further import NewInputs, learned_further
from forecastrnn.forecasting.model import Model
from forecastrnn.forecasting.moving import NewValues, first_states_of, moved_on, scaled
from forecastrnn.forecasting.naive_series import NaiveSeries
from forecastrnn.forecasting.reach import is_out_of_reach
from forecastrnn.forecasting.recent import recent_behind
from forecastrnn.forecasting.trained import Trained
from forecastrnn.naming import counted

if TYPE_CHECKING:
    from forecastrnn.data.new_rows import NewRows
    from forecastrnn.data.series import TimeAxis


def updated(model: Model, new: NewRows, rule: Rule, *, updates: int = 0, device: str = "cpu") -> Model:
    """The model behind new rows of some or all of its series; its members take so many updates more on them.

    rule : of what forecasts do not pass. Level, season figure and scale go on as found in fit. A missing value
    is one that nobody has seen: the forecast of it takes its place, so that what follows does not depend on how many
    rows came at once.

    Raises
    ------
    ValueError
        If a value is not possible in its series.
    """
    found, naive = NewValues(new.read.values.copy(), new.read.offsets, new.series, new.read.covariates), None
    recent = None if model.recent is None else recent_behind(model.recent, found)
    if model.naive is not None:
        found, naive = _without_naive(model.naive, found, new.axis)
    check_possible(model, found, new.read.argument)
    gaps = np.isnan(found.values)
    fill(model, model.tail, found, rule, floors=model.floors)
    tail, inputs = moved_on(model, model.tail, found)
    tail = replace(tail, guessed=guessed_behind(model.tail, found, gaps))
    axis = new.axis if naive is None else new.axis.take(np.delete(np.arange(new.axis.n_series), naive.places))
    floors = floors_behind(model.floors, found)
    intervals = _intervals_behind(model, found, gaps)
    moved = replace(model, tail=tail, axis=axis, naive=naive, floors=floors, intervals=intervals, recent=recent)
    if not updates or not len(found.values):
        return moved
    z = scaled(model.tail.prepared, found, model.settings.likelihood)
    learned = NewInputs(rows=inputs, z=z, observed=~gaps, counts=found.counts, series=found.series)
    return _with_networks(moved, learned_further(model, model.tail, learned, updates, device))


def _intervals_behind(model: Model, new: NewValues, gaps: np.ndarray) -> Intervals | None:
    """The intervals behind new values: they may reach as far from these, and those that are adaptive follow them."""
    kept = model.intervals
    if kept is None or kept.calibration is None or not len(new.values) or model.settings.likelihood is not None:
        return kept  # scores of a likelihood have no ends that values move
    linear = model.tail.prepared.linear
    given = replace(new, values=np.where(gaps, np.nan, in_space(new.values, linear[new.owners])))
    low, high = kept.calibration.spread.low.copy(), kept.calibration.spread.high.copy()
    move_ends(given.values, given.owners, kept.calibration.excess, low, high)
    found = replace(kept.calibration, spread=replace(kept.calibration.spread, low=low, high=high))
    if found.adaptive is not None:
        found = replace(found, adaptive=_followed(model, found, new, given))
    return replace(kept, calibration=found)


def _followed(model: Model, calibration: Calibration, new: NewValues, given: NewValues) -> Adaptive | None:
    """Its levels behind new values, each of them forecast before it came; given : where bands are laid."""
    tail, found, linear = model.tail, calibration.adaptive, model.tail.prepared.linear[:, None]
    for step in range(int(new.counts.max())):
        one, values = new.between(step, step + 1), given.between(step, step + 1).values
        rows = one.series
        ahead = one.covariates and one.covariates.take(np.arange(len(rows)).repeat(calibration.horizon))
        median = model.median(take(tail, rows), rows, calibration.horizon, "cpu", ahead)  # X further on is not given
        unit = calibration.spread.scale[rows, None] * calibration.growth
        found = found and found.behind(rows, in_space(median, linear[rows]), values, unit)
        tail, _ = moved_on(model, tail, one)
    return found


def _with_networks(model: Model, trained: Trained) -> Model:
    """The model with other networks, which read the context anew: no state of theirs is there."""
    model, tail = replace(model, trained=trained), model.tail
    assert tail.carried is not None
    carried = replace(
        tail.carried, states=first_states_of(model, histories_of(tail, model.settings.dtype), np.arange(tail.n_series))
    )
    return replace(model, tail=replace(tail, carried=carried))


def _without_naive(naive: NaiveSeries, new: NewValues, axis: TimeAxis) -> tuple[NewValues, NaiveSeries]:
    """The new values of the series that networks forecast, by their rows there; the others behind their new values."""
    is_naive = np.isin(new.series, naive.places)
    before = np.searchsorted(naive.places, new.series)  # so many naive ones come before each
    own, figure = new.of(is_naive), naive.figure.copy()
    go_on_naive(own.values, own.offsets, before[is_naive], figure)
    learned, floors = new.of(~is_naive), naive.floors.copy()
    floors[before[is_naive].repeat(own.counts)[own.values < 0.0]] = False
    learned = replace(learned, series=learned.series - before[~is_naive])
    return learned, replace(naive, axis=axis, figure=figure, floors=floors)


def check_possible(model: Model, new: NewValues, argument: str = "y_new") -> None:
    """Refuse values that are not positive in a series whose logarithm is forecast, and those out of its reach."""
    p, is_raw = model.tail.prepared, model.settings.is_raw
    wrong = ~p.linear[new.owners] & (new.values <= 0.0) & ~np.array(is_raw)
    _refuse(model, new, wrong, argument, "all its values in fit were positive, and so are its forecasts")
    wrong = is_out_of_reach(p, new.owners, new.values)
    why = "that is out of reach of what it was in fit, and forecasts would be so for good"
    _refuse(model, new, wrong, argument, why)


def _refuse(model: Model, new: NewValues, wrong: np.ndarray, argument: str, why: str) -> None:
    if wrong.any():
        row = int(np.argmax(wrong))
        series, step = int(new.owners[row]), int(new.steps[row])
        time = model.axis.take([series]).after(np.array([step + 1]))[0]
        many = counted(int(wrong.sum()), "such value")
        raise ValueError(
            f"{argument}: series {model.axis.ids[series]!r} has {new.values[row]:g} at {time}, but {why} "
            f"({many}). Correct it, make it missing (missing='mask'), or fit anew with it"
        )
