"""Members learn from new rows of their series: more updates, on windows that end in these rows."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from forecastrnn.forecasting.ends import SeriesEnds
from forecastrnn.forecasting.inputs import SeriesInputs
from forecastrnn.forecasting.members import worst_of
from forecastrnn.forecasting.model import Model
from forecastrnn.forecasting.settings import Settings
from forecastrnn.forecasting.trained import Trained
from forecastrnn.forecasting.windows import EPOCH, source_of
from forecastrnn.progress import stage
from forecastrnn.training.network_progress import Progress
from forecastrnn.training.optimizers import Rule
from forecastrnn.training.training import TrainingPlan, train
from forecastrnn.training.window_batches import WindowBatches

LOWEST = 0.1  # of the first learning rate: one cycle ends with 1/250,000 of it, which would teach nothing


@dataclass(frozen=True, kw_only=True)
class NewInputs:
    """What networks read and predict in new rows (total,), those of a series (m,) together.

    rows (total, columns) : inputs of the time before each; z, observed (total,) : scaled, and whether it was given.
    """

    rows: np.ndarray
    z: np.ndarray
    observed: np.ndarray
    counts: np.ndarray
    series: np.ndarray


def learned_further(model: Model, before: SeriesEnds, new: NewInputs, updates: int, device: str) -> Trained:
    """The networks, each after so many updates more, with the moments of their optimizers."""
    learn = _series_of(before, new, model.settings)
    members = [progress.copy() for progress in model.trained.members]
    for number, progress in enumerate(members):
        with stage(f"member {number + 1} of {len(members)}", share=1 / len(members)):
            _learn(model, learn, new.counts, progress, number, updates=updates, device=device)
    thetas = np.stack([member.theta for member in members])[:, None]
    return Trained(thetas, [member.loss_curve for member in members], model.trained.updates + updates, members)


def _series_of(before: SeriesEnds, new: NewInputs, settings: Settings) -> SeriesInputs:
    """The context that is kept of each series and its new rows, as series to learn from.

    Behind each lie as many values that are not known as a network puts out beyond the next one.
    """
    p, beyond = before.prepared, settings.horizon - 1
    lengths = p.context + 1 + new.counts + beyond
    starts = np.concatenate([[0], np.cumsum(lengths)])
    z, observed = np.zeros(starts[-1]), np.zeros(starts[-1], bool)
    rows = np.zeros((starts[-1], before.inputs.shape[2]), before.inputs.dtype)
    past = before.z.shape[1]
    kept = min(p.context + 1, past)
    at = starts[:-1, None] + p.context + 1 + np.arange(-kept, 0)
    z[at] = before.z[new.series, past - kept :]
    observed[at] = np.arange(past - kept, past) >= before.first[new.series, None]
    rows[starts[:-1, None] + np.arange(p.context)] = before.inputs[new.series]
    place = np.arange(len(new.z)) - (np.cumsum(new.counts) - new.counts).repeat(new.counts)
    place += (starts[:-1] + p.context).repeat(new.counts)
    rows[place], z[place + 1], observed[place + 1] = new.rows, new.z, new.observed
    return SeriesInputs(replace(p, z=z, observed=observed, starts=starts), settings.dtype, given=rows)


def _learn(
    model: Model, learn: SeriesInputs, counts: np.ndarray, progress: Progress, number: int, *, updates: int, device: str
) -> Progress:
    """Train one member in place, at the last rate of its schedule."""
    settings, p, rule = model.settings, learn.prepared, last_rule(model.settings.rule, model.trained.updates)
    steps = min(p.ahead, int(counts.min()))
    chance = np.sqrt(counts - steps + 1.0)
    batches = WindowBatches(
        lo=p.starts[:-1], hi=p.starts[:-1] + counts - steps, chance=chance / chance.sum(),
        batch=settings.batch_size, seed=number, steps_an_epoch=min(EPOCH, updates), total=updates,
        steps=(p.context, steps) if model.network.hands_over else p.context + steps, before=len(progress.loss_curve),
    )  # fmt: skip
    plan = TrainingPlan(
        loss=settings.any_loss, rule=rule, max_iter=-(-updates // EPOCH), tol=0.0, n_threads=settings.n_threads,
        verbose=settings.verbose, stop_early=False, total_updates=updates, dropout=settings.dropout, device=device,
        worst=worst_of(settings, p),
    )  # fmt: skip
    source = source_of(model.network, learn, p.observed, settings)
    return train(model.network, progress, source, batches, plan)


def last_rule(rule: Rule, updates: int) -> Rule:
    """The rule with the last rate of a fit from now on, or with a tenth of the first, if that is more."""
    last = float(rule.rates(updates - 1, 1, updates)[0])
    return replace(rule, learning_rate="constant", learning_rate_init=max(last, LOWEST * rule.learning_rate_init))
