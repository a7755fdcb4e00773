"""What a callback sees of a training in progress."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Epoch:
    """An epoch that is over, as the `callback` of `fit` receives it.

    Attributes
    ----------
    iteration : int
        Number of the epoch, from 1 on; with warm_start it counts on from earlier fits, as `n_iter_` does.
    loss : float
        Mean training loss of the epoch.
    validation_score : float or None
        With early_stopping, the score on the rows held out: accuracy, R^2 of a regressor, or exact matches of an
        RNNSeq2Seq.

    Examples
    --------
    Stop at an accuracy of 0.9 on the rows held out:

    >>> import numpy as np
    >>> from forecastrnn import RNNClassifier
    >>> X = np.cumsum(np.random.RandomState(0).normal(size=(200, 15)), axis=1)
    >>> model = RNNClassifier(hidden_layer_sizes=8, early_stopping=True, random_state=0)
    >>> model = model.fit(X, X[:, -1] > X[:, 0], callback=lambda epoch: epoch.validation_score >= 0.9)
    >>> model.n_iter_ < model.max_iter, model.validation_scores_[-1] >= 0.9
    (True, True)
    """

    iteration: int
    loss: float
    validation_score: float | None
    _model: Callable[[], Any] = field(repr=False)

    def estimator(self) -> Any:
        """A copy of the estimator as if it had stopped here, to predict with or to save.

        Returns
        -------
        RNNRegressor, RNNClassifier or RNNSeq2Seq
            Fitted; the training that goes on does not change it.
        """
        return self._model()


@dataclass(frozen=True)
class MemberUpdate:
    """A look at a member of a forecaster in training, as the `callback` of `RNNForecaster.fit` receives it.

    Attributes
    ----------
    member : int
        Which of `n_members` is trained, from 0 on; they are trained one after the other.
    update : int
        Its updates so far; with warm_start those of earlier fits count.
    loss : float
        Mean training loss of the updates since the last look.
    validation_score : float or None
        With early_stopping, minus the loss on the ends of the series that are held out.

    Examples
    --------
    Stop each member as soon as its loss is below 0.4:

    >>> from forecastrnn import RNNForecaster
    >>> from forecastrnn.datasets import load_airline
    >>> model = RNNForecaster(n_members=2, max_steps=500, random_state=0)
    >>> model = model.fit(load_airline(), callback=lambda look: look.loss < 0.4)
    >>> model.n_iter_ < 500, model.loss_curve_[-1] < 0.4
    (True, True)
    """

    member: int
    update: int
    loss: float
    validation_score: float | None


def check_callback(callback: object, takes: str = "the epoch") -> None:
    """Raise TypeError for what cannot be called."""
    if callback is not None and not callable(callback):
        raise TypeError(
            f"callback must be None or a function that takes {takes} and returns True to stop. "
            f"Got {type(callback).__name__}."
        )


def says_stop(answer: object) -> bool:
    """Whether what a callback has returned is true; TypeError for what is neither true nor false, such as an array."""
    try:
        return bool(answer)
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"callback must return True to stop, or False or None to go on. Got {type(answer).__name__}, which is "
            "neither true nor false: return a comparison of numbers."
        ) from error


Look = MemberUpdate  # the name of the first release
