"""RNNClassifier: labels of sequences."""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from forecastrnn.data.arrays import Sequences
from forecastrnn.data.boxes import opened, unboxed
from forecastrnn.data.class_weights import BALANCED, class_weights
from forecastrnn.data.labels import are_texts
from forecastrnn.data.targets import (
    are_step_labels,
    read_labels,
    read_step_labels,
    refuse_other_number,
    without_label,
)
from forecastrnn.estimators.device_choice import device_to_predict
from forecastrnn.estimators.holding_out import random_rows, stratified_rows
from forecastrnn.estimators.old_names import takes_old_names
from forecastrnn.estimators.own_methods import own_methods
from forecastrnn.estimators.parameters import CLASSIFIER_CONSTRAINTS, SEQUENCE_CONSTRAINTS
from forecastrnn.estimators.recurrent_estimator import GivenData
from forecastrnn.estimators.sequence_estimator import SequenceEstimator
from forecastrnn.metrics.checks import in_unit
from forecastrnn.networks.head import Head
from forecastrnn.networks.losses import softmax
from forecastrnn.seeds import check_draws
from forecastrnn.sequences.fitting import SequenceSamples
from forecastrnn.sequences.scores import accuracy, accuracy_of_outputs, valid_steps
from forecastrnn.sequences.symbols import Drawing, generate_symbols
from forecastrnn.sequences.targets import Targets, label_targets


