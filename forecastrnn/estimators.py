"""RNNRegressor and RNNClassifier: recurrent networks over arrays, as scikit-learn estimators."""

from __future__ import annotations

import copy
import warnings
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, _fit_context
from sklearn.exceptions import DataConversionWarning
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import train_test_split
from sklearn.utils import check_array, check_consistent_length
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted

from forecastrnn.arrays import Sequences, read_sequences
from forecastrnn.fitting import Fitted, Targets, run, start, train_on
from forecastrnn.generation import Stream, generate
from forecastrnn.losses import softmax
from forecastrnn.parameters import TRAINING_CONSTRAINTS, check_numbers, device_of, layers_of


class _RNNEstimator(BaseEstimator):
    """Fitting and the fitted attributes; subclasses read targets and turn outputs into predictions."""

    _parameter_constraints: dict = TRAINING_CONSTRAINTS
    _fitted: Fitted

    def __init__(
        self, *, cell="lstm", hidden_layer_sizes=(32,), bidirectional=False, initializer="glorot", solver="adam",
        learning_rate_init=0.005, learning_rate="constant", alpha=0.0, momentum=0.9, nesterovs_momentum=True,
        beta_1=0.9, beta_2=0.999, epsilon=1e-8, batch_size="auto", max_iter=200, tol=1e-4, n_iter_no_change=10,
        early_stopping=False, validation_fraction=0.1, warm_start=False, shuffle=True, random_state=None,
        verbose=False, clip_norm=None, bptt_steps=None, standardize=True, device="cpu", n_jobs=None, dtype="auto",
    ):  # fmt: skip
        self.cell = cell
        self.hidden_layer_sizes = hidden_layer_sizes
        self.bidirectional = bidirectional
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
        self.bptt_steps = bptt_steps
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
    def fit(self, X: object, y: object, sample_weight: object = None, lengths: object = None) -> Self:
        """Train on sequences X and targets y.

        Parameters
        ----------
        X : array (n, time), array (n, time, channels), or list of arrays (time, channels)
            2-D: each row a sequence of one channel and fixed length. A list may be ragged.
        y : array
            Regressor: (n,) or (n, outputs) for one target a sequence, (n, k, outputs) for a target at each of the
            last k steps (k = time: at every step). Classifier: (n,) class labels.
        sample_weight : array (n,), optional
            Weight of each sequence in the loss.
        lengths : array of int (n,), optional
            Valid steps of each row of a padded X.

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
        before = self.__dict__.copy()
        try:
            return self._fit(X, y, sample_weight, lengths, partial=False)
        except BaseException:  # whatever stops a fit, Ctrl-C too, leaves the estimator as it was
            self.__dict__.clear()
            self.__dict__.update(before)
            raise

    def _partial_fit(self, X: object, y: object, sample_weight: object, lengths: object) -> Self:
        before = self.__dict__.copy()
        try:
            return self._fit(X, y, sample_weight, lengths, partial=True)
        except BaseException:
            self.__dict__.clear()
            self.__dict__.update(before)
            raise

    def _fit(self, X: object, y: object, sample_weight: object, lengths: object, *, partial: bool) -> Self:
        goes_on = hasattr(self, "_fitted") and (partial or self.warm_start)
        check_numbers(self)
        layers_of(self)
        device = device_of(self)
        if y is None:
            name = type(self).__name__
            raise ValueError(f"This {name} estimator requires y to be passed, but the target y is None.")
        read = read_sequences(self, X, lengths, reset=not (partial and goes_on))
        weight = self._read_weight(sample_weight, read, X)
        targets = self._read_targets(y, read, weight, not goes_on)
        self._check_truncation(read, targets)
        self._warn_batch(read)
        fitted = self._continue(read, targets) if goes_on else None
        if fitted is None:
            fitted = start(self, read, targets, self._loss_name(), self._n_outputs(targets), weight, self._scales_y)
        if partial:
            train_on(self, fitted, read, targets, weight, max_iter=1)
        else:
            self._train(fitted, read, targets, weight)
        self._publish(fitted, device)
        return self

    _scales_y = True

    def _read_weight(self, sample_weight: object, X: Sequences, given: object) -> np.ndarray | None:
        if sample_weight is None:
            return None
        weight = _check_sample_weight(sample_weight, np.empty((X.n, 1)), dtype=np.float64, ensure_non_negative=True)
        if not weight.any():
            raise ValueError("sample_weight must have at least one non-zero value, all are zero.")
        return weight

    def _check_truncation(self, X: Sequences, y: Targets) -> None:
        if self.bptt_steps is None or self.bptt_steps >= X.values.shape[1]:
            return
        if y.last != 0 or self.bidirectional:
            raise ValueError(
                f"bptt_steps={self.bptt_steps} is shorter than the sequences ({X.values.shape[1]} steps): this needs a "
                "target at every step, y of shape (n, time, outputs), and bidirectional=False."
            )

    def _warn_batch(self, X: Sequences) -> None:
        if self.batch_size != "auto" and self.batch_size > X.n:
            warnings.warn(
                f"batch_size={self.batch_size} is larger than the number of sequences, {X.n}: clipped to that.",
                UserWarning,
                stacklevel=5,
            )

    def _continue(self, X: Sequences, y: Targets) -> Fitted:
        """A copy of the fitted model, if it fits the parameters and the data."""
        old = self._fitted
        layers = layers_of(self)
        if layers != old.network.layers:
            raise ValueError("warm_start=True: cell and hidden_layer_sizes must be those of the first fit.")
        if X.values.shape[2] != old.network.n_inputs or self._n_outputs(y) != old.network.n_outputs or y.last != old.last:
            raise ValueError(
                f"warm_start=True: the model was fitted with {old.network.n_inputs} channels and "
                f"{old.network.n_outputs} outputs; X has {X.values.shape[2]} and y {self._n_outputs(y)}."
            )
        fitted = copy.copy(old)
        fitted.progress = old.progress.copy()
        return fitted

    def _train(self, fitted: Fitted, X: Sequences, y: Targets, weight: np.ndarray | None) -> None:
        if not self.early_stopping:
            return train_on(self, fitted, X, y, weight)
        train_rows, held = self._split(X, y)
        own = None if weight is None else weight[train_rows]
        held_X, held_y = _take(X, held), Targets(y.values[held], y.last, y.ndim)

        def validate(theta: np.ndarray) -> float:
            return self._score_outputs(run(fitted, held_X, self.n_jobs, theta), held_y, held_X.lengths)

        kept = Targets(y.values[train_rows], y.last, y.ndim)
        return train_on(self, fitted, _take(X, train_rows), kept, own, validate=validate)

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

    def _outputs(self, X: object, lengths: object) -> tuple[np.ndarray, Sequences]:
        check_is_fitted(self)
        read = read_sequences(self, X, lengths, reset=False)
        return run(self._fitted, read, self.n_jobs), read

    def stream(self) -> Stream:
        """An object that takes one time step at a time and keeps the state.

        Returns
        -------
        Stream
            `step(x)` takes (channels,) and returns (outputs,); `get_state` and `set_state` save and restore.
        """
        check_is_fitted(self)
        return Stream(self._fitted)


def _take(X: Sequences, rows: np.ndarray) -> Sequences:
    return Sequences(X.values[rows], None if X.lengths is None else X.lengths[rows], X.flat)


class RNNRegressor(RegressorMixin, _RNNEstimator):
    """Recurrent network for regression on sequences.

    Parameters
    ----------
    cell : {"rnn", "lstm", "peephole_lstm", "gru"}, cell, or list of them
        The recurrent cell, one for all layers or one a layer.
    hidden_layer_sizes : int or list of int
        Units of each layer; its length is the depth.
    bidirectional : bool
        Each layer also reads the sequence backwards.
    initializer : {"glorot", "he", "orthogonal", "uniform"}
        First weights, see `Cell.init_weights`. "he" suits relu.
    loss : {"squared_error", "absolute_error", "huber"}
        What is minimised, on standardised targets; Huber's threshold is one standard deviation.
    solver : {"adam", "adamw", "sgd", "rmsprop"}
        The update rule; `momentum` and `nesterovs_momentum` belong to "sgd", `beta_1`, `beta_2` to Adam.
    learning_rate_init : float
        The learning rate. 0.005 is larger than the 0.001 usual for wide networks: it suits small ones.
    learning_rate : {"constant", "invscaling", "cosine", "step", "one_cycle"}
        Its course over all updates.
    alpha : float
        L2 penalty on kernels (decoupled weight decay with "adamw").
    batch_size : int or "auto"
        Sequences a mini-batch; "auto" is min(128, n).
    max_iter : int
        Epochs at most.
    tol, n_iter_no_change : float, int
        Stop when the loss (or, with early_stopping, the validation score) has not improved by tol for so many epochs.
    early_stopping, validation_fraction : bool, float
        Hold out the last rows, watch R^2 on them, and keep the best weights.
    warm_start : bool
        `fit` goes on from the fitted weights and optimizer state.
    shuffle : bool
        New order of sequences in each epoch.
    random_state : int, RandomState or None
        Seed of weights and shuffling; the same seed gives the same bits, whatever n_jobs.
    verbose : bool
        Print the loss of each epoch.
    clip_norm : float or None
        Largest global norm of the gradient.
    bptt_steps : int or None
        Truncated BPTT: gradients flow through so many steps, while the state is carried over the whole sequence.
    standardize : bool
        Scale each channel of X and each output of y to mean 0 and variance 1 inside.
    device : {"cpu", "cuda", "auto"}
        Where to run.
    n_jobs : int or None
        Threads; None is all cores.
    dtype : {"auto", "float32", "float64"}
        Type to compute in; "auto" is float32 for float32 input, else float64. float32 is several times faster.

    Attributes
    ----------
    loss_curve_ : list of float
        Training loss of each epoch.
    validation_scores_, best_iter_ : list of float, int
        With early_stopping: score of each epoch, and the epoch whose weights were kept.
    n_iter_, loss_, n_features_in_, n_outputs_, device_
        Epochs, last loss, time steps (2-D X) or channels, outputs, device.
    weights_, output_weights_
        Named views of the parameters.

    Examples
    --------
    >>> import numpy as np
    >>> from forecastrnn import RNNRegressor
    >>> t = np.arange(200)[:, None] * 0.1 + np.arange(12) * 0.1
    >>> X, y = np.sin(t[:, :-1]), np.sin(t[:, -1])
    >>> model = RNNRegressor(cell="gru", hidden_layer_sizes=8, random_state=0, max_iter=60).fit(X, y)
    >>> model.predict(X[:2]).shape, bool(model.score(X, y) > 0.95)
    ((2,), True)
    """

    _parameter_constraints: dict = {
        **TRAINING_CONSTRAINTS,
        "loss": [StrOptions({"squared_error", "absolute_error", "huber"})],
    }

    def __init__(
        self, *, cell="lstm", hidden_layer_sizes=(32,), bidirectional=False, initializer="glorot",
        loss="squared_error", solver="adam", learning_rate_init=0.005, learning_rate="constant", alpha=0.0,
        momentum=0.9, nesterovs_momentum=True, beta_1=0.9, beta_2=0.999, epsilon=1e-8, batch_size="auto",
        max_iter=200, tol=1e-4, n_iter_no_change=10, early_stopping=False, validation_fraction=0.1,
        warm_start=False, shuffle=True, random_state=None, verbose=False, clip_norm=None, bptt_steps=None,
        standardize=True, device="cpu", n_jobs=None, dtype="auto",
    ):  # fmt: skip
        super().__init__(
            cell=cell, hidden_layer_sizes=hidden_layer_sizes, bidirectional=bidirectional, initializer=initializer,
            solver=solver, learning_rate_init=learning_rate_init, learning_rate=learning_rate, alpha=alpha,
            momentum=momentum, nesterovs_momentum=nesterovs_momentum, beta_1=beta_1, beta_2=beta_2,
            epsilon=epsilon, batch_size=batch_size, max_iter=max_iter, tol=tol, n_iter_no_change=n_iter_no_change,
            early_stopping=early_stopping, validation_fraction=validation_fraction, warm_start=warm_start,
            shuffle=shuffle, random_state=random_state, verbose=verbose, clip_norm=clip_norm,
            bptt_steps=bptt_steps, standardize=standardize, device=device, n_jobs=n_jobs, dtype=dtype,
        )  # fmt: skip
        self.loss = loss

    def _loss_name(self) -> str:
        return self.loss

    def _read_targets(self, y: object, X: Sequences, weight: np.ndarray | None, reset: bool) -> Targets:
        array = _numeric_targets(y)
        check_consistent_length(X.values, array)
        if array.ndim < 3:
            values = array.reshape(len(array), 1, -1)
            return Targets(values, 1, array.ndim)
        steps = X.values.shape[1] if X.lengths is None else int(X.lengths.min())
        if array.ndim > 3 or array.shape[1] > X.values.shape[1] or 0 in array.shape:
            raise ValueError(
                f"y must have shape (n,), (n, outputs) or (n, k, outputs) with k at most {steps}. Got {array.shape}."
            )
        if array.shape[1] == X.values.shape[1]:
            return Targets(array, 0, 3)
        if array.shape[1] > steps:
            raise ValueError(f"y has {array.shape[1]} steps, but the shortest sequence has {steps}.")
        return Targets(array, array.shape[1] if array.shape[1] > 1 else 1, 3)

    def partial_fit(self, X: object, y: object, sample_weight: object = None, lengths: object = None) -> Self:
        """One epoch on X and y, going on from the fitted weights; the first call also fits the scalers.

        Parameters are those of `fit`.
        """
        self._validate_params()
        return self._partial_fit(X, y, sample_weight, lengths)

    def predict(self, X: object, lengths: object = None) -> np.ndarray:
        """Predicted targets, in the shape of the y of `fit`; zero past the end of a shorter row.

        Parameters
        ----------
        X, lengths
            As in `fit`.

        Returns
        -------
        ndarray (n,), (n, outputs) or (n, k, outputs)
        """
        outputs, _ = self._outputs(X, lengths)
        if self._fitted.target_ndim == 3:
            return outputs
        return outputs[:, 0, 0] if self._fitted.target_ndim == 1 else outputs[:, 0]

    def generate(
        self, n_steps: int, prompt: object = None, n_sequences: int = 1, context_length: int | None = None
    ) -> np.ndarray:
        """Continue a sequence by feeding each output back as the next input.

        For models whose target at each step is the next value of all channels.

        Parameters
        ----------
        n_steps : int
            Steps to generate.
        prompt : array (time,), (time, channels) or (n, time, channels), optional
            What comes before; default one step of zeros for each of `n_sequences`.
        n_sequences : int
            Sequences to generate from the default prompt.
        context_length : int, optional
            Start anew at every step from the last so many values, as the windows in training did. Default: the
            state goes on from step to step, which is faster.

        Returns
        -------
        ndarray (n_steps,), (n_steps, channels) or (n, n_steps, channels), as the prompt
        """
        check_is_fitted(self)
        return generate(self._fitted, n_steps, prompt, n_sequences, context_length, self.n_jobs)

    def _score_outputs(self, outputs: np.ndarray, y: Targets, lengths: np.ndarray | None) -> float:
        truth, guess = y.values.reshape(-1, y.values.shape[2]), outputs.reshape(-1, outputs.shape[2])
        if lengths is not None and y.last == 0:
            valid = (np.arange(y.values.shape[1]) < lengths[:, None]).reshape(-1)
            truth, guess = truth[valid], guess[valid]
        return float(r2_score(truth, guess)) if len(truth) > 1 else -float(np.square(truth - guess).mean())

    def score(self, X: object, y: object, sample_weight: object = None, lengths: object = None) -> float:
        """R^2 of `predict`, over all steps and outputs of valid steps.

        Parameters
        ----------
        X, y, sample_weight, lengths
            As in `fit`.

        Returns
        -------
        float
        """
        guess = self.predict(X, lengths)
        truth = _numeric_targets(y)
        if guess.ndim < 3:
            return float(r2_score(truth, guess, sample_weight=sample_weight))
        read = read_sequences(self, X, lengths, reset=False)
        valid = np.ones(guess.shape[:2], bool)
        if read.lengths is not None and self._fitted.last == 0:
            valid = np.arange(guess.shape[1]) < read.lengths[:, None]
        weight = None if sample_weight is None else np.repeat(np.asarray(sample_weight)[:, None], valid.shape[1], 1)
        return float(r2_score(truth[valid], guess[valid], sample_weight=None if weight is None else weight[valid]))


def _numeric_targets(y: object) -> np.ndarray:
    """Targets as float64; a column vector becomes 1-D with a warning."""
    if hasattr(y, "__next__"):
        raise TypeError("y must be an array, not a generator.")
    kind = np.asarray(y).dtype.kind
    if kind in "USMm" or (kind == "O" and any(isinstance(v, str) for v in np.ravel(np.asarray(y, dtype=object)))):
        raise ValueError(f"y must be numeric. Got values of type {np.asarray(y).dtype}.")
    array = check_array(y, ensure_2d=False, allow_nd=True, dtype=np.float64, input_name="y")
    if array.ndim == 2 and array.shape[1] == 1:
        warnings.warn(
            "A column-vector y was passed when a 1d array was expected. Please change the shape of y to "
            "(n_samples,), for example using ravel().",
            DataConversionWarning,
            stacklevel=6,
        )
        return array[:, 0]
    return array


class RNNClassifier(ClassifierMixin, _RNNEstimator):
    """Recurrent network for classification of sequences, trained on cross-entropy.

    The class comes from a softmax over a dense layer on the final state (of both directions, if bidirectional).
    Parameters and attributes are those of `RNNRegressor`, without `loss`; early stopping watches accuracy on a
    stratified random part of the rows, since rows may be ordered by class.

    Attributes
    ----------
    classes_ : ndarray
        The labels, sorted.

    Examples
    --------
    >>> import numpy as np
    >>> from forecastrnn import RNNClassifier
    >>> rng = np.random.RandomState(0)
    >>> X = np.cumsum(rng.normal(size=(120, 15)), axis=1)
    >>> y = np.where(X[:, -1] > X[:, 0], "up", "down")
    >>> model = RNNClassifier(cell="rnn", hidden_layer_sizes=8, max_iter=60, random_state=0).fit(X, y)
    >>> model.classes_.tolist(), bool(model.score(X, y) > 0.9)
    (['down', 'up'], True)
    """

    _scales_y = False

    def _loss_name(self) -> str:
        return "cross_entropy"

    def _n_outputs(self, y: Targets) -> int:
        return len(self.classes_)

    def _read_targets(self, y: object, X: Sequences, weight: np.ndarray | None, reset: bool) -> Targets:
        labels = _labels(y)
        check_consistent_length(X.values, labels)
        pending = self.__dict__.pop("_pending_classes", None)
        if reset:
            self.classes_ = np.unique(labels) if pending is None else pending
        seen = np.isin(labels, self.classes_)
        if not seen.all():
            raise ValueError(f"y contains the previously unseen label {labels[~seen][0]!r}; classes are {self.classes_}.")
        used = labels if weight is None else labels[weight > 0]
        if len(np.unique(used)) < 2 and reset and pending is None:
            raise ValueError(f"The number of classes has to be greater than one; got {len(np.unique(used))} class.")
        codes = np.searchsorted(self.classes_, labels)
        return Targets(codes.astype(np.float64).reshape(-1, 1, 1), 1, 1)

    def partial_fit(
        self, X: object, y: object, classes: object = None, sample_weight: object = None, lengths: object = None
    ) -> Self:
        """One epoch on X and y, going on from the fitted weights.

        Parameters
        ----------
        X, y, sample_weight, lengths
            As in `fit`.
        classes : array, optional
            All labels that will ever come; needed in the first call unless y holds them all.

        Returns
        -------
        self
        """
        self._validate_params()
        if not hasattr(self, "_fitted") and classes is not None:
            known = np.unique(_labels(classes))
            if not np.isin(_labels(y), known).all():
                raise ValueError(f"y has labels that are not in classes={known.tolist()}.")
            self._pending_classes = known
        return self._partial_fit(X, y, sample_weight, lengths)

    def _split(self, X: Sequences, y: Targets) -> tuple[np.ndarray, np.ndarray]:
        labels = y.values[:, 0, 0]
        rows = np.arange(X.n)
        return train_test_split(
            rows, test_size=self.validation_fraction, stratify=labels, random_state=self.random_state
        )

    def _score_outputs(self, outputs: np.ndarray, y: Targets, lengths: np.ndarray | None) -> float:
        return float(accuracy_score(y.values[:, 0, 0], outputs[:, 0].argmax(axis=1)))

    def predict_proba(self, X: object, lengths: object = None) -> np.ndarray:
        """Probability of each class.

        Parameters
        ----------
        X, lengths
            As in `fit`.

        Returns
        -------
        ndarray (n, n_classes), columns in the order of `classes_`
        """
        outputs, _ = self._outputs(X, lengths)
        return softmax(outputs[:, 0].astype(np.float64))

    def predict(self, X: object, lengths: object = None) -> np.ndarray:
        """The most probable class of each sequence.

        Parameters
        ----------
        X, lengths
            As in `fit`.

        Returns
        -------
        ndarray (n,)
        """
        probabilities = self.predict_proba(X, lengths)
        return self.classes_[probabilities.argmax(axis=1)]

    def score(self, X: object, y: object, sample_weight: object = None, lengths: object = None) -> float:
        """Accuracy of `predict`.

        Parameters
        ----------
        X, y, sample_weight, lengths
            As in `fit`.

        Returns
        -------
        float
        """
        return float(accuracy_score(y, self.predict(X, lengths), sample_weight=sample_weight))


def _labels(y: object) -> np.ndarray:
    """Class labels as a 1-D array of strings or of numbers."""
    if hasattr(y, "__next__"):
        raise TypeError("y must be an array, not a generator.")
    check_classification_targets(y)
    array = np.asarray(y)
    if array.ndim == 2 and array.shape[1] == 1:
        warnings.warn(
            "A column-vector y was passed when a 1d array was expected. Please change the shape of y to "
            "(n_samples,), for example using ravel().",
            DataConversionWarning,
            stacklevel=7,
        )
        array = array[:, 0]
    if array.ndim != 1:
        raise ValueError(f"y must be 1-D class labels. Got shape {array.shape}.")
    kinds = {isinstance(v, str) for v in array.tolist()}
    if len(kinds) > 1 or any(v is None for v in array.tolist()):
        raise TypeError("y must be uniformly strings or numbers. Got mixed types or None.")
    return array


