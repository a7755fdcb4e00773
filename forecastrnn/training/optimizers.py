"""Update rules and learning-rate schedules; their state is kept apart from the rule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass

import numpy as np

from forecastrnn.engine.cpu import update

MOMENTS = ("m", "v")  # of the package's own rules


@dataclass(frozen=True)
class Solver:
    """A rule: its kernel, and what its constants are.

    moments : what it keeps of every parameter from update to update; fields of the kernel, if it reads them. The
        package's own rules all keep the same two, so that a warm start goes on with them under another of its rules.
    first, second : the parameter of `Rule` that is the first constant, and the second constant, if it is not beta_2.
    decoupled : weight decay is decoupled from the gradient.
    """

    kernel: str
    moments: tuple[str, ...] = MOMENTS
    first: str = "beta_1"
    second: float | None = None
    decoupled: bool = False


SOLVERS: dict[str, Solver] = {
    "adam": Solver("adam"),
    "adamw": Solver("adam", decoupled=True),
    "sgd": Solver("sgd", first="momentum"),
    "rmsprop": Solver("rmsprop", second=0.9),
}


def constant(done: np.ndarray, total: int) -> np.ndarray:
    """1 all the time."""
    return np.ones(len(done))


def invscaling(done: np.ndarray, total: int) -> np.ndarray:
    """1 / sqrt(update), as scikit-learn's "invscaling" with power_t 0.5."""
    return 1.0 / np.sqrt(done + 1.0)


def cosine(done: np.ndarray, total: int) -> np.ndarray:
    """Half a cosine from 1 to 0 (Loshchilov & Hutter 2017)."""
    return 0.5 + 0.5 * np.cos(np.pi * np.minimum(done / max(total, 1), 1.0))


def step(done: np.ndarray, total: int, factor: float = 0.1, *at: float) -> np.ndarray:
    """1, times `factor` at each of the shares `at`; without them 0.1 after half of the updates, 0.01 after 3/4."""
    share = done / max(total, 1)
    if at:
        return factor ** (share[:, None] >= np.array(at)).sum(axis=1)
    return np.where(share < 0.5, 1.0, np.where(share < 0.75, 0.1, 0.01))


def one_cycle(done: np.ndarray, total: int, warm: float = 0.15, start: float = 25.0, end: float = 1e4) -> np.ndarray:
    """From 1/25 up to 1 in 15% of the updates, then down to 1/250,000, each by half a cosine (Smith 2018)."""
    peak = max(warm * total - 1.0, 1.0)

    def between(a: float, b: float, share: np.ndarray) -> np.ndarray:
        return b + (a - b) / 2.0 * (1.0 + np.cos(np.pi * np.clip(share, 0.0, 1.0)))

    rise = between(1.0 / start, 1.0, done / peak)
    fall = between(1.0, 1.0 / start / end, (done - peak) / max(total - 1.0 - peak, 1.0))
    return np.where(done <= peak, rise, fall)


SCHEDULES: dict[str, Callable[..., np.ndarray]] = {
    "constant": constant,
    "invscaling": invscaling,
    "cosine": cosine,
    "step": step,
    "one_cycle": one_cycle,
}


@dataclass(frozen=True)
class Course:
    """A schedule with other numbers than the usual ones, in the order of its arguments behind `total`."""

    name: str
    numbers: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.name not in SCHEDULES or not np.isfinite(self.numbers).all():
            raise ValueError(f"there is no schedule {self.name[:40]!r} with {len(self.numbers)} finite numbers")

    def __call__(self, done: np.ndarray, total: int) -> np.ndarray:
        """Of the learning rate, at the updates done."""
        return SCHEDULES[self.name](done, total, *self.numbers)


@dataclass(frozen=True)
class Rule:
    """How parameters are updated."""

    solver: str = "adam"
    learning_rate_init: float = 1e-3
    _: KW_ONLY
    learning_rate: str | Course = "constant"
    alpha: float = 0.0
    clip_norm: float | None = None
    momentum: float = 0.9
    nesterovs_momentum: bool = True
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    gradient_noise: float = 0.0

    @property
    def moments(self) -> tuple[str, ...]:
        """Names of what is kept of every parameter."""
        return SOLVERS[self.solver].moments

    def options(self, seed: int = 0) -> np.ndarray:
        """The kernels' constants (engine/cpu/update.py); `seed` of gradient noise."""
        values, solver = np.zeros(update.OPTIONS), SOLVERS[self.solver]
        values[update.CLIP] = self.clip_norm or 0.0
        values[update.DECAY if solver.decoupled else update.L2] = self.alpha
        values[update.FIRST] = getattr(self, solver.first)
        values[update.SECOND] = self.beta_2 if solver.second is None else solver.second
        values[update.EPSILON] = self.epsilon
        values[update.NESTEROV] = float(self.nesterovs_momentum)
        values[update.NOISE], values[update.SEED] = self.gradient_noise, seed
        return values

    def rates(self, done: int, steps: int, total: int) -> np.ndarray:
        """Learning rates of the updates done .. done + steps, of `total` in all."""
        course = self.learning_rate if isinstance(self.learning_rate, Course) else Course(self.learning_rate)
        return self.learning_rate_init * course(np.arange(done, done + steps), total)


@dataclass
class OptimizerState:
    """Moments of every parameter, by name; updates made in all, and in this fit, which the schedule follows."""

    moments: dict[str, np.ndarray]
    count: int = 0
    since_start: int = 0

    @classmethod
    def zeros(cls, theta: np.ndarray, moments: tuple[str, ...] = MOMENTS) -> OptimizerState:
        """Before the first update."""
        return cls({name: np.zeros_like(theta) for name in moments})

    def begin(self, theta: np.ndarray, moments: tuple[str, ...]) -> None:
        """A fit begins, by a rule that keeps `moments`: those that no rule before it has kept are zero."""
        self.since_start = 0
        for name in moments:
            self.moments.setdefault(name, np.zeros_like(theta))

    def copy(self) -> OptimizerState:
        """For another fit."""
        return OptimizerState({name: moment.copy() for name, moment in self.moments.items()}, self.count)
