"""Members: networks over all series, trained on the same windows from different first parameters."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from forecastrnn.callbacks import MemberUpdate, says_stop
from forecastrnn.forecasting.inputs import SeriesInputs
from forecastrnn.forecasting.preparation import FLOOR, Prepared
from forecastrnn.forecasting.settings import Settings, network_of, start_member, update_count
from forecastrnn.forecasting.side_by_side import side_by_side, workers_for
from forecastrnn.forecasting.validation import validator
from forecastrnn.forecasting.windows import batches_of, drawn
from forecastrnn.progress import stage
from forecastrnn.training.divergence import ANY_LOSS, WorstLoss
from forecastrnn.training.network_progress import Progress
from forecastrnn.training.training import ShouldStop, TrainingPlan, train

WORST = 2.0  # times the loss of the last value, which networks begin with, that theirs may be at the end
NATS = 3.0  # that a value's logarithm of density may be less at the end: these can be 0 at first
WORST_BESIDE = 20.0  # the same beside covariates, of which one alone can lie far from all others
Callback = Callable[[MemberUpdate], object]


def fit_members(
    series: SeriesInputs, settings: Settings, seeds: list[int], members: list[Progress], device: str = "cpu",
    callback: Callback | None = None,
) -> list[Progress]:  # fmt: skip
    """Train one network a seed on the same windows; `members`, if any, go on from where they are."""
    network = network_of(series.prepared.layout, settings)
    begun = [m.copy() for m in members] or [start_member(network, settings, s) for s in seeds]
    workers = workers_for(len(seeds), watched=callback is not None)
    if workers > 1:
        with stage(f"{len(seeds)} members side by side"):
            jobs = [(series, progress, seed, device) for progress, seed in zip(begun, seeds, strict=True)]
            return side_by_side(_train_apart, settings, jobs, workers)
    for member, (progress, seed) in enumerate(zip(begun, seeds, strict=True)):
        with stage(f"member {member + 1} of {len(seeds)}", share=1 / len(seeds)):
            train_member(series, settings, progress, seed, device, _watch(progress, member, callback))
    return begun


def worst_of(settings: Settings, prepared: Prepared) -> WorstLoss:
    """How large the loss of the first mini-batch may be at the end: that of constant series tells nothing."""
    if (prepared.scale <= FLOOR).all():
        return ANY_LOSS
    return worst_at(settings, WORST if prepared.covariates is None else WORST_BESIDE)


def worst_at(settings: Settings, times: float) -> WorstLoss:
    """So many times the first loss; a logarithm of densities, which may be 0 or less, has room in proportion."""
    if settings.likelihood is not None:
        return WorstLoss(times=times, of_zeros=-np.inf, beyond=NATS * times / WORST)
    return WorstLoss(times=times)


def _watch(progress: Progress, member: int, callback: Callback | None) -> ShouldStop | None:
    """What calls the user's callback at each look at the loss."""
    if callback is None:
        return None
    return lambda loss, score: says_stop(callback(MemberUpdate(member, progress.optimizer.count, loss, score)))


def _train_apart(settings: Settings, series: SeriesInputs, progress: Progress, seed: int, device: str) -> Progress:
    """One member, beside others."""
    return train_member(series, settings, progress, seed, device)


def train_member(
    series: SeriesInputs, settings: Settings, progress: Progress, seed: int, device: str = "cpu",
    watch: ShouldStop | None = None,
) -> Progress:  # fmt: skip
    """Train one member in place."""
    prepared, stops = series.prepared, bool(settings.validation_fraction)
    network, updates = network_of(prepared.layout, settings), update_count(prepared, settings)
    if not updates:
        return progress
    drawn_batches = batches_of(network, prepared, settings, seed, len(progress.loss_curve))
    source, batches = drawn(network, series, settings, drawn_batches)
    plan = TrainingPlan(
        loss=settings.any_loss, rule=settings.rule, max_iter=-(-updates // batches.steps_an_epoch), tol=settings.tol,
        n_iter_no_change=settings.n_iter_no_change, n_threads=settings.n_threads, verbose=settings.verbose,
        stop_early=stops, total_updates=updates, dropout=settings.dropout, device=device,
        worst=worst_of(settings, prepared),
    )  # fmt: skip
    validate = validator(network, series, settings, device) if stops else None
    return train(network, progress, source, batches, plan, validate=validate, watch=watch)
