"""scikit-learn's callbacks, such as its `ProgressBar`: a fit reports its tasks to those that `set_callbacks` took.

A fit of an estimator of sequences has a task for each epoch, that of a forecaster one for each member, in it one for
each look at the loss, and one each for the weights of candidates and the calibration of intervals. Nothing of
scikit-learn's is imported before it is asked for: its module brings rich with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass
from typing import Any, Self, TypeVar

from sklearn.base import BaseEstimator

from forecastrnn.callbacks import Epoch, MemberUpdate, says_stop

Estimator = TypeVar("Estimator", bound=BaseEstimator)
IN_A_FIT = ("_callback_fit_ctx", "_skl_callbacks_to_teardown", "_parent_callback_ctx")  # what scikit-learn sets there
NEEDS = (
    "set_callbacks needs scikit-learn 1.9 or later: pip install --upgrade scikit-learn. With any version "
    "fit(..., callback=f) calls a function of yours."
)


class TakesCallbacks(BaseEstimator):
    """`set_callbacks`."""

    def set_callbacks(self, *callbacks: Any) -> Self:
        """Set callbacks of scikit-learn 1.9, such as `sklearn.callback.ProgressBar()`, which `fit` then reports to.

        Set on a search, they are handed on to the estimators in it. In a fit they take the place of the passing line of
        verbose="auto".

        Parameters
        ----------
        *callbacks
            Objects of scikit-learn's protocol `FitCallback`; none: those that there were are taken off. One that
            returns True at the end of an epoch, or of a look, stops the training (of that member).

        Returns
        -------
        self

        Raises
        ------
        ImportError
            With a scikit-learn before 1.9.
        TypeError
            For what does not follow the protocol.
        """
        try:
            from sklearn.callback import CallbackSupportMixin
        except ImportError as error:
            raise ImportError(NEEDS) from error
        return CallbackSupportMixin.set_callbacks(self, *callbacks)


@dataclass(frozen=True)
class Task:
    """A part of a fit that callbacks are told of: scikit-learn's context, and the data they may ask for."""

    estimator: BaseEstimator
    context: Any
    data: Mapping[str, object]

    def begin(self) -> Self:
        """Tell that it has begun."""
        self.context.call_on_fit_task_begin(estimator=self.estimator, **self.data)
        return self

    def end(self, state: Callable[[], dict[str, object]] | None = None) -> bool:
        """Tell that it is over; whether a callback wants to stop. `state` : fitted attributes, as they are by now."""
        told = self.context.call_on_fit_task_end(estimator=self.estimator, reconstruction_attributes=state, **self.data)
        return bool(told)

    def part(self, name: str, parts: int | None = 0) -> Task:
        """One inside it, of so many (None: nobody knows) parts, which begins."""
        return Task(self.estimator, self.context.subcontext(task_name=name, max_subtasks=parts), self.data).begin()


def has_callbacks(estimator: BaseEstimator) -> bool:
    """Whether somebody has to be told."""
    return bool(getattr(estimator, "_skl_callbacks", None))


def copied(estimator: Estimator) -> Estimator:
    """A copy of an estimator inside its fit that is in no fit: another one of its own is no part of this."""
    model = copy(estimator)
    for name in IN_A_FIT:
        vars(model).pop(name, None)
    return model


@contextmanager
def fit_task(estimator: BaseEstimator, data: Mapping[str, object], parts: int) -> Iterator[Task | None]:
    """The fit itself, inside `fit`, whose decorator tears down behind it; None: nobody is told."""
    if not has_callbacks(estimator):
        yield None
        return
    from sklearn.callback import CallbackSupportMixin

    task = Task(estimator, CallbackSupportMixin._init_callback_context(estimator, max_subtasks=parts), data).begin()
    yield task
    task.end()


def each_epoch(task: Task | None, callback: Callable[[Epoch], object] | None) -> Callable[[Epoch], object] | None:
    """What is called behind each epoch: the callback of `fit`, and the task of the epoch is over."""
    if task is None:
        return callback

    def told(epoch: Epoch) -> bool:
        asked = callback is not None and says_stop(callback(epoch))
        return task.part("epoch").end(lambda: _fitted_in(epoch.estimator())) or asked

    return told


def _fitted_in(estimator: BaseEstimator) -> dict[str, object]:
    return {name: value for name, value in vars(estimator).items() if name.endswith("_") or name == "_fitted"}


class _Course:
    """Parts of the fit of a forecaster, one behind the other: the first begins with the fit, a further one ends it."""

    def __init__(self, task: Task, looks: int | None) -> None:
        self.task, self.looks, self.member = task, looks, 0
        self.open = task.part("member", looks)

    def begin(self, name: str, parts: int | None = 0) -> None:
        """The next part."""
        self.open.end()
        self.open = self.task.part(name, parts)

    def look(self, member: int) -> bool:
        """At the loss of a member; whether a callback wants it to stop."""
        if member > self.member:
            self.member = member
            self.begin("member", self.looks)
        return self.open.part("look").end()


@contextmanager
def each_look(
    task: Task | None, callback: Callable[[MemberUpdate], object] | None, looks: int | None
) -> Iterator[tuple[Callable[[MemberUpdate], object] | None, Callable[[str], None]]]:
    """What is called at each look at the loss of a member, so many a member, and at the begin of each part behind."""
    if task is None:
        yield callback, lambda name: None
        return
    course = _Course(task, looks)

    def told(look: MemberUpdate) -> bool:
        asked = callback is not None and says_stop(callback(look))
        return course.look(look.member) or asked

    yield told, course.begin
    course.open.end()
