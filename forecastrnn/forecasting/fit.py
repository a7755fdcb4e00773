"""From series to a trained forecaster."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from sklearn.utils import check_random_state

from forecastrnn.data.coding import MOST_CATEGORIES
from forecastrnn.data.static_input import StaticCoding, read_static
from forecastrnn.forecasting.bounds import never_negative
from forecastrnn.forecasting.calibrate import calibrate
from forecastrnn.forecasting.calibration import Intervals
from forecastrnn.forecasting.conformal import ConformalPlan
from forecastrnn.forecasting.covariates import CovariateScales
from forecastrnn.forecasting.earlier_networks import NetworksBefore
from forecastrnn.forecasting.ends import ends_of
from forecastrnn.forecasting.filling import behind_end_gaps
from forecastrnn.forecasting.input_layout import InputLayout
from forecastrnn.forecasting.inputs import SeriesInputs
from forecastrnn.forecasting.local_models import check_local
from forecastrnn.forecasting.long_run import comes_back, is_of_means, tells_level
from forecastrnn.forecasting.members import Callback
from forecastrnn.forecasting.mixing import mixed
from forecastrnn.forecasting.model import Model
from forecastrnn.forecasting.older_history import usual_older_means
from forecastrnn.forecasting.plan import FitPlan, check_known, check_lengths, check_reach, check_same
from forecastrnn.forecasting.preparation import Prepared, prepare
from forecastrnn.forecasting.reading import SHORTEST, set_apart, without_end_gaps
from forecastrnn.forecasting.recent import recent_of
from forecastrnn.forecasting.residuals import residuals_of
from forecastrnn.forecasting.series_codes import SeriesCodes
from forecastrnn.forecasting.settings import Settings, network_of, update_count, use_lags
from forecastrnn.forecasting.start import prepare_for_any
from forecastrnn.forecasting.trained import train_all
from forecastrnn.forecasting.windows import with_usual_batch
from forecastrnn.keeping import recalled
from forecastrnn.progress import stage
from forecastrnn.training.parameter_memory import check_networks

if TYPE_CHECKING:
    from forecastrnn.data.calendar import CalendarColumns
    from forecastrnn.data.series import SeriesSet

TRAINING = 0.75  # share of the time of a fit, where other networks forecast windows that are held out


def fit_model(
    plan: FitPlan, read: SeriesSet, season: int, static: object, *, old: Model | None, callback: Callback | None,
    begun: Callable[[str], None],
) -> Model:  # fmt: skip
    """Prepare series, train all networks on them, and keep what forecasts need.

    old : a model to go on from; begun : is told the name of each part behind the training.
    """
    given = read
    whole, naive = set_apart(plan.reading, given, season, "y", is_fit=True)
    raw, gaps = without_end_gaps(whole)
    calendar = plan.calendar_of(raw, season, old, told=True)
    read = _dated(raw, calendar)
    prepared = _series_of_fit(plan, read, season, static, old)
    rng = check_random_state(plan.random_state)
    seeds = recalled(rng.randint(2**31 - 1, size=plan.n_members).astype(np.int64)).tolist()
    with stage("", share=TRAINING if plan.behind_training else 1.0):
        model = _train(plan, read, prepared, seeds, old=old, callback=callback)
    updates = update_count(prepared[0].prepared, prepared[1])
    del prepared  # what networks read at all times is most of what a fit holds, and no longer wanted
    floors = never_negative(read.values, read.offsets) & model.tail.prepared.linear  # logarithms stay positive anyway
    floors = floors if floors.any() else None
    model = replace(model, naive_errors=_naive_errors(read, season), naive=naive, floors=floors, calendar=calendar)

    def train(part: SeriesSet, members: int) -> Model:
        """Networks as those of the fit, for shorter series; nothing of theirs is shared."""
        short = _shorter(plan, members, updates)
        short = replace(short, long_run=model.layout.with_long_run, older_means=model.layout.older_means)
        own = short.calendar_of(part, season)
        part = _dated(part, own)
        found = _train(short, part, _series_of_fit(short, part, season, static, None), seeds[: short.n_members])
        return replace(found, calendar=own)

    before = NetworksBefore(raw, train)
    least = max(plan.reading.least, SHORTEST + (plan.learned or 0), model.layout.reach + 1)
    with _behind("weights", plan, begun):
        model = mixed(model, raw, plan.candidates, least, plan.device, before)
    intervals = None if plan.intervals is None else Intervals("paths")
    if isinstance(plan.intervals, ConformalPlan):
        with _behind("calibration", plan, begun):
            intervals = calibrate(model, raw, plan.intervals, least, plan.device, before)
    tail = behind_end_gaps(model, model.tail, model.dated(whole), gaps, plan.bounds, floors=floors)
    recent = recent_of(given if naive else whole, tail.prepared.context, season)
    return replace(model, intervals=intervals, tail=tail, recent=recent)


@contextmanager
def _behind(name: str, plan: FitPlan, begun: Callable[[str], None]) -> Iterator[None]:
    """A part behind the training, told of where it is one of this plan."""
    is_told = name in plan.behind_training
    with stage(name if is_told else "", share=(1.0 - TRAINING) / 2):
        if is_told:
            begun(name)
        yield


def _dated(read: SeriesSet, calendar: CalendarColumns | None) -> SeriesSet:
    """Series with the columns of a calendar, if there is one."""
    return read if calendar is None else calendar.beside(read)


def _shorter(plan: FitPlan, asked: int, updates: int) -> FitPlan:
    """The plan of the networks that calibrate: together they take at most a third of the updates of the fit."""
    count = min(asked, plan.n_members)
    most = max(1, updates * plan.n_members // (3 * count))
    members = replace(plan.members, verbose=False, max_steps=most if most < updates else plan.members.max_steps)
    return replace(plan, members=members, n_members=count)


def _train(
    plan: FitPlan, read: SeriesSet, prepared: tuple[SeriesInputs, Settings, StaticCoding | None], seeds: list[int], *,
    old: Model | None = None, callback: Callback | None = None,
) -> Model:  # fmt: skip
    """Train networks on prepared series."""
    series, settings, coding = prepared
    network = network_of(series.prepared.layout, settings)
    begun = plan.begun(old, network.size)
    trained = train_all(series, settings, seeds, read.ids, old=begun, device=plan.device, callback=callback)
    residuals = np.zeros((len(seeds), series.prepared.n_series, 0))
    if plan.draws:
        one_step = trained.outputs(network, series, settings.n_threads, plan.device)
        residuals = residuals_of(series.prepared, settings, one_step, len(seeds))
    return Model(
        network=network, trained=trained, settings=settings, tail=ends_of(series), axis=read.axis, reading=plan.later,
        residuals=residuals, strategy=plan.strategy, static=coding,
    )  # fmt: skip


def _naive_errors(read: SeriesSet, season: int) -> np.ndarray:
    """How far the seasonal naive forecast was off in each series, one step ahead."""
    from forecastrnn.metrics.scales import seasonal_errors  # brings pandas with it

    spans = np.stack([read.offsets[:-1], read.offsets[1:]], axis=1)
    with np.errstate(over="ignore"):  # in squares of values of 1e300, of which nobody asks
        return seasonal_errors(read.values, read.owners, season, spans)[0]


def _series_of_fit(
    plan: FitPlan, read: SeriesSet, season: int, static: object, old: Model | None
) -> tuple[SeriesInputs, Settings, StaticCoding | None]:
    """The series as networks read them, with the settings and categories that follow from them; all is checked."""
    check_lengths(plan, read)
    prepared = _prepare(plan, read, season, old.layout if old else None)
    check_known(plan, prepared, read.ids)
    own = _scales_of(old, read)
    if read.covariates is not None:
        in_encoder = plan.strategy == "seq2seq"
        assert plan.strategy != "recursive" or all(column.role != "past" for column in read.covariates.columns)
        prepared = prepared.with_covariates(read.covariates, read.offsets, own, in_encoder=in_encoder)
    codes, columns = _codes_of_fit(plan, read, static, old.static if old else None)
    categories = prepared.covariates.scales.embeddings if prepared.covariates else ()
    settings = replace(plan.members, embeddings=codes.embeddings(int(plan.id_embedding_dim or 0), categories))
    if not prepared.layout.for_any:
        lags = old.layout.with_lags if old else use_lags(prepared, settings.is_local)
        long_run = prepared.layout.with_long_run
        older_means = _older_means_of(plan, prepared, old.layout if old else None)
        prepared = prepared.read_with(lags=lags, older_means=older_means, long_run=long_run)
    if old:
        check_same(old, settings, plan.n_members, prepared.layout, tuple(read.ids))
    check_reach(prepared, read.ids)
    if plan.usual_batch:
        settings = with_usual_batch(prepared, settings)
    _check_room(prepared, settings, plan.n_members)
    return SeriesInputs(prepared, settings.dtype, columns), settings, codes.static


def _check_room(prepared: Prepared, settings: Settings, members: int) -> None:
    """Refuse networks that would not fit, before there is a seed for each."""
    network = network_of(prepared.layout, settings)
    if settings.is_local:
        check_local(network.writer, settings, members, prepared.n_series)
    else:
        check_networks(network, settings.dtype, settings.rule, members)


def _scales_of(old: Model | None, read: SeriesSet) -> CovariateScales | None:
    """Those of the covariates of a fit that a warm start goes on from; their columns must be the same."""
    both = (old.covariates if old else (), read.covariates.columns if read.covariates else ())
    said = [[(one.name, one.role, one.kind, one.categories) for one in columns] for columns in both]
    if old and said[0] != said[1]:
        names = [[one[:3] for one in columns] for columns in said]
        raise ValueError(
            f"warm_start=True: X, past and static must have the columns of the first fit, {names[0]}, and their "
            f"categories. Got {names[1]}."
        )
    held = old.tail.prepared.covariates if old else None
    return held.scales if held else None


def _prepare(plan: FitPlan, read: SeriesSet, season: int, old: InputLayout | None) -> Prepared:
    """The series, with the long-run mean among their columns as asked, as it was, or where it makes forecasts better.

    Series that keep the mean that is forecast are then prepared once more, for that mean. A forecast of medians, the
    default, has one of the two: means of older history where that is long, or the long-run mean. That is a question of
    the set, and so not asked of local networks, whose series do not depend on the others.
    """
    if plan.start is not None:
        return prepare_for_any(read.values, read.offsets, season, plan.start.context, longer=plan.longer)
    make = partial(prepare, read.values, read.offsets, season, plan.context, plan.learned, longer=plan.longer)
    if plan.members.is_raw:
        found = make(least=plan.members.least, is_raw=True)
        if old.steady if old else comes_back(found):
            found = make(least=plan.members.least, is_raw=True, steady=True)
        return found.read_with(long_run=True)
    of_means, asked = is_of_means(plan.members.loss), plan.long_run
    found = make(steady=bool(old and old.steady))
    if asked == "auto" and old:
        asked = old.with_long_run
    elif asked == "auto" and of_means:
        asked = comes_back(found)
    elif asked == "auto":
        asked = not plan.members.is_local and not _older_means_of(plan, found, old) and tells_level(found)
    if asked and of_means and not old:
        found = make(steady=True)
    return found.read_with(long_run=asked)


def _older_means_of(plan: FitPlan, prepared: Prepared, old: InputLayout | None) -> tuple[int, ...]:
    """Blocks of older history as asked, as they were, or where it is long and the long-run mean does not tell it."""
    if plan.older_means != "auto":
        return plan.older_means
    if old or prepared.layout.with_long_run or plan.members.is_local:
        return old.older_means if old else ()
    return usual_older_means(prepared)


def _codes_of_fit(
    plan: FitPlan, read: SeriesSet, static: object, old: StaticCoding | None
) -> tuple[SeriesCodes, np.ndarray | None]:
    """What codes say, and those of the series (n_series, columns); in a warm start categories stay."""
    has_vectors, coding, own = plan.id_embedding_dim is not None, None, None
    if has_vectors and read.n_series >= MOST_CATEGORIES:
        raise ValueError(f"y: {read.n_series} series are too many for id_embedding_dim, {MOST_CATEGORIES} or more.")
    if static is not None:
        if plan.members.is_local:
            raise ValueError("static needs global_model=True: a local network knows one series.")
        reading = plan.reading
        coding, own = read_static(static, read.ids, reading.columns["id_col"], old, missing=reading.missing)
    codes = SeriesCodes(read.n_series if has_vectors else 0, coding)
    return codes, codes.columns(np.arange(read.n_series), own)