@own_methods
class RNNClassifier(ClassifierMixin, SequenceEstimator):
    """Recurrent network for classification of sequences, trained on cross-entropy.

    The class comes from a softmax over a dense layer on the final state (of both directions, if bidirectional); where
    y has a label for each step, (n, time) or a list of label sequences, on the state of that step.
    Parameters and attributes are those of `RNNRegressor`, without `loss` and with one more; early stopping watches
    accuracy on a stratified random part of the rows, since rows may be ordered by class.

    Parameters
    ----------
    n_sampled_classes : int or None
        For many classes, thousands and more: train on a softmax over the true class and so many others, drawn anew
        for each mini-batch, instead of all (Jean et al. 2015, arXiv:1412.2007). Classes are ranked by how often they
        are in y; the first ranks are always in, the others drawn log-uniformly, and scores corrected by the log of the
        count in which each is expected, so that the sum over all classes is estimated without bias. `loss_curve_` then
        has estimates. `predict` is over all classes. None, or a number not below that of the classes: the full softmax.
    class_weight : dict, "balanced" or None
        What each class counts in the loss: weights by label, 1 for labels that are not named, or "balanced", n /
        (n_classes * the rows of that class), so that rare classes count as much as others. A row's weight is that of
        its class times its sample_weight. It is for one label a sequence; early stopping and `score` count rows alike.

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

    _parameter_constraints: dict = {**SEQUENCE_CONSTRAINTS, **CLASSIFIER_CONSTRAINTS}
    _scales_y = False

    @takes_old_names
    def __init__(
        self, *, cell="lstm", hidden_layer_sizes=(32,), bidirectional=False, layer_norm=False, initializer="glorot",
        dropout=0.0, solver="adam", learning_rate_init=None, early_stopping=False, batch_size="auto", max_iter=200,
        warm_start=False, shuffle=True, random_state=None, verbose="auto", bucket_by_length=False, bptt=None,
        n_sampled_classes=None, vector_input=False, categorical_features=None, embedding="auto", standardize=True,
        device="cpu", n_jobs=None, dtype="auto", class_weight=None,
    ):  # fmt: skip
        self._set(locals())

    def _gives(self) -> str:
        return f"{len(self.classes_):,} classes"

    def _loss_name(self) -> str:
        return "cross_entropy"

    def _head(self, y: Targets) -> Head:
        return Head(numbers=len(self.classes_))

    def _read_targets(self, given: GivenData, X: Sequences, weight: np.ndarray | None, reset: bool) -> Targets:
        boxes = unboxed(given.y, "y")
        y = given.y if boxes is None else boxes
        if by_step := are_step_labels(y, X):
            labels, valid = read_step_labels(y, X, 6)
        else:
            labels, valid = read_labels(y, 6), np.ones((X.n, 1), bool)
            refuse_other_number(X.n, len(labels))
        if reset:
            self.classes_ = np.unique(labels) if given.classes is None else given.classes
        targets = label_targets(labels, valid, self.classes_, by_step)
        used = labels if weight is None else labels[np.repeat(weight > 0, valid.sum(axis=1))]
        if len(np.unique(used)) < 2 and reset and given.classes is None:
            raise ValueError(
                f"The number of classes has to be greater than one; got {len(np.unique(used))} class in the rows of y "
                "whose weight is not 0. Give rows of another class too."
            )
        return targets

    def _weight_of(self, targets: Targets, weight: np.ndarray | None) -> np.ndarray | None:
        if self.class_weight is None:
            return weight
        if targets.ndim > 1:
            raise ValueError(
                "class_weight is for one label a sequence, but y has a label at each step. Set class_weight=None; "
                "sample_weight gives each sequence a weight."
            )
        codes = targets.values[:, 0, 0].astype(np.int64)
        each = class_weights(self.class_weight, self.classes_, codes, weight)[codes]
        each = each if weight is None else each * weight
        if not each.any():
            raise ValueError("class_weight gives each row of y that counts a weight of 0. Give their classes more.")
        return in_unit(each)

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
        if self.class_weight == BALANCED:
            raise ValueError(
                "partial_fit does not support class_weight='balanced': a piece of the data does not tell how rare a "
                "class is. Give a dict of weights by label."
            )
        known = None if classes is None else self._read_classes(classes)
        given = GivenData(X=X, y=y, sample_weight=sample_weight, lengths=lengths, classes=known)
        return self._fit(given, partial=True)

    def _read_classes(self, classes: object) -> np.ndarray:
        """The labels that will come, sorted; those of the first call are kept."""
        known = np.unique(read_labels(classes, 3, "classes"))
        if hasattr(self, "_fitted") and not np.array_equal(known, self.classes_):
            raise ValueError(
                f"classes must be those of the first call, {self.classes_.tolist()}. Got {known.tolist()}."
            )
        return known

    def _split(self, samples: SequenceSamples) -> tuple[np.ndarray, np.ndarray]:
        share = self._held_share()
        if samples.y.last != 1:
            return random_rows(samples.X.n, share, "sequences", self.random_state)
        return stratified_rows(samples.y.values[:, 0, 0], share, self.classes_, self.random_state)

    def _score_outputs(self, outputs: np.ndarray, y: Targets, lengths: np.ndarray | None) -> float:
        return accuracy_of_outputs(outputs, y, lengths)

    def predict_proba(
        self, X: object, lengths: object = None, n_samples: int | None = None, random_state: object = None,
        n_steps: int | None = None,
    ) -> np.ndarray:  # fmt: skip
        """Probability of each class; parameters are those of `RNNRegressor.predict`.

        Returns
        -------
        ndarray (n, n_classes), columns in the order of `classes_`, or (n, time, n_classes) with labels at each step,
        all zero past the end of a shorter row; behind a first dimension of n_samples if that is given
        """
        check_is_fitted(self)
        read = self._read(X, lengths, n_steps)
        if n_samples is not None:
            drawn = self._sampled(read, n_samples, random_state)
            return np.stack([self._probabilities(outputs, read) for outputs in drawn])
        return self._probabilities(self._outputs_of(read), read)

    def predict_log_proba(self, X: object, lengths: object = None, n_steps: int | None = None) -> np.ndarray:
        """Logarithms of `predict_proba`, in its shape; parameters are those of `predict`.

        Returns
        -------
        ndarray (n, n_classes) or (n, time, n_classes), -inf past the end of a shorter row
        """
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X, lengths, n_steps=n_steps))

    def _probabilities(self, outputs: np.ndarray, read: Sequences) -> np.ndarray:
        """Of the classes, from scores (n, k, n_classes), in the shape of the y of `fit`."""
        found = softmax(outputs.astype(np.float64))
        if self._fitted.target_ndim == 1:
            return found[:, 0]
        found[~valid_steps(found.shape[:2], read.lengths)] = 0.0
        return found

    def predict(self, X: object, lengths: object = None, n_steps: int | None = None) -> np.ndarray:
        """The most probable class of each sequence, or of each of its steps.

        Parameters
        ----------
        X, lengths
            As in `fit`.
        n_steps : int, optional
            Steps with `vector_input`, as in `RNNRegressor.predict`.

        Returns
        -------
        ndarray (n,), or (n, time) with labels at each step. Where rows differ in length that is a masked array: masked
        past the end of a shorter row, where its data hold what is no label: "", NaN, None, or a number that is no class
        """
        check_is_fitted(self)
        read = self._read(X, lengths, n_steps)
        return self._labels_of(self._outputs_of(read), read)

    def _labels_of(self, outputs: np.ndarray, read: Sequences) -> np.ndarray:
        """The most probable class of each sequence, or of each step that is no padding."""
        labels = self.classes_[self._probabilities(outputs, read).argmax(axis=-1)]
        if labels.ndim == 1 or read.lengths is None:
            return labels
        return without_label(labels, valid_steps(labels.shape, read.lengths), self.classes_)

    def generate(
        self, n_steps: int, prompt: ArrayLike | None = None, n_sequences: int = 1, temperature: float = 1.0,
        top_k: int | None = None, random_state: object = None,
    ) -> np.ndarray:  # fmt: skip
        """Draw symbols, each from the probabilities behind those before it, which are fed back one-hot.

        For models of the next symbol: each channel of X stands for a class, in the order of `classes_`, one of them 1
        and the others 0; y (n, time) has the symbol that follows at each step.

        Parameters
        ----------
        n_steps : int
            Symbols to draw.
        prompt : array of labels (time,) or (n, time), optional
            What is continued; without it, `n_sequences` sequences begin at a symbol drawn evenly.
        n_sequences : int
            Sequences to draw, without a prompt.
        temperature : float
            Scores are divided by it: below 1 likely symbols become likelier; 0 takes the most probable one.
        top_k : int, optional
            Draw from the k most probable symbols only.
        random_state : int, RandomState or None
            Seed.

        Returns
        -------
        ndarray of labels (n_steps,), or (n, n_steps) for several sequences

        Raises
        ------
        ValueError, TypeError
            For a model of another kind, a label that `fit` has not seen, and counts or a temperature out of range.
        """
        check_is_fitted(self)
        options = Drawing(temperature, top_k, check_draws(random_state))
        return generate_symbols(
            self._fitted, self.classes_, n_steps, prompt, n_sequences=n_sequences, drawing=options, n_jobs=self.n_jobs,
            device=device_to_predict(self),
        )  # fmt: skip

    def score(self, X: object, y: object, sample_weight: object = None, lengths: object = None) -> float:
        """Accuracy of `predict`, over all valid steps where there are labels at each.

        Parameters are those of `fit`.
        """
        y = opened(y)
        read = self._read_with(X, lengths, y)
        guess = self._labels_of(self._outputs_of(read), read)
        boxes = unboxed(y, "y")
        y = y if boxes is None else boxes
        weight = self._read_weight(sample_weight, read.n)
        if guess.ndim == 1:
            labels = self._as_in_fit(read_labels(y, 2))
            refuse_other_number(read.n, len(labels))
            return accuracy(labels, guess, weight)
        labels, valid = read_step_labels(y, read, 2)
        labels = self._as_in_fit(labels)
        each = None if weight is None else np.repeat(weight, valid.sum(axis=1))
        return accuracy(labels, np.ma.getdata(guess)[valid], each)

    def _as_in_fit(self, labels: np.ndarray) -> np.ndarray:
        """Labels, if they are texts as those of `fit`, or numbers as those."""
        if len(labels) and are_texts(labels) != are_texts(self.classes_):
            known, found = self.classes_.tolist()[0], labels.tolist()[0]
            raise ValueError(f"y must hold labels such as {known!r}, as in fit. Got {found!r}: turn them into such.")
        return labels
