"""Losses by name: which kernel computes value and gradient, and what they are for; likelihoods have kernels made."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass

import numpy as np

from forecastrnn.networks.likelihood import Likelihood
from forecastrnn.networks.likelihoods import LIKELIHOODS

TASKS = ("regression", "classification", "forecasting")


@dataclass(frozen=True)
class Loss:
    """A loss: its kernel, the kernel's variant, and the tasks that it is for.

    Of a classification targets are class numbers, and outputs the classes' scores; else both are numbers.
    """

    kernel: str
    kind: int = 0
    tasks: tuple[str, ...] = ("regression", "forecasting")

    def __post_init__(self) -> None:
        for task in self.tasks:
            if task not in TASKS:
                raise ValueError(f"tasks must be among {list(TASKS)}. Got {task!r}.")

    @property
    def takes_classes(self) -> bool:
        """Whether targets are class numbers."""
        return "classification" in self.tasks


LOSSES: dict[str, Loss] = {
    "squared_error": Loss("elementwise_loss", 0),
    "absolute_error": Loss("elementwise_loss", 1),
    "huber": Loss("elementwise_loss", 2),
    "cross_entropy": Loss("cross_entropy", tasks=("classification",)),
}


KNOWN_LOSSES: Mapping[str, object] = ChainMap[str, object](LOSSES, LIKELIHOODS)  # type: ignore[arg-type]
AnyLoss = str | Likelihood  # a name in LOSSES, or the likelihood itself


def loss_of(name: str, options: tuple[float, ...] = ()) -> AnyLoss:
    """The loss of a name: itself, or the likelihood with these options."""
    return LIKELIHOODS[name].of(options) if name in LIKELIHOODS else name


def numbers_of(loss: AnyLoss) -> int:
    """Numbers that a network puts out for a value; of classes, one each."""
    return loss.n_numbers if isinstance(loss, Likelihood) else 1


class LossesFor(Set[str]):
    """Names of the losses that are for a task, those too that come into the table later."""

    def __init__(self, task: str) -> None:
        self.task = task

    @classmethod
    def _from_iterable(cls, names: Iterable[str]) -> set[str]:  # type: ignore[override]
        return set(names)

    def __contains__(self, name: object) -> bool:
        return name in set(self)

    def __iter__(self) -> Iterator[str]:
        likelihoods = LIKELIHOODS if self.task == "forecasting" else ()
        return iter([*(name for name, loss in LOSSES.items() if self.task in loss.tasks), *likelihoods])

    def __len__(self) -> int:
        return len(set(self))


def softmax(scores: np.ndarray) -> np.ndarray:
    """Probabilities from scores along the last axis."""
    e = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)
