"""The training loop: epochs of mini-batches, stopping, the best parameters kept."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import groupby

import numpy as np

from forecastrnn.engine.communicators import current
from forecastrnn.engine.devices import CPU, memory_of
from forecastrnn.engine.memory import check_fits
from forecastrnn.engine.resident import Fetch, resident
from forecastrnn.exceptions import TrainingDivergedError
from forecastrnn.keeping import Slot, check, next_slot
from forecastrnn.networks.losses import AnyLoss
from forecastrnn.networks.network import AnyNetwork
from forecastrnn.programs.shapes import ALL, NO_DROPOUT, Dropout
from forecastrnn.progress import told
from forecastrnn.training.batches import Batches
from forecastrnn.training.divergence import ANY_LOSS, BLOW_UP, ROWS, UPDATES, WorstLoss
from forecastrnn.training.network_progress import Progress, within_reach
from forecastrnn.training.optimizers import Rule
from forecastrnn.training.own_inputs import Sampling
from forecastrnn.training.pair_task import PairData
from forecastrnn.training.parallel_step import Stepper, check_rows, program_kind
from forecastrnn.training.resuming import LoopState, carried_of, carry_on, record_of, restored
from forecastrnn.training.sequence_task import TrainingData
from forecastrnn.training.stepping import BatchIndex, Steps

CALL_SECONDS = 0.05  # one call into compiled code, so that Ctrl-C is heard soon
ShouldStop = Callable[[float, float | None], bool]
Validate = Callable[[np.ndarray], float]


@dataclass(frozen=True, kw_only=True)
class TrainingPlan:
    """What to train, and when to stop; `last`, `checkpoint_steps` and `sampling` as in `TrainingProgram`.

    worst : what the loss of the first mini-batches may be behind the last update.
    """

    loss: AnyLoss
    rule: Rule
    max_iter: int
    last: int = ALL
    tol: float = 1e-4
    n_iter_no_change: int = 10
    n_threads: int = 1
    verbose: bool = False
    stop_early: bool = True
    checkpoint_steps: int | None = None
    dropout: Dropout = NO_DROPOUT
    sampling: Sampling | None = None
    total_updates: int | None = None
    n_sampled: int = 0
    device: str = "cpu"
    worst: WorstLoss = ANY_LOSS


class Trainer:
    """Runs a plan on one source of mini-batches; `validate` gives a score, larger is better.

    `watch` is called behind each epoch with its loss and score, and stops training by returning True.
    """

    def __init__(
        self, network: AnyNetwork, progress: Progress, source: TrainingData | PairData, batches: Batches,
        plan: TrainingPlan, *, validate: Validate | None = None, watch: ShouldStop | None = None,
    ) -> None:  # fmt: skip
        self.network, self.progress, self.source = network, progress, source
        self.batches, self.plan, self.validate, self.watch = batches, plan, validate, watch
        progress.optimizer.begin(progress.theta, plan.rule.moments)
        self.programs: dict[tuple[int, Steps], Stepper] = {}
        self.seconds_a_step, self.begun = CALL_SECONDS, progress.optimizer.count
        self.earlier = max(progress.loss_curve[:1], default=-np.inf)  # the first loss of the fit that this one goes on
        self.state, self.slot = LoopState(), Slot()

    def run(self) -> Progress:
        """Train until the plan says stop, from where a killed run was; raises TrainingDivergedError."""
        progress, self.slot = self.progress, next_slot()
        if self.slot.found is not None:
            self.state = restored(self.slot.found, progress, self.plan.max_iter, self.validate is not None)
        if self.state.is_over:
            return progress
        self._check_memory()
        with self._on_device():
            if self.slot.found is None:
                self._look_at_begin()
            self._run_epochs()
            if self.state.kept is None:
                self._check_end()
        self.network.set_unknown(progress.theta)
        if self.state.kept is not None:
            progress.theta[:] = self.state.kept
            self._check_end()
        self._check_reach()
        self.slot.finish(lambda: record_of(LoopState(is_over=True), progress))
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

    def _run_epochs(self) -> None:
        """All epochs; where they are validated, the best parameters are kept."""
        progress, plan, state = self.progress, self.plan, self.state
        while state.looked < plan.max_iter:
            if not state.losses:
                state.losses = self._run_unwatched()
            loss = state.losses.pop(0)
            self._check(np.array([loss]))
            progress.loss_curve.append(loss)
            score = self._score(loss)
            self._report(state.looked, loss)
            state.looked += 1
            state.waited = 0 if score > state.best + plan.tol else state.waited + 1
            if score > state.best:
                state.best = score
                if self.validate:
                    progress.best_iter, state.kept = len(progress.loss_curve), progress.theta.copy()
            asked = self.watch is not None and self.watch(loss, score if self.validate else None)
            if asked or plan.stop_early and state.waited >= plan.n_iter_no_change:
                progress.stopped = True
                break

    def _run_unwatched(self) -> list[float]:
        """The epochs that run in one go, or what is left of those that a killed run has begun."""
        state, most = self.state, self._most_unwatched(self.state.looked, self.state.waited)
        if not state.count:
            state.first, state.count = len(self.progress.loss_curve), 1 if self.plan.verbose else most
        check(state.count <= most, f"{state.count} epochs are running together")
        return self.run_epochs()

    def _most_unwatched(self, epoch: int, waited: int) -> int:
        """Epochs from `epoch` on that can run in one go: nobody looks at one of them, or stops, before the last."""
        plan, steps = self.plan, sum(index.steps for index in self._first_epoch())
        looks = self.watch is not None or self.validate is not None
        if looks or self.network.has_categories:  # unknown categories change behind each epoch
            return 1
        until_stop = plan.n_iter_no_change - waited if plan.stop_early else plan.max_iter
        room = self._program_of(self._first_epoch()[0]).most_steps // max(steps, 1)
        return max(1, min(until_stop, plan.max_iter - epoch, room))

    def run_epochs(self) -> list[float]:
        """Passes over the mini-batches of some epochs; the mean loss of each, weighted as the samples are.

        What the same program runs one after the other, through several epochs too, is as few calls as can be.
        """
        state, at = self.state, 0
        pieces = [(k, index) for k in range(state.count) for index in self.batches.epoch(state.first + k)]
        for program, group in groupby(pieces, lambda piece: self._program_of(piece[1])):
            index = BatchIndex.joined([index for _, index in group])
            if state.done < at + index.steps:
                self._run_calls(program, index.part(max(state.done - at, 0), index.steps))
            at += index.steps
        check(state.done == at, f"{state.done} updates are made in {state.count} epochs")
        if self.progress.fetch is None:
            self.network.set_unknown(self.progress.theta)
        return self._means(pieces)

    def _means(self, pieces: list[tuple[int, BatchIndex]]) -> list[float]:
        """The mean loss of each epoch, of which the mini-batches are `pieces`."""
        sums, at = [[0.0, 0.0] for _ in range(self.state.count)], 0
        losses, weights = self.state.ended()
        for k, index in pieces:
            part = slice(at, at + index.steps)
            sums[k][0] += float(losses[part] @ weights[part])
            sums[k][1] += float(weights[part].sum())
            at = part.stop
        return [total / weight if weight > 0.0 else 0.0 for total, weight in sums]

    def _program_of(self, index: BatchIndex) -> Stepper:
        return self._program(index.x.shape[1], self.batches.steps_of(index))

    def _program(self, rows: int, steps: Steps) -> Stepper:
        """The program of mini-batches of `rows` rows and `steps` steps."""
        if (rows, steps) not in self.programs:
            self.programs[rows, steps] = self._build(rows, steps)
        return self.programs[rows, steps]

    def _build(self, rows: int, steps: Steps, dropout: Dropout | None = None) -> Stepper:
        batches, plan, progress = self.batches, self.plan, self.progress
        return program_kind(rows)(
            self.network, progress.theta, progress.optimizer, self.source,
            steps=steps, rows=rows, loss=plan.loss, last=plan.last, rule=plan.rule,
            lengths=batches.ragged, carry=batches.carries, checkpoint_steps=plan.checkpoint_steps,
            dropout=plan.dropout if dropout is None else dropout, seed=batches.seed, sampling=plan.sampling,
            n_sampled=plan.n_sampled, device=plan.device,
        )  # fmt: skip

    def _check_memory(self) -> None:
        """Refuse mini-batches that would not fit, before anything is allocated for them."""
        (rows, steps), samples = self.batches.sizes[0], self.source.samples
        check_rows(rows, samples)
        work = sum(self._program(*size).program.nbytes for size in self.batches.sizes)
        theta, kept = self.progress.theta, len(self.plan.rule.moments) + (self.validate is not None)
        gpu = memory_of(self.plan.device)
        beside = theta.nbytes * kept  # moments, and parameters that were best: room that is taken as it is filled
        counts = " and ".join(map(str, steps)) if isinstance(steps, tuple) else steps
        check_fits(
            work + beside, f"batch_size={rows}: mini-batches of {rows} {samples} of {counts} steps",
            lambda room: self._advice(int(rows * (room.nbytes - beside) / max(work, 1))), gpu,
        )  # fmt: skip

    def _advice(self, fit: int) -> str:
        """What to do where so many rows would fit."""
        if fit < 1:
            return f"Take smaller networks: hidden_layer_sizes. {self.source.advice}"
        return f"About {fit} such {self.source.samples} fit. {self.source.advice}"

    def _run_calls(self, program: Stepper, index: BatchIndex) -> None:
        """Run all steps, in calls that are short enough to be interrupted."""
        at = 0
        if self.plan.device == CPU:
            program.program.prepare()  # so that no time of compilation is taken for that of steps
        if index.keep is not None and index.keep[0]:  # which no run begins with that was not killed
            carry_on(program.carried, self.state.carried)
            self.state.carried = []
        check(not self.state.carried, "states are carried on to where none are")
        while at < index.steps:
            n = min(max(int(CALL_SECONDS / self.seconds_a_step), 1), program.most_steps, index.steps - at)
            part = index if n == index.steps else index.part(at, at + n)
            begun = time.perf_counter()
            losses = program.run(part, self._total(), self.plan.n_threads)
            self.state.made(losses, program.weights)
            self.seconds_a_step = (time.perf_counter() - begun) / n
            self._check(losses)
            at += n
            self._tell()
            if self.slot.is_due():
                goes_on = at < index.steps and index.keep is not None and index.keep[at] != 0
                self._keep(carried_of(program.carried) if goes_on else [])

    def _keep(self, carried: list[np.ndarray]) -> None:
        """Write all that the rest of this training depends on."""
        self.state.carried = carried
        self.slot.keep(record_of(self.state, self.progress))
        self.state.carried = []

    def _tell(self) -> None:
        """How far it has come, in updates where these are what a fit counts, else in epochs."""
        done = self.progress.optimizer.count - self.begun
        if self.plan.total_updates:
            told(done, self.plan.total_updates, "update")
        else:
            told(done / sum(index.steps for index in self._first_epoch()), self.plan.max_iter, "epoch")

    def _total(self) -> int:
        """Updates of the whole fit, for schedules."""
        if self.plan.total_updates:
            return self.plan.total_updates
        return self.plan.max_iter * sum(index.steps for index in self._first_epoch())

    def _first_epoch(self) -> list[BatchIndex]:
        if not hasattr(self, "_first"):
            self._first = self.batches.epoch(self.batches.before)
        return self._first

    def _check(self, losses: np.ndarray) -> None:
        """Stop as soon as learning has diverged: on non-finite losses, and on finite but absurd ones."""
        state = self.state
        if np.isnan(state.first_loss) and np.isfinite(losses[0]):
            state.first_loss = max(float(losses[0]), self.plan.worst.of_zeros, 1.0)
            if self._looked_at() == 1:
                state.begun_at = float(losses[0])
        bad = ~np.isfinite(losses) | (losses > BLOW_UP * (1.0 if np.isnan(state.first_loss) else state.first_loss))
        if bad.any():
            update = self.progress.optimizer.count - len(losses) + int(np.argmax(bad))
            worst = losses[np.argmax(bad)]
            kind = f"increased to {worst:.3g}" if np.isfinite(worst) else "became non-finite"
            raise self._diverged(f"the loss {kind} after {update} updates")

    def _looked_at(self) -> int:
        """Mini-batches of the first epoch by which the end is judged: one, or more where they are of few rows."""
        if not np.isfinite(self.plan.worst.times):
            return 1
        rows, steps = self._first_epoch()[0].x.shape[1], sum(index.steps for index in self._first_epoch())
        return max(1, min(-(-ROWS // rows), steps, 1 + self._total() // UPDATES))

    def _look_at_begin(self) -> None:
        """Keep the loss before the first update, where the first mini-batch alone, which has it anyway, is too few."""
        if self._looked_at() > 1:
            self.state.begun_at = self._mean_loss(self._looked_at())

    def _mean_loss(self, left: float, dropout: Dropout | None = None) -> float:
        """The mean loss of the `left` first mini-batches; nothing is updated. dropout : None: as in training."""
        total, weight = 0.0, 0.0
        for index in self._first_epoch():
            size = index.x.shape[1], self.batches.steps_of(index)
            program = self._program(*size) if dropout is None else self._build(*size, dropout)
            for k in range(int(min(index.steps, left))):
                loss = float(program.loss(index.part(k, k + 1), self.plan.n_threads)[0])
                total, weight = total + loss * index.x.shape[1], weight + index.x.shape[1]
            left -= min(index.steps, left)
        return total / weight

    def _diverged(self, what: str) -> TrainingDivergedError:
        return TrainingDivergedError(
            f"training diverged: {what} (learning rate {self.plan.rule.learning_rate_init:g}). Lower "
            "solver__learning_rate, or set solver__clip_norm."
        )

    def _check_end(self) -> None:
        """The last update can be the one that ruins the model: look at the loss behind it.

        A loss that is bounded, as that of a GRU's outputs, never grows ten thousand times: a network that is worse than
        it was, and than one that says nothing, has learned nothing. Where the first mini-batches look so, or an epoch
        blew up, all are looked at, without dropout, which makes a loss as high as it likes.
        """
        loss, worst, looked = self._mean_loss(self._looked_at()), self.plan.worst, self.state.looked
        first = max(self.state.begun_at, self.earlier)
        blew_up = worst.blew_up(self.progress.loss_curve[-looked:] if looked else [], first)
        most = worst.behind(first, blew_up)
        self._check(np.array([loss]))
        if blew_up or loss > most:
            loss = self._mean_loss(np.inf, NO_DROPOUT if self.plan.dropout else None)
        if loss > most:
            raise self._diverged(f"the loss increased from {first:.3g} at first to {loss:.3g} behind all updates")

    def _check_reach(self) -> None:
        """Parameters and moments must be what a model file may hold."""
        theta, (low, high) = self.progress.theta, within_reach(self.progress.theta.dtype)
        moments = self.progress.optimizer.moments.values()
        if not (low <= theta.min() and theta.max() <= high and all(np.isfinite(one).all() for one in moments)):
            raise self._diverged("weights, or moments of the solver, became larger than can be computed with")

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
    network: AnyNetwork, progress: Progress, source: TrainingData | PairData, batches: Batches,
    plan: TrainingPlan, *, validate: Validate | None = None, watch: ShouldStop | None = None,
) -> Progress:  # fmt: skip
    """Train `progress` in place and return it."""
    return Trainer(network, progress, source, batches, plan, validate=validate, watch=watch).run()
