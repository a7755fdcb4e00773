"""What the parameters of an RNNForecaster mean together, and what they ask of the series."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from forecastrnn.data.caller_warnings import warn_caller
from forecastrnn.engine.threads import thread_count
from forecastrnn.estimators.calendar_settings import calendar_of
from forecastrnn.estimators.candidate_settings import candidates_of
from forecastrnn.estimators.device_choice import device_of
from forecastrnn.estimators.interval_settings import intervals_of
from forecastrnn.estimators.loss_settings import check_values, loss_of
from forecastrnn.estimators.named_parameters import NamedParameters, check_numbers, refuse
from forecastrnn.estimators.old_names import flat_of
from forecastrnn.estimators.parameters import dropout_of, layers_of, rule_of
from forecastrnn.estimators.start_settings import start_of
from forecastrnn.estimators.telling import says_lines
from forecastrnn.forecasting.bounds import AUTO, Rule
from forecastrnn.forecasting.model import Model
from forecastrnn.forecasting.plan import FitPlan
from forecastrnn.forecasting.reading import SHORTEST, ReadingOptions
from forecastrnn.forecasting.settings import WINDOWS, Settings
from forecastrnn.forecasting.stray_values import warn_of_strays
from forecastrnn.naming import counted
from forecastrnn.networks.network import Layer

if TYPE_CHECKING:
    from forecastrnn.data.series import SeriesSet
    from forecastrnn.data.time_index import Clock

MOST_VALUES = 2**31  # in a block of older means, and blocks: more than any series has


def _check_global(forecaster: NamedParameters, watched: bool) -> None:
    """Refuse what local networks cannot do; `watched`: there is a callback."""
    if forecaster.global_model:
        return
    if forecaster.id_embedding_dim is not None:
        raise ValueError(
            f"id_embedding_dim={forecaster.id_embedding_dim} needs global_model=True: a local network knows one series."
        )
    if flat_of(forecaster, "early_stopping")["early_stopping"]:
        raise ValueError("early_stopping=True needs global_model=True: local networks all take max_steps updates.")
    if _strategy_of(forecaster) == "seq2seq":
        raise ValueError('strategy="seq2seq" needs global_model=True: local networks are recursive or direct.')
    if watched:
        raise ValueError("callback needs global_model=True: local networks are all trained in one call.")


def _horizon_of(forecaster: NamedParameters) -> int:
    """Steps ahead that a network puts out at once."""
    if _strategy_of(forecaster) != "direct":
        return 1
    horizon = flat_of(forecaster, "strategy")["horizon"]
    if horizon is None:
        refuse(forecaster, "strategy__horizon", "an int in the range [1, inf), as in strategy=Direct(horizon=12)")
    return int(horizon)


def _strategy_of(forecaster: NamedParameters) -> str:
    return str(flat_of(forecaster, "strategy")["strategy"])


def _older_means_of(forecaster: NamedParameters) -> Literal["auto"] | tuple[int, ...]:
    """Lengths and counts of blocks, in turn, or that the series say them."""
    if isinstance(forecaster.older_means, str):
        return "auto"
    pairs = () if forecaster.older_means is None else forecaster.older_means
    whole = [isinstance(pair, list | tuple) and len(pair) == 2 and all(map(_is_count, pair)) for pair in pairs]
    if not all(whole) or forecaster.older_means is not None and not whole:
        refuse(
            forecaster, "older_means", "'auto', None or a list of pairs (length, count) of ints in the range [1, inf)"
        )
    return tuple(int(number) for pair in pairs for number in pair)


def _long_run_of(forecaster: NamedParameters) -> Literal["auto"] | bool:
    """Whether the long-run mean is an input, or that the series say it."""
    return "auto" if isinstance(forecaster.long_run_mean, str) else bool(forecaster.long_run_mean)


def _seasons_of(forecaster: NamedParameters) -> tuple[int, ...]:
    """Steps of the seasons that were given, shortest first."""
    given = forecaster.season_length
    if not isinstance(given, list | tuple):
        return () if given is None else (int(given),)
    whole = bool(given) and all(map(_is_count, given)) and (given[0] > 1 or len(given) == 1)
    if not whole or any(later <= one or later % one for one, later in zip(given, given[1:])):
        refuse(
            forecaster, "season_length", "an int in the range [1, inf), None, or a list of ints above 1, each a "
            "multiple of the one before, such as [24, 168] (a year of days is 52 weeks: [7, 364])",
        )  # fmt: skip
    return tuple(int(season) for season in given)


def bounds_of(forecaster: NamedParameters) -> Rule:
    """What forecasts do not pass: both ends, infinite where there is none, or a rule, or nothing."""
    given = forecaster.bounds
    if given is None or isinstance(given, str) and given == AUTO:
        return given
    ends = given if isinstance(given, list | tuple) and len(given) == 2 else (True, True)
    if all(end is None or isinstance(end, Real) and not isinstance(end, bool | np.bool_) for end in ends):
        low, high = (inf if end is None else float(end) for end, inf in zip(ends, (-np.inf, np.inf)))
        if low < high:
            return low, high
    refuse(forecaster, "bounds", "'auto', None, or two numbers (lowest, highest), of which one may be None")


def check_within(rule: Rule, read: SeriesSet) -> None:
    """Refuse series that pass the bounds that were given for their forecasts."""
    if not isinstance(rule, tuple):
        return
    outside = np.flatnonzero((read.values < rule[0]) | (read.values > rule[1]))
    if len(outside):
        row = int(outside[0])
        name, time = read.describe(row)
        many = counted(len(outside), "such value")
        raise ValueError(
            f"bounds={rule}: series {name!r} has {read.values[row]:g} at {time} ({many}): "
            "forecasts would be cut off where the series is not. Give bounds that it keeps, or None"
        )


def _is_count(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool | np.bool_) and 1 <= int(value) < MOST_VALUES


def _reading_of(forecaster: NamedParameters, columns: dict[str, Any], other: bool = False) -> ReadingOptions:
    """How series are read, with the length that the parameters need; `other`: series to forecast only."""
    least, needs, horizon = SHORTEST, "forecasting needs", _horizon_of(forecaster)
    context = forecaster.context_length
    if context is not None and context + 1 > least:
        least, needs = int(context) + 1, f"context_length={context} needs"
    if _strategy_of(forecaster) == "direct" and horizon + SHORTEST > least and not other:
        least, needs = horizon + SHORTEST, f"horizon={horizon} needs"
    return ReadingOptions(columns, forecaster.missing, least, needs, forecaster.short)


def plan_of(forecaster: NamedParameters, columns: dict[str, Any], watched: bool) -> FitPlan:
    """All that a fit reads of the parameters, checked; `watched`: there is a callback."""
    check_numbers(forecaster)
    layers, older_means = layers_of(forecaster), _older_means_of(forecaster)
    _check_global(forecaster, watched)
    strategy = flat_of(forecaster, "strategy")
    device, members = device_of(forecaster, len(layers)), _settings_of(forecaster, layers)
    return FitPlan(
        members=members, strategy=strategy["strategy"], reading=_reading_of(forecaster, columns),
        later=_reading_of(forecaster, columns, other=True), context=forecaster.context_length,
        horizon=strategy.get("horizon"), seasons=_seasons_of(forecaster), older_means=older_means,
        long_run=_long_run_of(forecaster), calendar=calendar_of(forecaster),
        n_members=forecaster.n_members, id_embedding_dim=forecaster.id_embedding_dim,
        random_state=forecaster.random_state, device=device, intervals=intervals_of(forecaster),
        bounds=bounds_of(forecaster), candidates=candidates_of(forecaster),
        looks=not isinstance(forecaster.season_length, list | tuple), usual_batch=forecaster.batch_size == "auto",
        start=start_of(forecaster),
    )  # fmt: skip


def read_by(
    reader: ReadingOptions, y: object, argument: str = "y", *, freq: object = None, usual: Clock | None = None,
    alias: str,
) -> SeriesSet:  # fmt: skip
    """Checked series, end to end; `freq`: the step that was asked for, `usual`: that of the series of fit."""
    from forecastrnn.data.series import read_series  # brings pandas with it

    return read_series(
        y, missing=reader.missing, min_length=reader.required, needs=reader.needs, argument=argument,
        freq=freq, usual=usual, alias=alias, **reader.columns,
    )  # fmt: skip


def read_known(reader: ReadingOptions, y: object, argument: str = "y", **how: Any) -> SeriesSet:
    """The same of series that forecasts will follow: values that stand out are told of, in a backtest once for all."""
    read = read_by(reader, y, argument, **how)
    if read is not y:
        warn_of_strays(read)
    return read


def read_other(model: Model, y: object, alias: str) -> SeriesSet:
    """Checked series to forecast that are not those of fit; a warning says if their steps are others."""
    from forecastrnn.data.series import check_step

    read_as = partial(read_known, y=y, argument="y of predict", usual=model.axis.clock, alias=alias)
    try:
        read = read_as(model.reading)
    except ValueError:
        # Perhaps they are few because they only go on from known ones: that says more than their number.
        _refuse_new_rows(model, read_as(replace(model.reading, least=1)))
        raise
    if read is not y:  # the windows of a backtest may begin anywhere
        _refuse_new_rows(model, read)
    check_step(read.axis, model.axis, read.argument)
    if model.codes.n_known:
        _warn_of_twins(model, read)
    check_values(model.settings, read, read.argument)
    return read


def _warn_of_twins(model: Model, read: SeriesSet) -> None:
    """Say it where a series without a learned vector is called like one that has one, but by another type."""
    known = set(model.whole_axis.ids)
    new, texts = [name for name in read.ids if name not in known], {str(name): name for name in known}
    twin = next((name for name in new if str(name) in texts), None)
    if twin is not None:
        warn_caller(
            f"{read.argument}: no series of fit is called {twin!r}, but one is called {texts[str(twin)]!r}: it is read "
            "as a new one, by the mean of all learned vectors (id_embedding_dim). Give ids of the type that fit had"
        )


def _refuse_new_rows(model: Model, read: SeriesSet) -> None:
    """Say what is meant by rows that only go on from series of fit."""
    from forecastrnn.data.new_rows import refuse_new_rows

    refuse_new_rows(read, model.whole_axis, model.tail.prepared.context, "y of predict")


def _settings_of(forecaster: NamedParameters, layers: tuple[Layer, ...]) -> Settings:
    """How members are trained."""
    batch = WINDOWS if forecaster.batch_size == "auto" else int(forecaster.batch_size)
    stopping, (loss, loss_options) = flat_of(forecaster, "early_stopping"), loss_of(forecaster)
    fraction = float(stopping["validation_fraction"]) if stopping["early_stopping"] else None
    return Settings(
        layers=layers, initializer=forecaster.initializer, loss=loss, loss_options=loss_options,
        rule=rule_of(forecaster), batch_size=batch, max_steps=forecaster.max_steps, horizon=_horizon_of(forecaster),
        n_iter_no_change=int(stopping["n_iter_no_change"]), validation_fraction=fraction,
        n_threads=thread_count(forecaster.n_jobs), verbose=says_lines(forecaster.verbose), dtype=forecaster.dtype,
        is_local=not forecaster.global_model, dropout=dropout_of(forecaster),
        has_decoder=_strategy_of(forecaster) == "seq2seq", tol=float(stopping["tol"]),
    )  # fmt: skip
