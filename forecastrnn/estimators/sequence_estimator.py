"""What RNNRegressor and RNNClassifier share: parameters, fitting, the fitted attributes."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import replace
from typing import Self

import numpy as np
from sklearn.base import BaseEstimator, _fit_context
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight, check_is_fitted

from forecastrnn.callbacks import Epoch, check_callback
from forecastrnn.data.arrays import Sequences, check_count
from forecastrnn.data.vector_input import read_any, read_fitted, steps_of
from forecastrnn.engine.compiling import announced
from forecastrnn.estimators.saving import SavedToFile
from forecastrnn.networks.network import Embedding
from forecastrnn.sequences.embeddings import embeddings_of
from forecastrnn.sequences.fitting import Fitted, Targets, run, start, train_on
from forecastrnn.sequences.generation import Stream
from forecastrnn.training.parameters import (
    EMBEDDING_CONSTRAINTS,
    SEQUENCE_CONSTRAINTS,
    check_numbers,
    device_of,
    device_to_predict,
    dropout_of,
    layers_of,
)
from forecastrnn.training.training import ShouldStop


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


class SequenceEstimator(SavedToFile, BaseEstimator):
    """Fitting and the fitted attributes; subclasses read targets and turn outputs into predictions."""

    _parameter_constraints: dict = {**SEQUENCE_CONSTRAINTS, **EMBEDDING_CONSTRAINTS}
    _fitted: Fitted

    def __init__(
        self, *, cell="lstm", hidden_layer_sizes=(32,), bidirectional=False, layer_norm=False, initializer="glorot",
        solver="adam", learning_rate_init=0.005, learning_rate="constant", alpha=0.0, momentum=0.9,
        nesterovs_momentum=True, beta_1=0.9, beta_2=0.999, epsilon=1e-8, batch_size="auto", max_iter=200, tol=1e-4,
        n_iter_no_change=10, early_stopping=False, validation_fraction=0.1, warm_start=False, shuffle=True,
        random_state=None, verbose=False, clip_norm=None, gradient_noise=0.0, bucket_by_length=False,
        bptt_steps=None, checkpoint_steps=None, dropout=0.0, input_dropout=0.0, recurrent_dropout=0.0,
        vector_input=False, categorical_features=None, embedding_dim="auto", embedding_weights=None,
        freeze_embeddings=False, standardize=True, device="cpu", n_jobs=None, dtype="auto",
    ):  # fmt: skip
        self.cell = cell
        self.hidden_layer_sizes = hidden_layer_sizes
        self.bidirectional = bidirectional
        self.layer_norm = layer_norm
        self.initializer = initializer
        self.solver = solver
        self.learning_rate_init = learning_rate_init
        self.learning_rate = learning_rate
        self.alpha = alpha
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.warm_start = warm_start
        self.shuffle = shuffle
        self.random_state = random_state
        self.verbose = verbose
        self.clip_norm = clip_norm
        self.gradient_noise = gradient_noise
        self.bucket_by_length = bucket_by_length
        self.bptt_steps = bptt_steps
        self.checkpoint_steps = checkpoint_steps
        self.dropout = dropout
        self.input_dropout = input_dropout
        self.recurrent_dropout = recurrent_dropout
        self.vector_input = vector_input
        self.categorical_features = categorical_features
        self.embedding_dim = embedding_dim
        self.embedding_weights = embedding_weights
        self.freeze_embeddings = freeze_embeddings
        self.standardize = standardize
        self.device = device
        self.n_jobs = n_jobs
        self.dtype = dtype

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_fitted")

    # What subclasses define ---------------------------------------------------------------------------
    def _read_targets(self, y: object, X: Sequences, weight: np.ndarray | None, reset: bool) -> Targets:
        raise TypeError("subclasses read targets")

    def _loss_name(self) -> str:
        raise TypeError("subclasses name their loss")

    def _n_outputs(self, y: Targets) -> int:
        return y.values.shape[2]

    # Fitting ------------------------------------------------------------------------------------------
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self, X: object, y: object, sample_weight: object = None, lengths: object = None,
        callback: Callable[[Epoch], object] | None = None,
    ) -> Self:  # fmt: skip
        """Train on sequences X and targets y.

        Parameters
        ----------
        X : array (n, time), array (n, time, channels), or list of arrays (time, channels)
            2-D: each row a sequence of one channel and fixed length. A list may be ragged. Where every channel is
            categorical, texts, and lists of lists of words. With `vector_input` (n, features), each row a vector.
        y : array
            Regressor: (n,) or (n, outputs) for one target a sequence, (n, k, outputs) for a target at each of
            the last k steps (k = time: at every step). Classifier: (n,) class labels. With `vector_input` (n, time)
            or, for a regressor, (n, time, outputs).
        sample_weight : array (n,), optional
            Weight of each sequence in the loss.
        lengths : array of int (n,), optional
            Valid steps of each row of a padded X, or of y with `vector_input`.
        callback : callable, optional
            Called behind each epoch with an `Epoch` (iteration, loss, validation_score, and the model so far by
            `estimator()`); training stops when it returns True. Whatever it raises leaves the estimator as it was.

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            For unusable data or parameters. The model of an earlier fit is then kept as it was.
        TrainingDivergedError
            A ValueError: the loss became non-finite or exploded.
        """
        with unchanged_on_error(self):
            return self._fit(X, y, sample_weight, lengths, partial=False, callback=callback)

    def _fit(
        self, X: object, y: object, sample_weight: object, lengths: object, *, partial: bool,
        callback: Callable[[Epoch], object] | None = None,
    ) -> Self:  # fmt: skip
        goes_on = hasattr(self, "_fitted") and (partial or self.warm_start)
        check_numbers(self)
        check_callback(callback)
        layers_of(self)
        device = device_of(self)
        if partial and self.early_stopping:
            raise ValueError("partial_fit does not support early_stopping=True: it is one epoch on all rows.")
        if y is None:
            name = type(self).__name__
            raise ValueError(f"This {name} estimator requires y to be passed, but the target y is None.")
        columns = getattr(self, "n_features_in_", None)
        steps = steps_of(y) if self.vector_input else None
        read = read_any(self, X, lengths, steps, reset=not (partial and goes_on), goes_on=goes_on)
        weight = self._read_weight(sample_weight, read)
        targets = self._read_targets(y, read, weight, not goes_on)
        self._check_truncation(read, targets)
        self._warn_batch(read)
        if goes_on:
            fitted = self._continue(read, targets, columns)
        else:
            outputs = self._n_outputs(targets)
            fitted = start(self, read, targets, self._loss_name(), outputs, weight, self._scales_y)
        with announced(bool(self.verbose)):
            if partial:
                train_on(self, fitted, read, targets, weight, max_iter=1, device=device)
            else:
                self._train(fitted, read, targets, weight, self._watch(fitted, device, callback), device)
        self._publish(fitted, device)
        return self

    _scales_y = True

    def _read_weight(self, sample_weight: object, X: Sequences) -> np.ndarray | None:
        if sample_weight is None:
            return None
        rows = np.empty((X.n, 1))
        weight = _check_sample_weight(sample_weight, rows, dtype=np.float64, ensure_non_negative=True)
        if not weight.any():
            raise ValueError("sample_weight must have at least one non-zero value, all are zero.")
        return weight

    def _check_truncation(self, X: Sequences, y: Targets) -> None:
        if self.checkpoint_steps is not None and self.bidirectional:
            raise ValueError(
                f"checkpoint_steps={self.checkpoint_steps} needs bidirectional=False: going backwards, a layer begins "
                "with the end of the sequence."
            )
        if self.bptt_steps is None or self.bptt_steps >= X.steps:
            return
        if y.last != 0 or self.bidirectional:
            raise ValueError(
                f"bptt_steps={self.bptt_steps} is shorter than the sequences ({X.steps} steps): this "
                "needs a target at every step, y of shape (n, time, outputs), and bidirectional=False."
            )

    def _warn_batch(self, X: Sequences) -> None:
        if self.batch_size != "auto" and self.batch_size > X.n:
            warnings.warn(
                f"batch_size={self.batch_size} is larger than the number of sequences, {X.n}: clipped to that.",
                UserWarning,
                stacklevel=5,
            )

    def _continue(self, X: Sequences, y: Targets, columns: int | None) -> Fitted:
        """A copy of the fitted model, if it fits the parameters and the data."""
        old, outputs = self._fitted, self._n_outputs(y)
        pairs = {
            "layers (cell, hidden_layer_sizes, bidirectional, layer_norm)": (old.network.layers, layers_of(self)),
            "features of X": (columns, self.n_features_in_),
            "channels of X": (old.network.n_inputs, X.values.shape[2]),
            "outputs of y": (old.network.n_outputs, outputs),
            "steps of y": (old.last, y.last),
            "vector_input": (old.repeats > 0, X.repeats > 0),
        }
        for what, (before, now) in pairs.items():
            if before != now:
                raise ValueError(
                    f"warm_start=True and partial_fit go on from the fitted weights, so cell, hidden_layer_sizes "
                    f"and the data's shape must stay as they were: {what} changed from {before} to {now}. "
                    "Set warm_start=False, or use a new estimator."
                )
        network = replace(old.network, embeddings=self._continued_embeddings(old, X))
        progress, loss = old.progress.copy(), self._loss_name()
        return replace(
            old, network=network, progress=progress, loss=loss, dropout=dropout_of(self), repeats=X.repeats
        )  # fmt: skip

    def _continued_embeddings(self, old: Fitted, X: Sequences) -> tuple[Embedding, ...]:
        """Those of the fitted model; what was frozen may be learned now, and the other way round."""
        now = embeddings_of(self, X.coding)
        sizes = [[e.dim for e in embeddings] for embeddings in (old.network.embeddings, now)]
        if sizes[0] != sizes[1]:
            raise ValueError(
                f"warm_start=True and partial_fit go on from the fitted embeddings of {sizes[0]} numbers, but "
                f"embedding_dim and embedding_weights ask for {sizes[1]}. Set warm_start=False, or use a new estimator."
            )
        return now

    def _train(
        self, fitted: Fitted, X: Sequences, y: Targets, weight: np.ndarray | None, watch: ShouldStop | None, device: str
    ) -> None:
        if not self.early_stopping:
            return train_on(self, fitted, X, y, weight, watch=watch, device=device)
        train_rows, held = self._split(X, y)
        own = None if weight is None else weight[train_rows]
        held_X, held_y = X.take(held), y.take(held)

        def validate(theta: np.ndarray) -> float:
            outputs = run(fitted, held_X, self.n_jobs, theta, device=device)
            return self._score_outputs(outputs, held_y, held_X.lengths)

        rows = X.take(train_rows), y.take(train_rows)
        return train_on(self, fitted, *rows, own, validate=validate, watch=watch, device=device)

    def _watch(self, fitted: Fitted, device: str, callback: Callable[[Epoch], object] | None) -> ShouldStop | None:
        """What calls the user's callback behind each epoch."""
        if callback is None:
            return None

        def so_far() -> SequenceEstimator:
            model = copy(self)
            model._publish(replace(fitted, progress=fitted.progress.copy()), device)
            return model

        def watch(loss: float, score: float | None) -> bool:
            return bool(callback(Epoch(len(fitted.progress.loss_curve), loss, score, so_far)))

        return watch

    def _split(self, X: Sequences, y: Targets) -> tuple[np.ndarray, np.ndarray]:
        """Rows to train on, and the tail to validate on: rows are taken to be in order of time."""
        held = max(1, int(round(X.n * self.validation_fraction)))
        if held >= X.n:
            raise ValueError(f"early_stopping needs at least 2 sequences, got {X.n}.")
        rows = np.arange(X.n)
        return rows[:-held], rows[-held:]

    def _score_outputs(self, outputs: np.ndarray, y: Targets, lengths: np.ndarray | None) -> float:
        raise TypeError("subclasses score outputs")

    def _publish(self, fitted: Fitted, device: str) -> None:
        self._fitted = fitted
        self.device_ = device
        self.loss_curve_ = fitted.progress.loss_curve
        self.loss_ = self.loss_curve_[-1]
        self.n_iter_ = len(self.loss_curve_)
        self.n_outputs_ = fitted.network.n_outputs
        self.is_categorical_, self.categories_ = None, []
        if fitted.coding is not None:
            self.is_categorical_ = np.isin(np.arange(fitted.network.n_inputs), fitted.coding.columns)
            self.categories_ = list(fitted.coding.categories)
        for name in ("validation_scores_", "best_iter_"):  # an earlier fit may have had them
            self.__dict__.pop(name, None)
        if self.early_stopping:
            self.validation_scores_ = fitted.progress.validation_scores
            self.best_iter_ = fitted.progress.best_iter

    # Fitted -------------------------------------------------------------------------------------------
    @property
    def weights_(self) -> list:
        """Named views of the parameters: one dict a layer, a pair of dicts if it is bidirectional."""
        check_is_fitted(self)
        return self._fitted.network.layer_weights(self._fitted.progress.theta)

    @property
    def output_weights_(self) -> dict[str, np.ndarray]:
        """The dense layer: kernel (units, n_outputs) and bias (n_outputs,)."""
        check_is_fitted(self)
        views = self._fitted.network.views(self._fitted.progress.theta)
        return {name: views[f"output.{name}"] for name in ("kernel", "bias")}

    @property
    def embedding_weights_(self) -> list[np.ndarray]:
        """Vectors (n_categories + 1, dim) of each categorical channel, in the order of `categories_`.

        The last is what an unknown category reads: the mean of the others.
        """
        check_is_fitted(self)
        return self._fitted.network.embedding_weights(self._fitted.progress.theta)

    def _read(self, X: object, lengths: object, n_steps: object = None) -> Sequences:
        """X as in `fit`; `n_steps`: of the sequences that vectors become, None: as many as there."""
        check_is_fitted(self)
        return read_fitted(self, X, lengths, n_steps)

    def _steps_of(self, y: object) -> int | None:
        """Steps of the sequences y that belong to vectors."""
        check_is_fitted(self)
        return steps_of(y) if self._fitted.repeats else None

    def _outputs(self, X: object, lengths: object, n_steps: object = None) -> np.ndarray:
        read = self._read(X, lengths, n_steps)
        return run(self._fitted, read, self.n_jobs, device=device_to_predict(self))

    def _sampled(
        self, X: object, lengths: object, n_samples: object, random_state: object, n_steps: object
    ) -> Iterator[np.ndarray]:  # fmt: skip
        """Outputs with dropout left on, again and again."""
        check_is_fitted(self)
        count, dropout = check_count(n_samples, "n_samples"), self._fitted.dropout
        if not dropout:
            raise ValueError(
                f"n_samples={count} needs a model fitted with dropout, input_dropout or recurrent_dropout above 0: "
                "without it all samples would be the same."
            )
        read = self._read(X, lengths, n_steps)
        for seed in check_random_state(random_state).randint(2**31 - 1, size=count):
            yield run(self._fitted, read, self.n_jobs, dropout=dropout, seed=int(seed), device=device_to_predict(self))

    def stream(self) -> Stream:
        """An object that takes one time step at a time and keeps the state.

        Returns
        -------
        Stream
            `step(x)` takes (channels,) and returns (outputs,); `get_state` and `set_state` save and restore.
        """
        check_is_fitted(self)
        return Stream(self._fitted)
