"""The training: lesson by lesson, each drawn anew and learned once, so that nothing can be learned by heart."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from forecastrnn.forecasting.preparation import Prepared
from forecastrnn.forecasting.pretrained_candidate import path_ahead
from forecastrnn.forecasting.settings import Settings, network_of, start_member
from forecastrnn.forecasting.start import Start, prepare_for_any, settings_of
from forecastrnn.networks.network import AnyNetwork
from forecastrnn.persistence.replacing import replace_file
from forecastrnn.pretraining.lessons import Lesson, draw_lesson
from forecastrnn.training.batches import Batches
from forecastrnn.training.network_progress import Progress
from forecastrnn.training.optimizers import OptimizerState, Rule
from forecastrnn.training.sequence_task import TrainingData
from forecastrnn.training.stepping import BatchIndex
from forecastrnn.training.training import TrainingPlan, train
from forecastrnn.training.window_batches import window_index

WARM = 200  # updates in which the learning rate rises
FINAL = 0.01  # of the rate is left at the end, behind half a cosine; held for 40% of the time, networks grew worse
DECAY = 0.01  # of weights, times the rate, in an update
AVERAGED = 0.998  # of the mean of all parameters on the way, which forecasts are made with, is kept in an update
SAVED = 60.0  # seconds between two times that what there is goes to disk
RECENT = 0.02  # share of a lesson in the mean loss that is told


@dataclass(frozen=True, kw_only=True)
class Pretraining:
    """What to train: units of the layers, steps of context, updates in all, the highest learning rate, rows a batch."""

    units: tuple[int, ...] = (64,)
    context: int = 72
    updates: int = 100_000
    rate: float = 1.5e-3
    batch: int = 32
    seed: int = 0
    n_threads: int = 1

    @property
    def settings(self) -> Settings:
        """As those of a member of a forecaster."""
        settings = settings_of(self.units, self.n_threads)
        return replace(settings, rule=self.rule(0), batch_size=self.batch)

    def rule(self, done: int) -> Rule:
        """The update rule behind so many updates."""
        fall = 0.5 + 0.5 * np.cos(np.pi * min(done / self.updates, 1.0))
        rate = self.rate * min(1.0, (done + 1) / WARM) * max(FINAL, fall)
        return Rule("adamw", float(rate), clip_norm=1.0, alpha=DECAY)


@dataclass(kw_only=True)
class Learned:
    """What there is at some time: parameters, their moments and their mean on the way; lessons, and updates."""

    theta: np.ndarray
    moments: dict[str, np.ndarray]
    mean: np.ndarray
    lessons: int = 0
    updates: int = 0
    loss: float = np.nan
    seconds: float = 0.0
    curve: list[list[float]] = field(default_factory=list)  # updates, processor seconds and loss, now and then

    def start(self, plan: Pretraining) -> Start:
        """The network as it is now, to forecast with."""
        return Start(theta=self.mean, units=plan.units, context=plan.context, updates=self.updates, loss=self.loss)


@dataclass(frozen=True, kw_only=True)
class _Windows(Batches):
    """Windows of one lesson: (mini-batches, rows)."""

    starts: np.ndarray
    steps: int
    seed: int = 0

    @property
    def sizes(self) -> list[tuple[int, Any]]:
        return [(self.starts.shape[1], self.steps)]

    def steps_of(self, index: BatchIndex) -> int:
        return self.steps

    def epoch(self, number: int) -> list[BatchIndex]:
        return [window_index(self.starts, self.steps)]


def network_at(prepared: Prepared, plan: Pretraining) -> AnyNetwork:
    """The network for such series: the same for all."""
    return network_of(prepared.layout, plan.settings)


def begin(plan: Pretraining) -> Learned:
    """First parameters."""
    any_series = prepare_for_any(np.arange(30.0), np.array([0, 30]), season=1, context=plan.context)
    member = start_member(network_at(any_series, plan), plan.settings, plan.seed)
    member.optimizer.begin(member.theta, plan.rule(0).moments)
    return Learned(theta=member.theta, moments=member.optimizer.moments, mean=member.theta.copy())


def learn_lesson(plan: Pretraining, learned: Learned) -> None:
    """Draw the next lesson and learn from it."""
    begun, theta = time.process_time(), learned.theta

    def ahead(prepared: Prepared, steps: int) -> np.ndarray:
        return path_ahead(theta, prepared, plan.settings, steps)

    rng = np.random.default_rng([plan.seed, 1, learned.lessons])
    lesson = draw_lesson(rng, plan.context, ahead)
    rows = min(plan.batch, len(lesson.starts))
    starts = rng.permutation(lesson.starts)[: len(lesson.starts) // rows * rows].reshape(-1, rows)
    loss = _train(plan, learned, lesson, starts)
    learned.loss = loss if np.isnan(learned.loss) else (1.0 - RECENT) * learned.loss + RECENT * loss
    kept = min(AVERAGED ** len(starts), 1.0 - 1.0 / (1.0 + learned.updates / 10.0))
    learned.mean += (np.float32(1.0 - kept)) * (theta - learned.mean)
    learned.lessons += 1
    learned.updates += len(starts)
    learned.seconds += time.process_time() - begun


def _train(plan: Pretraining, learned: Learned, lesson: Lesson, starts: np.ndarray) -> float:
    """Learn from windows in place; the mean loss."""
    prepared, real = lesson.series.prepared, np.float32
    progress = Progress(learned.theta, OptimizerState(learned.moments, count=learned.updates))
    source = TrainingData(lesson.series.rows, lesson.truth.astype(real), base=prepared.z.astype(real))
    task = TrainingPlan(
        loss="absolute_error", rule=plan.rule(learned.updates), max_iter=1, stop_early=False,
        n_threads=plan.n_threads, total_updates=len(starts),
    )  # fmt: skip
    windows = _Windows(starts=starts, steps=plan.context + lesson.steps)
    return train(network_at(prepared, plan), progress, source, windows, task).loss_curve[-1]


def run(
    plan: Pretraining, state: Path, *, minutes: float = np.inf, told: Callable[[Learned], None] = lambda learned: None
) -> Learned:
    """Train to the end, or for so many minutes of the clock, from where the file `state` stands, if there is one."""
    learned = read_learned(state, plan) if state.exists() else begin(plan)
    begun = saved = time.monotonic()
    while learned.updates < plan.updates and time.monotonic() < begun + 60.0 * minutes:
        learn_lesson(plan, learned)
        if time.monotonic() > saved + SAVED:
            saved = time.monotonic()
            learned.curve.append([learned.updates, learned.seconds, learned.loss])
            write_learned(state, plan, learned)
            told(learned)
    write_learned(state, plan, learned)
    return learned


def _words(plan: Pretraining) -> str:
    return json.dumps({name: value for name, value in asdict(plan).items() if name != "n_threads"})


def write_learned(path: Path, plan: Pretraining, learned: Learned) -> None:
    """All that is needed to go on with the same bits."""
    plain = {name: value for name, value in vars(learned).items() if name != "moments"}
    kept = BytesIO()
    arrays: dict[str, Any] = plain | {f"moment_{name}": values for name, values in learned.moments.items()}
    np.savez(kept, plan=np.array(_words(plan)), **arrays)
    replace_file(os.path.realpath(path), [kept.getvalue()])


def read_network(path: Path) -> tuple[Start, float]:
    """The network of a training as it was when the file was written, and the processor's seconds until then."""
    with np.load(path, allow_pickle=False) as kept:
        words = json.loads(str(kept["plan"]))
    plan = Pretraining(**words | {"units": tuple(words["units"])})
    learned = read_learned(path, plan)
    return learned.start(plan), learned.seconds


def read_learned(path: Path, plan: Pretraining) -> Learned:
    """What `write_learned` wrote; ValueError if that was another training."""
    with np.load(path, allow_pickle=False) as kept:
        if str(kept["plan"]) != _words(plan):
            raise ValueError(f"{path}: it is of another training, {kept['plan']}. Name another file.")
        moments = {name.removeprefix("moment_"): kept[name] for name in kept if name.startswith("moment_")}
        counts = {name: kept[name].item() for name in ("lessons", "updates", "loss", "seconds")}
        return Learned(theta=kept["theta"], moments=moments, mean=kept["mean"], curve=kept["curve"].tolist(), **counts)
