"""What the estimators that learn in epochs share: the course of a fit, its callback, what it publishes."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import Generic, Self, TypeVar

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from forecastrnn.callbacks import Epoch, check_callback, says_stop
from forecastrnn.data.sample_weights import read_sample_weight
from forecastrnn.estimators.named_parameters import NamedParameters, check_numbers
from forecastrnn.estimators.old_names import flat_of
from forecastrnn.estimators.reporting import copied, each_epoch, fit_task
from forecastrnn.estimators.resuming import going_on_from
from forecastrnn.estimators.saving import SavedToFile
from forecastrnn.estimators.summary_text import cells_in_words
from forecastrnn.estimators.telling import telling
from forecastrnn.keeping import recalled, recalled_split
from forecastrnn.metrics.checks import in_unit
from forecastrnn.naming import counted
from forecastrnn.networks.traced_cell import cell_name
from forecastrnn.persistence.digests import digest_of
from forecastrnn.sequences.fitting import Fitted, SequenceSamples
from forecastrnn.sequences.seq2seq_fitting import FittedPairs, PairSamples
from forecastrnn.sequences.settings import PairSettings, SequenceSettings
from forecastrnn.training.curves import TrainingCurves
from forecastrnn.training.training import ShouldStop, Trainer, Validate

Callback = Callable[[Epoch], object]
Settings = TypeVar("Settings", SequenceSettings, PairSettings)
Model = TypeVar("Model", Fitted, FittedPairs)
Data = TypeVar("Data", SequenceSamples, PairSamples)


@dataclass(frozen=True, kw_only=True)
class GivenData:
    """What `fit` and `partial_fit` are given to learn from; `classes` and tokens are all that will ever come."""

    X: object
    y: object
    sample_weight: object = None
    lengths: object = None
    classes: np.ndarray | None = None
    source_tokens: object = None
    target_tokens: object = None


@contextmanager
def unchanged_on_error(estimator: BaseEstimator) -> Iterator[None]:
    """Whatever stops a fit, Ctrl-C too, leaves the estimator as it was."""
    before = estimator.__dict__.copy()
    try:
        yield
    except BaseException:
        estimator.__dict__.clear()
        estimator.__dict__.update(before)
        raise


def _data_of(given: GivenData) -> dict[str, object]:
    """What callbacks of scikit-learn may ask for."""
    weight = None if given.sample_weight is None else {"sample_weight": given.sample_weight}
    return {"X": given.X, "y": given.y, "metadata": weight}


class RecurrentEstimator(SavedToFile, NamedParameters, Generic[Settings, Model, Data]):
    """Fits in epochs; subclasses read parameters and data, begin and train models, and score what is held out."""

    _matters = ("cell", "hidden_layer_sizes", "solver", "max_iter")
    _fitted: Model
    _trainer_of: Callable[[Settings, Model, Data], Trainer]  # what trains a model in place

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_fitted")

    # What subclasses define ---------------------------------------------------------------------------
    def _read_settings(self, partial: bool) -> Settings:
        """What the parameters mean together; `partial`: for one epoch."""
        raise NotImplementedError

    def _prepare(self, settings: Settings, given: GivenData, *, goes_on: bool, partial: bool) -> tuple[Model, Data]:
        """The model to train, new or a copy of that which `goes_on`, and the data, checked."""
        raise NotImplementedError

    def _split(self, samples: Data) -> tuple[np.ndarray, np.ndarray]:
        """Rows to train on, and those held out for early stopping."""
        raise NotImplementedError

    def _validator(self, settings: Settings, fitted: Model, held: Data) -> Validate:
        """What scores parameters on the samples held out."""
        raise NotImplementedError

    def _shapes(self) -> str:
        """What the fitted model reads and gives, in words."""
        raise NotImplementedError

    # Fitting ------------------------------------------------------------------------------------------
    def _fit(
        self, given: GivenData, *, partial: bool = False, callback: Callback | None = None, checkpoint: object = None
    ) -> Self:  # fmt: skip
        """All epochs, or one, `partial`."""
        goes_on = hasattr(self, "_fitted") and (partial or self.warm_start)
        # what it sets in the estimator is needed at its end; scikit-learn's callbacks are told of `fit` alone
        reported = nullcontext() if partial else fit_task(self, _data_of(given), self.max_iter)
        with reported as task, unchanged_on_error(self):
            check_numbers(self)
            check_callback(callback)
            settings = self._read_settings(partial)
            old = digest_of(self._fitted.progress) if goes_on and checkpoint is not None else None
            with going_on_from(checkpoint, self, callback=callback is not None, fitted_model=old) as kept:
                fitted, samples = self._prepare(settings, given, goes_on=goes_on, partial=partial)
                if kept is not None:
                    kept.check(samples)
                with telling(self.verbose, beside=task is not None):
                    self._train(settings, fitted, samples, each_epoch(task, callback))
                self._publish(fitted, settings.device)
        return self

    def _train(self, settings: Settings, fitted: Model, samples: Data, callback: Callback | None) -> None:
        validate = None
        if self._holds_out():
            samples = samples.counted()
            rows, held = recalled_split(self._split(samples))
            samples, validate = samples.take(rows), self._validator(settings, fitted, samples.take(held))
        trainer = self._trainer_of(settings, fitted, samples)
        trainer.validate, trainer.watch = validate, self._watch(fitted, settings.device, callback)
        trainer.run()

    def _holds_out(self) -> bool:
        """Whether early stopping keeps some data for itself."""
        return bool(flat_of(self, "early_stopping")["early_stopping"])

    def _held_share(self) -> float:
        """How much that is."""
        return float(flat_of(self, "early_stopping")["validation_fraction"])

    def _draw_seed(self) -> int:
        drawn = check_random_state(self.random_state).randint(2**31 - 1, size=1)
        return int(recalled(drawn.astype(np.int64))[0])

    def _read_weight(self, sample_weight: object, n: int) -> np.ndarray | None:
        if sample_weight is None:
            return None
        return in_unit(read_sample_weight(sample_weight, n))

    def _warn_batch(self, n: int, samples: str) -> None:
        if self.batch_size != "auto" and self.batch_size > n:
            text = f"batch_size={self.batch_size} is larger than the number of {samples}, {n}: clipped to that."
            warnings.warn(text, UserWarning, stacklevel=6)

    def _watch(self, fitted: Model, device: str, callback: Callback | None) -> ShouldStop | None:
        """What calls the user's callback behind each epoch."""
        if callback is None:
            return None

        def so_far() -> Self:
            model = copied(self)
            model._publish(replace(fitted, progress=fitted.progress.copy()), device)
            return model

        def watch(loss: float, score: float | None) -> bool:
            return says_stop(callback(Epoch(len(fitted.progress.loss_curve), loss, score, so_far)))

        return watch

    def _publish(self, fitted: Model, device: str) -> None:
        self._fitted = fitted
        self.device_ = device
        self.loss_curve_ = fitted.progress.loss_curve
        self.loss_ = self.loss_curve_[-1] if self.loss_curve_ else math.nan  # of a network trained elsewhere
        self.n_iter_ = len(self.loss_curve_)
        self._show_scores(self._holds_out())

    @property
    def training_curves_(self) -> TrainingCurves:
        """How the network was trained, epoch by epoch: what `forecastrnn.plotting.LossCurveDisplay` draws."""
        check_is_fitted(self)
        scored = hasattr(self, "validation_scores_")
        return TrainingCurves(
            losses=[list(self.loss_curve_)], each=0, scores=[list(self.validation_scores_)] if scored else [],
            kept=[self.best_iter_] if scored else [],
        )  # fmt: skip

    def _learned(self) -> dict[str, str]:
        network, theta = self._fitted.network, self._fitted.progress.theta
        cells = cells_in_words((cell_name(layer.cell), layer.units) for layer in network.reader.layers)
        sizes = f"{cells}, {network.size:,} parameters, {theta.dtype}"
        return {"fitted on": self._shapes(), "network": sizes, "training": self._course()}

    def _course(self) -> str:
        if not self.loss_curve_:
            return f"elsewhere; {self.device_}"
        first, last = self.loss_curve_[0], self.loss_curve_[-1]
        words = f"{counted(self.n_iter_, 'epoch')}; loss {first:.3g} at first, {last:.3g} at last; {self.device_}"
        if not hasattr(self, "best_iter_"):
            return words
        return f"{words}; score held out {max(self.validation_scores_):.3g}, at best, behind epoch {self.best_iter_}"

    def _show_scores(self, are_there: bool) -> None:
        """What early stopping has found; an earlier fit may have had it."""
        for name in ("validation_scores_", "best_iter_"):
            self.__dict__.pop(name, None)
        if are_there:
            self.validation_scores_ = self._fitted.progress.validation_scores
            self.best_iter_ = self._fitted.progress.best_iter
