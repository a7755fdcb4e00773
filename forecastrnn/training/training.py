"""The training loop: epochs of mini-batches, stopping, the best parameters kept."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from forecastrnn.engine.communicators import current
from forecastrnn.engine.devices import CPU, memory_of
from forecastrnn.engine.memory import check_fits, machine_memory
from forecastrnn.engine.resident import Fetch, resident
from forecastrnn.exceptions import TrainingDivergedError
from forecastrnn.networks.network import Network
from forecastrnn.programs.shapes import NO_DROPOUT, Dropout
from forecastrnn.training.batches import ArrayBatches, WindowBatches
from forecastrnn.training.optimizers import OptimizerState, Rule
from forecastrnn.training.parallel_step import DeviceParallelProgram, check_rows, shared
from forecastrnn.training.stepping import BatchIndex, Stepper, TrainingProgram
from forecastrnn.training.training_step import TrainingData

CALL_SECONDS = 0.05  # one call into compiled code, so that Ctrl-C is heard soon
ShouldStop = Callable[[float, float | None], bool]
BLOW_UP = 1e4  # a loss this many times the first one counts as diverged


@dataclass(frozen=True)
class TrainingPlan:
    """What to train, and when to stop."""

    loss: str
    last: int
    rule: Rule
    max_iter: int
    tol: float = 1e-4
    n_iter_no_change: int = 10
    n_threads: int = 1
    verbose: bool = False
    stop_early: bool = True
    checkpoint_steps: int | None = None
    dropout: Dropout = NO_DROPOUT
    total_updates: int | None = None
    n_sampled: int = 0
    device: str = "cpu"


@dataclass
class Progress:
    """Parameters, optimizer and history: all that training changes."""

    theta: np.ndarray
    optimizer: OptimizerState
    loss_curve: list[float] = field(default_factory=list)
    validation_scores: list[float] = field(default_factory=list)
    best_iter: int = 0
    stopped: bool = False

    def __post_init__(self) -> None:
        self.fetch: Fetch | None = None  # brings parameters and moments from a GPU, while that trains

    def copy(self) -> Progress:
        """So that a failed fit leaves the original as it was."""
        if self.fetch is not None:
            self.fetch()
        curves = list(self.loss_curve), list(self.validation_scores)
        return Progress(self.theta.copy(), self.optimizer.copy(), *curves, self.best_iter)


class Trainer:
    """Runs a plan on one source of mini-batches; `validate` gives a score, larger is better.

    `watch` is called behind each epoch with its loss and score, and stops training by returning True.
    """

    def __init__(
        self, network: Any, progress: Progress, source: Any, batches: Any,
        plan: TrainingPlan, validate: Callable[[np.ndarray], float] | None = None, watch: ShouldStop | None = None,
    ) -> None:  # fmt: skip
        self.network, self.progress, self.source = network, progress, source
        self.batches, self.plan, self.validate, self.watch = batches, plan, validate, watch
        progress.optimizer.begin(progress.theta, plan.rule.moments)
        self.programs: dict[tuple[int, Any], Stepper] = {}
        self.seconds_a_step = CALL_SECONDS
        self.first_loss: float | None = None

    def run(self) -> Progress:
        """Train until the plan says stop; raises TrainingDivergedError."""
        progress = self.progress
        self._check_memory()
        with self._on_device():
            kept = self._run_epochs()
            self._check_end()
        self.network.set_unknown(progress.theta)
        if kept is not None:
            progress.theta[:] = kept
        return progress

    @contextmanager
    def _on_device(self) -> Iterator[None]:
        """Parameters and moments stay on the GPU; `progress.fetch` brings them to who wants to look at them."""
        progress, communicator, device = self.progress, current(), self.plan.device
        arrays = progress.theta, *progress.optimizer.moments.values()
        through_host = communicator is not None and not communicator.on_device
        with resident(arrays, CPU if through_host else device) as fetch:
            progress.fetch = None if fetch is None else partial(self._fetch, fetch)
            try:
                yield
            finally:
                progress.fetch = None

    def _fetch(self, fetch: Fetch, count: int | None = None) -> None:
        fetch(count)
        self.network.set_unknown(self.progress.theta)

    def _run_epochs(self) -> np.ndarray | None:
        """All epochs; the best parameters, where they are validated."""
        progress, plan = self.progress, self.plan
        best, waited, kept = -np.inf, 0, None
        for epoch in range(plan.max_iter):
            loss = self.run_epoch(len(progress.loss_curve))
            progress.loss_curve.append(loss)
            score = self._score(loss)
            self._report(epoch, loss)
            waited = 0 if score > best + plan.tol else waited + 1
            if score > best:
                best = score
                if self.validate:
                    progress.best_iter, kept = len(progress.loss_curve), progress.theta.copy()
            asked = self.watch is not None and self.watch(loss, score if self.validate else None)
            if asked or plan.stop_early and waited >= plan.n_iter_no_change:
                progress.stopped = True
                break
        return kept

    def run_epoch(self, number: int) -> float:
        """One pass over the mini-batches of an epoch; the mean loss, weighted as the samples are."""
        total, weight = 0.0, 0.0
        for index in self.batches.epoch(number):
            losses, weights = self._run_calls(self._program_of(index), index)
            total += float(losses @ weights)
            weight += float(weights.sum())
        if self.progress.fetch is None:
            self.network.set_unknown(self.progress.theta)
        return total / weight if weight > 0.0 else 0.0

    def _program_of(self, index: BatchIndex) -> Stepper:
        return self._program(index.x.shape[1], self.batches.steps_of(index))

    def _program(self, rows: int, steps: Any) -> Stepper:
        """The program of mini-batches of `rows` rows and `steps` steps, or what a subclass has for these."""
        if (rows, steps) not in self.programs:
            self.programs[rows, steps] = self._build(rows, steps)
        return self.programs[rows, steps]

    def _build(self, rows: int, steps: Any) -> Any:
        batches, plan, source = self.batches, self.plan, self.source
        if source.y_steps is not None:  # a shorter program reads no further
            source = replace(source, y_steps=min(source.y_steps, steps))
        make = shared(TrainingProgram, DeviceParallelProgram, rows)
        return make(
            self.network, self.progress.theta, self.progress.optimizer, source,
            steps=steps, rows=rows, loss=plan.loss, last=plan.last, rule=plan.rule,
            lengths=batches.ragged, carry=batches.carries, checkpoint_steps=plan.checkpoint_steps,
            dropout=plan.dropout, seed=batches.seed, n_sampled=plan.n_sampled, device=plan.device,
        )  # fmt: skip

    def _check_memory(self) -> None:
        """Refuse mini-batches that would not fit, before anything is allocated for them."""
        rows, steps = self.batches.sizes[0]
        check_rows(rows, "sequences")
        need, device = sum(self._program(*size).program.nbytes for size in self.batches.sizes), self.plan.device
        have = memory_of(device)
        fit = int(rows * (have or machine_memory()) / max(need, 1))
        check_fits(
            need, f"batch_size={rows}: mini-batches of {rows} sequences of {steps} steps",
            f"About {fit} such sequences fit. Lower batch_size, or set checkpoint_steps or bptt_steps where there are.",
            have,
        )  # fmt: skip

    def _run_calls(self, program: Stepper, index: BatchIndex) -> tuple[np.ndarray, np.ndarray]:
        """Run all steps, in calls that are short enough to be interrupted; their losses and weights."""
        losses, weights, at = [], [], 0
        if self.plan.device == CPU:
            program.program.prepare()  # so that no time of compilation is taken for that of steps
        while at < index.steps:
            n = int(np.clip(CALL_SECONDS / self.seconds_a_step, 1, program.most_steps))
            begun = time.perf_counter()
            losses.append(program.run(index.part(at, at + n), self._total(), self.plan.n_threads))
            weights.append(program.weights)
            done = min(n, index.steps - at)
            self.seconds_a_step = (time.perf_counter() - begun) / done
            self._check(losses[-1])
            at += n
        return np.concatenate(losses), np.concatenate(weights)

    def _total(self) -> int:
        """Updates of the whole fit, for schedules."""
        if self.plan.total_updates:
            return self.plan.total_updates
        return self.plan.max_iter * sum(index.steps for index in self._first_epoch())

    def _first_epoch(self) -> list[BatchIndex]:
        if not hasattr(self, "_first"):
            self._first = self.batches.epoch(getattr(self.batches, "before", 0))
        return self._first

    def _check(self, losses: np.ndarray) -> None:
        """Stop as soon as learning has diverged: on non-finite losses, and on finite but absurd ones."""
        if self.first_loss is None and np.isfinite(losses[0]):
            self.first_loss = max(float(losses[0]), 1.0)
        bad = ~np.isfinite(losses) | (losses > BLOW_UP * (self.first_loss or 1.0))
        if bad.any():
            update = self.progress.optimizer.count - len(losses) + int(np.argmax(bad))
            worst = losses[np.argmax(bad)]
            kind = f"increased to {worst:.3g}" if np.isfinite(worst) else "became non-finite"
            raise TrainingDivergedError(
                f"training diverged: the loss {kind} after {update} updates (learning_rate_init="
                f"{self.plan.rule.learning_rate_init:g}). Lower learning_rate_init, or set clip_norm."
            )

    def _check_end(self) -> None:
        """The last update can be the one that ruins the model: look at the loss behind it."""
        first = self._first_epoch()[0]
        program = self._program_of(first)
        self._check(program.loss(first.part(0, 1), self.plan.n_threads))

    def _score(self, loss: float) -> float:
        if self.validate is None:
            return -loss
        if self.progress.fetch is not None:
            self.progress.fetch(1)
        score = self.validate(self.progress.theta)
        self.progress.validation_scores.append(score)
        return score

    def _report(self, epoch: int, loss: float) -> None:
        if self.plan.verbose:
            print(f"Iteration {epoch + 1}, loss = {loss:.8f}")
            if self.validate is not None:
                print(f"Validation score: {self.progress.validation_scores[-1]:f}")


def train(
    network: Network, progress: Progress, source: TrainingData, batches: ArrayBatches | WindowBatches,
    plan: TrainingPlan,
    validate: Callable[[np.ndarray], float] | None = None, watch: ShouldStop | None = None,
) -> Progress:  # fmt: skip
    """Train `progress` in place and return it."""
    return Trainer(network, progress, source, batches, plan, validate, watch).run()
